"""What a path holds at one moment, and putting that back: bytes, mode, or a link's target."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from typing import NamedTuple

from gatepass import files
from gatepass.setup.litter import MARK

LARGEST = 1024 * 1024
"""Bytes of a file that is kept: a configuration has kilobytes, a Windows launcher a few hundred.
:meth:`gatepass.store.folder.Folder.read` returns no more, so a larger copy couldn't be put back."""


class Snapshot(NamedTuple):
    """``data`` and ``mode`` of a file, or the target of a ``link``; nothing of these: no file."""

    data: bytes | None = None
    mode: int = 0
    link: str | None = None

    @property
    def is_absent(self) -> bool:
        return self.data is None and self.link is None

    def digest(self) -> str:
        """What tells whether somebody has edited it since. The mode isn't part of it."""
        kind = "absent" if self.is_absent else "link" if self.link is not None else "file"
        text = os.fsencode(self.link) if self.link is not None else self.data or b""
        return f"{kind}:{hashlib.sha256(text).hexdigest()}"


def take(path: str, *, follow: bool = True) -> Snapshot:
    """What lies at a path. ``follow``: look through a link, as the path's readers do.

    Raises OSError for what can't be read, is larger than LARGEST, or is no regular file.
    """
    if not follow and os.path.islink(path):
        return Snapshot(link=os.readlink(path))
    try:
        data = files.read(path, LARGEST + 1)
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return Snapshot()
    if len(data) > LARGEST:
        raise OSError(27, f"it is larger than {LARGEST} bytes")
    return Snapshot(data, mode)


def put(path: str, wanted: Snapshot, *, follow: bool = True) -> None:
    """Make a path hold that, atomically. ``follow``: write to where a link leads, and keep it.

    The folder is there already. A file keeps its owner where we may give it. Raises OSError; the
    path then holds what it held.
    """
    target = os.path.realpath(path) if follow else path
    if wanted.is_absent:
        try:
            os.unlink(target)
        except (FileNotFoundError, NotADirectoryError):
            pass
        return
    folder = os.path.dirname(target)
    fd, temporary = tempfile.mkstemp(prefix=MARK, dir=folder)  # born 0600
    try:
        if wanted.link is not None:
            os.close(fd)
            os.unlink(temporary)
            os.symlink(wanted.link, temporary)
        else:
            with open(fd, "wb") as file:
                file.write(wanted.data or b"")
            _keep_owner(temporary, target)
            os.chmod(temporary, wanted.mode)
        files.replace(temporary, target)
    except BaseException:
        try:
            os.unlink(temporary)
        except OSError:
            pass  # it was replaced, or is gone
        raise


def _keep_owner(temporary: str, target: str) -> None:
    if sys.platform != "win32":
        try:
            before = os.lstat(target)
            os.chown(temporary, before.st_uid, before.st_gid)
        except OSError:
            pass  # a new file, or not ours to give away: it is ours then


def make_folders(path: str) -> list[str]:
    """Make a folder and its parents, mode 0700 as the XDG specification has it; those that were
    made, outermost first. Raises OSError."""
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        parent = os.path.dirname(path)
        if parent == path:
            break
        path = parent
    made: list[str] = []
    try:
        for folder in reversed(missing):
            os.mkdir(folder, 0o700)
            made.append(folder)
    except OSError:
        remove_folders(made)
        raise
    return made


def remove_folders(folders: list[str]) -> None:
    """Remove those that are empty, innermost first."""
    for folder in reversed(folders):
        try:
            os.rmdir(folder)
        except OSError:
            pass  # somebody uses it by now
