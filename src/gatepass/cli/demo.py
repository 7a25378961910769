"""The whole story in the sandbox, told as it happens, with real pip installs.

Nothing leaves this machine: GitHub Actions, Package Manager, AWS and the person at the laptop are
played by the sandbox.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from gatepass.cli import stage
from gatepass.cli.narrator import Narrator

if TYPE_CHECKING:
    from gatepass.sandbox import Sandbox


def arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(options: argparse.Namespace) -> int:
    """Raises GatepassError (demo-failed) where the story goes otherwise than it should."""
    from gatepass.sandbox import Sandbox, clean

    keyring = Path(sysconfig.get_path("scripts")) / ("keyring" + (".exe" * (os.name == "nt")))
    if not keyring.exists():
        raise stage.failed("there is no keyring command beside gatepass", str(keyring))
    with (
        Sandbox(aws=True) as sandbox,
        tempfile.TemporaryDirectory(prefix="gatepass-demo-") as folder,
    ):
        base = {**clean(os.environ), **stage.machine(Path(folder), keyring.parent)}
        story = Narrator(Path(folder) / "log", sandbox)
        story.title("gatepass demo", "everything below happens on this machine")
        python = _a_new_environment(Path(folder) / "venv", story, sandbox.index_url)
        job = {**base, **sandbox.environment("github")}
        _a_job(sandbox, job, python, story)
        _aws(sandbox, job, python, story)
        _a_laptop(sandbox, {**base, **sandbox.environment("laptop")}, python, story)
        story.end(f"{_to_type(sys.argv[0])} sandbox --as github -- YOUR COMMAND", "README.md")
    return 0


def _to_type(started: str) -> str:
    """How to type the program that was started as ``started``: its name alone where the shell
    finds that one, else its path, from the current folder where it lies in there."""
    program = os.path.abspath(started)
    if os.path.basename(program) == "__main__.py":
        return shlex.join([_from_here(sys.executable), "-m", "gatepass"])
    if shutil.which("gatepass") == program:
        return "gatepass"
    return shlex.quote(_from_here(program))


def _from_here(path: str) -> str:
    here = os.getcwd() + os.sep
    return path.removeprefix(here) if path.startswith(here) else path


def _a_new_environment(folder: Path, story: Narrator, index: str) -> Path:
    """The Python of a virtual environment that knows nothing of gatepass or keyring."""
    story.chapter("a job that has no password for its package index")
    story.line("platform", "GitHub Actions, played by the sandbox: acme/widgets, branch main")
    story.line("index", f"{index}  (401 for strangers)")
    began = time.monotonic()
    try:
        venv.create(folder, with_pip=True, symlinks=os.name != "nt")
    except (OSError, subprocess.CalledProcessError) as error:
        why = f"{type(error).__name__}: on Debian, pip comes with the package python3-venv"
        raise stage.failed("no virtual environment with pip can be made", why) from None
    story.line("pip", f"in a new virtual environment ({time.monotonic() - began:.0f} s)")
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    return scripts / ("python.exe" if os.name == "nt" else "python")


def _a_job(sandbox: Sandbox, job: dict[str, str], python: Path, story: Narrator) -> None:
    """Package Manager, by a CI job: install, install again, and a job that may not ask."""
    install = stage.install(python, sandbox.index_url.replace("://", "://__token__@"))
    story.chapter("pip install gatepass-hello")
    stage.told(install, job, story)
    hello = python.with_name("gatepass-hello" + ".exe" * (os.name == "nt"))
    said = subprocess.run([hello], env=job, capture_output=True, text=True, check=False)
    story.line("it says", said.stdout.strip() or said.stderr.strip())

    story.chapter("the same again: what is stored serves")
    asked = sandbox.count("github"), sandbox.count("exchange")
    stage.told(install, job, story)
    now = sandbox.count("github"), sandbox.count("exchange")
    story.line("requests", f"{now[0] - asked[0]} for an identity, {now[1] - asked[1]} exchanges")

    story.chapter("the same job without `permissions: id-token: write`")
    stranger = {n: v for n, v in job.items() if not n.startswith(("ACTIONS_", "GATEPASS_LOG"))}
    refused = subprocess.run(
        [sys.executable, "-I", "-m", "gatepass", "get", sandbox.address],
        env=stranger,
        capture_output=True,
        text=True,
        check=False,
        timeout=stage.PATIENCE,
    )
    story.block(refused.stderr)
    if now != asked or refused.returncode != 1 or said.returncode != 0:
        raise stage.failed("the story went otherwise than it should", "see above")


def _aws(sandbox: Sandbox, job: dict[str, str], python: Path, story: Narrator) -> None:
    """CodeArtifact, by the same job: known by its host alone, at its real name."""
    story.chapter("the same job, and an index at AWS CodeArtifact")
    story.line("index", sandbox.aws.index_url)
    story.line("role", f"{sandbox.aws.role_arn}, which trusts the job's identity")
    stage.told(stage.install(python, sandbox.aws.index_url.replace("://", "://aws@")), job, story)


def _a_laptop(sandbox: Sandbox, desk: dict[str, str], python: Path, story: Narrator) -> None:
    """A login in a terminal, whose person the sandbox plays; then pip, without a question."""
    story.chapter("a person at a laptop: gatepass login")
    if sys.platform == "win32":  # pragma: no cover - Windows only
        story.line("login", "left out: there is no pseudo-terminal to log in at")
        return
    story.line("person", "played by the sandbox: reads the code, and says yes after two seconds")
    sandbox.person.approves(after=2)
    command = [sys.executable, "-I", "-m", "gatepass", "login", sandbox.address]
    status, screen = stage.in_a_terminal(command, desk)
    story.block(screen)
    if status != 0:
        raise stage.failed("the login did not work", "its words are above")
    story.skip()
    asked = len(sandbox.person.asked)
    install = stage.install(python, sandbox.index_url.replace("://", "://__token__@"))
    stage.told(install, desk, story)
    if len(sandbox.person.asked) != asked:
        raise stage.failed("a second login was asked for", "the first should have served")
