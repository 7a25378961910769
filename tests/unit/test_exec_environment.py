"""What the command of `gatepass exec` finds in its environment, and what it doesn't."""

from __future__ import annotations

import base64
import json

import pytest

from gatepass import log
from gatepass.child import environment, fence, passwords, places
from gatepass.child.serving import Held
from gatepass.errors import UsageError
from gatepass.settings import Registry, Settings, load
from passes import AWS, PPM, SECRET, credential, registry

PROD, TEAM = registry(), registry(AWS, "my-team")


def settings() -> Settings:
    return load({"GATEPASS_REGISTRIES": f"prod={PPM} deep=https://h.example/pkg"})


def jwt(**claims: str) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJSUzI1NiJ9.{body}.c2ln"


def test_pip_and_uv_are_told_to_ask() -> None:
    """The provider for both, and uv's user name for each registry; no index unless asked for."""
    assert environment.tools({"A": "b"}, [PROD, TEAM]) == {
        "A": "b",
        "PIP_KEYRING_PROVIDER": "subprocess",
        "UV_KEYRING_PROVIDER": "subprocess",
        "UV_INDEX_PROD_USERNAME": "__token__",
        "UV_INDEX_MY_TEAM_USERNAME": "aws",
    }


def test_what_the_user_set_stays(capsys: pytest.CaptureFixture[str]) -> None:
    """It wins, and is said where somebody listens; an empty value counts as unset."""
    log.configure("info")
    mine = {"PIP_KEYRING_PROVIDER": "import", "UV_KEYRING_PROVIDER": ""}
    found = environment.tools(mine, [PROD])
    assert found["PIP_KEYRING_PROVIDER"] == "import"
    assert found["UV_KEYRING_PROVIDER"] == "subprocess"
    assert capsys.readouterr().err == (
        "gatepass: info: PIP_KEYRING_PROVIDER is set already, and stays as it is\n"
    )


def test_an_index_that_was_asked_for_outranks_the_environment() -> None:
    """pip's address has the user name, which older ones need; neither has a secret."""
    index = places.Place("prod", f"{PPM}/a/simple/", PROD)
    mine = {"PIP_INDEX_URL": "https://x", "UV_INDEX_PROD_USERNAME": "a", "UV_INDEX_B_PASSWORD": ""}
    found = environment.tools({**mine, "UV_INDEX_PROD_PASSWORD": "old"}, [PROD], index=index)
    assert found["UV_INDEX_PROD_USERNAME"] == "__token__"
    assert "UV_INDEX_PROD_PASSWORD" not in found  # uv would send it, and not ask us
    assert "UV_INDEX_B_PASSWORD" in found
    assert found["PIP_INDEX_URL"] == "https://__token__@ppm.example.com/a/simple/"
    assert found["UV_DEFAULT_INDEX"] == "prod=https://ppm.example.com/a/simple/"


def test_an_upload_takes_no_password_of_another_registry(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each tool is told where and as whom; a password that is set already was for elsewhere."""
    log.configure("info")
    upload = places.Place("out", f"{AWS}/pypi/local/", TEAM)
    mine = {"TWINE_PASSWORD": "other", "UV_PUBLISH_TOKEN": "other", "HATCH_INDEX_AUTH": "other"}
    found = environment.tools(mine, [TEAM], upload=upload)
    assert not set(mine) & set(found)
    assert {name for name, value in found.items() if value == upload.url} == {
        "TWINE_REPOSITORY_URL",
        "UV_PUBLISH_URL",
        "HATCH_INDEX_REPO",
        "PDM_PUBLISH_REPO",
        "POETRY_REPOSITORIES_OUT_URL",
    }
    users = {"TWINE_USERNAME", "UV_PUBLISH_USERNAME", "HATCH_INDEX_USER", "PDM_PUBLISH_USERNAME"}
    assert {name for name, value in found.items() if value == "aws"} == {
        *users,
        "UV_INDEX_MY_TEAM_USERNAME",
    }
    assert capsys.readouterr().err.count("stands against what was asked for") == 3


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        ("internal/latest", f"{PPM}/internal/latest/simple/"),
        ("/internal/latest/simple/", f"{PPM}/internal/latest/simple/"),
        (f"{PPM}/any/where", f"{PPM}/any/where"),
        (f"{AWS}/pypi/x/simple/", f"{AWS}/pypi/x/simple/"),
        ("prod", f"{PPM}/pypi/latest/simple/"),
        ("my-team", f"{PPM}/my-team/simple/"),
    ],
)
def test_an_index_is_a_path_a_url_or_a_name(asked: str, url: str) -> None:
    """A name is one where config.toml gives that registry's index, else a path like others."""
    served = [PROD._replace(index_path="/pypi/latest"), TEAM]
    assert places.index(asked, served).url == url


@pytest.mark.parametrize(
    "asked",
    [
        "https://evil.test/simple/",
        f"{PPM}.evil.test/simple/",
        "https://u:p@ppm.example.com/simple/",
        "a/../b",
        "a b",
        "",
        "a//b",
        "://",
    ],
)
def test_an_index_elsewhere_is_refused(asked: str) -> None:
    """A registry's password must not be offered to another address."""
    with pytest.raises(UsageError, match="--index"):
        places.index(asked, [PROD])


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (f"{PPM}/upload/pypi/local", "prod"),
        (f"prod={PPM}/upload/pypi/local", "prod"),
        (f"out={PPM}/upload/pypi/local?x=1", "out"),
        ("https://h.example/pkg/upload", "deep"),
        (f"{AWS}/pypi/local/", "acme-111122223333"),
    ],
)
def test_an_upload_is_inside_a_registry(asked: str, name: str) -> None:
    """Its name is what tools call it; the address alone says which registry it is."""
    assert places.upload(asked, settings()).name == name


@pytest.mark.parametrize(
    "asked",
    [
        "https://evil.test/upload",
        "https://u@ppm.example.com/upload",
        "https://h.example/other",
        f"deep={PPM}/upload",
        f"a b={PPM}/upload",
        "ppm.example.com",
        "prod",
        "prod=",
    ],
)
def test_an_upload_elsewhere_is_refused(asked: str) -> None:
    """Also one inside of another registry than the one that was named."""
    with pytest.raises(UsageError, match="--publish"):
        places.upload(asked, settings())


CI = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "u",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
    "GATEPASS_ID_TOKEN": "x",
    "GATEPASS_ID_TOKEN_FILE": "/x",
    "GATEPASS_ID_TOKEN_PROD": "x",
    "CI_JOB_JWT": "x",
}
OTHERS = {
    "HOME": "/h",
    "PACKAGEMANAGER_TOKEN": "t",
    "PACKAGEMANAGER_IDENTITY_TOKEN_FILE": "/f",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/w",
    "AWS_ACCESS_KEY_ID": "k",
    "AWS_SECRET_ACCESS_KEY": "s",
    "AWS_SESSION_TOKEN": "s",
    "AWS_REGION": "r",
    "MENDA_CLIENT_ID": "i",
    "MENDA_CLIENT_SECRET": "s",
    "GATEPASS_KUBERNETES_TOKEN_FILE": "/k",
    "GITHUB_TOKEN": "g",
}


@pytest.mark.parametrize(
    ("name", "origin", "gone"),
    [
        ("github", "ACTIONS_ID_TOKEN_REQUEST_URL", set()),
        ("token", "PACKAGEMANAGER_TOKEN", {"PACKAGEMANAGER_TOKEN"}),
        (
            "file",
            "PACKAGEMANAGER_IDENTITY_TOKEN_FILE",
            {"PACKAGEMANAGER_IDENTITY_TOKEN_FILE"},
        ),
        ("file", "AWS_WEB_IDENTITY_TOKEN_FILE", {"AWS_WEB_IDENTITY_TOKEN_FILE"}),
        (
            "kubernetes",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            {"AWS_WEB_IDENTITY_TOKEN_FILE", "GATEPASS_KUBERNETES_TOKEN_FILE"},
        ),
        (
            "aws",
            "AWS_PROFILE",
            {name for name in OTHERS if name[:7] in ("AWS_ACC", "AWS_SEC", "AWS_SES")},
        ),
        ("menda", "MENDA_CLIENT_ID", {"MENDA_CLIENT_SECRET"}),
        ("login", "PACKAGEMANAGER_SSO_TOKEN_FILE", set()),
    ],
)
def test_the_identity_that_was_used_is_kept_from_the_command(
    name: str, origin: str, gone: set[str]
) -> None:
    """CI's tokens always, and of the others the one that was used: a build may need its own."""
    env = {**CI, **OTHERS}
    assert set(env) - set(fence.fenced(env, [fence.Used(name, origin)])) == {*CI, *gone}


def test_gitlabs_tokens_are_known_by_their_ending_and_their_form() -> None:
    """In a GitLab job, what ends so and is a JWT; elsewhere the name alone says nothing."""
    env = {"VAULT_ID_TOKEN": jwt(aud="vault"), "NO_ID_TOKEN": "plain", "OTHER": jwt(aud="x")}
    job = {**env, "GITLAB_CI": "true"}
    assert set(job) - set(fence.fenced(job, [])) == {"VAULT_ID_TOKEN"}
    assert fence.fenced(env, []) == env


def test_keep_and_drop_are_exact_names(capsys: pytest.CaptureFixture[str]) -> None:
    """What is kept from the command is said where somebody listens, by its name alone."""
    log.configure("info")
    env = {**CI, "HOME": "/h", "HOMEBREW": "x"}
    found = fence.fenced(env, [], keep=["GATEPASS_ID_TOKEN"], drop=["HOME", "ABSENT"])
    assert found == {"GATEPASS_ID_TOKEN": "x", "HOMEBREW": "x"}
    said = capsys.readouterr().err
    assert "HOME is kept from the command (--keep HOME passes it on)" in said
    assert "ABSENT" not in said


@pytest.mark.parametrize(
    ("keep", "drop"), [(["A"], ["A"]), (["A=b"], []), ([], [""]), (["https://u:p@h="], [])]
)
def test_words_that_make_no_sense_are_refused(keep: list[str], drop: list[str]) -> None:
    """One name in both, or something that is no name."""
    with pytest.raises(UsageError) as caught:
        fence.check(keep, drop)
    assert "u:p" not in str(caught.value)
    fence.check(["A"], ["B"])


HELD = [Held(PROD, credential()), Held(TEAM, credential("made-up/aws", user="aws"))]


UPLOAD = places.Place("out", f"{AWS}/pypi/local/", TEAM)
TO_TEAM = environment.publishing(UPLOAD)


def test_a_password_in_a_variable_only_where_asked() -> None:
    """twine's and hatch's for what is uploaded to, poetry's by each source's name."""
    assert passwords.for_tools([], HELD, TO_TEAM, UPLOAD) == {}
    assert passwords.for_tools(["netrc"], HELD, {}) == {}
    assert passwords.for_tools(["twine", "hatch"], HELD, TO_TEAM, UPLOAD) == {
        "TWINE_USERNAME": "aws",
        "TWINE_PASSWORD": "made-up/aws",
        "HATCH_INDEX_USER": "aws",
        "HATCH_INDEX_AUTH": "made-up/aws",
    }
    found = passwords.for_tools(["poetry"], HELD, {}, UPLOAD)
    assert found["POETRY_HTTP_BASIC_PROD_PASSWORD"] == SECRET
    assert found["POETRY_HTTP_BASIC_MY_TEAM_USERNAME"] == "aws"
    assert found["POETRY_HTTP_BASIC_OUT_PASSWORD"] == "made-up/aws"
    assert len(passwords.for_tools(["poetry"], HELD, {})) == 4


def test_poetry_means_pypi_by_a_name() -> None:
    """It would send that registry's password there, or the one of an upload that is called so."""
    pypi = Held(registry(PPM, "PyPI"), credential())
    with pytest.raises(UsageError, match="for the name PyPI"):
        passwords.for_tools(["poetry"], [pypi], {})
    with pytest.raises(UsageError, match="for the name pypi"):
        passwords.for_tools(["poetry"], HELD, {}, UPLOAD._replace(name="pypi"))
    assert passwords.for_tools(["netrc"], [pypi], {}) == {}


def test_a_tools_own_variable_says_where_to() -> None:
    """As a job's set-up leaves it; of several registries it is the one that has the address."""
    mine = {"TWINE_REPOSITORY_URL": f"{PPM}/upload/pypi/local"}
    assert passwords.for_tools(["twine"], HELD, mine)["TWINE_PASSWORD"] == SECRET


@pytest.mark.parametrize("address", ["", "https://upload.pypi.org/legacy/", f"{PPM}.evil.test/"])
@pytest.mark.parametrize("tool", ["twine", "hatch"])
def test_a_password_for_elsewhere_is_refused(tool: str, address: str) -> None:
    """Without an address both tools upload to PyPI: our token must not come along."""
    mine = {"TWINE_REPOSITORY_URL": address, "HATCH_INDEX_REPO": address}
    with pytest.raises(UsageError, match="inside of none" if address else "where to upload to"):
        passwords.for_tools([tool], HELD[:1], mine)


def test_the_user_names_are_those_of_the_exchanges() -> None:
    """A kind of registry that is added needs its user name here too."""
    from gatepass import exchange

    for one in (PROD, TEAM):
        assert isinstance(one, Registry)
        assert exchange.way(one.kind, "").username_for(None) == places.username(one)
