"""A token's way through all checks, with keys from a file."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import jwt
import pytest

import forge
from gatepass.errors import TrustError
from gatepass.pod import own_audiences
from gatepass.secret import Secret
from gatepass.settings import Claim
from gatepass.transport import Deadline, Transport
from gatepass.trust import LEEWAY, Expectations, Verdict, verify
from gatepass.trust.issuers import IssuerRule
from gatepass.trust.keys import KeySource
from support import ROOT

Check = Callable[..., Verdict]


class NoCache:
    def get(self, name: str) -> None:
        return None

    def put(self, name: str, data: bytes) -> None:
        return None


def expected(**changes: Any) -> Expectations:
    base = Expectations(
        issuers=IssuerRule((), (forge.ISSUER,), "the token"),
        audience=forge.AUDIENCE,
        never=frozenset(),
        hint="do this",
        policy=(),
        algorithms={},
    )
    return base._replace(**changes)


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Verify a token against a set of keys; by default all kinds, each under its algorithm."""

    def run(token: str, keys: list[Any] | None = None, **changes: Any) -> Verdict:
        file = tmp_path / "jwks.json"
        default = [forge.jwk(forge.key_for(a), kid=a) for a in ("RS256", "ES256", "EdDSA")]
        file.write_text(json.dumps({"keys": default if keys is None else keys}))
        source = KeySource(Transport(), NoCache(), lambda issuer: str(file))
        return verify(Secret(token), expected(**changes), source, Deadline(5))

    return run


def code(check: Check, token: str, keys: list[Any] | None = None, **changes: Any) -> str:
    with pytest.raises(TrustError) as caught:
        check(token, keys, **changes)
    return caught.value.code


def signed(body: dict[str, Any] | str | None = None, **more: Any) -> str:
    return forge.token(body, **{"kid": "RS256", **more})


@pytest.mark.parametrize(
    "algorithm",
    [f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)] + ["EdDSA"],
)
def test_every_allowed_algorithm_verifies(check: Check, algorithm: str) -> None:
    """All ten work, and a changed claim spoils each."""
    keys = [forge.jwk(forge.key_for(algorithm), alg=algorithm)]
    good = forge.token(algorithm=algorithm)
    assert check(good, keys).claims["sub"] == "repo:acme/widgets"
    head, _, signature = good.split(".")
    changed = f"{head}.{forge.b64(json.dumps(forge.claims(sub='repo:evil/x')))}.{signature}"
    assert code(check, changed, keys) == "bad-signature"


def test_a_verdict_says_who_named_the_issuer(check: Check) -> None:
    """Self-named where nobody but the token says so."""
    assert check(signed()).self_named is False
    assert check(signed(), issuers=IssuerRule((), (), "x")).self_named is True


def test_another_key_of_the_same_id_does_not_verify(check: Check) -> None:
    """A signature counts only by a key that the issuer published."""
    stranger = forge.signer("RS256", forge.rsa_key(number=1))
    assert code(check, signed(sign=stranger)) == "bad-signature"


def test_two_keys_of_one_id_are_both_tried(check: Check) -> None:
    """An id should be unique, but need not be (RFC 7517 section 4.5)."""
    keys = [forge.jwk(forge.rsa_key(number=n), kid="RS256") for n in (1, 0)]
    assert check(signed(), keys)


def test_a_broken_key_does_not_spoil_a_good_one(check: Check) -> None:
    """A key whose numbers are no key is passed over."""
    broken = {**forge.jwk(forge.ec_key(), kid="ES256"), "x": "AAAA"}
    good = forge.jwk(forge.ec_key(), kid="ES256")
    assert check(signed(algorithm="ES256", kid="ES256"), [broken, good])
    assert code(check, signed(algorithm="ES256", kid="ES256"), [broken]) == "bad-signature"


def test_the_public_key_is_no_hmac_secret(check: Check) -> None:
    """An HMAC with the public key's bytes is refused for its algorithm alone."""
    octets = {"kty": "oct", "k": forge.b64(b"x" * 32), "kid": "k1", "alg": "HS256"}
    assert code(check, forge.token(alg="HS256"), [octets]) == "token-algorithm"
    assert code(check, forge.token(), [octets]) == "unknown-key"


@pytest.mark.parametrize("algorithm", ["RS384", "PS256", "ES256"])
def test_the_header_must_agree_with_the_keys_own_algorithm(check: Check, algorithm: str) -> None:
    """A key for RS256 verifies nothing else, even where its numbers would do."""
    keys = [forge.jwk(forge.rsa_key(), kid="RS256", alg="RS256")]
    assert code(check, signed(algorithm=algorithm), keys) == "unknown-key"


def test_config_narrows_the_algorithms_of_an_issuer(check: Check) -> None:
    """``algorithms`` holds for its issuer and for no other."""
    narrow = {forge.ISSUER: ("ES256",), "https://other": ("RS256",)}
    assert code(check, signed(), algorithms=narrow) == "token-algorithm"
    assert check(signed(algorithm="ES256", kid="ES256"), algorithms=narrow)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"exp": -LEEWAY + 5}, None),
        ({"exp": -LEEWAY - 2}, "token-expired"),
        ({"iat": LEEWAY - 5}, None),
        ({"iat": LEEWAY + 5, "exp": 300}, "token-not-yet"),
        ({"nbf": LEEWAY - 5}, None),
        ({"nbf": LEEWAY + 5}, "token-not-yet"),
        ({"nbf": -1000, "iat": -90_000}, None),
    ],
)
def test_times_hold_within_sixty_seconds(
    check: Check, changes: dict[str, float], wanted: str | None
) -> None:
    """exp, iat and nbf each with the same leeway, and errors of their own."""
    body = forge.claims(**{name: int(time.time() + shift) for name, shift in changes.items()})
    if wanted is None:
        assert check(signed(body))
    else:
        assert code(check, signed(body)) == wanted


def test_the_leeway_is_a_minute() -> None:
    """The design's own number."""
    assert LEEWAY == 60


def test_the_library_is_one_without_the_known_faults() -> None:
    """PyJWT before 2.14 lets pass what it must not: it is neither asked for nor installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "PyJWT>=2.14" in project["dependencies"]
    assert tuple(int(part) for part in jwt.__version__.split(".")[:2]) >= (2, 14)


def test_the_order_of_the_checks(check: Check) -> None:
    """Form, algorithm, issuer, key, signature, times, audience, policy: the first tells."""
    rule = (Claim("sub", "nobody", False),)
    bad = forge.claims(exp=1, aud="https://x")
    assert code(check, forge.token(bad, kid="zz"), policy=rule) == "unknown-key"
    assert code(check, signed(bad, sign=lambda data: b"x"), policy=rule) == "bad-signature"
    assert code(check, signed(bad), policy=rule) == "token-expired"
    assert code(check, signed(forge.claims(aud="https://x")), policy=rule) == "audience-mismatch"
    assert code(check, signed(), policy=rule) == "claims-policy"
    elsewhere = forge.claims(iss="https://x", exp="1")
    assert code(check, signed(elsewhere, alg="none")) == "token-algorithm"
    assert code(check, signed(elsewhere)) == "issuer-not-allowed"


def test_the_clusters_audiences_are_refused(check: Check) -> None:
    """``never`` reaches the audience check, also where the audience is unsaid."""
    cluster = signed(forge.claims(aud=["https://eks.test/id"]))
    never = frozenset({"https://eks.test/id"})
    assert code(check, cluster, audience=None, never=never) == "audience-api-server"
    assert check(cluster, audience=None)


def test_a_policy_needs_an_issuer_that_somebody_trusts(check: Check) -> None:
    """Anybody can run an issuer and claim anything."""
    rule = (Claim("sub", "repo:acme/widgets", False),)
    assert check(signed(), policy=rule)
    alone = IssuerRule((), (), "x")
    assert code(check, signed(), policy=rule, issuers=alone) == "policy-needs-issuer"


class TestVerifyOff:
    """GATEPASS_VERIFY=off skips the keys and the signature, and only those."""

    def test_keys_and_signature_are_skipped(self, check: Check) -> None:
        """No key is needed; that it is said each time is the journey's to do."""
        assert check(signed(sign=lambda data: b"x"), [], signature=False).claims

    @pytest.mark.parametrize(
        ("token", "wanted"),
        [
            (signed(forge.claims(exp=1)), "token-expired"),
            (signed(forge.claims(iat=int(time.time()) + 3600)), "token-not-yet"),
            (signed(forge.claims(aud="https://x")), "audience-mismatch"),
            (signed(forge.claims(aud=["https://x", forge.AUDIENCE])), "audience-several"),
            (signed(forge.claims(iss="https://x")), "issuer-not-allowed"),
            (signed(forge.claims(sub=None)), "claim-missing"),
            (signed(forge.claims(exp="9999999999")), "claim-type"),
            (signed(alg="none"), "token-algorithm"),
            (signed(crit=["x"]), "token-header"),
            ("a.b", "not-a-jwt"),
        ],
        ids=count(),
    )
    def test_all_else_is_checked(self, check: Check, token: str, wanted: str) -> None:
        """Form, issuer, types, times and audience hold as ever."""
        assert code(check, token, signature=False) == wanted

    def test_a_policy_is_refused(self, check: Check) -> None:
        """A policy on claims that nobody verified holds nothing."""
        rule = (Claim("sub", "repo:acme/widgets", False),)
        assert code(check, signed(), policy=rule, signature=False) == "policy-needs-signature"


class TestPod:
    """The audiences of the pod's own mounted token."""

    def audiences(self, folder: Path, content: bytes | None) -> frozenset[str]:
        if content is not None:
            (folder / "token").write_bytes(content)
        return own_audiences({"GATEPASS_KUBERNETES_API_DIR": str(folder)})

    def test_every_audience_is_taken_without_verifying(self, tmp_path: Path) -> None:
        """One or several, a text or a list, expired or not."""
        body = forge.claims(aud=["https://a", "https://b"], exp=1)
        raw = forge.token(body, sign=lambda data: b"x").encode() + b"\n"
        assert self.audiences(tmp_path, raw) == {"https://a", "https://b"}
        assert self.audiences(tmp_path, forge.token(forge.claims(aud="c")).encode()) == {"c"}

    @pytest.mark.parametrize(
        "content",
        [
            None,
            b"",
            b"garbage",
            b"\xff\xfe",
            b"a" * 100_000,
            forge.token(forge.claims(aud=1)).encode(),
        ],
        ids=count(),
    )
    def test_no_token_of_a_pod_no_audiences(self, tmp_path: Path, content: bytes | None) -> None:
        """Absent, unreadable or no token: nothing is refused because of it."""
        assert self.audiences(tmp_path, content) == frozenset()
