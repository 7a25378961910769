"""docs/github.md and our own workflow that uses the action: every job runs, from the very text."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clients import provision
from delivery.action import workflow
from delivery.action.jobs import (
    ACTION,
    IDENTITY,
    MACHINE,
    check_nothing_secret,
    documents,
    from_fork,
    installed_already,
    job,
    wheels,
)
from delivery.action.runner import Job
from gatepass.sandbox import Sandbox, wheel
from support import ROOT

PAGE = (ROOT / "docs" / "github.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
_SEES = "import gatepass.keyring_backend"
OURS = ROOT / ".github" / "workflows" / "action-test.yml"


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What actions/setup-python leaves: a Python with pip, first on PATH."""
    folder = tmp_path_factory.mktemp("python")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder / "bin"


def path(python: Path, folder: Path) -> str:
    """PATH of a runner with that Python, uv, and a pipx that knows twine alone, with gatepass."""
    commands = folder / "commands"
    commands.mkdir()
    tools = {name: provision.program(name, name) for name in ("uv", "twine")}
    assert all(tool.exists() for tool in tools.values()), "run: make clients"
    (commands / "uv").symlink_to(tools["uv"])
    pipx = commands / "pipx"
    pipx.write_text(
        f"""#!/bin/sh -eu
case "$*" in
"install twine") ln -s {tools["twine"]} {commands}/twine ;;
"inject twine gatepass") test -e {commands}/twine; {tools["twine"].parent}/python -c "{_SEES}" ;;
*) echo "pipx $*: not known to this test" >&2; exit 2 ;;
esac
""",
        encoding="utf-8",
    )
    pipx.chmod(0o755)
    return os.pathsep.join([str(python), str(commands), MACHINE])


def jobs_of_page() -> list[Any]:
    """Every workflow on the page has one job: its text, and the heading that it stands below."""
    found = []
    for text in BLOCKS:
        heading = re.findall(r"^## (.+)$", PAGE[: PAGE.index(text)], re.MULTILINE)[-1]
        found.append(pytest.param(text, id=heading.replace(" ", "-")))
    return found


def prepared(text: str, sandbox: Sandbox) -> Any:
    """A workflow for the sandbox instead of the example's registry."""
    for old, new in (
        ("https://ppm.example.com", sandbox.address),
        ("internal/latest", "private/latest"),
        ("your-package", "gatepass-hello"),
    ):
        text = text.replace(old, new)
    return documents(text)


def with_distribution(made: Job) -> None:
    """What the build that the page leaves to its reader makes."""
    name, data = wheel.build("gatepass-upload", "1.0", "Goes up", {"gatepass_upload.py": "X = 1\n"})
    (made.workspace / "dist").mkdir()
    (made.workspace / "dist" / name).write_bytes(data)


@pytest.mark.parametrize("text", jobs_of_page())
def test_every_workflow_of_the_page_runs(
    text: str, base_env: dict[str, str], tmp_path: Path, python: Path
) -> None:
    """With no more rights and variables than it says itself, to a job without a failed step."""
    with Sandbox(aws="codeartifact" in text) as sandbox:
        copy = installed_already(tmp_path)
        env = {"PATH": path(python, tmp_path), "UV_CACHE_DIR": str(tmp_path / "cache")}
        made = job(sandbox, base_env, tmp_path, action=copy, without=("GATEPASS_ROLE_ARN",), **env)
        with_distribution(made)
        described = prepared(text, sandbox)
        (name,) = described["jobs"]
        assert described["permissions"] == {}
        steps = workflow.run(described, name, made)
        assert not made.failed, made.log
        check_nothing_secret(made, sandbox, *steps.values())
        uploads = "upload" in name
        assert sandbox.count("upload") == (1 if uploads else 0)
        assert uploads or sandbox.count("index") > 0
        subprocess.run([python / "pip", "uninstall", "-qy", "gatepass-hello"], check=True)


def test_the_pages_workflow_for_forks_is_green_for_one(
    sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path, python: Path
) -> None:
    """It installs nothing private, and says so."""
    text = next(block for block in BLOCKS if "on-no-identity" in block)
    env = {"PATH": path(python, tmp_path)}
    made = from_fork(job(sandbox, base_env, tmp_path, action=installed_already(tmp_path), **env))
    steps = workflow.run(prepared(text, sandbox), "test", made)
    assert not made.failed, made.log
    assert [step.conclusion for step in steps.values()].count("skipped") == 1
    assert "no private packages for a fork" in made.log
    assert sandbox.requests == []


@pytest.mark.real
def test_our_own_workflow_is_green(
    sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path, python: Path
) -> None:
    """.github/workflows/action-test.yml, but for how it gets the sandbox that it plays with."""
    described = documents(OURS.read_text(encoding="utf-8"))
    steps = described["jobs"]["use"]["steps"]
    (stage,) = [step for step in steps if step.get("id") == "stage"]
    assert stage["run"].splitlines()[0] == "python -m pip install ."
    program = ROOT / stage["run"].split()[-1]
    stage["run"] = f"{sys.executable} {program}"
    env = {"PATH": f"{python}{os.pathsep}{MACHINE}", "GITHUB_SERVER_URL": "https://github.com"}
    made = job(sandbox, base_env, tmp_path, without=IDENTITY, **env)
    made.actions = {"$/actions/setup": ACTION}
    done = {}
    try:
        done = workflow.run(
            described, "use", made, matrix={"os": "ubuntu-24.04"}, wheelhouse=wheels()
        )
        assert not made.failed, made.log
        assert done["without"].outputs["skipped"] == "true"
        assert "you came through the gate" in made.log
        check_nothing_secret(made, sandbox, *done.values())
    finally:
        if "stage" in done:
            os.kill(int(done["stage"].outputs["pid"]), signal.SIGTERM)
    assert sandbox.requests == []
