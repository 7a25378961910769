"""What the demo's stories are played with: a machine, a pip install, a terminal."""

from __future__ import annotations

import errno
import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gatepass.cli.narrator import Narrator
from gatepass.errors import GatepassError

if sys.platform != "win32":
    import pty

PATIENCE = 120.0
"""Seconds for one pip install of two files of a kilobyte, on the slowest machine."""

_LAST = 10.0
"""Seconds for a command to end once its terminal is closed."""


def machine(folder: Path, scripts: Path) -> dict[str, str]:
    """The variables of a clean machine whose home is ``folder``, with our ``keyring`` on PATH."""
    configuration = folder / "config.toml"
    configuration.write_text("version = 1\n", encoding="utf-8")
    return {
        "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
        # No pip.conf, no netrc of this machine's user; the last two are Windows'.
        **dict.fromkeys(("HOME", "USERPROFILE", "APPDATA"), str(folder)),
        "GATEPASS_CONFIG": str(configuration),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_KEYRING_PROVIDER": "subprocess",
        "GATEPASS_LOG": "info",
        "GATEPASS_LOG_FORMAT": "json",
        "GATEPASS_LOG_FILE": str(folder / "log"),
    }


def install(python: Path, index: str) -> list[str]:
    """The command that installs the sandbox's project from an index, each time anew."""
    command = [str(python), "-m", "pip", "install", "--no-cache-dir", "--force-reinstall"]
    return [*command, "--index-url", index, "gatepass-hello"]


def told(command: list[str], env: dict[str, str], story: Narrator) -> None:
    """Run a command and tell its steps while it runs; its own output only if it fails."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        child = subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)
        while child.poll() is None:
            story.tell()
            if time.monotonic() - began > PATIENCE:
                child.kill()
            time.sleep(0.03)
        story.tell()
        if child.returncode != 0:
            output.seek(0)
            story.block(output.read())
            raise failed("pip could not install from the sandbox", "its words are above")
    story.line("installed", f"gatepass-hello 1.0.0, in {time.monotonic() - began:.1f} s")


def in_a_terminal(command: list[str], env: dict[str, str]) -> tuple[int, str]:
    """Run a command as at a terminal: its exit status, and what stood on the screen at the end.

    OSError where the system has no pseudo-terminal to give.
    """
    if sys.platform == "win32":
        raise OSError(errno.ENOSYS, "there is no pseudo-terminal")
    ours, theirs = pty.openpty()
    # A browser that opened would be this machine's, for a page that nobody has to answer.
    quiet = {**env, "BROWSER": "true", "TERM": env.get("TERM", "xterm")}
    child = subprocess.Popen(
        command, env=quiet, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    seen, end = b"", time.monotonic() + PATIENCE
    try:
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    data = os.read(ours, 4096)
                except OSError:  # Linux: the other side is closed
                    data = b""
                if not data:
                    break
                seen += data
            elif child.poll() is not None:
                break
        try:
            status = child.wait(timeout=_LAST)
        except subprocess.TimeoutExpired:  # it closed its terminal, or has had its time
            child.kill()
            status = child.wait()
        return status, _screen(seen.decode(errors="replace"))
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def _screen(text: str) -> str:
    """What is left of each line after the carriage returns in it have done their work."""
    lines = (line.rstrip().rpartition("\r")[2] for line in text.split("\n"))
    return "\n".join(line for line in lines if line.strip())


def failed(what: str, why: str) -> GatepassError:
    """The error of a story that went wrong."""
    return GatepassError(
        "demo-failed",
        f"the demo did not work: {what}",
        why=why,
        do="please report it with the lines above",
    )
