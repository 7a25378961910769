"""Where credentials rest between two calls, beside recent failures and key sets.

Everything here is an economy: whatever can't be read or written costs a request, never an error.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from gatepass import log
from gatepass.credential import LONGEST_LIFE, Credential
from gatepass.secret import Secret
from gatepass.settings import Environment, Settings
from gatepass.store import folder as folders
from gatepass.store.folder import NEW, Folder
from gatepass.store.key import key
from gatepass.store.lock import Outcome, acquire

__all__ = ["Entry", "Store", "key", "open_store"]

_CREDENTIAL, _KEYS = "credential-", "jwks-"
_OURS = (_CREDENTIAL, _KEYS, "failure-", "told-", "last-error.", NEW)
"""How the names of files begin that may be deleted; locks stay, see :mod:`gatepass.store.lock`."""

_LITTER = 24 * 3600.0
"""Seconds after which what no longer serves is deleted: corrupt files, half-written ones."""

_memory: dict[str, Credential] = {}
_notes: dict[str, dict[str, Any]] = {}
_alone: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""What no folder would hold: for this process, since twine, poetry and pdm ask more than once."""


class Entry(NamedTuple):
    """What is known of a stored credential, without its secret; ``about`` is for people."""

    about: dict[str, str]
    obtained_at: float
    expires_at: float


class Store:
    """The private folder's contents. Without a folder it holds things for this process alone."""

    def __init__(self, folder: Folder | None) -> None:
        self.folder = folder

    def get(self, key: str, now: float) -> Credential | None:
        """A credential with enough life left to hand out, or None."""
        held = _memory.get(key)
        if (held is None or not held.is_fresh(now)) and self.folder:
            record = self._json(f"{_CREDENTIAL}{key}.json")
            held = _credential(record) if record is not None else None
            if record is not None and held is None:
                self.folder.set_aside(f"{_CREDENTIAL}{key}.json")
        return held if held and held.is_fresh(now) else None

    def put(self, key: str, credential: Credential, about: dict[str, str]) -> None:
        """Keep a credential; ``about``: what ``status`` shows. A full disk costs the cache."""
        record = {
            "username": credential.username,
            "secret": credential.secret.reveal(),
            "obtained_at": credential.obtained_at,
            "expires_at": credential.expires_at,
            "about": about,
        }
        if not self._write(f"{_CREDENTIAL}{key}.json", record):
            for old, held in list(_memory.items()):  # each new subject token makes a new key
                if held.expires_at is not None and held.expires_at <= credential.obtained_at:
                    _memory.pop(old, None)
            _memory[key] = credential
        self._prune(credential.obtained_at)

    def entries(self) -> list[Entry]:
        """Every stored credential that can be read, expired ones too."""
        return [entry for _, entry in self._entries()]

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        for name in self.folder.names() if self.folder else ():
            record = self._json(name) if _is_credential(name) else None
            held = _credential(record) if record else None
            if held and record and isinstance(record.get("about"), dict):
                about = {str(k): str(v) for k, v in record["about"].items()}
                yield name, Entry(about, held.obtained_at, held.expires_at or 0.0)

    def forget(self, registry: str, url: str) -> list[Entry]:
        """Delete every credential of the registry with this name or address; what they were."""
        return [
            entry
            for name, entry in self._entries()
            if (entry.about.get("registry") == registry or entry.about.get("url") == url)
            and self.folder
            and self.folder.remove(name)
        ]

    @contextmanager
    def alone(
        self,
        key: str,
        look: Callable[[], Outcome | None],
        longer: Callable[[], float] = lambda: 0.0,
    ) -> Iterator[Outcome | None]:
        """Hold the key's lock; gives None to whoever has to work, else what ``look`` found.

        ``longer``: seconds more to wait, asked when patience has run out.
        """
        if self.folder is None:
            with _alone[key]:
                yield look()
            return
        lock, found = acquire(self.folder.path, key, look, longer=longer)
        try:
            yield found
        finally:
            if lock is not None:
                lock.release()

    def recall(self, name: str) -> dict[str, Any] | None:
        """What :meth:`note` kept under this name, however old."""
        return _notes.get(name) or self._json(f"{name}.json")

    def note(self, name: str, record: dict[str, Any]) -> None:
        """Keep a small record (a failure, who was told of it); it may be lost without harm."""
        _notes.pop(name, None)
        if not self._write(f"{name}.json", record):
            _notes[name] = record

    def key_sets(self) -> _KeySets:
        """The cache for :mod:`gatepass.trust.keys`."""
        return _KeySets(self.folder)

    def _json(self, name: str) -> dict[str, Any] | None:
        data = self.folder.read(name) if self.folder else None
        if data is None:
            return None
        try:
            record = json.loads(data)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            return record
        if self.folder:
            self.folder.set_aside(name)
        return None

    def _write(self, name: str, record: dict[str, Any]) -> bool:
        if self.folder is None:
            return False
        try:
            self.folder.write(name, json.dumps(record).encode())
        except OSError as error:
            log.warning("store", f"nothing is kept in {self.folder.path}: {error.strerror}")
            return False
        return True

    def _prune(self, now: float) -> None:
        """Delete what has expired, and of our other files what is a day old; nobody else's."""
        for name in self.folder.names() if self.folder else ():
            if not self.folder or not name.startswith(_OURS):
                continue  # the user may have named a folder that has other things in it
            if _is_credential(name):
                held = _credential(self._json(name) or {})
                if held is None:
                    self.folder.set_aside(name)
                elif held.expires_at is not None and held.expires_at <= now:
                    self.folder.remove(name)
            elif self.folder.age(name, now) > _LITTER:
                self.folder.remove(name)


class _KeySets:
    """Key sets by the name of their source; satisfies :class:`gatepass.trust.keys.Cache`."""

    def __init__(self, folder: Folder | None) -> None:
        self._folder = folder
        self._memory: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        file = f"{_KEYS}{key([name])}.json"
        return self._memory.get(name) or (self._folder.read(file) if self._folder else None)

    def put(self, name: str, data: bytes) -> None:
        try:
            if self._folder:
                self._folder.write(f"{_KEYS}{key([name])}.json", data)
                return
        except OSError as error:
            log.info("store", f"key set not kept: {error.strerror}")
        self._memory[name] = data


def open_store(env: Environment, settings: Settings) -> Store:
    """The store that the settings ask for; ``off``, or no place for one, gives an empty one."""
    if settings.store == "off":
        return Store(None)
    return Store(folders.find(env, settings.store_dir))


def _is_credential(name: str) -> bool:
    return name.startswith(_CREDENTIAL) and name.endswith(".json")


def _credential(record: dict[str, Any]) -> Credential | None:
    try:
        username, secret = record["username"], record["secret"]
        obtained, expires = float(record["obtained_at"]), float(record["expires_at"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not isinstance(username, str) or not isinstance(secret, str) or not secret:
        return None
    # No exchange gives a longer life, so neither did the one that this was kept from.
    if not 0 < expires - obtained < LONGEST_LIFE + 1:  # nan compares false
        return None
    return Credential(username, Secret(secret), obtained, expires)
