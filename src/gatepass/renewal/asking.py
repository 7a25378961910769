"""Asking for a credential beside the main thread, which hears signals meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable

from gatepass import identity
from gatepass.credential import Credential
from gatepass.errors import GatepassError, internal
from gatepass.resolve import credential_at, record_of
from gatepass.settings import Environment, Registry, Settings
from gatepass.settings.environment import read
from gatepass.store import open_store
from gatepass.store.passes import VARIABLE

Outcome = Credential | GatepassError

_NO_THREAD = "can't start new thread"
"""CPython's words, of its RuntimeError where the system has no further thread for it."""


class Asker:
    """Asks as `gatepass get` does, and newer than what is held.

    The identity is chosen, and its token read, each time: tokens rotate. A person is asked to log
    in for the first credential at most; later on a login is renewed in silence, or used to its end.
    """

    def __init__(self, settings: Settings, env: Environment) -> None:
        self._settings, self._env = settings, env

    def __call__(self, registry: Registry, held: Credential | None, *, first: bool) -> Credential:
        """A credential. Raises GatepassError, which `gatepass status` then shows."""
        env, settings = self._env, self._settings
        try:
            passed = bool(read(env, VARIABLE))
            if not first and not passed and identity.choose(env, registry).name == "login":
                # In CI nobody is asked. Other identities choose by that variable, too.
                registry, env = registry._replace(identity="login"), {**env, "CI": "true"}
            after = held.obtained_at if held else None
            found = credential_at(registry, settings, env, after=after)
        except GatepassError as error:
            open_store(self._env, settings).note("last-error", record_of(error, registry.url))
            raise
        if found is None:  # only a user name that was asked for makes it so
            raise AssertionError("a registry of ours has nothing for nobody in particular")
        return found


class Worker:
    """Does one thing at a time in a thread of its own; ``finished`` is called from there."""

    def __init__(self, finished: Callable[[], None]) -> None:
        self._finished = finished
        self._thread: threading.Thread | None = None
        self._box: list[Outcome] = []

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being done, and nothing waits to be collected."""
        return self._thread is None and not self._box

    def start(self, work: Callable[[], Credential]) -> None:
        """Begin; only where it is idle. That there is no thread to be had is an outcome, too."""

        def run() -> None:
            try:
                self._box.append(work())
            except Exception as error:  # a fault of ours ends one try, and not the watch
                told = _told(error)
                told.__context__ = told.__cause__ = None  # their frames would be kept, and
                self._box.append(told.with_traceback(None))  # hold tokens
            self._finished()

        thread = threading.Thread(target=run, name="gatepass-watch", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self._box.append(_told(error))
            self._finished()
        else:
            self._thread = thread

    def outcome(self) -> Outcome | None:
        """What came of it, once; None before its end."""
        if not self._box:
            return None
        self._thread = None
        return self._box.pop()

    def leave(self, seconds: float) -> None:
        """Give what is still being done a moment to end: a thread that writes a line while Python
        ends would hold it up."""
        if self._thread is not None:
            self._thread.join(seconds)


def _told(error: Exception) -> GatepassError:
    """What came instead of a credential; a thread may be missing here, or further down."""
    if isinstance(error, GatepassError):
        return error
    if not isinstance(error, RuntimeError) or _NO_THREAD not in str(error):
        return internal(error)
    return GatepassError(
        "no-thread",
        "no thread can be started to ask in",
        why="the system refuses it: pids.max or `ulimit -u` limits how many there are",
        do="raise the limit, or look for what starts so many",
    )
