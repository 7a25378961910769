"""The action's inputs: what each does to later steps, and that none does anything else."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from delivery.action.jobs import check_nothing_secret, installed_already, job, use
from delivery.action.runner import Job
from gatepass.sandbox import Sandbox


@pytest.fixture
def made(sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path) -> Job:
    """A job whose action doesn't have to be installed first."""
    return job(sandbox, base_env, tmp_path, action=installed_already(tmp_path))


def refused(made: Job, **inputs: object) -> str:
    """Use the action, which fails and tells later steps nothing; the text of its one error."""
    assert not use(made, **inputs).worked
    assert (made.variables, made.path, made.reader.masks) == ({}, [], [])
    assert made.reader.injected == []
    (error,) = made.reader.annotations
    assert error.level == "error"
    assert error.text in made.summary
    return error.text


def test_credentials_only(made: Job, sandbox: Sandbox) -> None:
    """With registries alone: providers, user names, and no index."""
    step = use(made, registries=f"work={sandbox.address}")
    assert step.worked, made.log
    assert made.variables == {
        "GATEPASS_REGISTRIES": f"work={sandbox.address}",
        "PIP_KEYRING_PROVIDER": "subprocess",
        "UV_KEYRING_PROVIDER": "subprocess",
        "UV_INDEX_WORK_USERNAME": "__token__",
    }
    assert step.outputs == {"bin": made.path[0], "skipped": "false", "registries": "work"}
    check_nothing_secret(made, sandbox, step)
    asked = made.script(f"keyring get {sandbox.index_url} __token__")
    assert asked.output.strip().startswith("eyJ")
    assert sandbox.count("exchange") == 1


def test_what_was_got_is_masked(made: Job, sandbox: Sandbox) -> None:
    """The pass, and how it stands in a header, don't show in a later step's log."""
    use(made, registries=f"work={sandbox.address}")
    ask = f"keyring get {sandbox.index_url} __token__"
    token = made.script(ask).output.strip()
    assert made.reader.masks == [token, base64.b64encode(f"__token__:{token}".encode()).decode()]
    assert token not in made.log
    assert made.reader.log[-1] == "***"


@pytest.mark.parametrize(
    "index", ["private/latest", "/private/latest/", "ADDRESS/private/latest/simple/"]
)
def test_an_index_becomes_the_only_one(made: Job, sandbox: Sandbox, index: str) -> None:
    """A path below the registry, or a whole address; with the user name where pip needs it."""
    index = index.replace("ADDRESS", sandbox.address)
    assert use(made, registries=f"work={sandbox.address}", index=index).worked, made.log
    with_user = sandbox.index_url.replace("://", "://__token__@")
    assert made.variables["PIP_INDEX_URL"] == with_user
    assert made.variables["UV_DEFAULT_INDEX"] == f"work={sandbox.index_url}"
    assert "token" not in made.variables["UV_DEFAULT_INDEX"]


def test_a_configuration_of_the_workspace(made: Job, sandbox: Sandbox) -> None:
    """`config`, relative to the workspace; its registries, and an index by a registry's name."""
    text = f'version = 1\n[registries.team]\nurl = "{sandbox.address}"\nindex = "private/latest"\n'
    (made.workspace / "gatepass.toml").write_text(text, encoding="utf-8")
    step = use(made, config="gatepass.toml", index="team")
    assert step.worked, made.log
    assert made.variables["GATEPASS_CONFIG"] == str(made.workspace / "gatepass.toml")
    assert "GATEPASS_REGISTRIES" not in made.variables
    assert made.variables["UV_INDEX_TEAM_USERNAME"] == "__token__"
    assert made.variables["UV_DEFAULT_INDEX"] == f"team={sandbox.index_url}"
    assert step.outputs["registries"] == "team"


def test_the_jobs_own_registries_do_too(made: Job, sandbox: Sandbox) -> None:
    """Without the input it is PACKAGEMANAGER_ADDRESS that counts."""
    made.env["PACKAGEMANAGER_ADDRESS"] = sandbox.address
    step = use(made)
    assert step.worked, made.log
    assert step.outputs["registries"] == "packagemanager"
    assert set(made.variables) == {
        "PIP_KEYRING_PROVIDER",
        "UV_KEYRING_PROVIDER",
        "UV_INDEX_PACKAGEMANAGER_USERNAME",
    }


def test_further_registries_of_the_job_are_kept_and_not_asked(made: Job, sandbox: Sandbox) -> None:
    """The input adds to GATEPASS_REGISTRIES, replaces a name there, and is all that is checked."""
    made.env["GATEPASS_REGISTRIES"] = "other=https://gone.invalid work=https://old.invalid"
    step = use(made, registries=f"work={sandbox.address}")
    assert step.worked, made.log
    kept = f"work={sandbox.address} other=https://gone.invalid"
    assert made.variables["GATEPASS_REGISTRIES"] == kept
    assert step.outputs["registries"] == "work"


def test_it_may_be_used_twice(made: Job, sandbox: Sandbox) -> None:
    """The second adds its registries to the first's; one command answers for both."""
    words = (f"work={sandbox.address}", "other=https://other.example")
    for word in words:
        assert use(made, registries=word, check=False).worked, made.log
    assert made.variables["GATEPASS_REGISTRIES"] == " ".join(reversed(words))
    assert len(made.path) == 2
    assert made.script(f"keyring get {sandbox.index_url} __token__").output.startswith("eyJ")


def test_tools_are_chosen(made: Job, sandbox: Sandbox) -> None:
    """`tools: uv` leaves pip as it is."""
    assert use(made, registries=f"work={sandbox.address}", tools="uv", index="a/b").worked
    assert [name for name in made.variables if name.startswith("PIP_")] == []
    assert made.variables["UV_DEFAULT_INDEX"].endswith("/a/b/simple/")


def test_an_unchecked_job_asks_nobody(made: Job, sandbox: Sandbox) -> None:
    """`check: false`: no request at all; the first tool that asks gets the pass."""
    step = use(made, registries=f"work={sandbox.address}", check=False)
    assert step.worked, made.log
    assert sandbox.requests == []
    assert "not asked for one yet" in made.summary
    assert made.reader.masks == []
    assert made.script(f"keyring get {sandbox.index_url} __token__").worked


def test_an_audience(base_env: dict[str, str], tmp_path: Path) -> None:
    """`audience` is for the one Package Manager, in the check and in later steps."""
    with Sandbox(audience="api://packages") as sandbox:
        made = job(sandbox, base_env, tmp_path, action=installed_already(tmp_path))
        assert not use(made, registries=f"work={sandbox.address}").worked
        made = job(sandbox, base_env, tmp_path, action=tmp_path / "action")
        step = use(made, registries=f"work={sandbox.address}", audience="api://packages")
        assert step.worked, made.log
        assert made.variables["GATEPASS_AUDIENCE"] == "api://packages"
        assert made.variables["PACKAGEMANAGER_ADDRESS"] == sandbox.address
        assert made.script(f"gatepass get {sandbox.index_url} > /dev/null").worked


def test_codeartifact_with_a_role(base_env: dict[str, str], tmp_path: Path) -> None:
    """`role-arn`, an index below the domain; beside a Package Manager, each asked for itself."""
    with Sandbox(aws=True) as sandbox:
        copy = installed_already(tmp_path)
        made = job(sandbox, base_env, tmp_path, action=copy, without=("GATEPASS_ROLE_ARN",))
        step = use(
            made,
            registries=f"team=https://{sandbox.aws.host}\nwork={sandbox.address}",
            role_arn=sandbox.aws.role_arn,
            index="pypi/private",
        )
        assert step.worked, made.log
        assert made.variables["GATEPASS_ROLE_ARN"] == sandbox.aws.role_arn
        assert made.variables["UV_INDEX_TEAM_USERNAME"] == "aws"
        assert made.variables["PIP_INDEX_URL"] == sandbox.aws.index_url.replace("://", "://aws@")
        assert step.outputs["registries"] == "team work"
        assert (sandbox.count("codeartifact"), sandbox.count("exchange")) == (1, 1)
        check_nothing_secret(made, sandbox, step)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "no registry is named"),
        ({"registries": "https://ppm.example.com"}, "work=https://ppm.example.com"),
        ({"registries": "a=https://h a=https://i"}, "twice"),
        ({"registries": "a=ftp://h"}, "error[bad-address]"),
        ({"registries": "a=http://h.example"}, "error[insecure-address]"),
        (
            {"registries": "a=https://h/x/internal/latest/simple/"},
            "registries: a=https://h/x, and index: internal/latest",
        ),
        ({"registries": "a=https://user:pw@h"}, "error[bad-address]"),
        ({"registries": "a=https://h", "role_arn": "ci-read"}, "arn:aws:iam::"),
        (
            {"registries": "a=https://h", "role_arn": "arn:aws:iam::111122223333:role/x"},
            "none of the registries is AWS CodeArtifact",
        ),
        ({"registries": "a=https://h b=https://i", "audience": "x"}, "several registries"),
        ({"registries": "a=https://h", "audience": "x y"}, "one word"),
        ({"registries": "a=https://h", "config": "gone.toml"}, "error[config-missing]"),
        ({"registries": "a=https://h", "tools": "pip twine"}, "it takes pip and uv"),
        ({"registries": "a=https://h", "index": "../up"}, "the input index"),
        ({"registries": "a=https://h", "index": "https://i/simple/"}, "the input index"),
        ({"registries": "a=https://h", "check": "no"}, "it is true or false"),
        ({"registries": "a=https://h", "on_no_identity": "ignore"}, "it is fail or skip"),
    ],
)
def test_a_wrong_input_is_said(made: Job, inputs: dict[str, str], said: str) -> None:
    """With what to write instead, and before any request."""
    text = refused(made, **inputs)
    assert said in text
    assert "pw" not in text


_TRICKS = (
    "$(touch made)",
    "`touch made`",
    "'; touch made; '",
    '"; touch made; "',
    "x\nNODE_OPTIONS=--require=./made",
    "x\n::set-output name=skipped::true",
    "::add-path::/tmp/made",
    "x%0A::set-env name=PATH::/tmp",
    "##[set-env name=PATH]/tmp",
    "x\r::stop-commands::x",
    "$PATH",
    "x\nEOF\nPATH=/tmp",
    "\x1b[31mred",
)


@pytest.mark.parametrize("name", ["registries", "index", "audience", "config", "role_arn", "tools"])
def test_an_input_is_data(made: Job, name: str) -> None:
    """What looks like a shell's or the runner's own words is neither run nor obeyed."""
    for trick in _TRICKS:
        inputs: dict[str, object] = {"registries": "a=https://127.0.0.1:9", "check": False}
        inputs[name] = f"a=https://h/{trick}" if name == "registries" else trick
        made.failed = False  # each is a job's first step
        step = use(made, **inputs)
        assert made.reader.injected == [], trick
        assert {"PATH", "NODE_OPTIONS"} & set(made.variables) == set(), trick
        assert list(made.workspace.iterdir()) == [], trick
        assert step.outputs["skipped"] in ("", "false"), trick
        for value in made.variables.values():
            assert re.fullmatch(r"[ -~]*", value), trick
