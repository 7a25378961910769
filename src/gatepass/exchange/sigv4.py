"""AWS Signature Version 4, for a request without a body: two hashes instead of 31 MB of SDK.

Source: AWS, "Create a signed AWS API request". The tests hold it against botocore's own signer,
byte for byte.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote

from gatepass.errors import IdentityError
from gatepass.secret import Secret

_ALGORITHM = "AWS4-HMAC-SHA256"
_EMPTY = hashlib.sha256(b"").hexdigest()
_PRINTABLE = re.compile(r"[!-~]+")


class Keys(NamedTuple):
    """What signs for an AWS principal. ``session_token``: None for a user's long-lived keys.
    They are never stored."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret | None

    def check(self) -> None:
        """Raise IdentityError (aws-keys-malformed) where one of them can't be AWS'."""
        parts = {
            "access key id": self.access_key_id,
            "secret access key": self.secret_access_key.reveal(),
            "session token": self.session_token.reveal() if self.session_token else "-",
        }
        wrong = [name for name, text in parts.items() if not _PRINTABLE.fullmatch(text)]
        del parts
        if wrong:
            raise IdentityError(
                "aws-keys-malformed",
                f"the AWS {wrong[0]} has characters that no key has",
                why="keys are made of plain letters, digits and signs, without blanks",
                do="correct it where it is set: a line end, say, or a quote that isn't ASCII",
            )


def query_string(query: Iterable[tuple[str, str]]) -> str:
    """The query as it is signed and has to be sent: sorted, quoted as RFC 3986 has it."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in pairs)


def signed(
    keys: Keys,
    method: str,
    host: str,
    path: str,
    query: Iterable[tuple[str, str]],
    *,
    region: str,
    service: str,
    now: float,
) -> dict[str, str]:
    """The headers that sign a request with an empty body at ``now`` (epoch seconds).

    ``host``: as the Host header has it, with its port where that isn't the scheme's own; ``path``:
    absolute, without dotted or empty segments. AWS takes a signature for about five minutes, so
    each attempt needs its own.
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    headers = {"host": host, "x-amz-date": moment}
    if keys.session_token:
        headers["x-amz-security-token"] = keys.session_token.reveal()
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
    canonical = "\n".join(
        (method, quote(path, safe="/~"), query_string(query), lines, names, _EMPTY)
    )
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = b"AWS4" + keys.secret_access_key.reveal().encode()
    for part in (moment[:8], region, service, "aws4_request"):
        key = _hmac(key, part)
    signature = _hmac(key, "\n".join((_ALGORITHM, moment, scope, digest))).hex()
    sent = {
        "X-Amz-Date": moment,
        "Authorization": f"{_ALGORITHM} Credential={keys.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}",
    }
    if keys.session_token:
        sent["X-Amz-Security-Token"] = keys.session_token.reveal()
    return sent


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
