"""menda cloud's `expiry` and `repositories`, in each form that they may have."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gatepass.credential import LONGEST_LIFE, UNKNOWN_LIFE, Credential
from gatepass.errors import ExchangeError
from gatepass.exchange import menda as way
from gatepass.exchange.mendareply import is_listed, life, places
from gatepass.realm import realm_of
from gatepass.settings import Domain, Registry
from mendahome import INDEX, LOGGED_IN, client, given, registry, request
from wire import answer, wire

NOW = 1_800_000_000.0
HOST = "acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
DUAL = "acme-111122223333.codeartifact.eu-west-1.on.aws"
ENDPOINT = (
    "https://vpce-1-2.d.codeartifact.eu-west-1.vpce.amazonaws.com/pypi/d/acme-111122223333/r/"
)
OTHERS = "https://tools-444455556666.d.codeartifact.eu-west-1.amazonaws.com/pypi/private/"


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


@pytest.mark.parametrize(
    ("expiry", "seconds"),
    [
        (NOW + 3600, 3600),
        (int(NOW) + 3600, 3600),
        (str(NOW + 3600), 3600),
        (iso(NOW + 3600), 3600),
        (iso(NOW + 3600).replace("+00:00", "Z"), 3600),
        (iso(NOW + 7200).replace("+00:00", "+01:00"), 3600),
        (f" {iso(NOW + 3600)} ", 3600),
        (NOW + LONGEST_LIFE + 1800, LONGEST_LIFE),
        (iso(NOW + LONGEST_LIFE), LONGEST_LIFE),
    ],
)
def test_an_expiry_that_can_be_read(expiry: object, seconds: float) -> None:
    """Epoch seconds, or a date with its zone; never more than AWS gives."""
    assert life(expiry, NOW, "opaque") == seconds


@pytest.mark.parametrize(
    "expiry",
    [
        None,
        "",
        True,
        [],
        {},
        "nan",
        float("nan"),
        float("inf"),
        "-inf",
        NOW,
        NOW - 1,
        0,
        43200,
        (NOW + 3600) * 1000,
        NOW + LONGEST_LIFE + 3601,
        10**400,
        "1" * 400,
        "tomorrow",
        "2027-01-15",
        iso(NOW + 3600).replace("+00:00", ""),
        "9999-12-31T23:59:59+00:00",
        "0001-01-01T00:00:00+23:59",
    ],
)
def test_an_expiry_that_says_nothing(expiry: object) -> None:
    """Missing, past, absurd, or of an unknown zone: five minutes are safe to be wrong with."""
    assert life(expiry, NOW, "opaque") == UNKNOWN_LIFE


def reachable(repositories: object, url: str = INDEX, domain: Domain | None = None) -> bool:
    """Whether a token for these may be handed out for this registry."""
    found = registry(url) if domain is None else configured(url, domain)
    assert found.aws
    listed = places(repositories)
    return not listed or is_listed(found, found.aws, listed)


def configured(url: str, domain: Domain) -> Registry:
    return Registry("team", url, realm_of(url), "codeartifact", "config.toml", aws=domain)


@pytest.mark.parametrize(
    "entry",
    [
        INDEX,
        f"https://{HOST}/npm/another/",
        f"https://aws@{HOST}/pypi/private/simple/",
        HOST,
        HOST.upper(),
        f"{HOST}/pypi/private/",
        f"https://{HOST}:443/",
        f"https://{DUAL}/pypi/private/",
        ENDPOINT,
        "acme-111122223333",
        {"address": INDEX},
        {"url": INDEX, "name": "private"},
        {"endpoint": f"https://{HOST}"},
        {"url": "https://menda.test/repositories/1", "endpoint": INDEX},
    ],
)
def test_a_registry_that_is_listed(entry: object) -> None:
    """By its host, or by its domain in whatever form of address; among others, too."""
    assert reachable([entry])
    assert reachable([OTHERS, entry, "anything"])


@pytest.mark.parametrize(
    "entry",
    [
        OTHERS,
        "tools-444455556666",
        INDEX.replace("eu-west-1", "us-east-1"),
        INDEX.replace("acme", "acm"),
        INDEX.replace("111122223333", "111122223334"),
        "https://pkgs.corp/pypi/",
        INDEX.replace("https", "http").replace(HOST, "evil.test"),
        f"https://{HOST}.evil.test/",
        f"https://evil.test/?{HOST}",
        {"address": OTHERS},
        {"url": OTHERS, "name": HOST},
    ],
)
def test_a_registry_that_is_not_listed(entry: object) -> None:
    """A list that can be read, and that has neither its host nor its domain."""
    assert not reachable([entry])
    assert not reachable(["private", entry])


@pytest.mark.parametrize(
    "repositories",
    [None, [], {}, "private", ["private", "menda-plugins"], [1, None, [INDEX]], [{"name": OTHERS}]],
)
def test_a_list_that_says_nothing_of_addresses(repositories: object) -> None:
    """Names alone hold nobody back: they don't say where they are."""
    assert reachable(repositories)


def test_a_registry_at_an_address_of_its_own() -> None:
    """What config.toml calls CodeArtifact is listed by its host, or by its domain."""
    domain = Domain("acme", "111122223333", "eu-west-1")
    assert reachable(["https://pkgs.corp/pypi/"], "https://pkgs.corp/team", domain)
    assert reachable([INDEX], "https://pkgs.corp/team", domain)
    assert not reachable(["https://pkgs.corp:8443/"], "https://pkgs.corp/team", domain)
    assert not reachable([OTHERS], "https://pkgs.corp/team", domain)


def exchanged(home: Path, **members: Any) -> Credential:
    with wire(LOGGED_IN, given(**members)) as server:
        return way.exchange(request(client(home, server)))


def test_the_credential_ends_when_the_reply_says(home: Path) -> None:
    """From the moment of its receipt."""
    import time

    credential = exchanged(home, expiry=iso(time.time() + 1000), repositories=[INDEX])
    assert credential.expires_at is not None
    assert 990 < credential.expires_at - credential.obtained_at <= 1000


def test_a_token_for_others_is_not_handed_out(home: Path) -> None:
    """The error names the host, and those that it is for."""
    many = [OTHERS.replace("tools", f"tools{n}") for n in range(7)]
    with pytest.raises(ExchangeError) as caught:
        exchanged(home, repositories=[*many, *many])
    error = caught.value
    assert error.code == "menda-not-listed"
    assert error.what == f"{HOST} is not among the repositories that menda cloud's token is for"
    assert error.why.startswith("it is for tools0-444455556666.d.codeartifact")
    assert error.why.endswith(" and 2 more")
    assert "eyJ" not in str(error)


def test_what_foreign_text_can_do(home: Path) -> None:
    """Numbers of any length and members of any type are no fault of ours."""
    body = '{"token": "t", "expiry": 1e999, "repositories": [{"url": 1e999}]}'
    with wire(LOGGED_IN, answer(200, body)) as server:
        credential = way.exchange(request(client(home, server)))
    assert credential.expires_at == credential.obtained_at + UNKNOWN_LIFE
    assert json.loads(body)["repositories"]
