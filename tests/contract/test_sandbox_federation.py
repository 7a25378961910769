"""GitLab speaks as GitLab does, and Package Manager takes each issuer's tokens for its own only."""

from __future__ import annotations

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


def exchange(sandbox: Sandbox, token: str) -> requests.Response:
    fields = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
    }
    return requests.post(sandbox.address + "/__api__/token", fields, timeout=TIMEOUT)


def mint(sandbox: Sandbox, party: str, **claims: object) -> str:
    issuer = {
        "github": sandbox.issuer,
        "gitlab": sandbox.gitlab.issuer,
        "kubernetes": sandbox.kubernetes.issuer,
    }[party]
    return issuer.mint(sandbox.packagemanager.audience, **claims)  # type: ignore[arg-type]


def test_a_stranger_verifies_gitlabs_tokens_from_its_address_alone(shared: Sandbox) -> None:
    url = shared.gitlab.url + "/.well-known/openid-configuration"
    metadata = requests.get(url, timeout=TIMEOUT).json()
    assert metadata["issuer"] == shared.gitlab.issuer.url == shared.gitlab.url
    assert metadata["jwks_uri"] == shared.gitlab.url + "/oauth/discovery/keys"
    token = shared.gitlab.issuer.mint("https://registry.test", lifetime=77)
    key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token, key, ["RS256"], audience="https://registry.test", issuer=shared.gitlab.url
    )
    assert claims["sub"] == "project_path:acme/widgets:ref_type:branch:ref:main"
    assert (claims["exp"] - claims["iat"], claims["iat"] - claims["nbf"]) == (77, 5)
    assert claims["jti"]
    assert [r.party for r in shared.requests[-2:]] == ["issuer", "issuer"]


def test_gitlabs_flags_and_ids_are_strings(shared: Sandbox) -> None:
    claims = jwt.decode(shared.gitlab.issuer.mint("a"), options={"verify_signature": False})
    assert (claims["ref_protected"], claims["project_id"]) == ("true", "73401")
    others = {name for name, value in claims.items() if not isinstance(value, str)}
    assert others == {"iat", "nbf", "exp", "runner_id"}
    host = shared.gitlab.url.partition("://")[2]
    assert claims["ci_config_ref_uri"].startswith(f"{host}/acme/widgets//.gitlab-ci.yml@")


def test_gitlab_is_an_origin_of_its_own(shared: Sandbox) -> None:
    assert len({shared.gitlab.url, shared.github.server_url, shared.address}) == 3
    answer = requests.get(shared.gitlab.url + "/.well-known/jwks", timeout=TIMEOUT)
    assert answer.status_code == 404
    assert shared.requests[-1].party == "gitlab"


@pytest.mark.parametrize("party", ["github", "gitlab", "kubernetes"])
def test_each_issuers_tokens_are_exchanged_and_the_note_says_whose(
    shared: Sandbox, party: str
) -> None:
    token = mint(shared, party)
    assert exchange(shared, token).status_code == 200
    claims = jwt.decode(token, options={"verify_signature": False})
    assert shared.requests[-1].note == f"subject {claims['sub']}, issuer {claims['iss']}"


@pytest.mark.parametrize("party", ["github", "gitlab", "kubernetes"])
def test_no_issuer_signs_for_another(shared: Sandbox, party: str) -> None:
    urls = {
        "github": shared.issuer.url,
        "gitlab": shared.gitlab.issuer.url,
        "kubernetes": shared.kubernetes.issuer.url,
    }
    for name, url in urls.items():
        expected = 200 if name == party else 400
        assert exchange(shared, mint(shared, party, iss=url)).status_code == expected


@pytest.mark.parametrize("party", ["github", "gitlab", "kubernetes"])
def test_the_audience_counts_for_each_issuer(shared: Sandbox, party: str) -> None:
    answer = exchange(shared, mint(shared, party, aud="https://other.test"))
    assert answer.json()["error_description"] == "audience is not this server's"


def test_a_cluster_that_nobody_started_is_not_trusted() -> None:
    with Sandbox() as one, Sandbox() as other:
        token = other.kubernetes.issuer.mint(one.address)
        answer = exchange(one, token)
        assert answer.json()["error_description"] == "issuer is not trusted"
