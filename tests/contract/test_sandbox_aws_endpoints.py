"""GetRepositoryEndpoint: where `aws codeartifact login` learns a repository's address."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from awsclient import (
    ACME,
    REGION,
    TIMEOUT,
    Signer,
    browse,
    exception,
    query_of,
    session,
    user,
)
from gatepass.sandbox import Sandbox

PRIVATE = {**ACME, "repository": "private", "format": "pypi"}


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox(aws=True) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def plain() -> Iterator[Sandbox]:
    """AWS at its loopback endpoints."""
    with Sandbox() as sandbox:
        yield sandbox


def ask(sandbox: Sandbox, signer: Signer, parameters: dict[str, str]) -> requests.Response:
    """GetRepositoryEndpoint, signed as it has to be."""
    url, query = f"{sandbox.aws.codeartifact_url}/v1/repository/endpoint", query_of(parameters)
    headers = signer.headers("GET", url, query, b"")
    return requests.get(f"{url}?{query}", headers=headers, timeout=TIMEOUT)


@pytest.mark.parametrize(
    ("change", "url"),
    [
        ({}, f"https://acme-111122223333.d.codeartifact.{REGION}.amazonaws.com/pypi/private/"),
        (
            {"endpointType": "ipv4", "repository": "local"},
            f"https://acme-111122223333.d.codeartifact.{REGION}.amazonaws.com/pypi/local/",
        ),
        (
            {"endpointType": "dualstack", "format": "npm"},
            f"https://acme-111122223333.codeartifact.{REGION}.on.aws/npm/private/",
        ),
        (
            {"domain": "tools", "domain-owner": "444455556666"},
            f"https://tools-444455556666.d.codeartifact.{REGION}.amazonaws.com/pypi/private/",
        ),
    ],
)
def test_each_domain_has_its_hosts(plain: Sandbox, change: dict[str, str], url: str) -> None:
    """By domain, kind of endpoint, format and repository; the journal says who asked."""
    answer = ask(plain, Signer(user(plain)), {**PRIVATE, **change})
    assert (answer.status_code, answer.json()) == (200, {"repositoryEndpoint": url})
    assert plain.requests[-1].note.endswith("to arn:aws:iam::111122223333:user/octavia")


def test_the_address_is_one_that_serves(world: Sandbox) -> None:
    """What it names, the sandbox's proxy leads to."""
    names = browse(world)
    url = f"https://codeartifact.{REGION}.amazonaws.com/v1/repository/endpoint"
    query = query_of(PRIVATE)
    headers = Signer(user(world)).headers("GET", url, query, b"")
    found = names.get(f"{url}?{query}", headers=headers, timeout=TIMEOUT).json()
    index = found["repositoryEndpoint"] + "simple/"
    assert index == world.aws.index_url
    auth = ("aws", world.aws.token())
    assert names.get(index, auth=auth, timeout=TIMEOUT).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"repository": ""},
        {"repository": "-x"},
        {"format": "docker"},
        {"endpointType": "ipv6"},
        {"domain": "A"},
    ],
)
def test_what_is_asked_for_must_be_right(plain: Sandbox, change: dict[str, str]) -> None:
    """Names and kinds, in a request that is signed as it should be."""
    answer = ask(plain, Signer(user(plain)), {**PRIVATE, **change})
    assert exception(answer) == (400, "ValidationException")


@pytest.mark.parametrize("name", ["domain", "repository", "format"])
def test_three_must_be_said(plain: Sandbox, name: str) -> None:
    """The owner and the kind of endpoint need not."""
    parameters = {key: value for key, value in PRIVATE.items() if key != name}
    answer = ask(plain, Signer(user(plain)), parameters)
    assert exception(answer) == (400, "ValidationException")
    least = {key: value for key, value in PRIVATE.items() if key != "domain-owner"}
    assert ask(plain, Signer(session(plain)), least).status_code == 200


def test_only_who_signs_is_answered(plain: Sandbox) -> None:
    """As for tokens; and a domain that isn't there is none."""
    answer = ask(plain, Signer(user(plain)._replace(secret="x" * 40)), PRIVATE)
    assert exception(answer) == (403, "InvalidSignatureException")
    answer = ask(plain, Signer(user(plain)), {**PRIVATE, "domain": "tools"})
    assert exception(answer) == (404, "ResourceNotFoundException")
