"""The section of Package Manager's configuration that the pages show, against the tokens that jobs
have. No server reads it here: its keys are those that facts about the server name."""

from __future__ import annotations

import base64
import configparser
import json
import re
from typing import Any

import pytest

from delivery.pages import anchors, text
from gatepass.identity.github import GitHubActions
from gatepass.sandbox import Sandbox
from gatepass.secret import Secret
from support import ROOT

KNOWN = {"Issuer", "Audience", "Subject", "UniqueIdClaim", "UsernameClaim", "Scope"}
BLOCK = re.compile(r"^```text\n(\[IdentityFederation .*?)^```$", re.MULTILINE | re.DOTALL)


def section(page: str) -> dict[str, str]:
    """The one section of a page, without quotes."""
    (block,) = BLOCK.findall(text(page))
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(block)
    (name,) = parser.sections()
    return {key: value.strip('"') for key, value in parser[name].items()}


def claims(token: str) -> Any:
    """A token's payload."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@pytest.mark.parametrize("page", ["docs/github.md", "docs/gitlab.md", "docs/kubernetes.md"])
def test_each_pages_section_is_whole(page: str) -> None:
    """With a subject, without which anybody on the platform would be let in; for the registry of
    the examples; and README leads there."""
    found = section(page)
    assert set(found) == KNOWN
    assert found["Audience"] == "https://ppm.example.com"
    assert found["UniqueIdClaim"] == found["UsernameClaim"] == "sub"
    links = re.findall(r"\]\((docs/[a-z]+\.md)(?:#([\w-]+))?\)", text("README.md"))
    wanted = "" if "kubernetes" in page else "package-managers-side"
    assert (page, wanted) in links
    assert not wanted or wanted in anchors(ROOT / page)


def test_the_sections_fit_the_tokens() -> None:
    """Issuer and subject are written as the platforms write them."""
    with Sandbox() as sandbox:
        of_github = claims(sandbox.github.issuer.mint("x"))
        of_gitlab = claims(sandbox.gitlab.issuer.mint("x"))
    assert section("docs/github.md")["Subject"] == of_github["sub"]
    assert section("docs/gitlab.md")["Subject"] == of_gitlab["sub"]
    public = GitHubActions("", Secret(""), "https://github.com").issuers
    assert section("docs/github.md")["Issuer"] == public[0]


def test_the_issuers_of_other_servers_are_those_that_are_trusted() -> None:
    """GitHub Enterprise Server, ghe.com and Forgejo, as the page writes them."""
    page = text("docs/github.md")
    on_host = GitHubActions("", Secret(""), "https://HOST").issuers
    assert all(f"`{issuer}`" in page for issuer in on_host)
    own = GitHubActions("", Secret(""), "https://NAME.ghe.com").issuers[0]
    assert f"`{own.replace('name', 'NAME')}`" in page
