"""A file that others read while it is replaced: whole or absent, in the mode that was asked for."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import tempfile
from contextlib import suppress

from gatepass import files

_NEW = ".gatepass-"
"""How the names of files begin that are still being written."""

_END = r"[a-z0-9_]{8}"
"""How they end: tempfile adds eight characters."""


class Place:
    """``path`` becomes absolute, and links in it are followed but for its last part; ``mode``:
    the file's permission bits, whatever the umask says."""

    def __init__(self, path: str, mode: int) -> None:
        self.path, self.mode = os.path.abspath(path), mode
        self._folder, name = os.path.split(self.path)
        self._prefix = f"{_NEW}{name}-"
        self._half = re.compile(re.escape(self._prefix) + _END)

    def problem(self) -> str:
        """Why nothing can be kept here, as words that follow a colon; empty where it can.

        A full disk is none: that passes. A link is one: the file behind it would stay as it is.
        """
        try:
            if not stat.S_ISREG(os.lstat(self.path).st_mode):
                return "it is a link, a folder or a device"
        except FileNotFoundError:
            pass  # as it should be
        except OSError as error:
            return f"it can't be looked at: {error.strerror}"
        try:
            fd, new = tempfile.mkstemp(prefix=self._prefix, dir=self._folder)
        except OSError as error:
            if is_full(error):
                return ""
            return f"nothing can be written in its folder: {error.strerror}"
        os.close(fd)
        os.unlink(new)
        return ""

    def exists(self) -> bool:
        return os.path.lexists(self.path)

    def read(self, limit: int) -> bytes:
        """At most ``limit`` bytes; none where there is no file. OSError, also for a link: what lies
        behind it may be for fewer readers than this file."""
        try:
            return files.read(self.path, limit, follow=False)
        except FileNotFoundError:
            return b""

    def write(self, data: bytes) -> None:
        """Replace the file as a whole. OSError where that fails; the old one is then untouched."""
        fd, new = tempfile.mkstemp(prefix=self._prefix, dir=self._folder)  # born 0600
        try:
            with open(fd, "wb") as file:
                file.write(data)
                file.flush()
                if sys.platform != "win32":
                    os.fchmod(fd, self.mode)
            files.replace(new, self.path)
        except BaseException:
            with suppress(OSError):
                os.unlink(new)
            raise

    def shorten(self, data: bytes) -> None:
        """Put a shorter text into the file itself, which needs no room on a disk. OSError.

        At one write, filled up with empty lines, and cut then: a reader sees all of it, too.
        """
        with files.opened(self.path, follow=False, write=True) as file:
            size = os.fstat(file.fileno()).st_size
            if len(data) > size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
            file.write(data.ljust(size, b"\n"))
            file.flush()
            file.truncate(len(data))

    def remove(self) -> None:
        """Delete the file, if there is one. OSError where it stays."""
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass

    def tidy(self) -> None:
        """Delete what a killed process left half-written here: it holds secrets too. OSError."""
        for name in os.listdir(self._folder):
            if self._half.fullmatch(name):
                os.unlink(os.path.join(self._folder, name))


def is_full(error: OSError) -> bool:
    """Whether what failed needs room on a disk, or in a quota."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
