"""One registry's credential over time: what it is, when to ask for the next, since when not."""

from __future__ import annotations

import random
from collections.abc import Callable

from gatepass.credential import Credential
from gatepass.errors import GatepassError
from gatepass.renewal import schedule
from gatepass.settings import Registry


class Lease:
    """Moments are epoch seconds by the caller's clock. ``draw``: from 0 to 1, for tests.

    ``credential``: the last that was got, None before the first and after the last one's end;
    ``ever``: whether there was one; ``due``: when to ask; ``failures``: in a row; ``failing``:
    since when; ``error``: the last one's.
    """

    def __init__(
        self, registry: Registry, now: float, draw: Callable[[], float] = random.random
    ) -> None:
        self.registry, self._draw = registry, draw
        self.credential: Credential | None = None
        self.ever = False
        self.due = now
        self.failures, self.failing, self._got = 0, 0.0, now
        self.error: GatepassError | None = None

    def succeeded(self, credential: Credential, now: float) -> None:
        """Take a credential, which may be the one that is here already."""
        self.credential, self.ever, self._got = credential, True, now
        self.failures, self.error = 0, None
        self.due = schedule.renew_at(credential, now, self._draw())

    def failed(self, error: GatepassError, now: float, latest: float | None = None) -> None:
        """Count a failure; the next try is not after ``latest``."""
        if not self.failures:
            self.failing = now
        self.failures, self.error = self.failures + 1, error
        has_credential = self.credential is not None
        self.due = now + schedule.pause(self.failures, self._draw(), has_credential=has_credential)
        if latest is not None:
            self.due = min(self.due, latest)

    def ended(self, now: float) -> bool:
        """Whether the credential has just come to its end; it is then let go.

        The next is then asked for, unless that is what fails: only a clock that jumped, or a
        registry whose clock isn't ours, lets one end before it is due.
        """
        if self.credential is None or self.left(now) > 0:
            return False
        self.credential = None
        if not self.failures:
            self.due = min(self.due, max(now, self._got + schedule.SHORTEST))
        return True

    def left(self, now: float) -> float:
        """Seconds that the credential is still good for; infinity where nothing says."""
        if self.credential is None:
            return 0.0
        ends = self.credential.expires_at
        return float("inf") if ends is None else ends - now

    def clock_went_back(self, now: float) -> None:
        """Ask now: after the clock was set back, ``due`` may lie a year ahead."""
        self.due = min(self.due, now)
