"""Opening files that somebody else named: never one that could hold us, or that isn't a file."""

from __future__ import annotations

import os
import stat

_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read(path: str, limit: int) -> bytes:
    """At most ``limit`` bytes of a regular file.

    OSError where it can't be read, and where it is something else: a pipe whose other end nobody
    holds would make us wait for ever. IsADirectoryError for a folder.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(21, "it is a folder", path)
    with open(os.open(path, os.O_RDONLY | _NO_WAIT), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(22, "it is not a file")
        return file.read(limit)


def append(path: str, text: str) -> None:
    """Add text to a file, which is born 0600. OSError where that fails or would wait."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_WAIT, 0o600)
    with open(fd, "wb") as file:
        file.write(text.encode(errors="replace"))
