"""Every pair of identities at once: which one speaks, and that nobody speaks in its place."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pytest

from gatepass import credential_for
from gatepass.errors import GatepassError
from gatepass.identity import choose, find, kubernetes
from gatepass.identity.gitlab import by_audience
from gatepass.sandbox import Sandbox
from gatepass.settings import Registry, load


class Source(NamedTuple):
    """One identity: what GATEPASS_IDENTITY calls it, what makes it a candidate (its origin), and
    the code of its failure when what it has is worthless."""

    name: str
    origin: str
    failure: str


# Package Manager's order, strongest first: what names this very registry, the replaced tool's
# file, our variables, the ready-made token; then what was found: the CI job, the pod.
ORDER = {
    "named": Source("file", "GATEPASS_ID_TOKEN_PACKAGEMANAGER", "not-a-jwt"),
    "drop-in": Source("file", "PACKAGEMANAGER_IDENTITY_TOKEN_FILE", "token-file-missing"),
    "variable": Source("file", "GATEPASS_ID_TOKEN", "not-a-jwt"),
    "file": Source("file", "GATEPASS_ID_TOKEN_FILE", "token-file-missing"),
    "ready": Source("token", "PACKAGEMANAGER_TOKEN", "unusable-secret"),
    "github": Source("github", "ACTIONS_ID_TOKEN_REQUEST_URL", "github-token-endpoint"),
    "gitlab": Source("gitlab", "", "not-a-jwt"),
    "kubernetes": Source("kubernetes", "GATEPASS_KUBERNETES_TOKEN_FILE", "token-file-missing"),
}
PLATFORMS = ("github", "gitlab")
RANK = list(ORDER)


def together(count: int) -> list[tuple[str, ...]]:
    """Every set of so many identities, but for those with both CI platforms and nothing before."""
    return [
        names
        for names in combinations(RANK, count)
        if not (set(PLATFORMS) <= set(names) and names[0] in PLATFORMS)
    ]


class World:
    """A sandbox in which each identity can be there, with something good in it or not."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.conventional = by_audience(sandbox.packagemanager.audience)
        self.file = sandbox.folder / "our-file"
        self.file.write_text(sandbox.issuer.mint(sandbox.address))
        self.absent = str(sandbox.folder / "absent")

    def variables(self, name: str, *, good: bool = True) -> dict[str, str]:
        """The variables that make this identity a candidate."""
        sandbox = self.sandbox
        if name in ("github", "kubernetes"):
            found = sandbox.environment(name)
            if not good and name == "github":
                found["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "worthless"
            elif not good:
                found["GATEPASS_KUBERNETES_TOKEN_FILE"] = self.absent
            return found
        if name == "gitlab":
            found = sandbox.environment("gitlab")
            # Under GATEPASS_ID_TOKEN it would be a token that was passed, which is another row.
            token = found.pop("GATEPASS_ID_TOKEN")
            return {**found, self.conventional: token if good else "worthless"}
        value = {
            "named": sandbox.issuer.mint(sandbox.address) if good else "worthless",
            "drop-in": sandbox.environment("file")["PACKAGEMANAGER_IDENTITY_TOKEN_FILE"]
            if good
            else self.absent,
            "variable": sandbox.issuer.mint(sandbox.address) if good else "worthless",
            "file": str(self.file) if good else self.absent,
            "ready": sandbox.packagemanager.token() if good else "not usable",
        }[name]
        return {
            "PACKAGEMANAGER_ADDRESS": sandbox.address,
            "GATEPASS_STORE_DIR": str(sandbox.folder / "store"),
            ORDER[name].origin: value,
        }

    def env(self, *names: str, broken: str = "", **more: str) -> dict[str, str]:
        """All of these at once; ``broken``: the one whose secret is worthless."""
        found: dict[str, str] = {"GATEPASS_TRUSTED_ISSUERS": self.sandbox.issuer.url}
        for name in names:
            found.update(self.variables(name, good=name != broken))
        return {**found, "RUNNER_TEMP": "", **more}

    def origin(self, name: str) -> str:
        return ORDER[name].origin or self.conventional


@pytest.fixture
def world(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(kubernetes, "_FOLDER", str(sandbox.folder / "no-default"))
    return World(sandbox)


def at(env: dict[str, str]) -> Registry:
    (registry,) = load(env).registries
    return registry


def test_the_order_is_this_one(world: World) -> None:
    """With all of them there, the candidates stand in this order; a passed token is one of them."""
    env = world.env(*RANK)
    found = find(env, at(env)).candidates
    assert [one.name for one in found] == list(dict.fromkeys(row.name for row in ORDER.values()))
    assert found[0].origin == world.origin(RANK[0])


def test_finding_them_asks_nobody(world: World) -> None:
    """Who is there is known from the environment and files alone: no request is made for it."""
    env = world.env(*RANK)
    assert len(find(env, at(env)).candidates) == 5
    for name in {row.name for row in ORDER.values()}:
        assert choose(env, at({**env, "GATEPASS_IDENTITY": name})).name == name
    assert world.sandbox.requests == []


@pytest.mark.parametrize("name", RANK)
def test_each_of_them_alone_speaks(world: World, name: str) -> None:
    """What each row says is true of the identity by itself, good and worthless."""
    env = world.env(name)
    who = choose(env, at(env))
    assert (who.name, who.origin) == (ORDER[name].name, world.origin(name))
    assert credential_for(world.sandbox.index_url, env=env)
    env = world.env(name, broken=name)
    with pytest.raises(GatepassError) as caught:
        credential_for(world.sandbox.index_url, env=env)
    assert caught.value.code == ORDER[name].failure


@pytest.mark.parametrize("names", together(2), ids="-".join)
def test_of_two_the_first_speaks(world: World, names: tuple[str, str]) -> None:
    """Its token is the one that is presented, in whatever order the variables were set."""
    first, second = names
    for env in (world.env(first, second), dict(reversed(world.env(first, second).items()))):
        who = choose(env, at(env))
        assert (who.name, who.origin) == (ORDER[first].name, world.origin(first))


@pytest.mark.parametrize("names", together(2), ids="-".join)
def test_a_winner_that_fails_is_an_error(world: World, names: tuple[str, str]) -> None:
    """The other one, which would have worked, is not tried: nothing of it is ever sent."""
    first, second = names
    env = world.env(first, second, broken=first)
    with pytest.raises(GatepassError) as caught:
        credential_for(world.sandbox.index_url, env=env)
    assert caught.value.code == ORDER[first].failure
    seen = [request.party for request in world.sandbox.requests]
    assert set(seen) <= ({"github"} if first == "github" else set())
    assert credential_for(world.sandbox.index_url, env=world.env(second))


TRIPLES = [
    ("named", "drop-in", "github"),
    ("drop-in", "ready", "gitlab"),
    ("variable", "github", "kubernetes"),
    ("file", "ready", "kubernetes"),
    ("ready", "github", "gitlab"),
    ("variable", "github", "gitlab"),
    ("github", "kubernetes"),
    tuple(RANK),
]


@pytest.mark.parametrize("names", TRIPLES, ids="-".join)
def test_of_many_the_first_speaks_and_then_the_next(world: World, names: tuple[str, ...]) -> None:
    """Take the winner's variables away, and the next of the order wins; two platforms ask."""
    for index, name in enumerate(names):
        left = names[index:]
        env = world.env(*left)
        if name == "github" and "gitlab" in left:
            with pytest.raises(GatepassError, match="two-platforms"):
                choose(env, at(env))
            continue
        assert choose(env, at(env)).origin == world.origin(name)


@pytest.mark.parametrize("names", together(2), ids="-".join)
def test_a_choice_takes_either(world: World, names: tuple[str, str]) -> None:
    """GATEPASS_IDENTITY picks the second as well as the first, and the one it picks fails alone."""
    for name in names:
        env = world.env(*names, GATEPASS_IDENTITY=ORDER[name].name)
        assert choose(env, at(env)).name == ORDER[name].name
        # Two that are called the same are told apart by their order alone.
        if ORDER[names[0]].name != ORDER[names[1]].name and name != "gitlab":
            env = world.env(*names, broken=name, GATEPASS_IDENTITY=ORDER[name].name)
            with pytest.raises(GatepassError) as caught:
                credential_for(world.sandbox.index_url, env={**env, "GATEPASS_STORE": "off"})
            assert caught.value.code == ORDER[name].failure


class TestTwoPlatforms:
    """A job that has the variables of GitHub and of GitLab."""

    def test_they_ask_for_a_choice(self, world: World) -> None:
        """Nobody is asked for anything before that."""
        env = world.env("github", "gitlab", "kubernetes")
        with pytest.raises(GatepassError) as caught:
            credential_for(world.sandbox.index_url, env=env)
        assert caught.value.code == "two-platforms"
        assert "github and gitlab" in caught.value.what
        assert "GATEPASS_IDENTITY" in caught.value.do
        assert world.sandbox.requests == []

    @pytest.mark.parametrize("name", PLATFORMS)
    def test_a_choice_by_variable_or_by_the_registry_decides(
        self, world: World, name: str, tmp_path: Path
    ) -> None:
        """... and the registry's own choice outranks the variable's."""
        env = world.env(*PLATFORMS)
        assert choose(env, at({**env, "GATEPASS_IDENTITY": name})).name == name
        config = tmp_path / "config.toml"
        config.write_text(
            f'version = 1\n[registries.packagemanager]\nurl = "{world.sandbox.address}"\n'
            f'identity = "{name}"\n'
        )
        env["GATEPASS_CONFIG"] = str(config)
        env["GATEPASS_IDENTITY"] = PLATFORMS[name == "github"]
        assert choose(env, at(env)).name == name
        assert credential_for(world.sandbox.index_url, env=env)
        assert world.sandbox.count("github") == (name == "github")

    @pytest.mark.parametrize("name", ["named", "drop-in", "variable", "file", "ready"])
    def test_what_was_said_needs_no_choice(self, world: World, name: str) -> None:
        """A token that was passed settles it."""
        env = world.env(name, *PLATFORMS)
        assert choose(env, at(env)).origin == world.origin(name)

    @pytest.mark.parametrize("able", PLATFORMS)
    def test_one_that_can_not_act_is_no_second_one(self, world: World, able: str) -> None:
        """Only those that can act count."""
        env = world.env(able)
        env.update({"GITHUB_ACTIONS": "true", "GITLAB_CI": "true"})
        assert choose(env, at(env)).name == able


# What is there and can't act: its variables, and the code of its message.
UNABLE = {
    "file": ({"GATEPASS_ID_TOKEN": ""}, "token-variable-empty"),
    "github": ({"GITHUB_ACTIONS": "true"}, "github-permission"),
    "gitlab": ({"GITLAB_CI": "true"}, "gitlab-no-token"),
    "kubernetes": ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes-no-token"),
}


@pytest.mark.parametrize("unable", UNABLE)
@pytest.mark.parametrize("able", RANK)
def test_what_can_not_act_is_in_nobodys_way(world: World, unable: str, able: str) -> None:
    """Before or after it, whoever can act does, and the message isn't shown."""
    variables, code = UNABLE[unable]
    env = {**variables, **world.env(able)}
    assert choose(env, at(env)).name == ORDER[able].name
    finds_its_own = unable == "gitlab" and able in ("named", "variable")
    if unable not in (able, ORDER[able].name) and not finds_its_own:
        assert code in [one.error.code for one in find(env, at(env)).unable]


@pytest.mark.parametrize("names", list(combinations(UNABLE, 2)) + [(n,) for n in UNABLE])
def test_its_message_is_shown_where_nobody_can_act(world: World, names: tuple[str, ...]) -> None:
    """Of several the first of the order speaks."""
    env = {"PACKAGEMANAGER_ADDRESS": world.sandbox.address}
    for name in reversed(names):
        env.update(UNABLE[name][0])
    with pytest.raises(GatepassError) as caught:
        credential_for(world.sandbox.index_url, env=env)
    assert caught.value.code == UNABLE[names[0]][1]
    assert world.sandbox.requests == []
