"""A key set (RFC 7517) and the keys in it that could have signed a token."""

from __future__ import annotations

from typing import Any

from gatepass.errors import TrustError, plain
from gatepass.trust.jws import UnverifiedToken

SMALLEST_RSA, LARGEST_RSA = 2048, 8192
"""Bits: below, RFC 7518 section 3.3 forbids; above, one verification takes seconds."""

_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def is_key_set(document: Any) -> bool:
    """Whether it has the form that RFC 7517 section 5 asks for."""
    return isinstance(document, dict) and isinstance(document.get("keys"), list)


def matching(document: Any, token: UnverifiedToken) -> list[dict[str, Any]]:
    """The JWKs that fit the token's ``kid`` and ``alg``; empty where there are none.

    A set may hold keys of kinds that nobody here knows: they are passed over (RFC 7517 section
    5). Where the token has no ``kid``, a key is only taken if it is the one that fits: trying
    all would let any of them vouch. Raises TrustError (bad-key-set) where it is no key set.
    """
    if not is_key_set(document):
        raise TrustError(
            "bad-key-set",
            f"the keys of {plain(token.issuer, 200)} are no key set",
            why="RFC 7517 section 5: an object with a list called `keys`",
            do="check the jwks setting for this issuer, or ask whoever runs it",
        )
    fitting = [
        key for key in document["keys"] if isinstance(key, dict) and _fits(key, token.algorithm)
    ]
    if token.key_id is None:
        return fitting if len(fitting) == 1 else []
    return [key for key in fitting if key.get("kid") == token.key_id]


def _fits(key: dict[str, Any], algorithm: str) -> bool:
    """Whether the key's own statements allow it to verify this algorithm."""
    operations = key.get("key_ops", ["verify"])
    if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return False
    if not isinstance(operations, list) or "verify" not in operations:
        return False
    if "d" in key:  # a private key that was published: anybody could have signed with it
        return False
    if algorithm[:2] in ("RS", "PS"):
        return key.get("kty") == "RSA" and SMALLEST_RSA <= _bits(key.get("n")) <= LARGEST_RSA
    if algorithm == "EdDSA":
        return key.get("kty") == "OKP" and key.get("crv") in ("Ed25519", "Ed448")
    return key.get("kty") == "EC" and key.get("crv") == _CURVES[algorithm]


def _bits(modulus: object) -> int:
    """Bits of a base64url number, without computing it where it is absurdly long."""
    if not isinstance(modulus, str) or len(modulus) > LARGEST_RSA // 4:
        return 0
    import base64

    try:
        data = base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))
    except ValueError:
        return 0
    return int.from_bytes(data, "big").bit_length()
