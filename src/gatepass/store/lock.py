"""One at a time, across processes: a file lock that its holder's death releases."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gatepass.credential import Credential
from gatepass.errors import GatepassError

if TYPE_CHECKING:
    from filelock import BaseFileLock

PATIENCE = 60.0
"""Seconds to wait at most: a hundred interpreters that only start take 14 s on two cores, and the
exchange before them 30."""

_POLL = 0.05

Outcome = Credential | GatepassError
"""What another process may have left: the work done, or its failure."""


def acquire(
    folder: str,
    key: str,
    look: Callable[[], Outcome | None],
    patience: float = PATIENCE,
    *,
    longer: Callable[[], float] = lambda: 0.0,
) -> tuple[BaseFileLock | None, Outcome | None]:
    """Wait for the key's lock, looking meanwhile whether the work is already done.

    ``longer``: asked when patience has run out: seconds more, because a person is being waited for.
    Returns ``(lock, None)``: the caller works, then releases it; ``(None, found)``: somebody else
    did; ``(None, None)``: patience ran out or locks don't work here, so the caller works without.
    """
    # Only on a miss: filelock takes 40 ms to load.
    import random

    import filelock

    # 4096 files serve all keys, so that none ever has to be deleted, which can't be done safely.
    lock = filelock.FileLock(os.path.join(folder, f"lock-{key[:3]}"), mode=0o600)
    end = time.monotonic() + patience
    while True:
        if not os.path.isdir(folder):
            return None, None  # cleaned away; filelock would make it anew, open to others
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            found = look()
            if found is not None:
                return None, found
        except OSError:
            return None, None
        else:
            found = look()
            if found is None:
                return lock, None
            lock.release()
            return None, found
        if time.monotonic() >= end:
            more = longer()
            if not more > 0:  # nan compares false
                return None, None
            end = time.monotonic() + more
        time.sleep(random.uniform(_POLL / 2, _POLL))  # noqa: S311 - no secret
