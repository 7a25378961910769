"""The whole story in the sandbox, told as it happens, with a real pip install at its end.

Nothing leaves this machine: GitHub Actions and Package Manager are played by the sandbox.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from pathlib import Path

from gatepass.cli.narrator import Narrator
from gatepass.errors import GatepassError

_PATIENCE = 120.0
"""Seconds for one pip install of two files of a kilobyte, on the slowest machine."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(options: argparse.Namespace) -> int:
    from gatepass.sandbox import Sandbox, clean

    keyring = Path(sysconfig.get_path("scripts")) / ("keyring" + (".exe" * (os.name == "nt")))
    if not keyring.exists():
        raise _failed("there is no keyring command beside gatepass", str(keyring))
    with Sandbox() as sandbox, tempfile.TemporaryDirectory(prefix="gatepass-demo-") as folder:
        job = {
            **clean(os.environ),
            **sandbox.environment("github"),
            "PATH": f"{keyring.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "HOME": folder,  # no pip.conf, no netrc of this machine's user
            "GATEPASS_CONFIG": str(_no_configuration(Path(folder))),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_KEYRING_PROVIDER": "subprocess",
            "GATEPASS_LOG": "info",
            "GATEPASS_LOG_FORMAT": "json",
            "GATEPASS_LOG_FILE": str(Path(folder) / "log"),
        }
        story = Narrator(Path(folder) / "log", sandbox)
        story.title("gatepass demo", "everything below happens on this machine")
        index = sandbox.index_url.replace("://", "://__token__@")
        python = _a_new_environment(Path(folder) / "venv", story, sandbox.index_url)
        install = [str(python), "-m", "pip", "install", "--no-cache-dir"]
        install += ["--index-url", index, "gatepass-hello"]

        story.chapter("pip install gatepass-hello")
        _told(install, job, story)
        hello = python.with_name("gatepass-hello" + ".exe" * (os.name == "nt"))
        said = subprocess.run([hello], env=job, capture_output=True, text=True, check=False)
        story.line("it says", said.stdout.strip() or said.stderr.strip())

        story.chapter("the same again: what is stored serves")
        asked = sandbox.count("github"), sandbox.count("exchange")
        _told([*install, "--force-reinstall"], job, story)
        now = sandbox.count("github"), sandbox.count("exchange")
        story.line(
            "requests", f"{now[0] - asked[0]} for an identity, {now[1] - asked[1]} exchanges"
        )

        story.chapter("the same job without `permissions: id-token: write`")
        stranger = {n: v for n, v in job.items() if not n.startswith(("ACTIONS_", "GATEPASS_LOG"))}
        refused = subprocess.run(
            [sys.executable, "-I", "-m", "gatepass", "get", sandbox.address],
            env=stranger,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
        story.block(refused.stderr)
        if now != asked or refused.returncode != 1 or said.returncode != 0:
            raise _failed("the story went otherwise than it should", "see above")
        story.end("gatepass sandbox --as github -- YOUR COMMAND", "README.md")
    return 0


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
        raise _failed("no virtual environment with pip can be made", why) from None
    story.line("pip", f"in a new virtual environment ({time.monotonic() - began:.0f} s)")
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    return scripts / ("python.exe" if os.name == "nt" else "python")


def _told(command: list[str], env: dict[str, str], story: Narrator) -> None:
    """Run a command and tell its steps while it runs; its own output only if it fails."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        child = subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)
        while child.poll() is None:
            story.tell()
            if time.monotonic() - began > _PATIENCE:
                child.kill()
            time.sleep(0.03)
        story.tell()
        if child.returncode != 0:
            output.seek(0)
            story.block(output.read())
            raise _failed("pip could not install from the sandbox", "its words are above")
    story.line("installed", f"gatepass-hello 1.0.0, in {time.monotonic() - began:.1f} s")


def _no_configuration(folder: Path) -> Path:
    """A file that stands in for the machine's and the user's, and says nothing."""
    file = folder / "config.toml"
    file.write_text("version = 1\n", encoding="utf-8")
    return file


def _failed(what: str, why: str) -> GatepassError:
    return GatepassError(
        "demo-failed",
        f"the demo did not work: {what}",
        why=why,
        do="please report it with the lines above",
    )
