"""GitHub Actions, GitHub Enterprise Server, ghe.com, and Forgejo, which speaks the same protocol.

The job asks an endpoint of its runner's for a token and names the audience.
Source: docs.github.com, "OpenID Connect reference"; forgejo.org, "OpenID Connect in Actions".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gatepass import files
from gatepass.errors import IdentityError, plain_address
from gatepass.identity.base import Unable
from gatepass.realm import is_loopback, realm_of
from gatepass.secret import Secret
from gatepass.settings.environment import Environment, read

if TYPE_CHECKING:
    from gatepass.settings import Registry
    from gatepass.transport import Deadline, Transport

_PUBLIC = "https://github.com"
_URL, _TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_LARGEST_EVENT = 4 * 1024 * 1024
"""Bytes of the event file that are read to see whether a fork asks; GitHub caps it far below."""

_PERMISSION = """\
add this to the workflow or to its job, then run it again:
permissions:
  id-token: write
  contents: read"""
_DEPENDABOT = """
or, if it says so already, leave out what needs the registry:
if: github.actor != 'dependabot[bot]'"""
_FORGEJO = """
on Forgejo, instead:
enable-openid-connect: true"""


class GitHubActions:
    """The two request variables, checked, and the server whose issuers are allowed."""

    name = "github"
    label = "GitHub Actions"
    origin = _URL
    can_remint = True
    audience_is_unsaid = False
    presents_token = True
    role_arn = ""

    def __init__(self, request_url: str, request_token: Secret, server: str) -> None:
        self.request_url, self.request_token, self.server = request_url, request_token, server

    @property
    def issuers(self) -> tuple[str, ...]:
        """Who signs for this server; ``/*`` is the slug of an enterprise."""
        if self.server == _PUBLIC:
            base = "https://token.actions.githubusercontent.com"
            return (base, base + "/*")
        host = realm_of(self.server).host
        if host.endswith(".ghe.com"):
            base = f"https://token.actions.{host}"
            return (base, base + "/*")
        return (self.server + "/_services/token", self.server + "/api/actions")

    def fingerprint(self) -> str:
        """The request token: it belongs to one job, and no later job has it."""
        return self.request_token.reveal()

    def subject_token(self, audience: str, transport: Transport, deadline: Deadline) -> Secret:
        """Ask the runner's endpoint: GET with a bearer token, answer ``{"value": "<jwt>"}``."""
        response = transport.send(
            "GET",
            _with_audience(self.request_url, audience),
            headers=lambda: {
                "Authorization": f"bearer {self.request_token.reveal()}",
                "Accept": "application/json",
            },
            deadline=deadline,
        )
        value = response.json_object().get("value") if response.status == 200 else None
        if not isinstance(value, str) or not value:
            raise self._refused(response.status, response.reason())
        return Secret(value)

    def _refused(self, status: int, reason: str) -> IdentityError:
        if status in (401, 403):
            do = (
                "run the job again: the right to ask ends with the job, or a few hours into it;\n"
                "if it says so at once, check that the job has `id-token: write`"
            )
        else:
            do = "run the job again; if it lasts, look at the status page of " + self.server
        return IdentityError(
            "github-token-endpoint",
            f"{self.server} gave this job no identity token (HTTP {status})",
            why=reason or "the answer has no token in it",
            do=do,
        )


def detect(env: Environment, registry: Registry) -> GitHubActions | Unable | None:
    """A candidate where both request variables are set; they say nothing about the registry.

    Forgejo sets the same two, so GITHUB_ACTIONS alone only tells why there is none.
    """
    url, token = read(env, _URL), read(env, _TOKEN)
    if url and token:
        server = (read(env, "GITHUB_SERVER_URL") or _PUBLIC).rstrip("/")
        _must_be_safe(_URL, url.partition("?")[0])
        _must_be_safe("GITHUB_SERVER_URL", server)
        return GitHubActions(url, Secret(token), str(realm_of(server)))
    if not (url or token) and env.get("GITHUB_ACTIONS") != "true":
        return None
    return Unable("github", "GitHub Actions", _why_not(env))


def _why_not(env: Environment) -> IdentityError:
    if env.get("GITHUB_EVENT_NAME") == "pull_request" and _is_from_fork(env):
        return IdentityError(
            "github-fork",
            "this job runs for a pull request from a fork, and has no identity",
            why="GitHub gives such jobs no identity token, whatever their permissions say",
            do="leave out what needs the registry when a fork asks:\n"
            "if: github.event.pull_request.head.repo.full_name == github.repository",
        )
    if env.get("GITHUB_ACTOR") == "dependabot[bot]":
        # docs.github.com, "Dependabot on GitHub Actions"; the changelog of 2021-10-06.
        return IdentityError(
            "github-permission",
            "this job, which Dependabot has started, may not ask GitHub for an identity token",
            why="GitHub runs it like a fork's, with no right to write but what `permissions` in "
            "the workflow itself give it",
            do=_PERMISSION + _DEPENDABOT,
        )
    elsewhere = env.get("GITHUB_SERVER_URL", _PUBLIC).rstrip("/") != _PUBLIC
    return IdentityError(
        "github-permission",
        "this job may not ask GitHub for an identity token",
        why=f"{_URL} and {_TOKEN} are set only for jobs with the permission id-token: write",
        do=_PERMISSION + (_FORGEJO if elsewhere else ""),
    )


def _is_from_fork(env: Environment) -> bool:
    """Whether the event's head and base are two repositories; False where it can't be told."""
    try:
        event = files.read(env.get("GITHUB_EVENT_PATH", ""), _LARGEST_EVENT)
        pull = json.loads(event)["pull_request"]
        head = pull["head"]["repo"]  # null where the fork is gone
        return head is None or bool(head["full_name"] != pull["base"]["repo"]["full_name"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _must_be_safe(variable: str, url: str) -> None:
    """The request token must not travel in the clear: https, or this machine."""
    try:
        realm = realm_of(url)
        if realm.scheme != "https" and not is_loopback(realm.host):
            raise ValueError("it is not https")
    except ValueError as error:
        raise IdentityError(
            "github-unsafe-url",
            f"{variable} is not an address that a token may be sent to: {plain_address(url)}",
            why=str(error),
            do="the runner sets it: look for the step that overwrites it",
        ) from None


def _with_audience(url: str, audience: str) -> str:
    """The request URL with its own query kept and exactly one ``audience``, percent-encoded."""
    from urllib.parse import parse_qsl, urlencode, urlsplit

    parts = urlsplit(url)
    query = [
        pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "audience"
    ]
    return parts._replace(query=urlencode([*query, ("audience", audience)])).geturl()
