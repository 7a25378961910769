"""The private folder: where it lies, that it is ours alone, and files that are whole or absent."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator

from gatepass import files, log
from gatepass.settings.environment import Environment

NEW = ".new-"
"""How the names of files begin that are still being written."""

_LARGEST = 1024 * 1024
"""Bytes of a file that are read: ours are far smaller."""


class Folder:
    """A folder of mode 0700 that belongs to us; its files are born 0600 and replaced atomically."""

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None where there is none, it is a link, or it isn't ours."""
        try:
            with files.opened(os.path.join(self.path, name), follow=False) as file:
                is_ours = files.is_ours(os.fstat(file.fileno()))
                return file.read(_LARGEST) if is_ours else None
        except OSError:
            return None

    def write(self, name: str, data: bytes, *, durable: bool = False) -> None:
        """Replace a file as a whole. OSError where that fails; the old one is then untouched.

        ``durable``: it must survive a power cut too, as what can't be fetched again has to.
        """
        import tempfile  # only when something is written: it takes 10 ms to load

        fd, temporary = tempfile.mkstemp(prefix=f"{NEW}{name}-", dir=self.path)  # born 0600
        try:
            with open(fd, "wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(fd)
            files.replace(temporary, os.path.join(self.path, name))
        except BaseException:
            self.remove(os.path.basename(temporary))
            raise

    def remove(self, name: str) -> bool:
        """Delete a file; whether it is gone because of that."""
        try:
            os.unlink(os.path.join(self.path, name))
        except OSError:
            return False
        return True

    def set_aside(self, name: str) -> None:
        """Move what can't be read out of the way, for a look later; it is pruned in time."""
        path = os.path.join(self.path, name)
        try:
            files.replace(path, path + ".corrupt")
        except OSError:
            self.remove(name)

    def names(self) -> list[str]:
        """All file names, sorted; empty where the folder can't be read."""
        try:
            return sorted(os.listdir(self.path))
        except OSError:
            return []

    def age(self, name: str, now: float) -> float:
        """Seconds since the file was written; 0 where that isn't known."""
        try:
            return now - os.lstat(os.path.join(self.path, name)).st_mtime
        except OSError:
            return 0.0


def find(env: Environment, chosen: str) -> Folder | None:
    """The first place that is, or can be made, private and ours; None: go on without a store.

    ``chosen``: the user's own choice, empty for none. A choice that can't be had is not replaced
    by another place, and said aloud.
    """
    if chosen:
        chosen = chosen.rstrip(os.sep) or os.sep  # a slash at its end would look through a link
        problem = "it is not an absolute path"
        if os.path.isabs(chosen):
            problem = _problem(chosen, env, with_parents=True)
        if problem:
            log.warning("store", f"nothing is stored in {chosen}: {problem}")
            return None
        return Folder(chosen)
    for path, with_parents in _places(env):
        problem = _problem(path, env, with_parents=with_parents)
        if not problem:
            return Folder(path)
        log.debug("store", f"nothing is stored in {path}: {problem}")
    log.info("store", "no private folder is to be had: each call exchanges anew")
    return None


def _places(env: Environment) -> Iterator[tuple[str, bool]]:
    """Paths in their order, each with whether its parents may be made: a home's may, a runner's
    or a session's folder that isn't there was not given to us."""
    user = env.get("USERNAME", "user") if sys.platform == "win32" else str(os.geteuid())
    home = env.get("HOME", "")
    if sys.platform == "win32":
        cache = env.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        cache = home and home + "/Library/Caches"
    else:
        cache = env.get("XDG_CACHE_HOME", "") or (home and home + "/.cache")
    places = (
        (env.get("RUNNER_TEMP", ""), f"gatepass-{user}", False),
        (env.get("XDG_RUNTIME_DIR", ""), "gatepass", False),
        (cache, "gatepass", True),
        ("/dev/shm", f"gatepass-{user}", False),  # noqa: S108 - made 0700 and checked, like all
    )
    for parent, leaf, with_parents in places:
        if os.path.isabs(parent):
            yield os.path.join(parent, leaf), with_parents


def _problem(path: str, env: Environment, *, with_parents: bool) -> str:
    """Why a path can't be the private folder; empty where it is one now. Makes it if need be."""
    # Workspaces are cached and uploaded as artifacts; a cache folder inside one is common.
    for variable in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        workspace = env.get(variable, "").rstrip("/\\")
        if workspace and _is_inside(os.path.realpath(path), os.path.realpath(workspace)):
            return f"it is inside the job's workspace ({variable})"
    try:
        status = os.lstat(path)
    except OSError:
        try:
            if with_parents:
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            _make(path)
            status = os.lstat(path)
        except OSError as error:
            return error.strerror or "it can't be made"
    if not stat.S_ISDIR(status.st_mode):
        return "it is a link or no folder"
    if not files.is_ours(status):
        return "it belongs to somebody else"
    if sys.platform != "win32" and stat.S_IMODE(status.st_mode) & 0o077:
        return "others may look into it (its mode is not 0700)"
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return "it can't be written to"
    return ""


def _is_inside(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or lies in it; both without links."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _make(path: str) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return  # another process was faster; the checks that follow judge what it made
    if sys.platform == "win32":  # modes mean nothing there
        import subprocess

        try:
            icacls = os.path.join(os.environ["SYSTEMROOT"], "System32", "icacls.exe")
            grant = f"{os.environ['USERNAME']}:(OI)(CI)F"
            command = [icacls, path, "/inheritance:r", "/grant:r", grant]
            subprocess.run(command, check=True, capture_output=True, timeout=10)
        except (KeyError, subprocess.SubprocessError, OSError):
            os.rmdir(path)  # the next call must not take it for a private one
            raise OSError(errno.EACCES, "its access list can't be set", path) from None
