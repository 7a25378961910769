"""pip's own files, where they name further places to install from.

A variable can't take back what they say: pip adds an empty one to nothing. So they are only told.
Source: pip's ``configuration.py`` and ``utils/appdirs.py``. Not looked at: the file in the folder
of whichever Python pip will run with, but for an active environment's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from gatepass import files
from gatepass.errors import GatepassError, plain
from gatepass.settings import Environment
from gatepass.setup import ini
from gatepass.setup.places import places
from gatepass.setup.text import Unclear, decode

_LARGEST = 1024 * 1024
_KEYS = ("extra-index-url", "find-links")


def further(env: Environment) -> list[str]:
    """A line for each file that names another place beside the index that was asked for."""
    lines = []
    for path in dict.fromkeys(_paths(env)):
        if not os.path.isabs(path):
            continue
        try:
            table = ini.parse(decode(files.read(path, _LARGEST)).body)
        except (OSError, Unclear):
            continue  # not there, or nothing that pip can read
        found = [key for key in _KEYS if any(section.get(key) for section in table.values())]
        if found:
            lines.append(
                f"{plain(path)} has {' and '.join(found)}: pip still installs from there too, "
                "beside the index that was asked for"
            )
    return lines


def _paths(env: Environment) -> Iterator[str]:
    chosen = env.get("PIP_CONFIG_FILE", "")
    if chosen == os.devnull:
        return  # pip then reads none
    name = "pip.ini" if sys.platform == "win32" else "pip.conf"
    if sys.platform == "win32":  # pragma: no cover - Windows only
        machine = [os.path.join(env.get("PROGRAMDATA", ""), "pip")]
    elif sys.platform == "darwin":  # pragma: no cover - macOS only
        machine = ["/Library/Application Support/pip"]
    else:
        folders = (env.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
        machine = [*(os.path.join(folder, "pip") for folder in folders), "/etc"]
    for folder in machine:
        yield os.path.join(folder, name)
    try:
        where = places(env)
    except GatepassError:
        pass  # no home, no files of the user's
    else:
        legacy = "pip" if sys.platform == "win32" else ".pip"
        yield os.path.join(where.home, legacy, name)
        yield where.pip
    if env.get("VIRTUAL_ENV"):
        yield os.path.join(env["VIRTUAL_ENV"], name)
    if chosen:
        yield chosen
