"""A person's login at an OpenID provider: verified, exchanged, renewed in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forge import ISSUER, b64, claims, jwk, rsa_key, token
from gatepass import resolve
from gatepass.errors import ConfigError, GatepassError
from gatepass.sandbox import Sandbox
from gatepass.settings import Claim, load
from laptops import Laptop
from wire import Wire, answer, wire

BEGUN, FINISHED = ["issuer", "idp"], ["idp", "issuer", "issuer", "exchange"]


@pytest.fixture
def laptop(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    """Its Package Manager has no login of its own; its provider has."""
    sandbox.packagemanager.device.enabled = False
    sandbox.idp.interval = 0
    made = Laptop(sandbox, tmp_path, monkeypatch)
    made.with_provider()
    return made


@pytest.fixture
def renewing(laptop: Laptop) -> Laptop:
    """The same, whose system keyring keeps logins, after a first login that is over by now."""
    laptop.env["GATEPASS_STORE"] = "system"
    laptop.sign_in()
    del laptop.ring.held[laptop.sandbox.address]
    _ = laptop.parties
    laptop.person_is_here = False
    return laptop


def test_a_provider_stands_in(laptop: Laptop) -> None:
    """Package Manager is asked first; its provider's ID token is verified and exchanged."""
    found = laptop.get()
    assert laptop.parties == ["device", *BEGUN, *FINISHED]
    assert f"open: {laptop.sandbox.idp.url}/device?user_code=" in laptop.screen
    assert laptop.get().secret == found.secret
    assert laptop.parties == []


def test_package_managers_own_login_comes_first(laptop: Laptop) -> None:
    """A provider is for registries that have none; its client is not asked for here."""
    laptop.sandbox.packagemanager.device.enabled = True
    laptop.sandbox.packagemanager.device.interval = 0
    laptop.get()
    assert laptop.parties == ["device", "device", "exchange"]


def test_no_login_anywhere(laptop: Laptop) -> None:
    """Without a provider, that the registry has none is the error, with what to set."""
    del laptop.env["GATEPASS_LOGIN_ISSUER"], laptop.env["GATEPASS_LOGIN_CLIENT_ID"]
    error = laptop.fails("login-not-offered")
    assert "GATEPASS_LOGIN_ISSUER" in error.do
    assert laptop.sandbox.address in error.what


def test_another_failure_asks_nobody_else(laptop: Laptop) -> None:
    """Only a missing flow lets the provider stand in: trouble is trouble."""
    laptop.sandbox.packagemanager.device.enabled = True
    with wire(answer(403, '{"error": "invalid_client"}')) as server:
        laptop.env["PACKAGEMANAGER_ADDRESS"] = server.url
        laptop.fails("login-refused")
    assert laptop.parties == []


def test_a_policy_is_held_by_a_verified_login(laptop: Laptop) -> None:
    """Then Package Manager's own flow isn't used, nor a token of unknown origin."""
    laptop.sandbox.packagemanager.device.enabled = True
    laptop.keep(lasts=1800)
    policy = (Claim("sub", "00u5150octavia", is_pattern=False),)
    laptop.get(claims=policy)
    assert laptop.parties == [*BEGUN, *FINISHED]
    laptop.get(claims=policy)
    assert laptop.parties == []
    (entry,) = laptop.store.entries()
    assert entry.about["iss"] == laptop.sandbox.idp.url
    laptop.fails("claims-policy", claims=(Claim("sub", "somebody else", is_pattern=False),))
    assert laptop.sandbox.count("exchange") == 1


DEVICE = {
    "device_code": "d",
    "user_code": "ABCD",
    "verification_uri": "https://idp.example.com/d",
    "interval": 0,
}


def provider(server: Wire, id_token: str) -> None:
    """The server gives everybody this ID token, and has the key `k1`."""
    at = {"issuer": server.url, "device_authorization_endpoint": server.url + "/d"}
    metadata = {**at, "token_endpoint": server.url + "/t", "jwks_uri": server.url + "/k"}
    documents = (
        metadata, DEVICE, {"id_token": id_token}, metadata, {"keys": [jwk(rsa_key())]},
    )  # fmt: skip
    server.scripts = tuple(answer(200, json.dumps(document)) for document in documents)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "another-client"}, "audience-mismatch"),
        ({"aud": ["us", "another-client"]}, "audience-several"),
        ({"iss": ISSUER}, "issuer-not-allowed"),
        ({"exp": 1}, "token-expired"),
        ({"sub": None}, "claim-missing"),
    ],
)
def test_an_id_token_that_is_not_for_us(laptop: Laptop, changes: dict[str, Any], code: str) -> None:
    """Of this provider and for our client alone, whoever else is trusted; nothing is exchanged."""
    with wire() as server:
        laptop.env |= {
            "GATEPASS_LOGIN_ISSUER": server.url,
            "GATEPASS_LOGIN_CLIENT_ID": "us",
            "GATEPASS_TRUSTED_ISSUERS": ISSUER,
        }
        provider(server, token(claims(**{"iss": server.url, "aud": "us", **changes})))
        laptop.fails(code)
    assert laptop.parties == ["device"]


def test_an_id_token_that_somebody_else_signed(laptop: Laptop) -> None:
    """Its signature is verified by the provider's keys."""
    with wire() as server:
        laptop.env |= {"GATEPASS_LOGIN_ISSUER": server.url, "GATEPASS_LOGIN_CLIENT_ID": "us"}
        good = token(claims(iss=server.url, aud="us"))
        head, _, tail = good.split(".")
        body = b64(json.dumps(claims(iss=server.url, aud="us", sub="root")))
        provider(server, f"{head}.{body}.{tail}")
        laptop.fails("bad-signature")
    assert laptop.parties == ["device"]


def test_an_access_token_alone_is_no_login(laptop: Laptop) -> None:
    """A provider that gives no ID token gives nothing that we could use."""
    with wire() as server:
        laptop.env |= {"GATEPASS_LOGIN_ISSUER": server.url, "GATEPASS_LOGIN_CLIENT_ID": "us"}
        provider(server, "")
        laptop.fails("login-no-id-token")


def test_a_login_is_renewed_in_silence(renewing: Laptop) -> None:
    """Where a refresh token was given and the keyring keeps it, nobody is asked."""
    renewing.get()
    assert renewing.parties == ["issuer", "idp", "exchange"]
    assert renewing.knew == [False]  # the first login's
    assert len(renewing.ring.held) == 2


def test_a_replaced_refresh_token_is_kept(renewing: Laptop) -> None:
    """The provider's new one serves the next time; the old one would end the login."""
    for _ in range(2):
        renewing.get()
        del renewing.ring.held[renewing.sandbox.address]
    assert renewing.sandbox.count("exchange") == 3


def test_a_refresh_token_that_stays(renewing: Laptop) -> None:
    """A provider that sends no new one goes on taking the old one."""
    renewing.sandbox.idp.rotates = False
    before = dict(renewing.ring.held)
    renewing.get()
    assert before.items() <= renewing.ring.held.items()


def test_a_renewal_that_is_over_asks_the_person(renewing: Laptop) -> None:
    """And the dead refresh token is forgotten, in case that nobody is here."""
    renewing.sandbox.idp.revoke_all()
    renewing.fails("no-person")
    assert renewing.ring.held == {}
    renewing.person_is_here = True
    renewing.get()
    assert len(renewing.sandbox.person.asked) == 2


def test_a_renewal_that_is_refused_for_now(renewing: Laptop) -> None:
    """A fault of the provider's is no end: the refresh token stays."""
    renewing.sandbox.idp.fail_next(401, body={"error": "invalid_client"})
    renewing.fails("no-person")
    renewing.get()


def test_an_order_to_log_in_renews_nothing(renewing: Laptop) -> None:
    """`gatepass login` may be about another person."""
    with pytest.raises(GatepassError) as caught:
        renewing.sign_in()
    assert caught.value.code == "no-person"


def test_without_the_system_keyring_no_refresh_token_is_asked_for(laptop: Laptop) -> None:
    """It could be kept nowhere: a file is no place for it."""
    laptop.get()
    scopes = [code.scopes for code in laptop.sandbox.idp.codes._codes.values()]
    assert scopes == [("openid",)]
    assert laptop.ring.held == {}


@pytest.fixture
def aws(laptop: Laptop) -> Laptop:
    """The same person before CodeArtifact, with a role for people."""
    at = laptop.sandbox.aws
    del laptop.env["PACKAGEMANAGER_ADDRESS"]
    laptop.env |= {
        "GATEPASS_REGISTRIES": f"team={at.index_url}",
        "GATEPASS_ROLE_ARN": at.role_arn,
        "AWS_ENDPOINT_URL_STS": at.sts_url,
        "AWS_ENDPOINT_URL_CODEARTIFACT": at.codeartifact_url,
    }
    return laptop


def test_a_login_for_codeartifact(aws: Laptop) -> None:
    """The ID token becomes a role's keys, and those a token, which the private folder keeps."""
    registry = aws.registry()
    found = resolve.credential_at(
        registry._replace(identity="login"), load(aws.env), aws.env, "somebody"
    )
    assert found is not None
    assert found.username == "somebody"
    assert aws.parties == [*BEGUN, "idp", "issuer", "issuer", "sts", "codeartifact"]
    assert f"log in to {registry.url}\n" in aws.screen
    assert aws.get().secret == found.secret
    assert aws.parties == []
    assert aws.store.recall(f"login-{aws.key}")
    aws.store.forget(registry.name, registry.url)
    aws.person_is_here = False
    aws.fails("no-person")
    assert aws.knew == [False, True]


def test_the_shared_file_is_not_for_codeartifact(aws: Laptop) -> None:
    """Its tokens are AWS' own, and live for a session."""
    aws.get()
    assert aws.file.realms() == []


def test_a_policy_needs_the_provider(laptop: Laptop) -> None:
    """Without one there is nothing verified to hold it against."""
    del laptop.env["GATEPASS_LOGIN_ISSUER"], laptop.env["GATEPASS_LOGIN_CLIENT_ID"]
    with pytest.raises(ConfigError):
        laptop.get(claims=(Claim("sub", "me", is_pattern=False),))
    assert laptop.parties == []
