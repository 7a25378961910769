"""What a killed `gatepass setup` left half-written: known by its name, and removed by the next one.

Such a file may be a copy of one with passwords in it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gatepass import files

MARK = ".gatepass-setup-"
"""How the names of files begin that are about to take another one's place."""

HALF = re.compile(re.escape(MARK) + r"[a-z0-9_]{8}")
"""Such a name as a whole: tempfile adds eight characters."""

_OLD = 3600.0
"""Seconds after which nobody is still writing a file, where there are no locks to know it by."""


@contextmanager
def alone(folder: str) -> Iterator[bool]:
    """Hold a folder against other set-ups; whether that is certain: not on Windows, on a network's
    file system without locks, or where the folder isn't there. The lock ends with the process.

    Raises BlockingIOError where another one holds it: nobody waits.
    """
    fd = _opened(folder)
    try:
        yield fd is not None and _locked(fd)
    finally:
        if fd is not None:
            os.close(fd)


def _opened(folder: str) -> int | None:
    """The folder itself; None where it can't be had, and on Windows, which locks none."""
    if sys.platform != "win32":
        try:
            return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            pass  # not there yet, a link, or somebody else's: whoever writes to it says so
    return None


def _locked(fd: int) -> bool:
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy() from None
        except OSError:
            return False
    return True


def busy() -> BlockingIOError:
    """The error for a second set-up at the same time."""
    return BlockingIOError(errno.EAGAIN, "another `gatepass setup` is at work")


def prune(folder: str, names: re.Pattern[str], *, is_alone: bool, needed: set[str]) -> None:
    """Remove files and links whose whole name fits, that belong to us and aren't needed.

    ``is_alone``: nobody else can be writing them; otherwise those of the last hour stay. What can't
    be removed stays.
    """
    try:
        found = [name for name in os.listdir(folder) if names.fullmatch(name)]
    except OSError:
        return
    for name in found:
        path = os.path.join(folder, name)
        try:
            status = os.lstat(path)
            is_old = is_alone or time.time() - status.st_mtime > _OLD
            is_file = stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)
            if name not in needed and is_old and is_file and files.is_ours(status):
                os.unlink(path)
        except OSError:
            pass
