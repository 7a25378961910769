"""gatepass from the action's own checkout, in an environment of its own below RUNNER_TEMP.

The job's settings for pip, uv and Python don't reach it: they may name the very index that gatepass
is to unlock. Packages are those of requirements.txt, each with its hash; gatepass itself is built
from the checkout with the hatchling among them. Standard library only.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import runner

ACTION = Path(__file__).resolve().parent.parent
CHECKOUT = ACTION.parent.parent

_OTHERS = re.compile(r"(PIP|UV|PYTHON|HATCH|VIRTUAL_ENV|CONDA)", re.IGNORECASE)
"""How the names of variables begin that could change what is installed, or how it is built."""

_NETWORK = ("PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY")
"""What says how to reach the network, and nothing else."""

_LONGEST = 600
"""Seconds that one command may take."""


class Failed(Exception):
    """It can't be installed: what happened, and what to do."""


def install() -> tuple[Path, Path]:
    """Make the private folder (mode 0700) and the environment in it; folder and its Python.

    Raises Failed.
    """
    temporary = os.environ.get("RUNNER_TEMP", "")
    if not os.path.isabs(temporary) or not os.path.isdir(temporary):
        raise Failed("RUNNER_TEMP is no folder: this step runs in a runner of GitHub Actions only")
    source, where = _source(os.environ)
    env = _environment(os.environ) | where
    folder = Path(tempfile.mkdtemp(prefix="gatepass-setup-", dir=temporary))
    place = folder / "env"
    version = sys.version.split()[0]
    runner.say(f"with Python {version}, {sys.executable}")
    _run([sys.executable, "-I", "-m", "venv", place], env, "no environment can be made")
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip: list[str | Path] = [python, "-I", "-m", "pip", "install"]
    # No package gets to run anything while it is installed: wheels don't.
    locked = ("--require-hashes", "--only-binary", ":all:", "-r", ACTION / "requirements.txt")
    _run([*pip, *locked, *source], env, "what gatepass needs can't be installed", _HINT)
    own = ("--no-deps", "--no-build-isolation", "--no-index", CHECKOUT)
    _run([*pip, *own], env, "gatepass can't be built from the action's checkout")
    return folder, python


_HINT = (
    "The runner reaches no package index? Set the input `index-url` to one that it may use without "
    "a password, or `wheelhouse` to a folder with the wheels of actions/setup/requirements.txt."
)


def _source(env: os._Environ[str]) -> tuple[list[str | Path], dict[str, str]]:
    """pip's options and variables for where packages come from."""
    index, wheels = (env.get(name, "").strip() for name in ("INPUT_INDEX_URL", "INPUT_WHEELHOUSE"))
    if index and wheels:
        raise Failed("the inputs index-url and wheelhouse are both set: one of them is enough")
    if wheels:
        folder = os.path.join(env.get("GITHUB_WORKSPACE", ""), wheels)
        if not os.path.isdir(folder):
            raise Failed("the input wheelhouse names no folder of this workspace or machine")
        return ["--no-index", "--find-links", os.path.abspath(folder)], {}
    if not index:
        return [], {}
    if not re.fullmatch(r"https?://[!-~]+", index):
        raise Failed("the input index-url is no address: https://host/path/simple/")
    password = re.match(r"https?://[^/@]*:([^/@]+)@", index)
    runner.mask(password[1] if password else "")
    return [], {"PIP_INDEX_URL": index}  # not as an option: it may have a password in it


def _environment(job: os._Environ[str]) -> dict[str, str]:
    env = {name: value for name, value in job.items() if not _OTHERS.match(name)}
    env |= {name: job[name] for name in _NETWORK if name in job}
    return {
        **env,
        "PIP_CONFIG_FILE": os.devnull,  # which also says: no other configuration either
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_KEYRING_PROVIDER": "disabled",
        "PIP_NO_INPUT": "1",
    }


def _run(command: list[str | Path], env: dict[str, str], failure: str, hint: str = "") -> None:
    """Run a command; its output is shown where it fails. Raises Failed."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            env=env,
            cwd=ACTION,  # not the workspace, whose files are the job's
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{failure}: not done after {_LONGEST} s") from None
    except OSError as error:
        raise Failed(f"{failure}: {error.strerror}") from None
    if done.returncode:
        lines = done.stdout.decode(errors="replace").splitlines()
        for line in lines[-60:]:
            runner.say(f"| {line}")
        reason = next((line for line in reversed(lines) if line.startswith("ERROR: ")), "")
        raise Failed("\n".join(part for part in (f"{failure}. {reason[7:307]}", hint) if part))
