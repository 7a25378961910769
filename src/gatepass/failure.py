"""What can go wrong on the wire, in our words.

requests' own texts hold whole URLs and addresses of objects; a person needs a host and a reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from gatepass.errors import TransportError, plain
from gatepass.realm import Realm
from gatepass.secret import Secret

CONNECT, READ, WHOLE = 5.0, 15.0, 30.0
"""Seconds: to connect, between two bytes, and for a whole exchange with all its retries. STS and
JWKS hosts answer within one; a client that waits longer than 30 s looks hung."""

LARGEST = 256 * 1024
"""Bytes of any answer: the largest real JWKS have about 20 KiB."""


class Failure(NamedTuple):
    """No answer. ``unsent``: the request never left; ``transient``: another try may do better."""

    error: TransportError
    transient: bool
    unsent: bool


class TooLarge(Exception):
    """The answer went over the cap."""


def failure(realm: Realm, error: BaseException, sent: Iterable[Secret] = ()) -> Failure:
    """The failure of one attempt, from whatever exception it ended in.

    ``sent``: what the request carried; a server that echoes it can't make the error repeat it.
    """
    import requests
    import urllib3.exceptions as inner

    if isinstance(error, TooLarge):
        too_large = TransportError(
            "answer-too-large",
            f"{realm.origin} sent more than {LARGEST // 1024} KiB",
            why="no token, key set or error is that large",
            do="check that the address is the right one",
        )
        return Failure(too_large, transient=False, unsent=False)
    cause: BaseException | None = error
    chain: list[BaseException] = []
    while cause is not None and len(chain) < 8:
        chain.append(cause)
        reason = getattr(cause, "reason", None)
        nested = next((a for a in cause.args if isinstance(a, BaseException)), None)
        cause = reason if isinstance(reason, BaseException) else nested
    words = scrubbed(_words(chain), sent)
    unsent = any(
        isinstance(link, inner.NewConnectionError | inner.ConnectTimeoutError) for link in chain
    )
    if isinstance(error, requests.exceptions.InvalidSchema | requests.exceptions.InvalidProxyURL):
        why = "the proxy variables name a proxy that can't be used (http:// and https:// can)"
        return _unreachable(realm, "proxy-failed", why, unsent=True, transient=False)
    if isinstance(error, requests.exceptions.ProxyError):
        # urllib3 says so of any connection that broke behind a proxy, before the request or after.
        unsent = unsent or "Tunnel connection failed" in str(chain[-1])
        return _unreachable(realm, "proxy-failed", words, unsent=unsent)
    if isinstance(error, requests.exceptions.SSLError):
        return _unreachable(realm, "tls-failed", words, unsent=True, transient=False)
    return _unreachable(realm, "unreachable", words, unsent=unsent)


_DO = {
    "unreachable": "check the address, and whether this machine reaches it (HTTPS_PROXY, NO_PROXY)",
    "proxy-failed": "check HTTPS_PROXY and HTTP_PROXY, or list this host in NO_PROXY",
    "tls-failed": "name your certificate authority's file in REQUESTS_CA_BUNDLE or SSL_CERT_FILE",
}


def _unreachable(
    realm: Realm, code: str, why: str, *, unsent: bool, transient: bool = True
) -> Failure:
    error = TransportError(code, f"no answer from {realm.origin}", why=why, do=_DO[code])
    return Failure(error, transient=transient, unsent=unsent and transient)


def _words(chain: list[BaseException]) -> str:
    """The innermost cause, without addresses of objects and without URLs."""
    import http.client

    import requests
    import urllib3.exceptions as inner

    for link in chain:
        if isinstance(link, inner.NameResolutionError):
            return "its name can't be resolved"
        # A refused connection's class is derived from that of one that took too long.
        if type(link) is inner.ConnectTimeoutError:
            return f"no connection within {CONNECT:.0f} s"
        if isinstance(link, inner.ReadTimeoutError | TimeoutError):
            return f"nothing came for {READ:.0f} s"
    innermost = chain[-1]
    if isinstance(innermost, OSError) and innermost.strerror:
        return plain(innermost.strerror)
    foreign = isinstance(innermost, OSError | http.client.HTTPException | inner.HTTPError)
    if not foreign or isinstance(innermost, requests.exceptions.RequestException | ValueError):
        # The text of what refused our own request quotes it: a header, a proxy with its password.
        return f"the request could not be made ({type(innermost).__name__})"
    text = plain(innermost, 200)
    return text.rpartition(">: ")[2] if "object at 0x" in text else text


_REPEATED = 20
"""Characters in a row that a foreign text may not share with what was sent."""

_WHOLE = 8
"""Characters of a sent value that is hidden where it stands whole: shorter ones are words."""

_PUBLIC = frozenset(
    {"application/json", "application/x-www-form-urlencoded", "gatepass", "refresh_token"}
    | {"authorization_code", "client_credentials", "AssumeRoleWithWebIdentity", "2011-06-15"}
)
"""What protocols have us send, and a refusal may well speak of."""


def scrubbed(text: str, sent: Iterable[Secret]) -> str:
    """``text`` with ``****`` for what was sent, and for each word that repeats a part of it.

    A server may quote the token that it refuses, whole or cut off; a CI log is often public.
    """
    secrets = [value for secret in sent if (value := secret.reveal()) not in _PUBLIC]
    for whole in sorted(_spellings(secrets), key=len, reverse=True):
        text = re.sub(re.escape(whole), "****", text, flags=re.IGNORECASE)

    def hide(match: re.Match[str]) -> str:
        word = match[0]
        parts = (word[i : i + _REPEATED] for i in range(len(word) - _REPEATED + 1))
        return "****" if any(part in secret for part in parts for secret in secrets) else word

    return re.sub(rf"[A-Za-z0-9._~+/=!*-]{{{_REPEATED},}}", hide, text)


def _spellings(values: Iterable[str]) -> set[str]:
    """Values as they are, as a form has them, and without the scheme of an Authorization header."""
    from urllib.parse import quote, quote_plus

    found = set(values)
    for value in tuple(found):
        scheme, _, rest = value.partition(" ")
        if scheme.lower() in ("basic", "bearer", "token"):
            found.add(rest)
    for value in tuple(found):
        found |= {quote(value, safe="", errors="replace"), quote_plus(value, errors="replace")}
    return {value for value in found if len(value) >= _WHOLE}


def too_slow(realm: Realm) -> TransportError:
    return TransportError(
        "deadline-passed",
        f"{realm.origin} took too long",
        why=f"the whole exchange has {WHOLE:.0f} s",
        do="run it again; if it lasts, the server or a proxy on the way is overloaded",
    )
