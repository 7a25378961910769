"""An issuer's clock and keys change when they are told to, one issuer's or all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import jwt
import pytest
import requests

from gatepass.sandbox import Sandbox

TIMEOUT = 10


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def exchange(sandbox: Sandbox) -> int:
    fields = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": sandbox.issuer.mint(sandbox.address),
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
    }
    return requests.post(sandbox.address + "/__api__/token", fields, timeout=TIMEOUT).status_code


def cluster_keys(sandbox: Sandbox) -> int:
    token = (sandbox.kubernetes.api_dir / "token").read_text()
    return requests.get(
        sandbox.kubernetes.api + "/openid/v1/jwks",
        headers={"Authorization": f"Bearer {token}"},
        verify=str(sandbox.kubernetes.api_dir / "ca.crt"),
        timeout=TIMEOUT,
    ).status_code


@pytest.mark.parametrize("party", ["github", "gitlab", "kubernetes"])
@pytest.mark.parametrize("seconds", [-600, 600])
def test_a_skew_moves_one_issuers_clock(sandbox: Sandbox, party: str, seconds: int) -> None:
    issuers = {
        "github": sandbox.issuer,
        "gitlab": sandbox.gitlab.issuer,
        "kubernetes": sandbox.kubernetes.issuer,
    }
    sandbox.fault(f"{party}=skew={seconds}")
    for name, issuer in issuers.items():
        claims = jwt.decode(issuer.mint("a"), options={"verify_signature": False})
        expected = seconds if name == party else 0
        assert abs(claims["iat"] - time.time() - expected) < 5
        assert claims["exp"] - claims["iat"] == 300
        assert 0 <= claims["iat"] - claims["nbf"] <= 300
    assert cluster_keys(sandbox) == 200


def test_a_skew_of_one_issuer_is_not_that_of_the_cluster_that_comes_later() -> None:
    with Sandbox(faults=["github=skew=600"]) as sandbox:
        assert (sandbox.issuer.skew, sandbox.kubernetes.issuer.skew) == (600, 0)


def test_a_skew_of_all_issuers_holds_for_the_cluster_that_comes_later() -> None:
    with Sandbox(faults=["issuer=skew=+90.5"]) as sandbox:
        for issuer in (sandbox.issuer, sandbox.gitlab.issuer, sandbox.kubernetes.issuer):
            assert issuer.skew == 90.5
        assert exchange(sandbox) == 400
        sandbox.fault("issuer=skew=0")
        assert exchange(sandbox) == 200


@pytest.mark.parametrize("party", ["github", "gitlab", "kubernetes", "issuer"])
def test_a_rotation_leaves_no_old_key(sandbox: Sandbox, party: str) -> None:
    issuers = {
        "github": sandbox.issuer,
        "gitlab": sandbox.gitlab.issuer,
        "kubernetes": sandbox.kubernetes.issuer,
    }
    before = {name: {key.kid for key in one.published()} for name, one in issuers.items()}
    sandbox.fault(f"{party}=rotate")
    for name, issuer in issuers.items():
        after = {key.kid for key in issuer.published()}
        assert (after == before[name]) == (party not in (name, "issuer"))
        assert after == before[name] or after.isdisjoint(before[name])
        assert len(after - before[name]) == (2 if party in (name, "issuer") else 0)
