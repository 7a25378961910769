"""Passes are renewed while the command runs, so that it may run longer than they live."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

from gatepass import log
from gatepass.child.serving import Held
from gatepass.credential import ENOUGH, Credential
from gatepass.errors import GatepassError, internal
from gatepass.settings import Registry

_RETRY = 60.0
"""Seconds between two tries, at most: a registry that was out is found again within a minute."""

_LEAST = 1.0
"""Seconds between two renewals: a registry whose passes live shorter is not asked more often."""

_LOOK = 60.0
"""Seconds between two looks at the clock, which may jump: a laptop sleeps, a clock is set."""

_JUMP = 60.0
"""Seconds that a clock may be set back unseen."""


class Renewal:
    """For a `with`: renews in a thread of its own, which never ends the command.

    ``get``: a credential for a registry that was obtained after a moment, as far as that can be;
    ``keep``: called with all of them when one is new. After the end ``keep`` is called no more, so
    that the folder can go.
    """

    def __init__(
        self,
        held: Sequence[Held],
        get: Callable[[Registry, float], Credential],
        keep: Callable[[Sequence[Held]], None],
    ) -> None:
        self._held = list(held)
        self._due = [due(one.credential) for one in held]
        self._get, self._keep = get, keep
        self._alone, self._over = threading.Lock(), threading.Event()

    def __enter__(self) -> None:
        if any(moment is not None for moment in self._due):
            thread = threading.Thread(target=self._run, name="gatepass-renewal", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # a container that may have no more of them
                log.warning("not-renewed", "the passes are not renewed: no thread can be started")

    def __exit__(self, *ended: object) -> None:
        with self._alone:
            self._over.set()

    def _run(self) -> None:
        last = time.time()
        while not self._over.is_set():
            now = time.time()
            if now < last - _JUMP:  # what is due would be due as much later
                self._due = [moment and min(moment, now) for moment in self._due]
            last = now
            for number, moment in enumerate(self._due):
                if moment is not None and moment <= now:
                    self._renew(number)
            moments = [moment for moment in self._due if moment is not None]
            left = min(moments) - time.time() if moments else _LOOK
            self._over.wait(min(max(left, 0.05), _LOOK))

    def _renew(self, number: int) -> None:
        registry, before = self._held[number]
        try:
            new = self._get(registry, before.obtained_at)
        except Exception as error:  # whatever it is: the command goes on with what it has
            told = error if isinstance(error, GatepassError) else internal(error)
            self._failed(number, f"{told.what} ({told.code})")
            return
        if new.expires_at == before.expires_at:  # an API token, a login that nobody can renew
            self._failed(number, "nothing newer is to be had", is_final=True)
            return
        moment = due(new)
        self._due[number] = moment and max(moment, time.time() + _LEAST)
        with self._alone:
            if self._over.is_set():
                return
            held = [*self._held]
            held[number] = Held(registry, new)
            try:
                self._keep(held)
            except OSError as error:
                self._failed(number, f"it can't be written: {error.strerror}")
                return
            self._held = held
        log.info("renewed", f"{registry.url}: the pass was renewed")

    def _failed(self, number: int, why: str, *, is_final: bool = False) -> None:
        """Say it, and try again: soon, or, where nothing may come of it, now and then."""
        share, most = (0.5, ENOUGH) if is_final else (0.1, _RETRY)
        registry, credential = self._held[number]
        left = (credential.expires_at or 0.0) - time.time()
        ends = f"it ends in {left:.0f} s" if left > 0 else "it has ended"
        log.warning("not-renewed", f"the pass for {registry.url} is not renewed, {ends}: {why}")
        wait = min(most, max(left * share, _LEAST)) if left > 0 else most
        self._due[number] = time.time() + wait


def due(credential: Credential) -> float | None:
    """When to renew it, in epoch seconds; None where its end is not known.

    At that moment the store no longer hands out the old one (:meth:`Credential.is_fresh`), so what
    is got is new; up to a tenth of what is left then later, since jobs that began together need not
    ask together.
    """
    if credential.expires_at is None:
        return None
    enough = min((credential.expires_at - credential.obtained_at) / 2, ENOUGH)
    spread = random.uniform(0.9, 0.999)  # noqa: S311 - no secret
    return credential.expires_at - enough * spread
