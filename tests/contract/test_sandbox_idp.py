"""The provider for people: discovery, RFC 8628's flow, ID tokens, refresh tokens, all refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import requests

from devices import DEVICE_GRANT, TIMEOUT, VERIFIER, Oidc, challenge, exchange, refused, tokens
from gatepass.sandbox import Sandbox
from gatepass.sandbox.logins import Login

SCOPES = "openid offline_access"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        sandbox.idp.interval = 0
        yield sandbox


def metadata(sandbox: Sandbox) -> dict[str, Any]:
    url = sandbox.idp.url + "/.well-known/openid-configuration"
    found: dict[str, Any] = requests.get(url, timeout=TIMEOUT).json()
    return found


def verified(sandbox: Sandbox, token: str) -> dict[str, Any]:
    """What a stranger who knows the issuer's address makes of an ID token."""
    key = jwt.PyJWKClient(metadata(sandbox)["jwks_uri"]).get_signing_key_from_jwt(token)
    url = sandbox.idp.url
    claims: dict[str, Any] = jwt.decode(token, key, ["RS256"], audience="gatepass", issuer=url)
    return claims


def test_discovery_names_every_endpoint(sandbox: Sandbox) -> None:
    """What a device needs is found from the issuer's address alone."""
    found = metadata(sandbox)
    url = sandbox.idp.url
    assert found["issuer"] == url == sandbox.idp.issuer.url
    assert found["device_authorization_endpoint"] == url + "/device_authorization"
    assert (found["token_endpoint"], found["jwks_uri"]) == (url + "/token", url + "/jwks")
    assert set(found["grant_types_supported"]) == {DEVICE_GRANT, "refresh_token"}
    assert found["token_endpoint_auth_methods_supported"] == ["none"]
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert set(SCOPES.split()) <= set(found["scopes_supported"])


def test_jobs_issuers_name_no_such_endpoints(sandbox: Sandbox) -> None:
    """Nobody logs in at GitHub's or GitLab's issuer."""
    for issuer in (sandbox.issuer.url, sandbox.gitlab.url):
        url = issuer + "/.well-known/openid-configuration"
        assert "token_endpoint" not in requests.get(url, timeout=TIMEOUT).json()


def test_documents_are_an_issuers_and_the_rest_is_the_providers(sandbox: Sandbox) -> None:
    """The journal's parties: discovery and keys are public, everything else is "idp"."""
    device = Oidc(sandbox)
    verified(sandbox, device.poll().json()["id_token"])
    assert requests.get(sandbox.idp.url + "/userinfo", timeout=TIMEOUT).status_code == 404
    parties = [(r.party, r.path) for r in sandbox.requests]
    assert parties == [
        ("idp", "/device_authorization"),
        ("idp", "/token"),
        ("issuer", "/.well-known/openid-configuration"),
        ("issuer", "/jwks"),
        ("idp", "/userinfo"),
    ]
    ports = {urlsplit(url).port for url in (sandbox.idp.url, sandbox.address, sandbox.gitlab.url)}
    assert len(ports) == 3


def test_a_login_ends_in_the_persons_id_token(sandbox: Sandbox) -> None:
    """Verified from outside: who, for whom, when, and for five minutes; and registries take it."""
    answer = Oidc(sandbox).poll().json()
    assert set(answer) == {
        "access_token", "token_type", "expires_in", "scope", "id_token", "refresh_token",
    }  # fmt: skip
    assert (answer["token_type"], answer["scope"]) == ("Bearer", SCOPES)
    claims = verified(sandbox, answer["id_token"])
    assert claims["sub"] == "00u5150octavia"
    assert (claims["email"], claims["name"]) == ("octavia@acme.example", "Octavia Widget")
    assert claims["exp"] - claims["iat"] == 300 == answer["expires_in"]
    assert 0 <= claims["iat"] - claims["auth_time"] < 10
    assert "nbf" not in claims
    assert exchange(sandbox, answer["id_token"]).status_code == 200
    assert sandbox.requests[-1].note == f"subject 00u5150octavia, issuer {sandbox.idp.url}"


def test_the_lifetime_of_id_tokens_is_the_tests_to_say(sandbox: Sandbox) -> None:
    """In seconds, in the token and beside it."""
    sandbox.idp.id_token_lifetime = 77
    answer = Oidc(sandbox).poll().json()
    claims = verified(sandbox, answer["id_token"])
    assert claims["exp"] - claims["iat"] == 77 == answer["expires_in"]


@pytest.mark.parametrize(
    ("scope", "given"),
    [
        ("openid", {"id_token"}),
        ("offline_access", {"refresh_token"}),
        ("openid profile email", {"id_token"}),
        ("", set()),
    ],
)
def test_what_is_given_is_what_was_asked_for(sandbox: Sandbox, scope: str, given: set[str]) -> None:
    """An ID token for openid, a refresh token for offline_access, and neither without."""
    answer = Oidc(sandbox, scope).poll().json()
    assert set(answer) & {"id_token", "refresh_token"} == given
    assert answer["scope"] == scope


@pytest.mark.parametrize(
    ("fields", "code", "status"),
    [
        ({"client_id": "other"}, "invalid_client", 401),
        ({"client_id": "packagemanager-sandbox"}, "invalid_client", 401),
        ({"client_id": ""}, "invalid_request", 400),
        ({"scope": "openid admin"}, "invalid_scope", 400),
        ({"code_challenge": "a" * 43}, "unsupported_challenge_method", 400),
        ({"code_challenge_method": "S256"}, "invalid_request", 400),
        ({**challenge(), "code_challenge_method": "plain"}, "unsupported_challenge_method", 400),
    ],
)
def test_an_authorization_that_is_refused(
    sandbox: Sandbox, fields: dict[str, str], code: str, status: int
) -> None:
    """Another client, a scope that there isn't, half of PKCE: nobody is asked."""
    answer = Oidc.authorize(Oidc(sandbox), fields)
    refused(answer, code, status)
    assert len(sandbox.person.asked) == 1


def test_pkce_is_checked_where_it_was_begun(sandbox: Sandbox) -> None:
    """With a challenge the verifier must come and fit; without one none may come."""
    device = Oidc(sandbox, pkce=True)
    for wrong in ("", "w" * 43, "v" * 44):
        refused(device.poll(code_verifier=wrong), "invalid_grant")
    assert device.poll().status_code == 200
    plain = Oidc(sandbox)
    refused(plain.poll(code_verifier=VERIFIER), "invalid_grant")
    assert plain.poll().status_code == 200


@pytest.mark.parametrize(
    ("fields", "code", "status"),
    [
        ({}, "invalid_request", 400),
        ({"grant_type": "password"}, "unsupported_grant_type", 400),
        ({"grant_type": DEVICE_GRANT}, "invalid_request", 400),
        ({"grant_type": DEVICE_GRANT, "device_code": "x"}, "invalid_grant", 400),
        ({"grant_type": DEVICE_GRANT, "device_code": "x", "client_id": "y"}, "invalid_client", 401),
        ({"grant_type": "refresh_token"}, "invalid_request", 400),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant", 400),
    ],
)
def test_a_request_for_tokens_that_is_refused(
    sandbox: Sandbox, fields: dict[str, str], code: str, status: int
) -> None:
    """RFC 6749 section 5.2's errors, each for its reason."""
    refused(tokens(sandbox, **fields), code, status)


def test_a_code_is_collected_once(sandbox: Sandbox) -> None:
    """The second time it is an invalid_grant."""
    device = Oidc(sandbox)
    assert device.poll().status_code == 200
    refused(device.poll(), "invalid_grant")


@pytest.mark.parametrize("path", ["/device_authorization", "/token"])
def test_endpoints_take_a_form_by_post(sandbox: Sandbox, path: str) -> None:
    """Neither GET nor JSON."""
    url = sandbox.idp.url + path
    assert requests.get(url, timeout=TIMEOUT).status_code == 405
    refused(requests.post(url, json={"client_id": "gatepass"}, timeout=TIMEOUT), "invalid_request")


def test_a_credential_that_came_along_is_noted(sandbox: Sandbox) -> None:
    """This client has no secret to send."""
    url = sandbox.idp.url + "/token"
    requests.post(url, {"client_id": "gatepass"}, auth=("gatepass", "x"), timeout=TIMEOUT)
    assert sandbox.requests[-1].note.endswith(", an Authorization header came along")


def test_a_refresh_token_goes_on_without_the_person(sandbox: Sandbox) -> None:
    """A new ID token of the same login, whose time stays, and another refresh token."""
    device = Oidc(sandbox)
    first = device.poll().json()
    sandbox.person.denies()
    sandbox.fault("idp=skew=20")
    second = device.refresh(first["refresh_token"]).json()
    assert len(sandbox.person.asked) == 1
    before, after = (
        jwt.decode(answer["id_token"], options={"verify_signature": False})
        for answer in (first, second)
    )
    assert (after["sub"], after["aud"]) == (before["sub"], "gatepass")
    assert after["auth_time"] == before["auth_time"]
    assert after["iat"] >= before["iat"] + 20
    assert second["refresh_token"] != first["refresh_token"]
    assert device.refresh(second["refresh_token"]).status_code == 200


def test_a_replaced_refresh_token_ends_the_login(sandbox: Sandbox) -> None:
    """It may have been stolen (RFC 9700 section 4.14.2): its successor goes too, others stay."""
    device, other = Oidc(sandbox), Oidc(sandbox)
    kept = other.poll().json()["refresh_token"]
    old = device.poll().json()["refresh_token"]
    new = device.refresh(old).json()["refresh_token"]
    assert refused(device.refresh(old), "invalid_grant").startswith(
        "the refresh token was replaced"
    )
    refused(device.refresh(new), "invalid_grant")
    assert other.refresh(kept).status_code == 200


def test_rotation_can_be_off(sandbox: Sandbox) -> None:
    """Then the same refresh token is given again, and works again."""
    sandbox.idp.rotates = False
    device = Oidc(sandbox)
    token = device.poll().json()["refresh_token"]
    for _ in range(2):
        assert device.refresh(token).json()["refresh_token"] == token


def test_refresh_tokens_can_be_revoked(sandbox: Sandbox) -> None:
    """As an administrator does it; a new login is a new login."""
    device = Oidc(sandbox)
    token = device.poll().json()["refresh_token"]
    sandbox.idp.revoke_all()
    assert "revoked" in refused(device.refresh(token), "invalid_grant")
    assert Oidc(sandbox).poll().status_code == 200


def test_the_oldest_refresh_tokens_are_forgotten(sandbox: Sandbox) -> None:
    """A thousand are remembered: who logs in more often pushes out the first."""
    logins = sandbox.idp.logins
    first, second, *_ = [logins.token(Login("gatepass", (), 0)) for _ in range(1001)]
    device = Oidc(sandbox)
    refused(device.refresh(first), "invalid_grant")
    assert device.refresh(second).status_code == 200


def test_a_refresh_may_ask_for_less_and_not_for_more(sandbox: Sandbox) -> None:
    """RFC 6749 section 6; what is refused uses nothing up."""
    device = Oidc(sandbox)
    token = device.poll().json()["refresh_token"]
    refused(device.refresh(token, scope="openid email"), "invalid_scope")
    answer = device.refresh(token, scope="offline_access").json()
    assert "id_token" not in answer
    assert answer["scope"] == "offline_access"
