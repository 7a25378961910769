"""The sandbox may be told to trust somebody else's issuer, by the keys that it publishes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from awsclient import content, sts, sts_error, web_identity
from devices import exchange
from gatepass.sandbox import Sandbox
from gatepass.sandbox.outside import Outside
from gatepass.sandbox.subject import Refused
from wire import Wire, answer, wire

CLIENT = "gatepass"


@pytest.fixture
def theirs() -> Iterator[Sandbox]:
    """Somebody else: another sandbox, of which only an issuer's documents are asked for."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def ours(theirs: Sandbox) -> Iterator[Sandbox]:
    with Sandbox(trusted={theirs.issuer.url: CLIENT}) as sandbox:
        yield sandbox


def reason(told: requests.Response) -> str:
    assert told.status_code == 400
    assert told.json()["error"] == "invalid_grant"
    return str(told.json()["error_description"])


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_both_registries_take_its_tokens(ours: Sandbox, theirs: Sandbox, algorithm: str) -> None:
    """Package Manager exchanges them, and STS lets their bearer assume the role of people."""
    token = theirs.issuer.mint(CLIENT, algorithm=algorithm, sub="octavia")
    assert exchange(ours, token).status_code == 200
    assert ours.requests[-1].note == f"subject octavia, issuer {theirs.issuer.url}"
    found = content(sts(ours, web_identity(ours, token)), "AssumeRoleWithWebIdentityResult")
    assert found["SubjectFromWebIdentityToken"] == "octavia"
    assert found["Audience"] == CLIENT


def test_for_its_one_audience_alone(ours: Sandbox, theirs: Sandbox) -> None:
    """Neither Package Manager's address nor AWS' own audience is what it was trusted for."""
    assert reason(exchange(ours, theirs.issuer.mint(ours.address))) == (
        "audience is not this server's"
    )
    answered = sts(ours, web_identity(ours, theirs.issuer.mint("sts.amazonaws.com")))
    assert sts_error(answered) == (400, "InvalidIdentityToken", "Incorrect token audience")


def test_nobody_else_signs_for_it(ours: Sandbox, theirs: Sandbox) -> None:
    """Our own issuer under its name; and a sandbox that was told nothing trusts it not at all."""
    forged = ours.issuer.mint(CLIENT, iss=theirs.issuer.url)
    assert reason(exchange(ours, forged)) == "key is unknown"
    assert reason(exchange(theirs, ours.issuer.mint(theirs.address))) == "issuer is not trusted"


def test_its_keys_are_those_of_this_moment(ours: Sandbox, theirs: Sandbox) -> None:
    """It changes them; what our own issuers are told to do is nothing to it."""
    old = theirs.issuer.mint(CLIENT)
    ours.fault("issuer=rotate")
    ours.fault("issuer=skew=3600")
    assert exchange(ours, old).status_code == 200
    theirs.issuer.rotate(keep_old=False)
    assert reason(exchange(ours, old)) == "key is unknown"
    assert exchange(ours, theirs.issuer.mint(CLIENT)).status_code == 200


def test_it_is_down(ours: Sandbox, theirs: Sandbox) -> None:
    """A token is refused whose keys nobody can be asked for, and the reason says that."""
    token = theirs.issuer.mint(CLIENT)
    theirs.issuer.fail_next(500)
    assert reason(exchange(ours, token)) == "the issuer's keys can't be had: HTTP 500"
    theirs.issuer.fail_next(0)
    assert reason(exchange(ours, token)).startswith("the issuer's keys can't be had: ")
    assert exchange(ours, token).status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:8443",
        "http://idp.example.com:8080",
        "http://127.0.0.1",
        "http://127.0.0.1.example.com:80",
        "127.0.0.1:8080",
    ],
)
def test_it_is_on_this_machine(url: str) -> None:
    """Any other address is refused at once: the sandbox reaches loopback only."""
    with pytest.raises(ValueError, match="not http on this machine"):
        Sandbox(trusted={url: CLIENT})


def published(metadata: object, jwks: object = None, status: int = 200) -> list[Any]:
    """What is made of two documents; a function may be one, which is told the server's address."""
    with wire(b"", b"") as server:
        documents = [d(server) if callable(d) else d for d in (metadata, jwks)]
        server.scripts = tuple(answer(status, json.dumps(one)) for one in documents)
        return Outside(server.url, CLIENT).published()


def honest(server: Wire) -> dict[str, str]:
    return {"issuer": server.url, "jwks_uri": f"{server.url}/keys"}


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        "key",
        {"kty": "RSA", "e": "AQAB", "n": "AQAB"},
        {"kid": "1", "kty": "oct", "k": "AQAB"},
        {"kid": "1", "kty": "RSA", "use": "enc", "e": "AQAB", "n": "AQAB"},
        {"kid": "1", "kty": "RSA", "alg": "PS256", "e": "AQAB", "n": "AQAB"},
        {"kid": "1", "kty": "EC", "crv": "P-384", "x": "AQAB", "y": "AQAB"},
        {"kid": "1", "kty": "EC", "crv": "P-256", "alg": "ES256K", "x": "AQAB", "y": "AQAB"},
    ],
)
def test_keys_of_other_kinds_are_passed_over(jwk: object) -> None:
    """Real issuers publish some; none of them verifies anything here."""
    assert published(honest, {"keys": [jwk]}) == []


@pytest.mark.parametrize(
    "jwk",
    [
        {"kid": "1", "kty": "RSA", "e": "AQAB"},
        {"kid": "1", "kty": "RSA", "e": "AQAB", "n": "+/"},
        {"kid": "1", "kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"},
    ],
)
def test_a_broken_key(jwk: object) -> None:
    """A number that is missing, none, or no point of the curve: nothing is verified."""
    with pytest.raises(Refused, match="the issuer's keys can't be had"):
        published(honest, {"keys": [jwk]})


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        (["metadata"], "no JSON object"),
        (lambda server: {**honest(server), "issuer": "http://127.0.0.1:1"}, "another issuer's"),
        (lambda server: {"issuer": server.url}, "not http on this machine"),
        (
            lambda server: {**honest(server), "jwks_uri": "http://keys.example.com:80/"},
            "not http on this machine",
        ),
    ],
)
def test_metadata_that_leads_nowhere(metadata: object, why: str) -> None:
    """Somebody else's, or an address of keys that is missing or not on this machine."""
    with pytest.raises(Refused, match=why):
        published(metadata, {"keys": []})


def test_a_document_without_keys() -> None:
    """Then there are none."""
    assert published(honest, {"keys": "none"}) == []
