"""The journal: every file as it was before `gatepass setup` changed it, in gatepass' state folder.

A JSON file and a copy of each file, of mode 0600 in a folder of mode 0700, for the copies may hold
the user's own passwords. Steps are a stack: setup may run more than once, and the user may edit
between.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from gatepass.errors import ConfigError, plain
from gatepass.setup import litter
from gatepass.setup.change import Change
from gatepass.setup.snapshot import Snapshot, make_folders, remove_folders
from gatepass.store.folder import NEW, Folder

NAME = "journal.json"
_COPY = ".before"
"""How the names of copies end; they begin with their bytes' SHA-256."""

_LITTER = re.compile(
    rf"(?:[0-9a-f]{{64}}{re.escape(_COPY)})"
    rf"|{re.escape(NEW)}(?:{re.escape(NAME)}|[0-9a-f]{{64}}{re.escape(_COPY)})-[a-z0-9_]{{8}}"
)
"""Names of copies, and of what was still being written."""


class Step(NamedTuple):
    """One change that was made: what was there, and the digest of what it made of that."""

    path: str
    follow: bool
    before: Snapshot
    after: str


class Journal:
    """``steps``, oldest first, and ``folders`` that were made, outermost first."""

    def __init__(self, folder: str) -> None:
        """Read what is there. Raises ConfigError (setup-journal) for a journal that can't be read:
        what it holds is then the only copy, so it is not written over."""
        self.folder = folder
        self.steps: list[Step] = []
        self.folders: list[str] = []
        self._held = data = Folder(folder).read(NAME)
        if data is None:
            if os.path.lexists(os.path.join(folder, NAME)):
                raise self._broken("it is a link or somebody else's")
            return
        try:
            record = json.loads(data)
            if record["version"] != 1:
                raise ValueError("a later version wrote it")
            self.folders = [str(path) for path in record["folders"]]
            self.steps = [self._step(one) for one in record["steps"]]
        except (ValueError, KeyError, TypeError) as error:
            raise self._broken(type(error).__name__) from None

    @contextmanager
    def alone(self, paths: Iterable[str] = ()) -> Iterator[None]:
        """Keep other set-ups out, and remove first what a killed one left: here, beside each
        step's file, and beside those at ``paths``. Raises BlockingIOError where another one is at
        work, or has been since this journal was read."""
        with litter.alone(self.folder) as is_alone:
            self._check_alone()
            every = {*paths, *(step.path for step in self.steps)}
            beside = {os.path.dirname(p) for path in every for p in (path, os.path.realpath(path))}
            for folder in beside:
                litter.prune(folder, litter.HALF, is_alone=is_alone, needed=set())
            litter.prune(self.folder, _LITTER, is_alone=is_alone, needed=self._copies())
            yield

    def make_folder(self) -> None:
        """Make the folder, which :meth:`alone` needs. Raises OSError."""
        self.folders += make_folders(self.folder)

    def add(self, change: Change) -> None:
        """Remember a change that is about to be made. In memory: :meth:`save` writes."""
        step = Step(change.path, change.follow, change.before, change.after.digest())
        self.steps.append(step)

    def save(self) -> None:
        """Write it, atomically; the folder is made and private then. Raises OSError, also where
        another process has written it since it was read."""
        self._check_alone()
        self.make_folder()
        status = os.lstat(self.folder)
        if not stat.S_ISDIR(status.st_mode):
            raise OSError(20, f"{self.folder} is a link or no folder")
        if sys.platform != "win32" and stat.S_IMODE(status.st_mode) & 0o077:
            os.chmod(self.folder, 0o700)
        folder = Folder(self.folder)
        held = folder.names()
        for step in self.steps:
            copy = _copy_of(step.before.data)
            if copy and copy not in held and step.before.data is not None:
                folder.write(copy, step.before.data)
        record = {
            "version": 1,
            "folders": self.folders,
            "steps": [_record(step) for step in self.steps],
        }
        data = json.dumps(record, indent=1).encode()
        if data != self._held:
            folder.write(NAME, data)
            self._held = data

    def close(self) -> None:
        """Write it; or, where nothing is left to be taken back, remove it and every folder that
        was made and is empty. Raises OSError as :meth:`save`."""
        self._check_alone()
        folder = Folder(self.folder)
        try:
            if self.steps or self._held is not None:
                self.save()  # whoever dies after this leaves a journal that needs no copy
        except OSError:
            if self.steps:
                raise
            folder.remove(NAME)  # there is no room to say that it needs none
        needed = self._copies()
        for name in folder.names():
            if name.endswith(_COPY) and name not in needed:
                folder.remove(name)
        if not self.steps:
            remove_folders(self.folders)  # while it is known which; ours go last
            folder.remove(NAME)
            remove_folders([*self.folders, self.folder])
            self.folders, self._held = [], None

    def _copies(self) -> set[str]:
        return {_copy_of(step.before.data) for step in self.steps}

    def _check_alone(self) -> None:
        if Folder(self.folder).read(NAME) != self._held:
            raise litter.busy()

    def _step(self, record: dict[str, Any]) -> Step:
        before, data = record["before"], None
        if before["copy"]:
            data = Folder(self.folder).read(before["copy"])
            if _copy_of(data) != before["copy"]:
                raise ValueError("a copy is missing, or isn't what it was")
        held = Snapshot(data, int(before["mode"]), before["link"])
        return Step(str(record["path"]), bool(record["follow"]), held, str(record["after"]))

    def _broken(self, why: str) -> ConfigError:
        path = plain(os.path.join(self.folder, NAME))
        return ConfigError(
            "setup-journal",
            f"the journal of earlier set-ups can't be read: {path}",
            why=f"{why}; it has the only copies of the files as they were, so it is left alone",
            do="take what you need out of that folder, then move it away",
        )


def _copy_of(data: bytes | None) -> str:
    return "" if data is None else hashlib.sha256(data).hexdigest() + _COPY


def _record(step: Step) -> dict[str, Any]:
    before = step.before
    return {
        "path": step.path,
        "follow": step.follow,
        "before": {"copy": _copy_of(before.data), "mode": before.mode, "link": before.link},
        "after": step.after,
    }
