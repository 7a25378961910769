"""The launcher as a file: what stands in it, how it is known again, and who is asked behind it.

It is a `keyring` command. pip looks for one with ``shutil.which``, past its own scripts folder; uv
starts ``keyring`` by name, for which Windows finds a ``keyring.exe`` and nothing else (no .cmd,
whose arguments cmd.exe would read as commands besides).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys

_LARGEST = 1024 * 1024
"""Bytes of a command that are looked at: scripts and launchers are smaller."""

_MARK = b"# The keyring launcher of gatepass. "
_REAL = re.compile(rb"^# It passes on to: (\"[^\r\n]*\")\r?$", re.MULTILINE)

_TEXT = """\
# The keyring launcher of gatepass. It answers for gatepass' registries, and passes every other
# call on to the keyring command that was there before it. `gatepass setup` writes it anew,
# `gatepass setup --undo` takes it away.
# It passes on to: {shown}
"""
_PYTHON = """\
import sys
from gatepass.launcher import main
sys.exit(main({real}))
"""
# For a Python whose path a #! line can't hold.
_SHELL = """\
exec {python} -I -c {code} "$0" "$@"
"""
_CODE = (
    "import sys; sys.argv = sys.argv[1:]; "
    "from gatepass.launcher import main; sys.exit(main({real}))"
)

_LONGEST = 127
"""Bytes of a #! line that every Linux and macOS takes."""


def name(platform: str = sys.platform) -> str:
    """The command's file name."""
    return "keyring.exe" if platform == "win32" else "keyring"


def script(python: str, real: str) -> bytes:
    """The launcher for POSIX: starts ``python`` in isolated mode, so that neither the current
    directory nor PYTHONPATH can put a module of its own in the way. ``real``: the absolute path of
    the command behind it, empty for none."""
    about = _TEXT.format(shown=json.dumps(real))
    line = f"#!{python} -I\n"
    if len(os.fsencode(line)) <= _LONGEST and not re.search(r"\s", python):
        return os.fsencode(line + about + _PYTHON.format(real=ascii(real)))
    code = shlex.quote(_CODE.format(real=ascii(real)))
    shell = _SHELL.format(python=shlex.quote(python), code=code)
    return os.fsencode(f"#!/bin/sh\n{about}{shell}")


def archive_script(real: str) -> bytes:
    """The program inside the launcher for Windows: :mod:`gatepass.setup.windows` wraps it."""
    about = _TEXT.format(shown=json.dumps(real))
    return (about + _PYTHON.format(real=ascii(real))).encode("ascii")


def is_ours(path: str) -> bool:
    """Whether the file at a path is a launcher of ours, of this version or another."""
    return _MARK in _content(path)


def behind(path: str) -> str:
    """The real command that a launcher of ours passes on to; empty where it has none."""
    found = _REAL.search(_content(path))
    try:
        return str(json.loads(found[1])) if found else ""
    except ValueError:
        return ""


def others(search_path: str) -> list[str]:
    """Every `keyring` on a PATH that isn't a launcher of ours, in order.

    Folders that aren't absolute are passed over: what lies in the current directory is nobody's
    keyring.
    """
    found = []
    for folder in search_path.split(os.pathsep):
        path = os.path.join(folder, name())
        if os.path.isabs(folder) and is_command(path) and not is_ours(path):
            found.append(path)
    return found


def is_command(path: str) -> bool:
    """Whether it is a file that may be started."""
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _content(path: str) -> bytes:
    from gatepass import files

    try:
        return files.read(path, _LARGEST)
    except OSError:
        return b""
