"""The person at the laptop: hears of every code, and says yes, says no, or never answers."""

from __future__ import annotations

import threading


class Person:
    """Decides about the codes of device flows; says yes at once until told otherwise.

    A change holds for the codes that wait already too. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: list[str] = []
        self._says: bool | None = True
        self._after = 0.0
        self._after_polls = 0

    def approves(self, after: float = 0.0, after_polls: int = 0) -> None:
        """Say yes `after` so many seconds by the provider's clock, and so many fruitless polls."""
        self._decide(True, after, after_polls)

    def denies(self, after: float = 0.0, after_polls: int = 0) -> None:
        """Say no, as late as `approves` does."""
        self._decide(False, after, after_polls)

    def never(self) -> None:
        """Leave every code to whoever opens the page."""
        self._decide(None, 0.0, 0)

    @property
    def asked(self) -> list[str]:
        """A copy of all user codes so far, in order."""
        with self._lock:
            return list(self._asked)

    def hears(self, user_code: str) -> None:
        """A code was shown."""
        with self._lock:
            self._asked.append(user_code)

    def decision(self, waited: float, polls: int) -> bool | None:
        """The answer to a code `waited` seconds old, `polls` fruitless ones; None: not yet."""
        with self._lock:
            due = waited >= self._after and polls >= self._after_polls
            return self._says if due else None

    def _decide(self, says: bool | None, after: float, after_polls: int) -> None:
        with self._lock:
            self._says, self._after, self._after_polls = says, after, after_polls
