"""Which keys of a set could have signed a token."""

from __future__ import annotations

import contextlib
from itertools import count
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import forge
from gatepass.errors import TrustError
from gatepass.secret import Secret
from gatepass.trust import jwks, jws

RSA = forge.jwk(forge.rsa_key())


def parsed(algorithm: str = "RS256", kid: str | None = "k1") -> jws.UnverifiedToken:
    return jws.parse(Secret(forge.token(algorithm=algorithm, kid=kid, sign=lambda data: b"x")))


def found(*keys: Any, algorithm: str = "RS256", kid: str | None = "k1") -> list[dict[str, Any]]:
    return jwks.matching({"keys": list(keys)}, parsed(algorithm, kid))


@pytest.mark.parametrize("algorithm", jws.ALGORITHMS)
def test_the_key_of_the_algorithms_type_fits(algorithm: str) -> None:
    """RSA for RS and PS, the right curve for ES, an Edwards curve for EdDSA."""
    key = forge.jwk(forge.key_for(algorithm), use="sig", alg=algorithm, key_ops=["verify"])
    assert found(key, algorithm=algorithm) == [key]


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ES256", forge.jwk(forge.ec_key("P-384"))),
        ("ES384", forge.jwk(forge.ec_key("P-256"))),
        ("ES512", forge.jwk(forge.ec_key("P-384"))),
        ("ES256", RSA),
        ("RS256", forge.jwk(forge.ec_key())),
        ("EdDSA", forge.jwk(forge.ec_key())),
        ("EdDSA", forge.jwk(forge.ed_key(), crv="X25519")),
        ("RS256", forge.jwk(forge.ed_key())),
        ("RS256", {**RSA, "kty": "rsa"}),
        ("RS256", {**RSA, "kty": None}),
        ("RS256", {"kty": "oct", "k": "AAAA", "kid": "k1"}),
        ("RS256", {**RSA, "alg": "RS384"}),
        ("RS256", {**RSA, "alg": "HS256"}),
        ("RS256", {**RSA, "alg": None}),
        ("RS256", {**RSA, "use": "enc"}),
        ("RS256", {**RSA, "use": None}),
        ("RS256", {**RSA, "key_ops": ["sign"]}),
        ("RS256", {**RSA, "key_ops": []}),
        ("RS256", {**RSA, "key_ops": "verify"}),
        ("RS256", {**RSA, "d": "AQAB"}),
        ("ES256", {**forge.jwk(forge.ec_key()), "d": "AQAB"}),
        ("RS256", {**RSA, "n": 5}),
        ("RS256", {**RSA, "n": "é"}),
        ("RS256", {**RSA, "n": "A"}),
        ("RS256", {**RSA, "n": ""}),
        ("RS256", {k: v for k, v in RSA.items() if k != "n"}),
    ],
    ids=count(),  # every worker makes keys of its own
)
def test_keys_that_do_not_fit_are_passed_over(algorithm: str, key: dict[str, Any]) -> None:
    """Type, curve, use, alg and operations must agree; a published private key serves nobody."""
    assert found(key, algorithm=algorithm) == []


@pytest.mark.parametrize(
    ("bits", "fits"), [(1024, False), (2047, False), (2048, True), (8192, True), (8193, False)]
)
def test_rsa_has_2048_to_8192_bits(bits: int, fits: bool) -> None:
    """Shorter is weak, longer makes one verification take seconds."""
    number = ((1 << (bits - 1)) | 1).to_bytes((bits + 7) // 8, "big")
    assert bool(found({**RSA, "n": forge.b64(number)})) is fits


def test_a_leading_zero_byte_adds_no_bits() -> None:
    """Padding a weak modulus with zeros does not make it strong."""
    number = ((1 << 1023) | 1).to_bytes(300, "big")
    assert found({**RSA, "n": forge.b64(number)}) == []


def test_a_modulus_of_a_megabyte_is_not_computed() -> None:
    """A hostile set can't make us compute with an absurd number."""
    assert found({**RSA, "n": "f" * 200_000}) == []


def test_the_key_is_chosen_by_its_id() -> None:
    """Only keys of the token's ``kid`` are tried; several of one id are all tried."""
    first, second = {**RSA, "kid": "k1"}, {**RSA, "kid": "k2"}
    assert found(first, second) == [first]
    assert found(first, second, kid="k2") == [second]
    assert found(first, dict(first)) == [first, first]
    assert found(first, kid="K1") == []
    assert found({k: v for k, v in RSA.items() if k != "kid"}) == []


def test_without_an_id_only_the_one_fitting_key_is_taken() -> None:
    """Trying all would let any key of the set vouch."""
    other = forge.jwk(forge.ec_key(), kid="k2")
    assert found(RSA, other, kid=None) == [RSA]
    assert found(RSA, {**RSA, "kid": "k2"}, kid=None) == []
    assert found(other, kid=None) == []
    assert found(RSA, {**RSA, "use": "enc"}, kid=None) == [RSA]


def test_unknown_things_in_a_set_are_passed_over() -> None:
    """RFC 7517 section 5: kinds of keys that nobody here knows do not spoil the others."""
    assert found({"kty": "AKP", "alg": "ML-DSA-44", "kid": "k1"}, None, 1, "x", [], RSA) == [RSA]
    assert found({**RSA, "x5t": "..", "new": {"a": 1}})


@pytest.mark.parametrize(
    "document", [None, [], "x", 1, {}, {"keys": {}}, {"keys": None}, [RSA]], ids=count()
)
def test_what_is_no_key_set_is_an_error(document: object) -> None:
    """An object with a list called ``keys``, or an error that says so."""
    with pytest.raises(TrustError) as caught:
        jwks.matching(document, parsed())
    assert caught.value.code == "bad-key-set"
    assert not jwks.is_key_set(document)


JUNK = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8) | st.just(RSA["n"])
KEYS = st.fixed_dictionaries(
    {"kty": st.sampled_from(["RSA", "EC", "OKP"]), "kid": st.just("k1")},
    optional={
        **dict.fromkeys(("n", "e", "x", "y", "oth"), JUNK),
        "crv": st.sampled_from(["P-256", "Ed25519", "Ed448"]),
    },
)


@given(KEYS, st.sampled_from(["RS256", "PS256", "ES256", "EdDSA"]))
def test_any_key_is_passed_over_or_refused_cleanly(key: dict[str, Any], algorithm: str) -> None:
    """Malformed numbers end in the exceptions that the verification expects, and in no other."""
    for one in found(key, algorithm=algorithm):
        with contextlib.suppress(jwt.PyJWTError, ValueError, TypeError):
            jwt.PyJWK(one, algorithm=algorithm)
