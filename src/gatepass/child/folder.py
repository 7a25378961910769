"""The private folder of one `gatepass exec`: made for it, locked by it, removed after it.

The lock says that somebody still needs the folder. It is held by whoever has its file open: the
parent, and the command, which inherits it, so that a parent that was killed leaves the folder to
its command, and to the next `gatepass exec` once both are gone. Process numbers would not do: a
job's containers share a folder, and not their numbers. A command that closes what it inherits
holds nothing, and Windows' commands inherit nothing: their folder goes after their parent was
killed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from types import TracebackType
from typing import Self

from gatepass import log
from gatepass.errors import ConfigError, plain
from gatepass.settings import Environment, Settings
from gatepass.store.folder import NEW, Folder, find

_NAME = "exec-"
_LOCK = "lock"
_HIGH = 200
"""Least number for the lock's file: shell scripts use the low ones for files of their own."""


class PassFolder:
    """For a `with`: the folder is there inside of it, and gone afterwards, whatever happened."""

    def __init__(self, path: str, lock: int) -> None:
        self.path, self._lock = path, lock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    @property
    def files(self) -> Folder:
        """The folder, for files that are born 0600 and replaced as a whole."""
        return Folder(self.path)

    def remove(self) -> None:
        """Delete it with all that is in it; what can't be deleted is said."""
        if self._lock >= 0:
            _emptied(self.path)  # whoever stops us here leaves no secret
            os.close(self._lock)
            self._lock = -1
            shutil.rmtree(self.path, ignore_errors=True)
            if os.path.isdir(self.path):
                log.warning("pass-folder", f"{self.path} could not be removed: it holds passes")


def make(env: Environment, settings: Settings) -> PassFolder:
    """A new folder below the private one, after those whose owners are gone were removed there.

    Raises ConfigError (no-pass-folder) where no private folder is to be had, or none that PATH can
    lead to.
    """
    parent = find(env, settings.store_dir)
    if parent is None:
        raise nowhere(settings)
    if os.pathsep in parent.path:
        why = f"{parent.path} has a {os.pathsep!r} in it, at which PATH is split"
        raise nowhere(settings, plain(why))
    prune(parent)
    try:
        return _made(parent.path)
    except OSError as error:
        raise nowhere(settings, error.strerror or "it can't be made") from None


def _made(parent: str) -> PassFolder:
    # Under a name that nobody prunes, until its lock is held.
    path = tempfile.mkdtemp(prefix=_NAME if sys.platform == "win32" else NEW, dir=parent)
    try:
        lock = _locked(os.path.join(path, _LOCK), create=True)
        if sys.platform != "win32":  # where a folder with an open file can't be renamed
            name = _NAME + os.path.basename(path).removeprefix(NEW)
            os.rename(path, os.path.join(parent, name))
            path = os.path.join(parent, name)
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    return PassFolder(path, lock)


def prune(parent: Folder) -> None:
    """Remove the folders below ``parent`` that nobody holds any more."""
    for name in parent.names():
        path = os.path.join(parent.path, name)
        is_folder = os.path.isdir(path) and not os.path.islink(path)
        if name.startswith(_NAME) and is_folder and _is_free(os.path.join(path, _LOCK)):
            shutil.rmtree(path, ignore_errors=True)


def _is_free(lock: str) -> bool:
    try:
        os.close(_locked(lock))
    except FileNotFoundError:
        # Half of one that was being removed. On Windows it may be one that is being made.
        return sys.platform != "win32"
    except OSError:
        return False  # somebody holds it
    return True


def _emptied(path: str) -> None:
    """Delete all but the lock, as far as that can be done."""
    for name in Folder(path).names():
        if name != _LOCK and not Folder(path).remove(name):
            shutil.rmtree(os.path.join(path, name), ignore_errors=True)


if sys.platform == "win32":  # pragma: no cover - Windows only: what is open can't be deleted

    def _locked(path: str, *, create: bool = False) -> int:
        """The lock's descriptor. OSError where somebody else holds it."""
        if create:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        os.unlink(path)
        return os.open(os.devnull, os.O_RDONLY)
else:

    def _locked(path: str, *, create: bool = False) -> int:
        """The lock's descriptor, which children inherit. OSError where somebody else holds it."""
        import fcntl

        flags = os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT | os.O_EXCL if create else 0)
        low = os.open(path, flags, 0o600)
        try:
            fcntl.flock(low, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                return fcntl.fcntl(low, fcntl.F_DUPFD, _HIGH)  # stays open when a program starts
            except OSError:  # fewer are allowed
                high = os.dup(low)
                os.set_inheritable(high, True)
                return high
        finally:
            os.close(low)


def nowhere(settings: Settings, why: str = "") -> ConfigError:
    """The error where passes can lie in no place, or not in the one that was found."""
    where = settings.store_dir or "RUNNER_TEMP, XDG_RUNTIME_DIR, the cache folder, /dev/shm"
    return ConfigError(
        "no-pass-folder",
        "there is no private place for the command's passes",
        why=f"{where}: {why}" if why else f"tried: {where}",
        do="set GATEPASS_STORE_DIR to an absolute path where a folder can be made that only you\n"
        "can enter (a tmpfs of the container, say)",
    )
