"""Signature Version 4: who signed a request, every part of which is rebuilt and compared.

Not checked: payloads that arrive in signed chunks, signatures in the query, and the other
algorithms (SigV4A). A path is taken as it reads when decoded, which for these services is the same.
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import quote, unquote

from ..messages import Incoming
from .keys import Key

#: By how many seconds the signer's clock may differ from ours.
SKEW = 300

_ALGORITHM = "AWS4-HMAC-SHA256"
_TERMINATOR = "aws4_request"
_TOKEN = "x-amz-security-token"  # noqa: S105 - a header's name
_AUTHORIZATION = re.compile(
    rf"{_ALGORITHM} Credential=(?P<id>\w+)/(?P<scope>[\w/-]+), *"
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), *Signature=(?P<signature>[0-9a-f]{64})"
)
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")

MISSING, INCOMPLETE, UNKNOWN, ENDED, MISMATCH = range(5)


class Refused(Exception):
    """Nobody whom we know signed this; `kind` is one of the five above, for a service to name."""

    def __init__(self, kind: int, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class _Signed(NamedTuple):
    """An Authorization header, taken apart; nothing in it is verified."""

    access_key_id: str
    scope: str
    headers: Sequence[str]
    signature: str
    stamp: str


def signer(
    incoming: Incoming,
    *,
    service: str,
    region: str,
    find: Callable[[str], Key | None],
    now: float,
) -> Key:
    """The key that signed the request, for this service and region, by the clock `now`.

    `find` knows the keys. Refused for anything else: a header that came and is not signed
    (`host`, and all that begin with `x-amz-`), another session's token, a session that has ended.
    """
    signed = _parsed(incoming)
    _check_scope(signed, service, region)
    key = find(signed.access_key_id)
    if key is None or not _has_its_token(incoming, key):
        raise Refused(UNKNOWN, "The security token included in the request is invalid.")
    _check_headers(incoming, signed)
    _check_clock(signed.stamp, now)
    right = _signature(key.secret, signed, _canonical(incoming, signed.headers))
    if not hmac.compare_digest(right, signed.signature):
        raise Refused(
            MISMATCH,
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
        )
    if key.expires_at is not None and key.expires_at <= now:
        raise Refused(ENDED, "The security token included in the request is expired")
    return key


def _parsed(incoming: Incoming) -> _Signed:
    given = incoming.headers.get_all("Authorization") or []
    if not given:
        raise Refused(MISSING, "Missing Authentication Token")
    match = _AUTHORIZATION.fullmatch(given[0].strip())
    if match is None or len(given) > 1:
        raise Refused(INCOMPLETE, "The Authorization header is not one of Signature Version 4.")
    stamp = incoming.headers.get("X-Amz-Date", "")
    if not _STAMP.fullmatch(stamp):
        raise Refused(INCOMPLETE, "X-Amz-Date is missing, or not of the form 20260102T030405Z.")
    headers = match["signed"].split(";")
    return _Signed(match["id"], match["scope"], headers, match["signature"], stamp)


def _check_scope(signed: _Signed, service: str, region: str) -> None:
    given = signed.scope.split("/")
    wanted = [signed.stamp[:8], region, service, _TERMINATOR]
    if len(given) != len(wanted):
        raise Refused(INCOMPLETE, "Credential is not KEY/DATE/REGION/SERVICE/aws4_request.")
    said = (
        "Date in Credential scope does not match the one in X-Amz-Date.",
        "Credential should be scoped to a valid region.",
        f"Credential should be scoped to correct service: '{service}'.",
        f"Credential should be scoped with a valid terminator: '{_TERMINATOR}'.",
    )
    for one, other, message in zip(given, wanted, said, strict=True):
        if one != other:
            raise Refused(MISMATCH, message)


def _has_its_token(incoming: Incoming, key: Key) -> bool:
    """A session's keys come with its token, and a user's with none."""
    given = incoming.headers.get_all(_TOKEN) or []
    if key.token is None:
        return not given
    return len(given) == 1 and hmac.compare_digest(given[0].encode(), key.token.encode())


def _check_headers(incoming: Incoming, signed: _Signed) -> None:
    names = {name.lower() for name in incoming.headers}
    needed = {"host"} | {name for name in names if name.startswith("x-amz-")}
    if list(signed.headers) != sorted(set(signed.headers)):
        raise Refused(INCOMPLETE, "SignedHeaders are not in order.")
    if missing := sorted(needed - set(signed.headers)):
        raise Refused(MISMATCH, f"Must be a 'SignedHeaders': {', '.join(missing)}.")
    if strange := sorted(set(signed.headers) - names):
        raise Refused(MISMATCH, f"Signed, and not in the request: {', '.join(strange)}.")


def _check_clock(stamp: str, now: float) -> None:
    try:
        signed_at = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise Refused(INCOMPLETE, "X-Amz-Date is no date.") from None
    if signed_at < now - SKEW:
        raise Refused(MISMATCH, f"Signature expired: {stamp} is more than 5 min. ago.")
    if signed_at > now + SKEW:
        raise Refused(MISMATCH, f"Signature not yet current: {stamp} is more than 5 min. ahead.")


def _canonical(incoming: Incoming, signed: Sequence[str]) -> str:
    """The canonical request: six parts, one below the other."""
    pairs = [pair.partition("=")[::2] for pair in incoming.query.split("&") if pair]
    query = sorted((_quoted(unquote(name)), _quoted(unquote(value))) for name, value in pairs)
    headers = [f"{name}:{_values(incoming, name)}\n" for name in signed]
    return "\n".join(
        [
            incoming.method,
            quote(incoming.path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            "".join(headers),
            ";".join(signed),
            hashlib.sha256(incoming.body).hexdigest(),
        ]
    )


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


def _values(incoming: Incoming, name: str) -> str:
    values = incoming.headers.get_all(name) or []
    return ",".join(" ".join(value.split()) for value in values)


def _signature(secret: str, signed: _Signed, canonical: str) -> str:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in signed.scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join([_ALGORITHM, signed.stamp, signed.scope, digest])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
