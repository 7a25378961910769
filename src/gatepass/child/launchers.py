"""The private folder of commands that comes first on the command's PATH: our `keyring` in it."""

from __future__ import annotations

import os
import stat
import sys

from gatepass.errors import ConfigError, plain
from gatepass.settings import Environment
from gatepass.setup import command, windows
from gatepass.setup.launcher import check


def put(folder: str, env: Environment, python: str = sys.executable) -> str:
    """Write the launcher into ``folder/bin``; that folder's path.

    Behind it is the `keyring` that was on PATH. In a folder whose file system starts no programs
    (a container's /dev/shm often doesn't) a link to the `keyring` beside gatepass stands for it:
    that one asks the same backend, and behind it is what that environment has.

    Raises ConfigError: setup-isolated, setup-launcher, pass-noexec.
    """
    if not sys.flags.isolated:  # else we are the proof ourselves
        check(python)
    place = os.path.join(folder, "bin")
    os.mkdir(place, 0o700)
    path = os.path.join(place, command.name())
    make = windows.executable if sys.platform == "win32" else command.script
    with open(path, "xb") as file:
        file.write(make(python, behind(env)))
    os.chmod(path, stat.S_IRWXU)
    if not os.access(path, os.X_OK):
        _link(path, os.path.join(os.path.dirname(python), command.name()))
    return place


def behind(env: Environment) -> str:
    """The first real `keyring` on PATH, else the one behind the first launcher of ours; or ''."""
    search = env.get("PATH", "")
    for path in command.others(search):
        return path
    for folder in search.split(os.pathsep):
        path = os.path.join(folder, command.name())
        if os.path.isabs(folder) and command.is_command(command.behind(path)):
            return command.behind(path)
    return ""


def _link(path: str, keyring: str) -> None:
    if not os.access(keyring, os.X_OK):
        raise ConfigError(
            "pass-noexec",
            f"no command can be started from {plain(os.path.dirname(path))}",
            why=f"its file system is mounted noexec, and there is no {plain(keyring)} to link to",
            do="set GATEPASS_STORE_DIR to a place from which programs may be started",
        )
    os.unlink(path)
    os.symlink(keyring, path)
