"""The sandbox's issuer publishes what a stranger needs to verify its tokens, and nothing more."""

from __future__ import annotations

import time
from collections.abc import Iterator

import jwt
import pytest
import requests

from gatepass.sandbox import Sandbox

TIMEOUT = 10


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def discover(sandbox: Sandbox) -> dict[str, object]:
    url = sandbox.issuer.url + "/.well-known/openid-configuration"
    found: dict[str, object] = requests.get(url, timeout=TIMEOUT).json()
    return found


def published(sandbox: Sandbox) -> list[dict[str, str]]:
    answer = requests.get(str(discover(sandbox)["jwks_uri"]), timeout=TIMEOUT)
    keys: list[dict[str, str]] = answer.json()["keys"]
    return keys


def verify(sandbox: Sandbox, token: str, audience: str) -> dict[str, object]:
    """As a stranger does it: from the issuer's URL alone, with PyJWT as the judge."""
    keys = jwt.PyJWKClient(str(discover(sandbox)["jwks_uri"]))
    claims: dict[str, object] = jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token),
        algorithms=["RS256", "ES256"],
        audience=audience,
        issuer=sandbox.issuer.url,
        options={"require": ["iss", "aud", "exp", "iat", "sub"]},
    )
    return claims


def test_metadata_names_the_issuer_byte_for_byte(shared: Sandbox) -> None:
    metadata = discover(shared)
    assert metadata["issuer"] == shared.issuer.url
    assert metadata["id_token_signing_alg_values_supported"] == ["RS256", "ES256"]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_tokens_verify_with_the_published_keys(shared: Sandbox, algorithm: str) -> None:
    token = shared.issuer.mint("https://registry.test", algorithm=algorithm)
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    assert verify(shared, token, "https://registry.test")["repository"] == "acme/widgets"


def test_jwks_has_both_kinds_and_only_public_members(shared: Sandbox) -> None:
    keys = published(shared)
    members = {(key["kty"], key["alg"]): set(key) for key in keys}
    assert members == {
        ("RSA", "RS256"): {"kty", "alg", "kid", "use", "n", "e"},
        ("EC", "ES256"): {"kty", "alg", "kid", "use", "crv", "x", "y"},
    }
    assert len({key["kid"] for key in keys}) == 2


def test_claims_look_like_githubs(shared: Sandbox) -> None:
    claims = jwt.decode(shared.issuer.mint("a"), options={"verify_signature": False})
    times = {claims.pop(name) for name in ("iat", "nbf", "exp")}
    assert all(isinstance(value, int) for value in times)
    assert all(isinstance(value, str) for value in claims.values())
    assert {"jti", "repository_owner_id", "job_workflow_ref", "run_id"} <= set(claims)
    assert claims["sub"] == "repo:acme/widgets:ref:refs/heads/main"


def test_claims_and_headers_given_override_and_none_leaves_out(shared: Sandbox) -> None:
    token = shared.issuer.mint(["a", "b"], headers={"kid": None, "x": 1}, sub="me", jti=None)
    claims = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)
    assert (claims["aud"], claims["sub"], "jti" in claims) == (["a", "b"], "me", False)
    assert (header["x"], "kid" in header) == (1, False)


def test_a_negative_lifetime_gives_an_expired_token(shared: Sandbox) -> None:
    with pytest.raises(jwt.ExpiredSignatureError):
        verify(shared, shared.issuer.mint("a", lifetime=-1), "a")


def test_each_token_has_its_own_jti(shared: Sandbox) -> None:
    first, second = (
        jwt.decode(shared.issuer.mint("a"), options={"verify_signature": False})["jti"]
        for _ in range(2)
    )
    assert first != second


def test_other_algorithms_are_refused(shared: Sandbox) -> None:
    with pytest.raises(ValueError, match="HS256"):
        shared.issuer.mint("a", algorithm="HS256")


def test_rotation_can_keep_the_old_keys(sandbox: Sandbox) -> None:
    before = sandbox.issuer.mint("a")
    sandbox.issuer.rotate()
    assert len(published(sandbox)) == 4
    assert verify(sandbox, before, "a")
    assert verify(sandbox, sandbox.issuer.mint("a"), "a")
    sandbox.issuer.rotate()
    assert len(published(sandbox)) == 6


def test_rotation_can_drop_the_old_keys(sandbox: Sandbox) -> None:
    before = sandbox.issuer.mint("a")
    sandbox.issuer.rotate(keep_old=False)
    assert len(published(sandbox)) == 2
    assert verify(sandbox, sandbox.issuer.mint("a"), "a")
    with pytest.raises(jwt.PyJWKClientError):
        verify(sandbox, before, "a")


def test_max_age_is_what_the_keys_cache_control_says(sandbox: Sandbox) -> None:
    url = str(discover(sandbox)["jwks_uri"])
    assert requests.get(url, timeout=TIMEOUT).headers["Cache-Control"] == "max-age=300"
    sandbox.issuer.max_age = 5
    assert requests.get(url, timeout=TIMEOUT).headers["Cache-Control"] == "max-age=5"
    sandbox.issuer.max_age = None
    assert "Cache-Control" not in requests.get(url, timeout=TIMEOUT).headers


def test_planned_failures_come_first_and_then_end(sandbox: Sandbox) -> None:
    sandbox.issuer.fail_next(503, times=2)
    url = sandbox.issuer.url + "/.well-known/openid-configuration"
    statuses = [requests.get(url, timeout=TIMEOUT).status_code for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert (sandbox.count("issuer", 503), sandbox.count("issuer")) == (2, 1)


def test_a_credential_sent_to_the_issuer_is_noticed(sandbox: Sandbox) -> None:
    url = sandbox.issuer.url + "/.well-known/jwks"
    requests.get(url, headers={"Authorization": "bearer s3cret"}, timeout=TIMEOUT)
    requests.get(url, timeout=TIMEOUT)
    notes = [request.note for request in sandbox.requests]
    assert notes == ["an Authorization header came along", ""]


def test_two_sandboxes_do_not_know_each_others_keys(shared: Sandbox, sandbox: Sandbox) -> None:
    with pytest.raises(jwt.PyJWKClientError):
        verify(shared, sandbox.issuer.mint("a", iss=shared.issuer.url), "a")


def test_nbf_lies_before_iat_as_on_github(shared: Sandbox) -> None:
    claims = jwt.decode(shared.issuer.mint("a"), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 300
    assert claims["iat"] - claims["nbf"] == 300
    assert abs(claims["iat"] - time.time()) < 5
