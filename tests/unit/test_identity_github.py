"""GitHub Actions and its kin: who may have signed, and what keeps a job from having a token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatepass.errors import IdentityError
from gatepass.identity import github
from gatepass.identity.base import Unable
from gatepass.identity.github import GitHubActions
from gatepass.settings import Registry, load

URL, TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
JOB = {URL: "https://run.actions.example/idtoken/1?api-version=2.0", TOKEN: "request-token"}


@pytest.fixture
def registry() -> Registry:
    return load({"PACKAGEMANAGER_ADDRESS": "https://ppm.example.com"}).registries[0]


def unable(env: dict[str, str], registry: Registry) -> IdentityError:
    found = github.detect(env, registry)
    assert isinstance(found, Unable)
    assert (found.name, found.label) == ("github", "GitHub Actions")
    assert isinstance(found.error, IdentityError)
    return found.error


def event(path: Path, content: object) -> dict[str, str]:
    """A pull request's environment without the permission, with this event file."""
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text)
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(path),
    }


def pull(head: object, base: str = "acme/widgets") -> dict[str, object]:
    repo = {"full_name": head} if isinstance(head, str) else head
    return {"pull_request": {"head": {"repo": repo}, "base": {"repo": {"full_name": base}}}}


@pytest.mark.parametrize(
    ("server", "issuers"),
    [
        (
            None,
            [
                "https://token.actions.githubusercontent.com",
                "https://token.actions.githubusercontent.com/*",
            ],
        ),
        (
            "https://github.com/",
            [
                "https://token.actions.githubusercontent.com",
                "https://token.actions.githubusercontent.com/*",
            ],
        ),
        (
            "https://octo.ghe.com",
            ["https://token.actions.octo.ghe.com", "https://token.actions.octo.ghe.com/*"],
        ),
        (
            "https://github.corp",
            ["https://github.corp/_services/token", "https://github.corp/api/actions"],
        ),
        (
            "https://git.corp:8443/forgejo/",
            [
                "https://git.corp:8443/forgejo/_services/token",
                "https://git.corp:8443/forgejo/api/actions",
            ],
        ),
        (
            "https://ghe.com.evil.test",
            ["https://ghe.com.evil.test/_services/token", "https://ghe.com.evil.test/api/actions"],
        ),
        (
            "https://evilghe.com",
            ["https://evilghe.com/_services/token", "https://evilghe.com/api/actions"],
        ),
    ],
)
def test_who_may_have_signed(server: str | None, issuers: list[str], registry: Registry) -> None:
    """The server says which issuers are allowed, and no other ever is."""
    env = JOB if server is None else {**JOB, "GITHUB_SERVER_URL": server}
    found = github.detect(env, registry)
    assert isinstance(found, GitHubActions)
    assert list(found.issuers) == issuers


def test_a_candidate_is_as_the_journey_needs_it(registry: Registry) -> None:
    """Both variables make a candidate that can mint anew and is told apart by its request token."""
    found = github.detect(JOB, registry)
    assert isinstance(found, GitHubActions)
    assert (found.name, found.origin, found.can_remint) == ("github", URL, True)
    assert not found.audience_is_unsaid
    assert found.fingerprint() == "request-token"
    assert "request-token" not in repr(vars(found))


def test_outside_of_actions_there_is_nothing(registry: Registry) -> None:
    """Without the variables, or with GITHUB_ACTIONS other than true, this is no GitHub job."""
    assert github.detect({}, registry) is None
    assert github.detect({"GITHUB_ACTIONS": "false"}, registry) is None
    assert github.detect({URL: " ", TOKEN: ""}, registry) is None


@pytest.mark.parametrize(
    "env",
    [
        {"GITHUB_ACTIONS": "true"},
        {URL: JOB[URL]},
        {TOKEN: JOB[TOKEN]},
        {"GITHUB_ACTIONS": "true", URL: JOB[URL], TOKEN: ""},
    ],
)
def test_a_job_without_the_permission(env: dict[str, str], registry: Registry) -> None:
    """One variable alone, or none in a job, is a missing permission, and the YAML mends it."""
    error = unable(env, registry)
    assert error.code == "github-permission"
    assert "permissions:\n  id-token: write" in error.do
    assert "enable-openid-connect" not in error.do


def test_forgejo_is_told_its_own_remedy(registry: Registry) -> None:
    """On another server than github.com Forgejo's key is named, too."""
    env = {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://codeberg.org"}
    assert "enable-openid-connect: true" in unable(env, registry).do


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (pull("mallory/widgets"), "github-fork"),
        (pull(None), "github-fork"),  # the fork was deleted
        (pull("acme/widgets"), "github-permission"),
        ({}, "github-permission"),
        ({"pull_request": None}, "github-permission"),
        ({"pull_request": {"head": {}}}, "github-permission"),
        (pull(["x"]), "github-permission"),
        ([1, 2], "github-permission"),
        ("", "github-permission"),
        ("{", "github-permission"),
        ("[" * 100_000, "github-permission"),
        (json.dumps(pull("mallory/x")) + " " * (4 * 1024 * 1024), "github-fork"),
        (" " * (4 * 1024 * 1024) + json.dumps(pull("mallory/x")), "github-permission"),
    ],
)
def test_a_pull_request_from_a_fork(
    tmp_path: Path, content: object, code: str, registry: Registry
) -> None:
    """Head and base in two repositories, or a head that is gone, is a fork; else it isn't known."""
    assert unable(event(tmp_path / "event.json", content), registry).code == code


def test_a_job_that_dependabot_started(tmp_path: Path, registry: Registry) -> None:
    """Its rights are the workflow's own words alone: what to add, and what to do where that stands
    there. A fork is one, whoever the actor is."""
    env = event(tmp_path / "event.json", pull("acme/widgets")) | {"GITHUB_ACTOR": "dependabot[bot]"}
    error = unable(env, registry)
    assert (error.code, "Dependabot" in error.what) == ("github-permission", True)
    assert "permissions:\n  id-token: write" in error.do
    assert "if it says so already" in error.do
    assert error.do.endswith("\nif: github.actor != 'dependabot[bot]'")
    forked = event(tmp_path / "fork.json", pull("mallory/widgets")) | {
        "GITHUB_ACTOR": "dependabot[bot]"
    }
    assert unable(forked, registry).code == "github-fork"
    assert "Dependabot" not in unable({**env, "GITHUB_ACTOR": "octocat"}, registry).what


def test_only_pull_requests_come_from_forks(tmp_path: Path, registry: Registry) -> None:
    """In another event the file isn't looked at; a missing file is no fork either."""
    env = event(tmp_path / "event.json", pull("mallory/widgets"))
    other = {**env, "GITHUB_EVENT_NAME": "pull_request_target"}
    assert unable(other, registry).code == "github-permission"
    for path in ("", str(tmp_path / "none"), str(tmp_path)):
        lost = {**env, "GITHUB_EVENT_PATH": path}
        assert unable(lost, registry).code == "github-permission"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (URL, "http://run.actions.example/x?y"),
        (URL, "http://127.0.0.1.evil.test/x"),
        (URL, "ftp://h/x"),
        (URL, "https://user:hunter2@h/x"),
        (URL, "https://h\\@evil/x"),
        (URL, "run.actions.example"),
        (URL, "https://h#x"),
        ("GITHUB_SERVER_URL", "http://github.corp"),
        ("GITHUB_SERVER_URL", "https://github.com?x"),
        ("GITHUB_SERVER_URL", "github.com"),
        ("GITHUB_SERVER_URL", "https://github.com@evil.test"),
    ],
)
def test_a_token_goes_to_no_unsafe_address(name: str, value: str, registry: Registry) -> None:
    """Request URL and server must be https, or this machine, and readable in one way."""
    with pytest.raises(IdentityError) as caught:
        github.detect({**JOB, name: value}, registry)
    assert caught.value.code == "github-unsafe-url"
    assert caught.value.what.startswith(name)
    assert "request-token" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:1", "[::1]:1"])
def test_loopback_may_be_plain_http(host: str, registry: Registry) -> None:
    """A runner on this machine may speak http."""
    env = {**JOB, URL: f"http://{host}/x?api-version=2.0", "GITHUB_SERVER_URL": f"http://{host}"}
    assert isinstance(github.detect(env, registry), GitHubActions)


@pytest.mark.parametrize("name", [URL, TOKEN])
def test_unexpanded_request_variables(name: str, registry: Registry) -> None:
    """A request variable that starts with a dollar sign is refused by name, unseen."""
    with pytest.raises(Exception, match="unexpanded-variable") as caught:
        github.detect({**JOB, name: "$hunter2"}, registry)
    assert "hunter2" not in str(caught.value)
