"""GitLab CI: the job's token for this registry's audience, by the GitLab whose job it is."""

from __future__ import annotations

import pytest

import forge
from gatepass import credential_for
from gatepass.errors import GatepassError
from gatepass.identity import choose, gitlab
from gatepass.identity.base import Unable
from gatepass.identity.gitlab import GitLabCI, by_audience
from gatepass.sandbox import Sandbox
from gatepass.settings import Registry, load
from gatepass.transport import Deadline, Transport

PPM, TEAM = "https://ppm.example.com", "https://team.example.com/pkg"
JOB = {"GITLAB_CI": "true", "CI_SERVER_URL": "https://gitlab.corp.example"}
BOTH = {"PACKAGEMANAGER_ADDRESS": PPM, "GATEPASS_REGISTRIES": f"team={TEAM}"}


def registry(name: str = "packagemanager", **env: str) -> Registry:
    found = load({**BOTH, **env}).named(name)
    assert found is not None
    return found


def for_audience(audience: object) -> str:
    """A token that says whom it is for; its signature is nobody's."""
    return forge.token(forge.claims(aud=audience), sign=lambda data: b"x")


def detected(at: Registry | None = None, **env: str) -> GitLabCI:
    found = gitlab.detect({**JOB, **env}, at or registry())
    assert isinstance(found, GitLabCI)
    return found


def token_of(found: GitLabCI) -> str:
    return found.subject_token("any", Transport(), Deadline(0)).reveal()


@pytest.mark.parametrize("said", [None, "", "false", "True", "TRUE", "1", "yes", " true"])
def test_only_the_word_true_makes_a_gitlab_job(said: str | None) -> None:
    """GITLAB_CI is `true` in a job; anything else is somebody's own variable."""
    env = {"GATEPASS_ID_TOKEN": for_audience(PPM), "CI_SERVER_URL": "https://gitlab.corp.example"}
    if said is not None:
        env["GITLAB_CI"] = said
    assert gitlab.detect(env, registry()) is None
    assert gitlab.issuer(env) is None


@pytest.mark.parametrize(
    ("server", "issuer"),
    [
        (None, "https://gitlab.com"),
        ("", "https://gitlab.com"),
        ("https://gitlab.com", "https://gitlab.com"),
        ("https://gitlab.corp.example", "https://gitlab.corp.example"),
        ("https://gitlab.corp.example/", "https://gitlab.corp.example"),
        ("https://corp.example:8443/gitlab//", "https://corp.example:8443/gitlab"),
        (" https://GitLab.corp.example ", "https://GitLab.corp.example"),
    ],
)
def test_the_issuer_is_the_server_without_a_slash_at_its_end(
    server: str | None, issuer: str
) -> None:
    """CI_SERVER_URL says who issues, gitlab.com where it says nothing; case and path stay."""
    env = {"GITLAB_CI": "true", "GATEPASS_ID_TOKEN": for_audience(PPM)}
    if server is not None:
        env["CI_SERVER_URL"] = server
    found = gitlab.detect(env, registry())
    assert isinstance(found, GitLabCI)
    assert found.issuers == (issuer,)


def test_a_server_that_nothing_replaced_is_an_error() -> None:
    """An unexpanded CI_SERVER_URL is no issuer."""
    with pytest.raises(GatepassError, match="unexpanded-variable"):
        detected(GATEPASS_ID_TOKEN="t", CI_SERVER_URL="$SERVER")


@pytest.mark.parametrize(
    "name", ["GATEPASS_ID_TOKEN_PACKAGEMANAGER", "GATEPASS_ID_TOKEN", by_audience(PPM)]
)
def test_a_token_is_found_under_each_of_its_names(name: str) -> None:
    """By the registry's name, by ours, by the convention; it is presented as it stands there."""
    token = for_audience(PPM)
    found = detected(**{name: token})
    assert (found.name, found.label, found.origin) == ("gitlab", "GitLab CI", name)
    assert token_of(found) == found.fingerprint() == token
    assert (found.can_remint, found.audience_is_unsaid) == (False, False)


@pytest.mark.parametrize(
    ("audience", "name"),
    [
        ("https://ppm.example.com", "HTTPS___PPM_EXAMPLE_COM_ID_TOKEN"),
        ("http://test.audience", "HTTP___TEST_AUDIENCE_ID_TOKEN"),
        ("sigstore", "SIGSTORE_ID_TOKEN"),
        ("my-Registry_1", "MY_REGISTRY_1_ID_TOKEN"),
        ("1st", "_ST_ID_TOKEN"),
        ("_x", "_X_ID_TOKEN"),
    ],
)
def test_the_conventional_name_of_an_audiences_token(audience: str, name: str) -> None:
    """Upper case; what a variable's name can't have, a digit in front included, is `_`."""
    assert by_audience(audience) == name


def test_the_token_for_the_audience_is_taken_wherever_it_stands() -> None:
    """Of several tokens the one whose only audience is the registry's, before the first name."""
    right, wrong = for_audience(PPM), for_audience(TEAM)
    names = ("GATEPASS_ID_TOKEN_PACKAGEMANAGER", "GATEPASS_ID_TOKEN", by_audience(PPM))
    for fitting in names:
        found = detected(**{name: right if name == fitting else wrong for name in names})
        assert (found.origin, token_of(found)) == (fitting, right)
    as_list = for_audience([PPM])
    assert token_of(detected(GATEPASS_ID_TOKEN=wrong, **{by_audience(PPM): as_list})) == as_list


@pytest.mark.parametrize("aud", [TEAM, [PPM, TEAM], [], None, PPM + "/"])
def test_where_none_fits_the_first_is_taken_and_refused_later(aud: object) -> None:
    """A token for another audience is no reason to go on: verifying says what is wrong."""
    env = {name: for_audience(aud) for name in ("GATEPASS_ID_TOKEN", by_audience(PPM))}
    assert detected(**env).origin == "GATEPASS_ID_TOKEN"


def test_an_audience_of_its_own_names_the_variable() -> None:
    """GATEPASS_AUDIENCE, not the address, is what the convention is built from."""
    at = registry(GATEPASS_AUDIENCE="packages")
    assert detected(at, PACKAGES_ID_TOKEN="t").origin == "PACKAGES_ID_TOKEN"
    found = gitlab.detect({**JOB, by_audience(PPM): "t"}, at)
    assert isinstance(found, Unable)


@pytest.mark.parametrize(
    "names",
    [
        ("GATEPASS_ID_TOKEN_PACKAGEMANAGER", "GATEPASS_ID_TOKEN_TEAM"),
        ("GATEPASS_ID_TOKEN", "GATEPASS_ID_TOKEN_TEAM"),
        ("GATEPASS_ID_TOKEN", by_audience(TEAM)),
        (by_audience(PPM), by_audience(TEAM)),
        (by_audience(PPM), "GATEPASS_ID_TOKEN"),
    ],
)
def test_one_job_reaches_two_registries(names: tuple[str, str]) -> None:
    """Each registry is given its own token, whichever names the job's YAML used for the two."""
    tokens = {PPM: for_audience(PPM), TEAM: for_audience(TEAM)}
    env = {**BOTH, **JOB, **dict(zip(names, tokens.values(), strict=True))}
    for name, address in (("packagemanager", PPM), ("team", TEAM)):
        who = choose(env, registry(name))
        assert who.subject_token(address, Transport(), Deadline(0)).reveal() == tokens[address]
        assert who.issuers == ("https://gitlab.corp.example",)


def test_a_job_without_a_token_is_told_what_to_add() -> None:
    """The message has the block to paste, with the audience in it."""
    found = gitlab.detect(JOB, registry())
    assert isinstance(found, Unable)
    assert (found.name, found.label) == ("gitlab", "GitLab CI")
    assert found.error.code == "gitlab-no-token"
    assert PPM in found.error.what
    assert found.error.do.endswith(f"\nid_tokens:\n  GATEPASS_ID_TOKEN:\n    aud: {PPM}")
    team = gitlab.detect(JOB, registry("team"))
    assert isinstance(team, Unable)
    assert f"    aud: {TEAM}" in team.error.do


@pytest.mark.parametrize("name", ["GATEPASS_ID_TOKEN_TEAM", by_audience(TEAM), "CI_JOB_TOKEN"])
def test_another_registrys_token_is_not_looked_at(name: str) -> None:
    """What is named for another registry or audience, or for GitLab itself, is not ours."""
    assert isinstance(gitlab.detect({**JOB, name: for_audience(PPM)}, registry()), Unable)


def test_a_token_over_the_limit_is_refused_by_its_name() -> None:
    """The variable is named and its value isn't shown."""
    with pytest.raises(GatepassError) as caught:
        detected(**{by_audience(PPM): "hunter2" * 4000})
    assert caught.value.code == "token-too-large"
    assert by_audience(PPM) in caught.value.what
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "way", ["GATEPASS_ID_TOKEN", "GATEPASS_ID_TOKEN_FILE", "named", "audience"]
)
def test_a_token_of_another_issuer_is_refused_in_a_gitlab_job(sandbox: Sandbox, way: str) -> None:
    """However it came, a good token that isn't by this GitLab goes nowhere; outside it may."""
    token = sandbox.issuer.mint(sandbox.address)
    name = {"named": "GATEPASS_ID_TOKEN_PACKAGEMANAGER", "audience": by_audience(sandbox.address)}
    env = sandbox.environment("gitlab")
    env.pop("GATEPASS_ID_TOKEN")
    if way == "GATEPASS_ID_TOKEN_FILE":
        path = sandbox.folder / "handed-over"
        path.write_text(token)
        env[way] = str(path)
    else:
        env[name.get(way, way)] = token
    with pytest.raises(GatepassError) as caught:
        credential_for(sandbox.index_url, env=env)
    assert caught.value.code == "issuer-not-allowed"
    assert caught.value.why == f"allowed are {sandbox.gitlab.url}"
    assert sandbox.requests == []
    if way != "audience":
        env = {**env, "GITLAB_CI": "", "GATEPASS_TRUSTED_ISSUERS": sandbox.issuer.url}
        assert credential_for(sandbox.index_url, env=env)


def test_an_issuer_that_the_user_trusts_is_taken_in_a_gitlab_job_too(sandbox: Sandbox) -> None:
    """GATEPASS_TRUSTED_ISSUERS adds to the job's own GitLab."""
    env = sandbox.environment("gitlab")
    env["GATEPASS_TRUSTED_ISSUERS"] = sandbox.issuer.url
    assert credential_for(sandbox.index_url, env=env)
    env["GATEPASS_ID_TOKEN"] = sandbox.issuer.mint(sandbox.address)
    assert credential_for(sandbox.index_url, env=env)
    assert sandbox.count("exchange") == 2


@pytest.mark.parametrize("server", ["/", "//"])
def test_a_server_written_with_a_slash_still_issues(sandbox: Sandbox, server: str) -> None:
    """GitLab's `iss` has no slash at its end, however CI_SERVER_URL is written."""
    env = sandbox.environment("gitlab")
    env["CI_SERVER_URL"] += server
    assert credential_for(sandbox.index_url, env=env)


@pytest.mark.parametrize(
    "other", ["http://gitlab.corp.example", "https://user@gitlab.corp.example"]
)
def test_a_server_whose_keys_could_be_exchanged_on_the_way_is_none(other: str) -> None:
    """Keys are asked for by https alone, at an address without a user."""
    token = forge.token(forge.claims(iss=other, aud=PPM))
    env = {**BOTH, **JOB, "CI_SERVER_URL": other, "GATEPASS_ID_TOKEN": token}
    with pytest.raises(GatepassError, match="issuer-insecure"):
        credential_for(PPM, env={**env, "GATEPASS_STORE": "off"})


def test_whoami_names_one_winner(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same variable makes two candidates, and only one of them wins."""
    from gatepass.cli import main

    for name, value in sandbox.environment("gitlab").items():
        monkeypatch.setenv(name, value)
    for chosen in ("file", "gitlab"):
        monkeypatch.setenv("GATEPASS_IDENTITY", chosen)
        assert main(["whoami"]) == 0
        marks = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
        assert [words for words in marks if words[0] == "wins:"] == [["wins:", f"{chosen},"]]
