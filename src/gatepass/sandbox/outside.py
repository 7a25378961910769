"""An issuer outside of the sandbox which its parties trust, by the keys that it publishes."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from . import keys, subject
from .issuer import DISCOVERY

_TIMEOUT = 10  # seconds without a word
_LIMIT = 256 * 1024  # bytes of a document
_HOSTS = ("127.0.0.1", "localhost")


class Outside:
    """Somebody else's issuer at `url`, on this machine, whose tokens are for `audience`.

    ValueError for a URL that isn't http on loopback: the sandbox reaches nothing else. Not
    checked: how the issuer makes its tokens, and what its metadata says beyond the two members
    that are needed.
    """

    def __init__(self, url: str, audience: str) -> None:
        _loopback(url)
        self.url = url
        self.clients = (audience,)

    def published(self) -> list[keys.PublicKey]:
        """The keys it publishes now, asked for anew each time; subject.Refused without any."""
        try:
            metadata = _document(self.url.rstrip("/") + DISCOVERY)
            if metadata.get("issuer") != self.url:
                raise ValueError("the metadata is another issuer's")
            jwks = _document(str(metadata.get("jwks_uri"))).get("keys")
            found = [keys.from_jwk(jwk) for jwk in jwks] if isinstance(jwks, list) else []
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            raise subject.Refused(f"the issuer's keys can't be had: {error}") from None
        return [key for key in found if key is not None]


def _document(url: str) -> dict[str, Any]:
    """A JSON object from this machine. No proxy is asked, and nothing is followed."""
    host, port, target = _loopback(url)
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", target, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read(_LIMIT)
    finally:
        connection.close()
    if answer.status != 200:
        raise ValueError(f"HTTP {answer.status}")
    value = json.loads(body)
    if not isinstance(value, dict):
        raise ValueError("a document is no JSON object")
    return value


def _loopback(url: str) -> tuple[str, int, str]:
    """Host, port and path of an http URL on loopback; ValueError for any other."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in _HOSTS or not parts.port:
        raise ValueError(f"{url!r:.80}: not http on this machine, with its port")
    return parts.hostname, parts.port, parts.path or "/"
