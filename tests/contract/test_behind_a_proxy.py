"""Registry and identity provider behind a company's proxy, with a private authority."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gatepass.sandbox import Sandbox
from support import gatepass, keyring

NAMES = {"packages.corp.example": "packagemanager", "idp.corp.example": "gitlab"}


@pytest.fixture
def company() -> Iterator[Sandbox]:
    """Both have names that nothing but the proxy knows."""
    with Sandbox(tls=True, names=NAMES) as sandbox:
        yield sandbox


@pytest.fixture
def env(company: Sandbox, base_env: dict[str, str]) -> dict[str, str]:
    """A GitLab job there: the proxy and the authority in the usual variables."""
    return {**base_env, **company.environment("gitlab"), **company.proxy.environment()}


def heard(company: Sandbox) -> list[str]:
    return [request.party for request in company.requests]


def test_the_whole_journey_goes_through_the_proxy(company: Sandbox, env: dict[str, str]) -> None:
    """Metadata, keys and exchange by name: a token comes out, and nothing else was wanted."""
    assert env["PACKAGEMANAGER_ADDRESS"] == "https://packages.corp.example"
    done = gatepass("get", "https://packages.corp.example/private/latest/simple/", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("eyJ")
    assert heard(company) == ["issuer", "issuer", "exchange"]
    assert company.proxy.refused == []
    assert keyring("get", company.index_url, "__token__", env=env).stdout == done.stdout
    assert heard(company) == ["issuer", "issuer", "exchange"]


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"])
def test_each_variable_names_the_authority(
    company: Sandbox, env: dict[str, str], name: str
) -> None:
    """One of them is enough."""
    for other in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        env.pop(other)
    assert gatepass("get", company.address, env={**env, name: str(company.ca_file)}).returncode == 0


def test_without_the_authority_nothing_is_sent(company: Sandbox, env: dict[str, str]) -> None:
    """The error names the variables that help; neither server saw a request."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        env.pop(name)
    done = gatepass("get", company.address, env=env)
    assert done.returncode == 1
    assert "error[issuer-unreachable]" in done.stderr
    assert "certificate verify failed" in done.stderr
    assert heard(company) == []


def test_another_name_is_refused_and_noted(company: Sandbox, env: dict[str, str]) -> None:
    """An issuer that the proxy doesn't know is asked for there, and nowhere past it."""
    other = "https://idp.elsewhere.example"
    token = company.gitlab.issuer.mint(company.address, iss=other)
    done = gatepass("get", company.address, env={
        **env, "CI_SERVER_URL": other, "GATEPASS_ID_TOKEN": token,
    })  # fmt: skip
    assert done.returncode == 1
    assert "error[issuer-unreachable]" in done.stderr
    assert "Tunnel connection failed: 403" in done.stderr
    assert set(company.proxy.refused) == {"idp.elsewhere.example:443"}
    assert heard(company) == []


def test_a_registry_that_the_proxy_refuses(company: Sandbox, env: dict[str, str]) -> None:
    """The token was verified, and then reached nobody."""
    address = "https://packages.elsewhere.example"
    token = company.gitlab.issuer.mint(address)
    done = gatepass("get", address, env={
        **env, "PACKAGEMANAGER_ADDRESS": address, "GATEPASS_ID_TOKEN": token,
    })  # fmt: skip
    assert done.returncode == 1
    assert "error[proxy-failed]" in done.stderr
    assert set(company.proxy.refused) == {"packages.elsewhere.example:443"}
    assert heard(company) == ["issuer", "issuer"]
    assert "eyJ" not in done.stderr


def test_a_public_cluster_is_verified_past_and_through_the_proxy(base_env: dict[str, str]) -> None:
    """The API server is reached past it; where that is down, discovery goes through it."""
    names = {"packages.corp.example": "packagemanager", "oidc.corp.example": "kubernetes"}
    with Sandbox(tls=True, names=names, cluster_issuer="public") as company:
        pod = {**company.environment("kubernetes"), **company.proxy.environment()}
        env = {**base_env, **pod, "GATEPASS_STORE": "off"}
        assert gatepass("get", company.address, env=env).returncode == 0
        assert heard(company) == ["kubernetes", "exchange"]
        company.fault("kubernetes=401x*")
        assert gatepass("get", company.address, env=env).returncode == 0
        assert heard(company)[2:] == ["kubernetes", "issuer", "issuer", "exchange"]
        assert company.proxy.refused == []
