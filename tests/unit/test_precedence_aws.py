"""CodeArtifact's order of identities: every pair at once, and that the first one speaks."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pytest

import forge
from gatepass.errors import GatepassError
from gatepass.identity import choose, find, kubernetes
from gatepass.realm import parse
from gatepass.settings import Registry, load

URL = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com/pypi/team/simple/"
NAMED = "GATEPASS_ID_TOKEN_ACME_111122223333"
ROLE = "arn:aws:iam::111122223333:role/ci"


class Source(NamedTuple):
    """One identity: its name, and the variables that make it a candidate ({} stands for the
    test's own folder); ``origin``: the one that it is known by."""

    name: str
    origin: str
    variables: dict[str, str]


# Strongest first: what was said, then the job, the pod, and what lies on the machine.
ORDER = {
    "trio": Source(
        "menda",
        "MENDA_CLIENT_ID",
        {"MENDA_HOST": "https://m.corp", "MENDA_CLIENT_ID": "c", "MENDA_CLIENT_SECRET": "s"},
    ),
    "keys": Source("aws", "AWS_ACCESS_KEY_ID", {"AWS_ACCESS_KEY_ID": "AKIA"}),
    "web identity": Source(
        "file", "AWS_WEB_IDENTITY_TOKEN_FILE", {"AWS_WEB_IDENTITY_TOKEN_FILE": "{}/token"}
    ),
    "named": Source("file", NAMED, {NAMED: "t"}),
    "variable": Source("file", "GATEPASS_ID_TOKEN", {"GATEPASS_ID_TOKEN": "t"}),
    "file": Source("file", "GATEPASS_ID_TOKEN_FILE", {"GATEPASS_ID_TOKEN_FILE": "{}/token"}),
    "github": Source(
        "github",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        {
            "ACTIONS_ID_TOKEN_REQUEST_URL": "https://run.example/x",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "r",
        },
    ),
    "projected": Source(
        "kubernetes",
        "GATEPASS_KUBERNETES_TOKEN_FILE",
        {"GATEPASS_KUBERNETES_TOKEN_FILE": "{}/token"},
    ),
    "injected": Source(
        "kubernetes",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/t"},
    ),
    "container": Source(
        "aws",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/x"},
    ),
    "login": Source(
        "login",
        "GATEPASS_LOGIN_ISSUER",
        {"GATEPASS_LOGIN_ISSUER": "https://l.corp", "GATEPASS_LOGIN_CLIENT_ID": "gatepass"},
    ),
}
RANK = list(ORDER)
TOGETHER = [pair for pair in combinations(RANK, 2) if pair != ("web identity", "injected")]
"""One variable can't be both."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kubernetes, "_FOLDER", str(tmp_path / "no-default"))
    (tmp_path / "token").write_text(forge.token("{}", sign=lambda data: b"x"))
    return tmp_path


def env_of(folder: Path, *names: str, **more: str) -> dict[str, str]:
    found = {"GATEPASS_ROLE_ARN": ROLE, "AWS_ROLE_ARN": ROLE, "HOME": str(folder)}
    for name in names:
        found.update(
            (variable, value.replace("{}", str(folder)))
            for variable, value in ORDER[name].variables.items()
        )
    return {**found, **more}


def at(env: dict[str, str]) -> Registry:
    address = parse(URL)
    found = load(env).registry_for(address) if address else None
    assert found is not None
    return found


@pytest.mark.parametrize("name", RANK)
def test_each_alone_speaks(folder: Path, name: str) -> None:
    """Every one of them is a candidate by its variables alone."""
    env = env_of(folder, name)
    who = choose(env, at(env))
    assert (who.name, who.origin) == ORDER[name][:2]


@pytest.mark.parametrize("pair", TOGETHER, ids="+".join)
def test_of_two_the_first_speaks(folder: Path, pair: tuple[str, str]) -> None:
    """Whatever else is there, the one that stands first in the order."""
    env = env_of(folder, *pair)
    who = choose(env, at(env))
    assert (who.name, who.origin) == ORDER[pair[0]][:2]


def test_find_shows_them_in_this_order(folder: Path) -> None:
    """With all that can be there at once, the candidates stand as they would be asked."""
    env = env_of(folder, *(name for name in RANK if name != "injected"))
    names = [one.name for one in find(env, at(env)).candidates]
    assert names == ["menda", "aws", "file", "file", "github", "kubernetes", "aws", "login"]


@pytest.mark.parametrize("name", ["menda", "aws", "file", "github", "kubernetes", "login"])
def test_a_choice_outranks_the_order(folder: Path, name: str) -> None:
    """GATEPASS_IDENTITY picks the first of that name."""
    env = env_of(folder, *RANK, GATEPASS_IDENTITY=name)
    assert choose(env, at(env)).name == name


@pytest.mark.parametrize("missing", ["MENDA_HOST", "MENDA_CLIENT_ID", "MENDA_CLIENT_SECRET"])
def test_a_part_of_the_trio_is_an_error(folder: Path, missing: str) -> None:
    """It would have won, so nothing else speaks in its place."""
    env = env_of(folder, "trio", "keys")
    del env[missing]
    with pytest.raises(GatepassError) as caught:
        choose(env, at(env))
    assert missing in str(caught.value)


def test_package_managers_variables_mean_nothing_here(folder: Path) -> None:
    """Its API token and its address are for its own registry."""
    env = env_of(folder, "container", PACKAGEMANAGER_TOKEN="p", PACKAGEMANAGER_ADDRESS="https://p")
    assert [one.name for one in find(env, at(env)).candidates] == ["aws"]
