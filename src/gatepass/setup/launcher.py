"""The change that puts the launcher in its place, keeping what lies there."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import NamedTuple

from gatepass.errors import ConfigError, plain
from gatepass.settings import Environment
from gatepass.setup import command, windows
from gatepass.setup.change import COMMAND, Change, read
from gatepass.setup.snapshot import Snapshot

_PATIENCE = 30.0
"""Seconds for a Python to start and import one small module."""


class Launcher(NamedTuple):
    """``changes`` to be made; the launcher's own ``path``; the ``real`` command behind it, empty
    for none, and where that lies ``now``, before the changes."""

    changes: list[Change]
    path: str
    real: str
    now: str


def launcher(folder: str, state: str, env: Environment, python: str = sys.executable) -> Launcher:
    """Plan the launcher in ``folder``.

    The real command is the first one on PATH that isn't ours and not a virtual environment's, which
    comes and goes with a checkout and is whatever that says. A link into one is fine, as uv and
    pipx make them for their tools. A launcher that is refreshed keeps the one that it has, while
    that is there. A command in the launcher's own place stays in use: a link's target where it is,
    a file as a copy in ``state``. Raises ConfigError.
    """
    check(python)
    path = os.path.join(folder, command.name())
    before = read(path, follow=False)
    changes: list[Change] = []
    real = command.behind(path)
    if not command.is_command(real):
        real = _first(env)
        # Under another name too: what leads here now would lead to the launcher then.
        is_here = not real or os.path.realpath(real) == os.path.realpath(path)
        if is_here and command.is_command(path) and not command.is_ours(path):
            real, changes = _displaced(path, before, state)
    make = windows.executable if sys.platform == "win32" else command.script
    data = make(python, real)
    if before.data != data or not before.mode & 0o100:
        changes.append(Change(path, before, Snapshot(data, COMMAND), follow=False))
    return Launcher(changes, path, real, real if command.is_command(real) or not real else path)


def _first(env: Environment) -> str:
    active = env.get("VIRTUAL_ENV", "")
    for path in command.others(env.get("PATH", "")):
        if not (active and is_inside(path, active)) and not _is_environments(path):
            return path
    return ""


def _is_environments(path: str) -> bool:
    """Whether a command's own folder, without links, is a virtual environment's: direnv and mise
    put them on PATH without VIRTUAL_ENV."""
    above = os.path.dirname(os.path.realpath(os.path.dirname(path)))
    return os.path.lexists(os.path.join(above, "pyvenv.cfg"))


def is_inside(path: str, folder: str) -> bool:
    """Whether a path lies in a folder, both without links."""
    inside = os.path.realpath(os.path.dirname(path)) + os.sep
    return inside.startswith(os.path.realpath(folder) + os.sep)


def _displaced(path: str, before: Snapshot, state: str) -> tuple[str, list[Change]]:
    """Where the command lives on that the launcher takes the place of."""
    if before.link is not None:
        return os.path.realpath(path), []
    kept = os.path.join(state, command.name())
    was = read(kept, follow=False)
    now = Snapshot(before.data, before.mode)
    return kept, [] if was == now else [Change(kept, was, now, follow=False)]


def check(python: str) -> None:
    """Refuse a Python whose isolated mode doesn't find gatepass: the launcher would not either."""
    code = "import gatepass.launcher"
    try:
        done = subprocess.run(
            [python, "-I", "-c", code], capture_output=True, timeout=_PATIENCE, check=False
        )
        found = done.returncode == 0
    except (OSError, subprocess.TimeoutExpired, ValueError):
        found = False
    if not found:
        raise ConfigError(
            "setup-isolated",
            f"{plain(python) or 'this Python'} doesn't find gatepass in isolated mode",
            why="`pip install --user` and PYTHONPATH don't count there, and the launcher must not "
            "take code from wherever it is called",
            do="install it with `uv tool install gatepass` or `pipx install gatepass`, "
            "and run that one",
        )
