"""Tokens and keys of every kind, good and bad: written from the RFCs, without PyJWT."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER = "https://idp.example"
AUDIENCE = "https://ppm.example"

Sign = Callable[[bytes], bytes]
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
CURVE_OF = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def b64(data: bytes | str) -> str:
    """Base64url without padding."""
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    """An RSA key, made once; another ``number`` gives another key."""
    return _rsa_key(bits, number)


@cache
def _rsa_key(bits: int, number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key(curve: str = "P-256") -> ec.EllipticCurvePrivateKey:
    """An EC key, made once for each curve."""
    return _ec_key(curve)


@cache
def _ec_key(curve: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(_CURVES[curve])


@cache
def ed_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def key_for(algorithm: str) -> Private:
    """A key of the type that the algorithm needs."""
    if algorithm[:2] in ("RS", "PS"):
        return rsa_key()
    return ed_key() if algorithm == "EdDSA" else ec_key(CURVE_OF[algorithm])


def signer(algorithm: str, key: Private | None = None) -> Sign:
    """What makes the JWS signature of some bytes (RFC 7518 section 3, RFC 8037)."""
    private = key or key_for(algorithm)

    def sign(data: bytes) -> bytes:
        if isinstance(private, ed25519.Ed25519PrivateKey):
            return private.sign(data)
        digest = _HASHES[algorithm[2:]]
        if isinstance(private, ec.EllipticCurvePrivateKey):
            r, s = decode_dss_signature(private.sign(data, ec.ECDSA(digest)))
            size = (private.curve.key_size + 7) // 8
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        if algorithm.startswith("PS"):
            salted = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
            return private.sign(data, salted, digest)
        return private.sign(data, padding.PKCS1v15(), digest)

    return sign


def jwk(key: Private, **members: object) -> dict[str, Any]:
    """The public half, with ``kid`` "k1" unless told otherwise; a member of None is left out."""
    found: dict[str, Any]
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        found = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        size = (key.curve.key_size + 7) // 8
        curve = next(n for n, c in _CURVES.items() if c.name == key.curve.name)
        found = {
            "kty": "EC",
            "crv": curve,
            "x": _number(point.x, size),
            "y": _number(point.y, size),
        }
    else:
        found = {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_key().public_bytes_raw())}
    found = {**found, "kid": "k1", **members}
    return {name: value for name, value in found.items() if value is not None}


def claims(**changes: object) -> dict[str, Any]:
    """Claims that hold, with changes; a value of None leaves the name out.

    They hold for long: some tokens are made when the tests are collected, and used much later.
    """
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "repo:acme/widgets",
        "iat": now,
        "exp": now + 7200,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def token(
    body: dict[str, Any] | str | None = None,
    *,
    algorithm: str = "RS256",
    sign: Sign | None = None,
    header: dict[str, Any] | str | None = None,
    **more: object,
) -> str:
    """A signed token; a text for ``body`` or ``header`` is used as it is, as JSON."""
    if header is None or isinstance(header, dict):
        full = {"alg": algorithm, "typ": "JWT", "kid": "k1", **(header or {}), **more}
        header = json.dumps({name: value for name, value in full.items() if value is not None})
    payload = body if isinstance(body, str) else json.dumps(claims() if body is None else body)
    signing = f"{b64(header)}.{b64(payload)}"
    return f"{signing}.{b64((sign or signer(algorithm))(signing.encode()))}"


def _number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))
