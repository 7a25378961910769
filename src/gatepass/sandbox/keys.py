"""The issuer's keys: RS256 and ES256 (RFC 7518 sections 3.3 and 3.4) and their public JWKs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

from .jose import decode, encode

ALGORITHMS = ("RS256", "ES256")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What verifies a signature by one algorithm."""

    algorithm: str
    kid: str
    public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's over `data`."""
        try:
            if isinstance(self.public, rsa.RSAPublicKey):
                self.public.verify(signature, data, padding.PKCS1v15(), SHA256())
            elif len(signature) != 64:
                return False
            else:
                r = int.from_bytes(signature[:32], "big")
                s = int.from_bytes(signature[32:], "big")
                self.public.verify(encode_dss_signature(r, s), data, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair for one algorithm; its `kid` is the JWK thumbprint (RFC 7638)."""

    algorithm: str
    kid: str
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    def sign(self, data: bytes) -> bytes:
        """The JWS signature of `data`."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, padding.PKCS1v15(), SHA256())
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's over `data`."""
        public = PublicKey(self.algorithm, self.kid, self.private.public_key())
        return public.verifies(data, signature)

    def jwk(self) -> dict[str, str]:
        """The public half as a JWK (RFC 7517) with kid, use and alg."""
        return {**_required(self.private), "kid": self.kid, "use": "sig", "alg": self.algorithm}


def generate(algorithm: str) -> Key:
    """A new key: RSA with 2048 bits (about 100 ms) for RS256, P-256 for ES256."""
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if algorithm == "RS256":
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    elif algorithm == "ES256":
        private = ec.generate_private_key(ec.SECP256R1())
    else:
        raise ValueError(f"no algorithm {algorithm!r}; there are {', '.join(ALGORITHMS)}")
    return Key(algorithm, _thumbprint(_required(private)), private)


def from_jwk(jwk: object) -> PublicKey | None:
    """Somebody else's public key (RFC 7517 section 4); None for one that is none of ours' kind.

    ValueError where it is, and its numbers are not.
    """
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str):
        return None
    kind, use, alg = jwk.get("kty"), jwk.get("use", "sig"), jwk.get("alg")
    public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    if use != "sig":
        return None
    if kind == "RSA" and alg in (None, "RS256"):
        public = rsa.RSAPublicNumbers(_integer(jwk, "e"), _integer(jwk, "n")).public_key()
        return PublicKey("RS256", jwk["kid"], public)
    if kind == "EC" and jwk.get("crv") == "P-256" and alg in (None, "ES256"):
        point = ec.EllipticCurvePublicNumbers(
            _integer(jwk, "x"), _integer(jwk, "y"), ec.SECP256R1()
        )
        return PublicKey("ES256", jwk["kid"], point.public_key())
    return None


def _integer(jwk: dict[str, Any], name: str) -> int:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise ValueError(f"the key has no {name}")
    return int.from_bytes(decode(value), "big")


def _required(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """The members that define the key (RFC 7518 section 6)."""
    if isinstance(private, rsa.RSAPrivateKey):
        public = private.public_key().public_numbers()
        return {"kty": "RSA", "e": _number(public.e), "n": _number(public.n)}
    point = private.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}


def _number(value: int, length: int | None = None) -> str:
    return encode(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


def _thumbprint(members: dict[str, str]) -> str:
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    return encode(hashlib.sha256(canonical).digest())
