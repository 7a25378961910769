"""Keys that must not vouch, served by the issuer itself; and the good ones of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import forge
from forgery import Forgery, key_set
from gatepass.sandbox import Sandbox

RSA = forge.jwk(forge.rsa_key())
REACHED = "reached the registry: exchange-refused"
"""The sandbox's Package Manager knows RS256 and ES256 by its own keys only: our checks passed."""


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox() as running:
        running.issuer.published()
        yield running


@pytest.fixture
def forgery(world: Sandbox, tmp_path: Path) -> Forgery:
    return Forgery(world, tmp_path)


def present(forgery: Forgery, jwks: list[Any], **options: Any) -> str:
    """Present a token to a world in which the user's own key set is this one."""
    token = forge.token(forgery.claims(), **options)
    return forgery.present(token, GATEPASS_JWKS_FILE=key_set(forgery.file.parent, *jwks))


def large_rsa() -> dict[str, Any]:
    modulus = ((1 << 8192) | 1).to_bytes(1025, "big")
    return {**RSA, "n": forge.b64(modulus)}


WEAK = forge.rsa_key(1024)

REFUSED: dict[str, tuple[str, list[Any], dict[str, Any]]] = {
    "RSA with 1024 bits": ("unknown-key", [forge.jwk(WEAK)], {"sign": forge.signer("RS256", WEAK)}),
    "RSA with 8193 bits": ("unknown-key", [large_rsa()], {}),
    "oct": ("unknown-key", [{"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}], {}),
    "oct for HS256": (
        "token-algorithm",
        [{"kty": "oct", "k": "c2VjcmV0", "kid": "k1", "alg": "HS256"}],
        {"alg": "HS256"},
    ),
    "a private key": ("unknown-key", [{**RSA, "d": "AQAB"}], {}),
    "use enc": ("unknown-key", [{**RSA, "use": "enc"}], {}),
    "no verify in key_ops": ("unknown-key", [{**RSA, "key_ops": ["wrapKey"]}], {}),
    "alg of another": ("unknown-key", [{**RSA, "alg": "RS512"}], {}),
    "ES256 with a P-384 key": (
        "unknown-key",
        [forge.jwk(forge.ec_key("P-384"))],
        {"algorithm": "ES256", "sign": forge.signer("ES256", forge.ec_key("P-384"))},
    ),
    "no kid and two keys": ("unknown-key", [RSA, {**RSA, "kid": "k2"}], {"kid": None}),
    "no kid and no key": ("unknown-key", [], {"kid": None}),
    "empty set": ("unknown-key", [], {}),
    "a key that is none": ("bad-signature", [{**RSA, "e": "AA"}], {}),
    "RSA without exponent": ("bad-signature", [{k: v for k, v in RSA.items() if k != "e"}], {}),
    "EC off its curve": (
        "bad-signature",
        [{**forge.jwk(forge.ec_key()), "y": forge.b64(b"\1" * 32)}],
        {"algorithm": "ES256"},
    ),
    "EdDSA of 5 bytes": (
        "bad-signature",
        [{**forge.jwk(forge.ed_key()), "x": "AAAAAAA"}],
        {"algorithm": "EdDSA"},
    ),
    "DER signature": (
        "bad-signature",
        [forge.jwk(forge.ec_key())],
        {"algorithm": "ES256", "sign": lambda data: b"0" * 71},
    ),
    "zero signature": (
        "bad-signature",
        [forge.jwk(forge.ec_key())],
        {"algorithm": "ES256", "sign": lambda data: b"\0" * 64},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_key_that_must_not_vouch_does_not(forgery: Forgery, name: str) -> None:
    """Refused before a byte goes to the registry, whichever way the key came."""
    code, jwks, options = REFUSED[name]
    assert present(forgery, jwks, **options) == code


@pytest.mark.parametrize("name", REFUSED)
def test_the_same_from_the_issuer_itself(forgery: Forgery, name: str) -> None:
    """An issuer that publishes such a key is no better than a file that holds it."""
    code, jwks, options = REFUSED[name]
    with forgery.publishing(*jwks):
        assert forgery.present(forge.token(forgery.claims(), **options)) == code


@pytest.mark.parametrize(
    "algorithm",
    [f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)] + ["EdDSA"],
)
def test_good_keys_of_every_kind_vouch(forgery: Forgery, algorithm: str) -> None:
    """With a key id or, being the only one that fits, without."""
    jwks = [forge.jwk(forge.key_for(algorithm))]
    assert present(forgery, jwks, algorithm=algorithm) == REACHED
    assert present(forgery, [*jwks, None, {"kty": "new"}], algorithm=algorithm, kid=None) == REACHED
    with forgery.publishing(*jwks):
        token = forge.token(forgery.claims(), algorithm=algorithm)
        assert forgery.present(token).startswith("reached the registry")


def test_after_a_wrong_signature_no_other_source_is_asked(forgery: Forgery) -> None:
    """The user's own key set is final: the issuer's would have verified this token."""
    token = forgery.sign()
    kid = forgery.sandbox.issuer.published()[0].kid
    before = len(forgery.sandbox.requests)
    wrong = key_set(forgery.file.parent, {**RSA, "kid": kid})
    assert forgery.present(token, GATEPASS_JWKS_FILE=wrong) == "bad-signature"
    assert forgery.present(token, GATEPASS_JWKS_FILE=key_set(forgery.file.parent)) == "unknown-key"
    assert len(forgery.sandbox.requests) == before
    assert forgery.present(token) == "ok"
