"""A desktop's session around a command: a D-Bus of its own, and GNOME's keyring on it.

Needs the Debian packages dbus, dbus-daemon and gnome-keyring. In CI their absence is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from support import run

STATES = ("unlocked", "locked", "asking", "none")
"""The keyring is open; it wants a password that nobody can be asked for; it asks, and nobody ever
answers; there is a bus, and no keyring on it. What is locked or asking is the keyring that an
unlocked session made in the same home, if there was one."""

# Asked now: a test's own environment has no CI in it.
_IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")

_PASSWORD = "the person's own"

# The bus and the keyring talk to standard error too: the command keeps its own.
_OUTER = 'exec 3>&2; exec dbus-run-session "$@" 2>/dev/null'
_INNER = 'exec "$@" 2>&3 3>&-'
_UNLOCK = f"printf %s {_PASSWORD!r} | gnome-keyring-daemon --unlock --components=secrets >/dev/null"

_BARE_BUS = """<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>
  </policy>
</busconfig>
"""
# Takes the call and never the name, until the bus that started it ends.
_NEVER = """[D-BUS Service]
Name=org.gnome.keyring.SystemPrompter
Exec=/bin/sh -c 'exec >/dev/null 2>&1 3>&-; while kill -0 $PPID; do sleep 1; done'
"""


def prefix(home: Path, keyring: str = "unlocked") -> list[str]:
    """The words that put a command, after them, into a session whose keyring is in that state.

    ``home``: the command's HOME, where the keyring lies. Skips the test, or fails it in CI, where
    a tool is missing.
    """
    assert keyring in STATES
    _need("dbus-run-session", "gnome-keyring-daemon")
    runtime = home / ".run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    options: list[str] = []
    if keyring == "none":
        (runtime / "bus.conf").write_text(_BARE_BUS)
        options.append(f"--config-file={runtime / 'bus.conf'}")
    services = runtime / "dbus-1" / "services"
    shutil.rmtree(services, ignore_errors=True)
    if keyring == "asking":
        services.mkdir(parents=True)
        (services / "org.gnome.keyring.SystemPrompter.service").write_text(_NEVER)
    inner = f"{_UNLOCK}; {_INNER}" if keyring == "unlocked" else _INNER
    session = ["sh", "-c", _OUTER, "sh", *options, "--", "sh", "-c", inner, "sh"]
    return ["env", f"XDG_RUNTIME_DIR={runtime}", *session]


def inside(
    words: Sequence[str | Path],
    env: Mapping[str, str],
    keyring: str = "unlocked",
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end inside such a session; its output is its own alone."""
    return run([*prefix(Path(env["HOME"]), keyring), *words], env, timeout=timeout)


def _need(*tools: str) -> None:
    missing = [tool for tool in tools if not shutil.which(tool)]
    if not missing:
        return
    reason = f"{' and '.join(missing)}: not installed (Debian: dbus dbus-daemon gnome-keyring)"
    if _IN_CI and sys.platform == "linux":
        pytest.fail(reason)
    pytest.skip(reason)
