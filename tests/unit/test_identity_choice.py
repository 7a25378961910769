"""Which identity speaks: the first candidate, the chosen one, and never a second try."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatepass import identity
from gatepass.errors import ConfigError, GatepassError, IdentityError
from gatepass.identity import choose, find, github, token
from gatepass.identity.base import Unable
from gatepass.identity.token import ReadyToken
from gatepass.resolve import credential_for
from gatepass.sandbox import Sandbox
from gatepass.secret import Secret
from gatepass.settings import IDENTITIES, Registry, load

DROP_IN = "PACKAGEMANAGER_IDENTITY_TOKEN_FILE"
ADDRESS = {"PACKAGEMANAGER_ADDRESS": "https://ppm.example.com"}
JOB = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://run.example/x?api-version=2.0",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "r",
}
NO_PERMISSION = {"GITHUB_ACTIONS": "true"}
ALL = {DROP_IN: "/some/token", "GATEPASS_ID_TOKEN": "t", "PACKAGEMANAGER_TOKEN": "p", **JOB}


def registry(env: dict[str, str] | None = None, **more: str) -> Registry:
    (found,) = load({**(ADDRESS if env is None else env), **more}).registries
    return found


def error_of(env: dict[str, str], at: Registry) -> GatepassError:
    with pytest.raises(GatepassError) as caught:
        choose(env, at)
    return caught.value


def test_what_was_said_outranks_what_was_found() -> None:
    """Token file and variables, then the API token, then the CI job."""
    env = dict(ALL)
    for name, gone in [("file", DROP_IN), ("file", "GATEPASS_ID_TOKEN"),
                       ("token", "PACKAGEMANAGER_TOKEN"), ("github", "")]:  # fmt: skip
        assert choose(env, registry()).name == name
        assert find(env, registry()).candidates[0].name == name
        env.pop(gone, None)


@pytest.mark.parametrize("name", ["file", "token", "github"])
def test_a_choice_outranks_the_order(name: str) -> None:
    """GATEPASS_IDENTITY picks any candidate that is there, whatever stands before it."""
    assert choose(ALL, registry(GATEPASS_IDENTITY=name)).name == name


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("file", "GATEPASS_ID_TOKEN_FILE"),
        ("token", "PACKAGEMANAGER_TOKEN"),
        ("github", "GITHUB_ACTIONS"),
    ],
)
def test_a_choice_that_is_absent_is_an_error(name: str, missing: str) -> None:
    """A chosen identity that isn't here is an error that says what is missing."""
    others = {
        "file": {**JOB, "PACKAGEMANAGER_TOKEN": "p"},
        "token": {DROP_IN: "/t", **JOB},
        "github": {DROP_IN: "/t"},
    }
    error = error_of(others[name], registry(GATEPASS_IDENTITY=name))
    assert error.code == "identity-absent"
    assert missing in error.why


@pytest.mark.parametrize("name", sorted(set(IDENTITIES) - set(identity._ORDER["packagemanager"])))
def test_a_choice_that_another_kind_takes_is_refused(name: str) -> None:
    """An identity that Package Manager can't be given is refused by name, with those it takes."""
    error = error_of(ALL, registry(GATEPASS_IDENTITY=name))
    assert error.code == "identity-of-others"
    assert repr(name) in error.what
    assert "file, token, github, gitlab, kubernetes, login" in error.why


def test_a_chosen_platform_that_can_not_act_says_why() -> None:
    """Chosen and without the permission: its own error, though a file would be there."""
    env = {**NO_PERMISSION, DROP_IN: "/t"}
    assert error_of(env, registry(GATEPASS_IDENTITY="github")).code == "github-permission"


def test_what_can_not_act_is_told_only_when_nothing_else_can() -> None:
    """A platform without the permission doesn't stand in the way of a candidate."""
    assert error_of(NO_PERMISSION, registry()).code == "github-permission"
    assert choose({**NO_PERMISSION, "GATEPASS_ID_TOKEN": "t"}, registry()).name == "file"
    assert choose({**NO_PERMISSION, "PACKAGEMANAGER_TOKEN": "t"}, registry()).name == "token"
    assert choose({DROP_IN: "", **JOB}, registry()).name == "github"


def test_of_two_that_can_not_act_the_first_speaks() -> None:
    """The error is that of the one that would have come first."""
    assert error_of({DROP_IN: "", **NO_PERMISSION}, registry()).code == "token-variable-empty"


@pytest.mark.parametrize(
    ("env", "word"),
    [
        ({"CI": "true"}, "id-token: write"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "serviceAccountToken"),
    ],
)
def test_nobody(env: dict[str, str], word: str) -> None:
    """Without any identity the error says what to set, differently in CI and in a pod."""
    error = error_of(env, registry())
    if "CI" not in env:
        assert error.code == "kubernetes-no-token"
        assert word in error.do
        return
    assert error.code == "no-identity"
    assert "https://ppm.example.com" in error.what
    assert word in error.do


@pytest.mark.parametrize(
    ("env", "winner"),
    [
        ({DROP_IN: "/t", "GATEPASS_ID_TOKEN": "$x", "PACKAGEMANAGER_TOKEN": "$x"}, "file"),
        ({DROP_IN: "/t", **JOB, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "$x"}, "file"),
        ({"PACKAGEMANAGER_TOKEN": "p", **JOB, "GITHUB_SERVER_URL": "nonsense"}, "token"),
    ],
)
def test_a_broken_later_variable_does_not_matter(env: dict[str, str], winner: str) -> None:
    """What an earlier candidate makes needless isn't even judged; whoami lists it as broken."""
    assert choose(env, registry()).name == winner
    assert find(env, registry()).candidates[0].name == winner


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({DROP_IN: "$x", "PACKAGEMANAGER_TOKEN": "p", **JOB}, "unexpanded-variable"),
        ({"GATEPASS_ID_TOKEN": "x" * 20_000, **JOB}, "token-too-large"),
        ({"PACKAGEMANAGER_TOKEN": "$x", **JOB}, "unexpanded-variable"),
    ],
)
def test_a_broken_earlier_variable_is_an_error(env: dict[str, str], code: str) -> None:
    """A variable that would have won and is broken is never passed over."""
    assert error_of(env, registry()).code == code
    found = find(env, registry())
    assert code in {one.error.code for one in found.unable}
    assert "github" in {one.name for one in found.candidates}


def test_a_choice_does_not_judge_the_others() -> None:
    """With an identity chosen, broken variables of the others don't matter."""
    env = {DROP_IN: "$x", **JOB}
    assert choose(env, registry(GATEPASS_IDENTITY="github")).name == "github"


class OtherPlatform:
    """A second CI platform, as a later version will have."""

    @staticmethod
    def detect(env: Any, registry: Any) -> Any:
        found = github.detect(JOB, registry) if env.get("OTHER") == "yes" else None
        if found is not None:
            found.name = "gitlab"  # type: ignore[misc]
        return found


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two CI platforms that this gatepass knows."""
    monkeypatch.setitem(identity._ORDER["packagemanager"], "gitlab", OtherPlatform)


@pytest.mark.usefixtures("two")
def test_two_platforms_at_once_ask_for_a_choice() -> None:
    """Two CI platforms that can both act are an error that asks for GATEPASS_IDENTITY."""
    env = {**JOB, "OTHER": "yes"}
    error = error_of(env, registry())
    assert error.code == "two-platforms"
    assert error.what == "this job could be two: github and gitlab"
    assert "GATEPASS_IDENTITY" in error.do
    assert choose(env, registry(GATEPASS_IDENTITY="gitlab")).name == "gitlab"
    assert choose({**env, "PACKAGEMANAGER_TOKEN": "p"}, registry()).name == "token"
    assert choose({"OTHER": "yes", **NO_PERMISSION}, registry()).name == "gitlab"


@pytest.mark.usefixtures("two")
def test_a_platform_that_can_not_act_is_no_second_one() -> None:
    """Only candidates count for the question which platform this is."""
    assert choose({"OTHER": "yes", **NO_PERMISSION}, registry()).name == "gitlab"
    assert choose({"OTHER": "no", **JOB}, registry()).name == "github"


def test_a_job_outranks_the_machine_it_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands after the CI platforms in the order, a pod say, is not a second platform."""

    class Pod:
        @staticmethod
        def detect(env: Any, registry: Any) -> Any:
            if env.get("GITHUB_ACTIONS") is None:
                raise ConfigError("bad-value", "it was judged, although a job comes first")
            found: Any = token.ReadyToken(Secret("pod"))
            found.name = "kubernetes"
            return found

    monkeypatch.setitem(identity._ORDER["packagemanager"], "kubernetes", Pod)
    assert choose(JOB, registry()).name == "github"
    assert choose(NO_PERMISSION, registry()).name == "kubernetes"


def test_a_candidate_that_fails_is_an_error(sandbox: Sandbox, tmp_path: Path) -> None:
    """The first candidate's failure ends it: no later one is tried, no request is made for it."""
    job = sandbox.environment("github")
    for name, code in [(DROP_IN, "token-file-missing"), ("GATEPASS_ID_TOKEN", "not-a-jwt")]:
        env = {**job, name: str(tmp_path / "none"), "PACKAGEMANAGER_TOKEN": "p"}
        with pytest.raises(GatepassError) as caught:
            credential_for(sandbox.address, env=env)
        assert caught.value.code == code
    assert sandbox.requests == []


def test_an_endpoint_that_fails_is_not_replaced_by_another_candidate(sandbox: Sandbox) -> None:
    """A chosen platform's endpoint says no: the token file that is also there isn't used."""
    env = {
        **sandbox.environment("file"),
        **sandbox.environment("github"),
        "GATEPASS_IDENTITY": "github",
    }
    sandbox.github.fail_next(403)
    with pytest.raises(IdentityError) as caught:
        credential_for(sandbox.address, env=env)
    assert caught.value.code == "github-token-endpoint"
    assert sandbox.count("exchange") == 0


def test_the_api_token_is_for_its_address_alone() -> None:
    """PACKAGEMANAGER_TOKEN speaks for PACKAGEMANAGER_ADDRESS, whatever the registry's name."""
    env = {"PACKAGEMANAGER_TOKEN": "p"}
    assert isinstance(token.detect(env, registry()), ReadyToken)
    other = registry({"GATEPASS_REGISTRIES": "packagemanager=https://other.example"})
    assert token.detect(env, other) is None
    assert error_of({**env, "CI": "1"}, other).code == "no-identity"
    named = load({**ADDRESS, "GATEPASS_REGISTRIES": "a=https://ppm.example.com b=https://b"})
    assert [bool(token.detect(env, r)) for r in named.registries] == [True, False]


def test_the_api_token_is_not_read_for_others() -> None:
    """For another registry not even its being broken matters."""
    other = registry({"GATEPASS_REGISTRIES": "a=https://other.example"})
    assert token.detect({"PACKAGEMANAGER_TOKEN": "$x"}, other) is None


def test_the_api_token_is_used_as_it_is_and_never_stored(sandbox: Sandbox, tmp_path: Path) -> None:
    """PACKAGEMANAGER_TOKEN is the credential: no request, no file, and it is never exchanged."""
    store = tmp_path / "store"
    env = {
        "PACKAGEMANAGER_ADDRESS": sandbox.address,
        "PACKAGEMANAGER_TOKEN": " ready-made ",
        "GATEPASS_STORE_DIR": str(store),
        "GATEPASS_REGISTRIES": f"other={sandbox.github.server_url}",
        "CI": "true",
    }
    found = credential_for(sandbox.index_url, env=env)
    assert found is not None
    assert (found.username, found.secret.reveal()) == ("__token__", "ready-made")
    assert sandbox.requests == []
    assert not store.exists()
    with pytest.raises(IdentityError, match="no-identity"):
        credential_for(sandbox.github.server_url, env=env)
    ready = token.detect(env, load(env).registries[1])
    assert ready is not None
    with pytest.raises(AssertionError):
        ready.subject_token("a", None, None)  # type: ignore[arg-type]
    assert ready.fingerprint() == "ready-made"


def test_find_lists_everything_in_order() -> None:
    """What is here comes in the order in which it would be asked, the reasons beside it."""
    found = find({"GATEPASS_ID_TOKEN": "t", "PACKAGEMANAGER_TOKEN": "p", **JOB}, registry())
    assert [one.name for one in found.candidates] == ["file", "token", "github", "login"]
    assert found.unable == ()
    found = find({DROP_IN: "", **NO_PERMISSION, "CI": "true"}, registry())
    assert found.candidates == ()
    assert [(one.name, type(one)) for one in found.unable] == [("file", Unable), ("github", Unable)]


def test_an_error_of_the_environment_is_a_config_error() -> None:
    """A broken variable is a ConfigError also when it is met as an identity."""
    assert isinstance(error_of({DROP_IN: "$x"}, registry()), ConfigError)
