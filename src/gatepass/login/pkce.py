"""PKCE (RFC 7636), method S256: only whoever began a login can finish it."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import NamedTuple

from gatepass.secret import Secret

METHOD = "S256"


class Proof(NamedTuple):
    """``verifier``: sent with every poll; ``challenge``: its hash, sent when the login begins."""

    verifier: Secret
    challenge: str


def new() -> Proof:
    """A verifier of 43 characters, as section 4.1 recommends: 256 bits of chance."""
    verifier = secrets.token_urlsafe(32)
    return Proof(Secret(verifier), challenge_for(verifier))


def challenge_for(verifier: str) -> str:
    """BASE64URL(SHA256(verifier)) without padding (section 4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
