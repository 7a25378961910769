"""The issuer's keys: RS256 and ES256 (RFC 7518 sections 3.3 and 3.4) and their public JWKs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

from .jose import encode

ALGORITHMS = ("RS256", "ES256")


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
        try:
            if isinstance(self.private, rsa.RSAPrivateKey):
                self.private.public_key().verify(signature, data, padding.PKCS1v15(), SHA256())
            elif len(signature) != 64:
                return False
            else:
                r = int.from_bytes(signature[:32], "big")
                s = int.from_bytes(signature[32:], "big")
                der = encode_dss_signature(r, s)
                self.private.public_key().verify(der, data, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

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
