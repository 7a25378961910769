"""The journal: every request that any party answered, in order, without secrets."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable
from typing import NamedTuple

#: Who answers in the sandbox. "issuer" is whichever issuer's public metadata and keys, "github" and
#: "gitlab" the rest of those origins, "kubernetes" the cluster's API server, "status" all the rest
#: of Package Manager: page, status, API. "index" and "upload" are CodeArtifact's repositories too,
#: "codeartifact" is its API. "device" is
#: Package Manager's own device flow, "idp" the provider for people beyond its public documents.
PARTIES = (
    "issuer",
    "github",
    "gitlab",
    "kubernetes",
    "exchange",
    "index",
    "upload",
    "status",
    "sts",
    "codeartifact",
    "device",
    "idp",
    "menda",
)

# A client may put a token where it does not belong; the journal must not repeat that.
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]*\.[\w-]*")
_NOTE_LIMIT = 300


class Request(NamedTuple):
    """One answered request: `path` has no query; `status` 0 means the connection was cut."""

    party: str
    method: str
    path: str
    status: int
    note: str


class Journal:
    """Keeps the requests and tells the watchers. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._watchers: list[Callable[[Request], None]] = []

    def record(self, party: str, method: str, path: str, status: int, note: str) -> None:
        """Append one request; called before its answer leaves, so a client never outruns it."""
        request = Request(party, method, _clean(path), status, _clean(note)[:_NOTE_LIMIT])
        with self._lock:
            self._requests.append(request)
            watchers = list(self._watchers)
        for watcher in watchers:
            # A watcher's fault is its own: the answer must leave all the same.
            with contextlib.suppress(Exception):
                watcher(request)

    def snapshot(self) -> list[Request]:
        """A copy of all requests so far."""
        with self._lock:
            return list(self._requests)

    def count(self, party: str, status: int) -> int:
        """How many requests `party` answered with `status`; ValueError for an unknown party."""
        if party not in PARTIES:
            raise ValueError(f"no party {party!r}; there are {', '.join(PARTIES)}")
        return sum(r.party == party and r.status == status for r in self.snapshot())

    def watch(self, callback: Callable[[Request], None]) -> None:
        """Call `callback` for each request from now on, from the thread that answers it."""
        with self._lock:
            self._watchers.append(callback)


def _clean(text: str) -> str:
    printable = "".join(c if c.isprintable() else "?" for c in text)
    return _JWT.sub("****", printable)
