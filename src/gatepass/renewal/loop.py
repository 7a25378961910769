"""The watch itself: who is due is asked, what was got is written, what has ended is taken away.

A file that is there holds a credential that this very run has got and that is still good. What an
earlier run left is replaced by the first credential, or removed with the first failure: nobody
knows for how long it is good, and "no such package" is all that a client with a stale one says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from gatepass.credential import Credential
from gatepass.errors import ConfigError, GatepassError, plain
from gatepass.renewal import schedule
from gatepass.renewal.failures import Chance, chance
from gatepass.renewal.lease import Lease
from gatepass.renewal.targets import Target
from gatepass.settings import Registry

_JUMP = 60.0
"""Seconds that a clock may be set back unseen."""

_WRITE_AGAIN = 10.0


class Asker(Protocol):
    """:class:`gatepass.renewal.asking.Asker`"""

    def __call__(
        self, registry: Registry, held: Credential | None, *, first: bool
    ) -> Credential: ...


class Worker(Protocol):
    """:class:`gatepass.renewal.asking.Worker`"""

    @property
    def is_idle(self) -> bool: ...
    def start(self, work: Callable[[], Credential]) -> None: ...
    def outcome(self) -> Credential | GatepassError | None: ...


class Stop(Protocol):
    """:class:`gatepass.renewal.stopping.Stop`: the clock, and the end."""

    @property
    def asked(self) -> bool: ...
    def now(self) -> float: ...
    def wait(self, seconds: float) -> None: ...


class Teller(Protocol):
    """Who is told what happens; ``now`` is the moment; ``has_ended``: something in the file."""

    def got(self, lease: Lease, now: float, *, is_new: bool) -> None: ...
    def failed(self, lease: Lease, now: float) -> None: ...
    def ended(self, lease: Lease, now: float) -> None: ...
    def written(self, target: Target, now: float) -> None: ...
    def not_written(
        self, target: Target, error: OSError, now: float, *, has_ended: bool
    ) -> None: ...


class Watch:
    """One `gatepass watch`. ``once``: it ends when everything is written.

    ``ready``: the target that is there while all others hold what they should, or None.
    """

    def __init__(
        self,
        registries: Sequence[Registry],
        targets: Sequence[Target],
        ready: Target | None,
        *,
        ask: Asker,
        worker: Worker,
        stop: Stop,
        teller: Teller,
        once: bool = False,
    ) -> None:
        self._ask, self._worker, self._stop, self._teller = ask, worker, stop, teller
        self._targets, self._ready, self._once = tuple(targets), ready, once
        self._began = self._last = stop.now()
        self.leases = [Lease(registry, self._began) for registry in registries]
        self._asked: Lease | None = None

    def prepare(self) -> None:
        """Before the start. Raises ConfigError (watch-file) for a file that is somebody else's, or
        can't be written: it is then left alone."""
        for target in self._all():
            problem = target.problem()
            if problem:
                raise unusable(target, problem)
        for target in self._all():
            try:
                target.place.tidy()
            except OSError:
                pass  # what is left there stays: another's, or in a folder that can't be read
        if self._ready:
            self._put(self._ready, {}, self._last)

    def run(self) -> bool:
        """Until it is asked to stop (False), or ``once`` and everything is written (True).

        Raises GatepassError where the first credential can't be had: at once for what won't pass,
        after a minute for what may. The files stay as they are.
        """
        while not self._stop.asked:
            now = self._stop.now()
            if now < self._last - _JUMP:
                for lease in self.leases:
                    lease.clock_went_back(now)
            self._last = now
            self._collect(now)
            self._publish(now)
            if self._once and all(self._is_complete(target, now) for target in self._all()):
                return True
            self._begin(now)
            self._stop.wait(self._pause())
        return False

    def remove(self) -> list[str]:
        """Take every credential out of the files; the paths where that failed, which was told."""
        now = self._stop.now()
        return [one.place.path for one in self._all() if not self._put(one, {}, now)]

    def _all(self) -> list[Target]:
        """Every target; the sign goes up last, and down first."""
        return [*([self._ready] if self._ready else []), *self._targets]

    def _collect(self, now: float) -> None:
        """Let go what has ended; take what the worker got."""
        for lease in self.leases:
            if lease.ended(now):
                self._teller.ended(lease, now)
        outcome = self._worker.outcome()
        if outcome is None or self._asked is None:
            return
        lease, self._asked = self._asked, None
        if isinstance(outcome, GatepassError):
            self._failed(lease, outcome, now)
            return
        is_new = lease.credential is None or lease.credential.secret != outcome.secret
        lease.succeeded(outcome, now)
        self._teller.got(lease, now, is_new=is_new)

    def _failed(self, lease: Lease, error: GatepassError, now: float) -> None:
        if lease.ever:
            lease.failed(error, now)
            self._teller.failed(lease, now)
            return
        for target in self._targets:
            if lease.registry.name in target.names and not target.written:
                self._put(target, {}, now)  # an earlier run's
        hope, patience = chance(error), self._began + schedule.PATIENCE
        waits = hope is Chance.LATER and not self._once
        if hope is Chance.NEVER or (now >= patience and not waits):
            raise error
        lease.failed(error, now, None if waits else patience)
        self._teller.failed(lease, now)

    def _publish(self, now: float) -> None:
        """Let every file hold what is held, as far as it can be written."""
        held = {lease.registry.name: lease.credential for lease in self.leases if lease.credential}
        for target in self._targets:
            mine = {name: one for name, one in held.items() if name in target.names}
            waits = now < target.again <= now + _WRITE_AGAIN and not _ended(target, now)
            if not waits and not target.is_current(mine):
                self._put(target, mine, now)
        if self._ready:
            wanted = held if all(self._is_complete(one, now) for one in self._targets) else {}
            if not self._ready.is_current(wanted):
                self._put(self._ready, wanted, now)

    def _put(self, target: Target, held: Mapping[str, Credential], now: float) -> bool:
        """Whether it holds them now."""
        try:
            target.put(held)
        except OSError as error:
            target.again = now + _WRITE_AGAIN
            self._drop_ended(target, now)
            self._teller.not_written(target, error, now, has_ended=_ended(target, now))
            if self._once and now >= self._began + schedule.PATIENCE:
                raise unusable(target, error.strerror or "it can't be written") from None
            return False
        target.again = 0.0
        self._teller.written(target, now)
        return True

    def _drop_ended(self, target: Target, now: float) -> None:
        """What has ended must go even if nothing new can be written: a full disk deletes."""
        if _ended(target, now):
            live = {n: one for n, one in target.written.items() if not _has_ended(one, now)}
            try:
                target.put(live)
            except OSError:
                pass  # that it stays is told

    def _is_complete(self, target: Target, now: float) -> bool:
        whole = set(target.written) == target.names and target.place.exists()
        return whole and not _ended(target, now)

    def _begin(self, now: float) -> None:
        """Ask for the one that is longest due."""
        due = [lease for lease in self.leases if lease.due <= now]
        if due and self._worker.is_idle:
            lease = self._asked = min(due, key=lambda one: one.due)
            registry, held, first = lease.registry, lease.credential, not lease.ever
            self._worker.start(lambda: self._ask(registry, held, first=first))

    def _pause(self) -> float:
        """Seconds until there is something to do, a signal and the worker's end aside."""
        now = self._stop.now()
        held = [lease.credential for lease in self.leases if lease.credential]
        # What is written may be older than what is held, where the disk is full.
        held += [one for target in self._targets for one in target.written.values()]
        moments = [one.expires_at for one in held if one.expires_at is not None]
        moments += [target.again for target in self._all()]
        ahead = (moment for moment in moments if moment > self._last)  # the others were seen to
        soonest = min(ahead, default=now + schedule.LOOK)
        if self._worker.is_idle:
            soonest = min(soonest, *(lease.due for lease in self.leases))
        return min(max(0.0, soonest - now), schedule.LOOK)


def unusable(target: Target, problem: str) -> ConfigError:
    """The error for a file that can't be kept."""
    return ConfigError(
        "watch-file",
        f"{plain(target.place.path)} can't be kept fresh: {problem}",
        why="it is replaced as a whole each time, by a file that is made beside it",
        do="name a file that is this command's own, in a folder that this user can write to",
    )


def _has_ended(credential: Credential, now: float) -> bool:
    return credential.expires_at is not None and credential.expires_at <= now


def _ended(target: Target, now: float) -> bool:
    return any(_has_ended(one, now) for one in target.written.values())
