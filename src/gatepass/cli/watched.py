"""What `gatepass watch` says: each change of state once, and what lasts at a decreasing rate."""

from __future__ import annotations

from gatepass import log
from gatepass.cli.times import rfc3339, span
from gatepass.renewal import schedule
from gatepass.renewal.lease import Lease
from gatepass.renewal.targets import Target

_FIRST, _LAST = 300.0, 3600.0
"""Seconds between two lines about one outage: they double, from five minutes to an hour."""


class Outage:
    """One failure that lasts. ``since``: epoch seconds."""

    def __init__(self, now: float) -> None:
        self.since = now
        self._kinds: set[str] = set()
        self._next, self._gap = now, _FIRST

    def is_news(self, kind: str, now: float) -> bool:
        """Whether to say it: another kind of failure than before, or long enough not said."""
        if kind in self._kinds and 0 < self._next - now <= _LAST:
            return False
        if kind in self._kinds:
            self._gap = min(2 * self._gap, _LAST)
        self._kinds.add(kind)
        self._next = now + self._gap
        return True


class Telling:
    """Satisfies :class:`gatepass.renewal.loop.Teller`. ``renews``: False with --once."""

    def __init__(self, *, renews: bool = True) -> None:
        self._renews = renews
        self._outages: dict[str, Outage] = {}
        self._unwritten: dict[str, Outage] = {}
        self._known: set[str] = set()

    def got(self, lease: Lease, now: float, *, is_new: bool) -> None:
        outage = self._outages.pop(lease.registry.name, None)
        about = f"{lease.registry.url}: {_good_for(lease, now)}"
        if self._renews:
            about += f", renewed in {span(lease.due - now)}"
        fields = {"registry": lease.registry.name, "seconds_left": _seconds_left(lease, now)}
        if outage:
            lasted = span(now - outage.since)
            log.notice("recovered", f"{about}; it had failed for {lasted}", **fields)
        elif lease.registry.name not in self._known:
            log.notice("watching", about, **fields)
        elif is_new:
            log.info("renewed", about, **fields)
        if lease.registry.name not in self._known:
            self._known.add(lease.registry.name)
            life = _life(lease)
            if life < schedule.SHORTEST:
                log.warning(
                    "short-lived",
                    f"{lease.registry.url}: its credentials live for {span(life)}, shorter than "
                    f"the {schedule.SHORTEST:.0f} s between two renewals: in the gaps there is no "
                    "file",
                    registry=lease.registry.name,
                )

    def failed(self, lease: Lease, now: float) -> None:
        error = lease.error
        if error is None:
            return
        outage = self._outages.setdefault(lease.registry.name, Outage(now))
        if outage.is_news(error.code, now):
            why = f": {error.why}" if error.why else ""
            lasting = ""
            if lease.failures > 1:
                lasting = f" for {span(now - lease.failing)} ({lease.failures} tries)"
            log.warning(
                "not-renewed",
                f"{lease.registry.url}: no new credential{lasting}, {_rest(lease, now)}; "
                f"error[{error.code}]: {error.what}{why}",
                registry=lease.registry.name,
                code=error.code,
                tries=lease.failures,
                failing_since=rfc3339(lease.failing),
                seconds_left=_seconds_left(lease, now),
            )

    def ended(self, lease: Lease, now: float) -> None:
        log.warning(
            "ended",
            f"{lease.registry.url}: the credential has ended; it is taken out of the files",
            registry=lease.registry.name,
        )

    def written(self, target: Target, now: float) -> None:
        path = target.place.path
        # What is only taken out needs no room: the disk may be as full as before.
        outage = self._unwritten.pop(path, None) if target.written else None
        if outage:
            lasted = span(now - outage.since)
            log.notice("written", f"{path}: written again after {lasted}", path=path)
        elif target.written:
            log.info("written", f"{path}: written, mode {target.place.mode:04o}", path=path)
        else:
            log.info("removed", f"{path}: holds nothing of ours", path=path)

    def not_written(self, target: Target, error: OSError, now: float, *, has_ended: bool) -> None:
        path, why = target.place.path, error.strerror or type(error).__name__
        stays = "still has what has ended" if has_ended else "stays as it is"
        about = f"{path} {stays}, it can't be written: {why}"
        if self._unwritten.setdefault(path, Outage(now)).is_news(about, now):
            log.warning("not-written", about, path=path)


def _good_for(lease: Lease, now: float) -> str:
    left = _seconds_left(lease, now)
    return "a credential" if left is None else f"a credential that is good for {span(left)}"


def _life(lease: Lease) -> float:
    held = lease.credential
    ends = held.expires_at if held else None
    return float("inf") if held is None or ends is None else ends - held.obtained_at


def _rest(lease: Lease, now: float) -> str:
    if lease.credential is None:
        return "and there is none" if lease.ever else "and there is none yet"
    left = _seconds_left(lease, now)
    return "the present one is good" + ("" if left is None else f" for {span(left)}")


def _seconds_left(lease: Lease, now: float) -> int | None:
    """None where nothing says; JSON has no infinity."""
    left = lease.left(now)
    return None if left == float("inf") else round(max(0.0, left))
