"""A CI job's shell, made ready: what it is given to read, and what its log says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from clients.harness import leaks
from gatepass.child import launchers
from gatepass.job.__main__ import main
from gatepass.sandbox import Sandbox
from support import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The job's private folder."""
    made = tmp_path / "private"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def job(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, base_env: dict[str, str]
) -> Callable[..., None]:
    """Enters a job of the sandbox's GitLab with these variables; None takes one away."""

    def enter(**variables: str | None) -> None:
        given: dict[str, str | None] = {
            **sandbox.environment("gitlab"),
            "PATH": base_env["PATH"],
            "PACKAGEMANAGER_ADDRESS": None,
            "GATEPASS_STORE_DIR": None,
            "GATEPASS_REGISTRIES": f"work={sandbox.address}",
            **variables,
        }
        for name, value in given.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    return enter


def lines(folder: Path) -> list[str]:
    """What the shell has to read."""
    return (folder / "job.sh").read_text(encoding="utf-8").splitlines()


def told(capsys: pytest.CaptureFixture[str], folder: Path, status: int = 0) -> str:
    """Run it; what it says in the job's log, which has no token. Standard output is not used."""
    assert main(str(folder)) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert leaks(err) == []
    assert (folder / "job.sh").exists() == (status == 0)
    return err


def test_the_shell_is_ready(
    job: Callable[..., None],
    folder: Path,
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its lines are private and hold no secret; our commands are first on its PATH; one exchange is
    made and told."""
    job(GATEPASS_SETUP_INDEX="private/latest", GATEPASS_SETUP_PUBLISH=sandbox.upload_url)
    said = told(capsys, folder)
    assert said.startswith(f"gatepass: work is {sandbox.address}: a pass until 20")
    assert (folder / "job.sh").stat().st_mode & 0o777 == 0o600
    text = "\n".join(lines(folder))
    assert leaks(text) == []
    show = f". {folder}/job.sh; env -0"
    done = subprocess.run(["/bin/sh", "-ec", show], stdout=subprocess.PIPE, check=True)
    env = dict(item.split("=", 1) for item in done.stdout.decode().split("\0") if item)
    assert env["PATH"] == f"{folder}/bin{os.pathsep}{os.environ['PATH']}"
    with_user = sandbox.address.replace("://", "://__token__@")
    assert env["PIP_INDEX_URL"] == f"{with_user}/private/latest/simple/"
    assert env["TWINE_REPOSITORY_URL"] == sandbox.upload_url
    assert env["GATEPASS_STORE_DIR"] == f"{folder}/store"
    asked = run(["keyring", "get", sandbox.index_url, "__token__"], env)
    assert asked.stdout.startswith("eyJ")
    assert run(["gatepass", "status"], env).returncode == 0
    assert sandbox.count("exchange") == 1


def test_what_stands_against_the_index_goes(
    job: Callable[..., None], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job's shell forgets a variable that would lead pip or uv elsewhere; its log says so."""
    names = ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_INDEX", "UV_INDEX_URL")
    job(GATEPASS_SETUP_INDEX="private/latest", **dict.fromkeys(names, "https://pypi.org/simple/"))
    said = told(capsys, folder)
    assert {f"unset {name}" for name in names} < set(lines(folder))
    (line,) = [line for line in said.splitlines() if "set aside: " in line]
    assert all(name in line for name in names)


def test_a_registry_that_is_not_asked_for_is_known(
    job: Callable[..., None], folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """A group's own, for which the job has no token, fails nothing; a tool may still ask for it."""
    job(PACKAGEMANAGER_ADDRESS="https://127.0.0.1:9", GATEPASS_SETUP_AUDIENCE=sandbox.address)
    assert "127.0.0.1:9" not in told(capsys, folder)
    assert "export UV_INDEX_PACKAGEMANAGER_USERNAME=__token__" in lines(folder)


def test_without_the_check_nobody_is_asked(
    job: Callable[..., None], folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first tool that needs a pass gets it, or the error."""
    job(GATEPASS_SETUP_CHECK="false")
    assert told(capsys, folder) == f"gatepass: work is {sandbox.address}\n"
    assert sandbox.requests == []
    assert any(line.startswith("export PATH=") for line in lines(folder))


def test_each_registry_that_fails_is_told(
    job: Callable[..., None], folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its own reason; one that works doesn't make up for it."""
    job(GATEPASS_REGISTRIES=f"work={sandbox.address} team=http://127.0.0.1:9/x lab=http://[::1]:9")
    said = told(capsys, folder, status=1)
    assert said.count("error[audience-mismatch]") == 2
    assert sandbox.count("exchange") == 1


def test_a_refusal_shows_whose_the_token_is(
    job: Callable[..., None], folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """The claims that the registry's rules are about, and no others; as `status` shows it later."""
    job()
    sandbox.packagemanager.fail_next(400, body={"error": "invalid_request"})
    said = told(capsys, folder, status=1)
    shown = [line.split(": ", 1)[1] for line in said.splitlines() if "token says" in line]
    assert "project_path = acme/widgets" in shown
    assert [line.partition(" ")[0] for line in shown] == [
        *("sub", "project_path", "ref", "ref_protected", "job_project_path")
    ]
    done = run([sys.executable, "-m", "gatepass", "status"], {**os.environ, **_store(folder)})
    assert "exchange-refused" in done.stdout


def _store(folder: Path) -> Mapping[str, str]:
    return {"GATEPASS_STORE_DIR": str(folder / "store")}


FORK = {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "99", "CI_MERGE_REQUEST_PROJECT_ID": "73401"}
OWN = {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "73401", "CI_MERGE_REQUEST_PROJECT_ID": "73401"}
SKIP = {"GATEPASS_SETUP_ON_NO_IDENTITY": "skip"}


@pytest.mark.parametrize(
    ("variables", "failure", "skips"),
    [
        ({**FORK, **SKIP}, 400, True),
        ({**FORK}, 400, False),
        ({**OWN, **SKIP}, 400, False),
        ({**SKIP}, 400, False),
        ({**FORK, **SKIP}, 404, False),
    ],
    ids=["fork", "fork-unasked", "own", "branch", "not-refused"],
)
def test_only_a_forks_refusal_is_skipped(
    job: Callable[..., None],
    folder: Path,
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    failure: int,
    skips: bool,
) -> None:
    """And only where it was asked for: whatever else fails would fail for everybody."""
    job(**variables)
    sandbox.packagemanager.fail_next(failure, body={"error": "invalid_request"})
    said = told(capsys, folder, status=0 if skips else 1)
    assert ("gatepass: skipped" in said) == skips
    assert ("error[" in said) != skips
    if skips:
        assert lines(folder) == ["export GATEPASS_SETUP_SKIPPED=true"]


@pytest.mark.parametrize("check", ["true", "false"])
@pytest.mark.parametrize("skips", [True, False])
def test_a_job_without_a_token(
    job: Callable[..., None],
    folder: Path,
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
    check: str,
    skips: bool,
) -> None:
    """Fails with what to add to the job, or goes on without; nobody is asked, check or not."""
    job(GATEPASS_ID_TOKEN=None, GATEPASS_SETUP_CHECK=check, **(SKIP if skips else {}))
    said = told(capsys, folder, status=0 if skips else 1)
    assert ("error[gitlab-no-token]" in said) != skips
    assert ("skipped, this job goes on without a pass: this GitLab job has no" in said) == skips
    assert sandbox.requests == []


def test_a_broken_token_is_no_missing_one(
    job: Callable[..., None], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`skip` hides no mistake."""
    job(GATEPASS_ID_TOKEN="nonsense", **SKIP)
    assert "error[not-a-jwt]" in told(capsys, folder, status=1)


def test_a_folder_that_can_not_be_written_to(
    job: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Says so, with what to do about it."""
    job()
    file = tmp_path / "file"
    file.touch()
    assert main(str(file)) == 1
    said = capsys.readouterr().err
    assert "error[pass-write]" in said
    assert "TMPDIR" in said


def test_a_fault_of_our_own_is_told_as_one(
    job: Callable[..., None],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without its text, which nobody has looked at."""
    job()
    monkeypatch.setattr(launchers, "put", lambda *_: [][0])
    assert "error[internal]" in told(capsys, folder, status=1)
