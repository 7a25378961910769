"""`gatepass env`: variables with a secret, for those who must; quoted for whoever reads them."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from pathlib import Path

import pytest

from gatepass.child.passwords import everything
from gatepass.child.places import Place
from gatepass.child.serving import Held
from gatepass.child.spelling import masks, spelled
from gatepass.errors import UsageError
from gatepass.sandbox import Sandbox
from passes import AWS, PPM, SECRET, credential, registry
from support import BIN, gatepass, run
from terminal import Terminal

PROD, TEAM = registry(), registry(AWS, "my-team")
HELD = [Held(PROD, credential()), Held(TEAM, credential("made-up/a+b", user="aws"))]


def test_each_registry_has_its_names() -> None:
    """For scripts, for uv, for poetry; a name that begins with a digit is no shell's variable."""
    found = everything(HELD)
    assert {name for name, value in found.items() if value == SECRET} == {
        "PROD_PASSWORD",
        "UV_INDEX_PROD_PASSWORD",
        "POETRY_HTTP_BASIC_PROD_PASSWORD",
    }
    assert found["UV_INDEX_MY_TEAM_USERNAME"] == "aws"
    digits = everything([HELD[0]._replace(registry=registry(PPM, "1st"))])
    assert "1ST_PASSWORD" not in digits
    assert digits["UV_INDEX_1ST_PASSWORD"] == SECRET


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("pypi", "POETRY_HTTP_BASIC_PYPI"),
        ("twine", "TWINE"),
        ("uv-publish", "UV_PUBLISH"),
        ("pdm-publish", "PDM_PUBLISH"),
        ("Flit", "FLIT"),
        ("maturin", "MATURIN"),
    ],
)
def test_no_registrys_name_sends_its_password_to_pypi(
    name: str, variable: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tool that is told of no other place takes what it finds for PyPI; the rest is there."""
    held = [HELD[0]._replace(registry=registry(PPM, name))]
    found = everything(held, upload=Place(name, f"{PPM}/upload", held[0].registry))
    assert found["TWINE_REPOSITORY_URL"] == found["UV_PUBLISH_URL"] == f"{PPM}/upload"
    found = everything(held)
    assert not {f"{variable}_PASSWORD", f"{variable}_USERNAME"} & set(found)
    assert len(found) == 4
    assert f"warning: no {variable}_PASSWORD because" in capsys.readouterr().err


def test_no_registrys_name_makes_another_index_password() -> None:
    """Tools look for those by the index's name: `x`, here."""
    for name in ("uv-index-x", "poetry-http-basic-x"):
        found = everything([HELD[0]._replace(registry=registry(PPM, name))])
        assert f"{name.upper().replace('-', '_')}_PASSWORD" not in found
        assert len(found) == 4


def test_an_index_is_whole_for_pip() -> None:
    """pip takes a password from the address alone; in it, it is percent-encoded."""
    found = everything(HELD, index=Place("my-team", f"{AWS}/pypi/x/simple/", TEAM))
    host = AWS.removeprefix("https://")
    assert found["PIP_INDEX_URL"] == f"https://aws:made-up%2Fa%2Bb@{host}/pypi/x/simple/"
    assert found["UV_DEFAULT_INDEX"] == f"my-team={AWS}/pypi/x/simple/"


def test_an_upload_is_for_every_tool() -> None:
    """Where to, as whom, and the password."""
    found = everything(HELD, upload=Place("out", f"{PPM}/upload", PROD))
    passwords = {name for name, value in found.items() if value == SECRET and "PROD" not in name}
    assert passwords == {
        "TWINE_PASSWORD",
        "UV_PUBLISH_PASSWORD",
        "PDM_PUBLISH_PASSWORD",
        "HATCH_INDEX_AUTH",
        "POETRY_HTTP_BASIC_OUT_PASSWORD",
    }
    assert found["TWINE_REPOSITORY_URL"] == f"{PPM}/upload"
    assert found["POETRY_HTTP_BASIC_OUT_USERNAME"] == "__token__"


HOSTILE = "https://h.example/$(id)'`id`;&|\"<>#!*?[]{}~%41"


def test_a_shell_reads_back_what_was_written(tmp_path: Path) -> None:
    """Whatever an address may have in it, it stays one value."""
    script = tmp_path / "variables.sh"
    script.write_text(spelled({"A": HOSTILE, "B": "x"}, "sh"))
    for shell in ("sh", "bash"):
        done = run([shell, "-c", f'. "{script}"; printf %s "$A"'], {"PATH": os.defpath})
        assert done.stdout == HOSTILE
    assert shlex.split(spelled({"A": HOSTILE}, "sh")) == ["export", f"A={HOSTILE}"]


def test_powershell_and_github() -> None:
    """PowerShell's single quotes take all but themselves; GitHub's file takes a line as it is."""
    assert spelled({"A": "it's $x"}, "powershell") == "$env:A = 'it''s $x'\n"
    typed = "\u2018;id;\u2019\u201a\u201b\u201c"
    doubled = "\u2018\u2018;id;\u2019\u2019\u201a\u201a\u201b\u201b\u201c"
    assert spelled({"A": typed}, "powershell") == f"$env:A = '{doubled}'\n"
    assert spelled({"A": "a=b'c"}, "github") == "A=a=b'c\n"
    assert masks(["a%2Fb", "c"]) == "::add-mask::a%252Fb\n::add-mask::c\n"


@pytest.mark.parametrize("value", ["a b", "a#b", "a$b", "a'b", 'a"b', "a\\b", "a&b"])
def test_dotenv_has_no_quotes(value: str) -> None:
    """Docker takes them for a part of the value: what would need them is refused."""
    assert spelled({"A": "https://u:p%2F@h.example/a-b_c~d,e"}, "dotenv").startswith("A=https:")
    with pytest.raises(UsageError, match="A has characters"):
        spelled({"A": value}, "dotenv")
    with pytest.raises(UsageError) as caught:
        spelled({"A_PASSWORD": value}, "dotenv")
    assert value not in str(caught.value)


@pytest.fixture
def job(github_env: dict[str, str]) -> dict[str, str]:
    """A job whose GITHUB_ENV is a file as the runner makes it."""
    file = Path(github_env["RUNNER_TEMP"]) / "set_env"
    file.touch()
    return {**github_env, "GITHUB_ENV": str(file)}


def test_github_masks_first(sandbox: Sandbox, job: dict[str, str]) -> None:
    """The runner reads the masks on standard output; the variables go to its file alone."""
    done = gatepass("env", "--format", "github", "--index", "private/latest", env=job)
    token = gatepass("get", sandbox.address, env=job).stdout.strip()
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.splitlines()) == {f"::add-mask::{token}"}
    lines = Path(job["GITHUB_ENV"]).read_text().splitlines()
    assert f"PACKAGEMANAGER_PASSWORD={token}" in lines
    assert f"PIP_INDEX_URL={sandbox.index_url.replace('://', f'://__token__:{token}@')}" in lines


def test_in_a_job_other_formats_are_masked_too(sandbox: Sandbox, job: dict[str, str]) -> None:
    """By standard error, which the runner reads as well: standard output is what was asked for."""
    done = gatepass("env", "--format", "dotenv", env=job)
    token = gatepass("get", sandbox.address, env=job).stdout.strip()
    assert done.stderr == f"::add-mask::{token}\n"
    assert f"UV_INDEX_PACKAGEMANAGER_PASSWORD={token}" in done.stdout.splitlines()
    assert "add-mask" not in done.stdout


def test_elsewhere_nothing_is_said(sandbox: Sandbox, file_env: dict[str, str]) -> None:
    """Whoever evaluates the output has the password, in a variable of its shell."""
    script = 'eval "$(gatepass env --format sh)"; printf %s "$PACKAGEMANAGER_PASSWORD"'
    done = run(["sh", "-ec", script], file_env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == gatepass("get", sandbox.address, env=file_env).stdout.strip()


def test_a_file_is_its_owners(sandbox: Sandbox, file_env: dict[str, str], tmp_path: Path) -> None:
    """Mode 0600, replaced as a whole, and nothing on standard output."""
    (tmp_path / "a.env").touch(mode=0o644)
    words = ("env", "--format", "dotenv", "--output", str(tmp_path / "a.env"))
    done = gatepass(*words, env=file_env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert stat.S_IMODE((tmp_path / "a.env").stat().st_mode) == 0o600
    assert "PACKAGEMANAGER_USERNAME=__token__\n" in (tmp_path / "a.env").read_text()
    assert not list(tmp_path.glob(".new-*"))


def test_a_file_that_cannot_be_written(file_env: dict[str, str], tmp_path: Path) -> None:
    """An error, and not the secret on standard output instead."""
    words = ("env", "--format", "sh", "--output", str(tmp_path / "none" / "a"))
    done = gatepass(*words, env=file_env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "error[env-file]" in done.stderr


@pytest.mark.parametrize("form", ["github", "dotenv", "sh"])
@pytest.mark.parametrize(
    ("to", "reason"), [(">&-", "it is closed"), ("> /dev/full", "No space left on device")]
)
def test_output_that_goes_nowhere(job: dict[str, str], form: str, to: str, reason: str) -> None:
    """An error; and without its masks no variable is set for the job."""
    done = run(["sh", "-c", f'exec "$0" env --format {form} {to}', BIN / "gatepass"], job)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if not line.startswith("::add-mask::")]
    assert errors[0] == f"error[output-lost]: standard output can't be written: {reason}"
    assert "internal" not in done.stderr
    assert len(errors) == 4
    assert Path(job["GITHUB_ENV"]).read_text() == ""


@pytest.mark.parametrize("before", ["A=b", "A=b\n", ""])
def test_a_line_without_an_end_is_not_ours(job: dict[str, str], before: str) -> None:
    """An earlier step's `printf` left it; our first variable would be a part of its value."""
    file = Path(job["GITHUB_ENV"])
    file.write_text(before)
    assert gatepass("env", "--format", "github", env=job).returncode == 0
    lines = file.read_text().splitlines()
    assert lines[: len(lines) - 6] == before.splitlines()
    assert lines[-6] == "PACKAGEMANAGER_USERNAME=__token__"


def test_without_a_job_there_is_no_github_env(sandbox: Sandbox, file_env: dict[str, str]) -> None:
    """Said before anything is exchanged."""
    done = gatepass("env", "--format", "github", env=file_env)
    assert done.returncode == 1
    assert "error[no-github-env]" in done.stderr
    assert sandbox.requests == []


def test_a_terminal_is_shown_nothing_by_itself(sandbox: Sandbox, file_env: dict[str, str]) -> None:
    """It would stay on the screen and in its history; --show says that it may."""
    script = "gatepass env --format sh > /dev/tty; echo $?"
    with Terminal(["sh", "-c", script], file_env) as terminal:
        _, out, err = terminal.end()
    assert out == "2\n"
    assert err.startswith("error[usage]: gatepass env: standard output is a terminal")
    assert sandbox.requests == []
    script = "gatepass env --format sh --show > /dev/tty; echo $?"
    with Terminal(["sh", "-c", script], file_env) as terminal:
        terminal.wait_for("export PACKAGEMANAGER_PASSWORD=")
        assert terminal.end()[1:] == ("0\n", "")


def test_a_format_is_needed(file_env: dict[str, str]) -> None:
    """There is none that would be right for everybody."""
    done = subprocess.run(
        [BIN / "gatepass", "env"], env=file_env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "--format" in done.stderr
