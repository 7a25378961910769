"""Opening files that somebody else named: never one that could hold us, or that isn't a file."""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import BinaryIO

_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def opened(path: str, *, follow: bool = True, write: bool = False) -> BinaryIO:
    """A regular file, open to be read. ``follow``: the path may be a link; ``write``: open to be
    changed, too.

    OSError where it can't be opened, and where it is something else: a pipe whose other end nobody
    holds would make us wait for ever. IsADirectoryError for a folder.
    """
    if not follow and os.path.islink(path):  # in good words; the flag below is what holds
        raise OSError(errno.ELOOP, "it is a link", path)
    if os.path.isdir(path):  # Windows would say that it may not be read
        raise IsADirectoryError(errno.EISDIR, "it is a folder", path)
    flags = (os.O_RDWR if write else os.O_RDONLY) | _NO_WAIT
    fd = os.open(path, flags if follow else flags | _NO_LINK)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "it is not a file", path)
        return open(fd, "r+b" if write else "rb")
    except BaseException:
        os.close(fd)
        raise


def read(path: str, limit: int, *, follow: bool = True) -> bytes:
    """At most ``limit`` bytes of a regular file. OSError, as :func:`opened` has it."""
    with opened(path, follow=follow) as file:
        return file.read(limit)


def append(path: str, text: str) -> None:
    """Add text to a file, which is born 0600. OSError where that fails or would wait."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_WAIT, 0o600)
    with open(fd, "wb") as file:
        file.write(text.encode(errors="replace"))


def replace(source: str, target: str) -> None:
    """Rename a file to another one's place. OSError; on Windows, where whoever reads the other one
    blocks that, not before 0.4 s have passed."""
    if sys.platform == "win32":
        import time

        for _ in range(20):
            try:
                os.replace(source, target)
                return
            except PermissionError:
                time.sleep(0.02)
    os.replace(source, target)


def is_ours(status: os.stat_result) -> bool:
    """Whether a file belongs to the user that we run as; on Windows every one does."""
    return sys.platform == "win32" or status.st_uid == os.geteuid()
