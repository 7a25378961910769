"""What can go wrong on the wire, in our words.

requests' own texts hold whole URLs and addresses of objects; a person needs a host and a reason.
"""

from __future__ import annotations

from typing import NamedTuple

from gatepass.errors import TransportError, plain
from gatepass.realm import Realm

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


def failure(realm: Realm, error: BaseException) -> Failure:
    """The failure of one attempt, from whatever exception it ended in."""
    import requests
    import urllib3.exceptions as inner

    if isinstance(error, TransportError):
        return Failure(error, transient=False, unsent=True)
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
    if isinstance(error, requests.exceptions.ProxyError):
        return _unreachable(realm, "proxy-failed", _words(chain), unsent=True)
    if isinstance(error, requests.exceptions.SSLError):
        return _unreachable(realm, "tls-failed", _words(chain), unsent=True, transient=False)
    unsent = any(
        isinstance(link, inner.NewConnectionError | inner.ConnectTimeoutError) for link in chain
    )
    return _unreachable(realm, "unreachable", _words(chain), unsent=unsent)


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
    import urllib3.exceptions as inner

    for link in chain:
        if isinstance(link, inner.NameResolutionError):
            return "its name can't be resolved"
        if isinstance(link, inner.ConnectTimeoutError):
            return f"no connection within {CONNECT:.0f} s"
        if isinstance(link, inner.ReadTimeoutError | TimeoutError):
            return f"nothing came for {READ:.0f} s"
    innermost = chain[-1]
    if isinstance(innermost, OSError) and innermost.strerror:
        return plain(innermost.strerror)
    text = plain(innermost, 200)
    return text.rpartition(">: ")[2] if "object at 0x" in text else text


def too_slow(realm: Realm) -> TransportError:
    return TransportError(
        "deadline-passed",
        f"{realm.origin} took too long",
        why=f"the whole exchange has {WHOLE:.0f} s",
        do="run it again; if it lasts, the server or a proxy on the way is overloaded",
    )
