"""When to ask again. Pure arithmetic: moments are epoch seconds, ``draw`` is from 0 to 1.

A thousand pods that started together draw differently each time, and so drift apart; an exchange
happens well before the old credential ends, so that an outage of a third of its life goes unseen.
"""

from __future__ import annotations

from gatepass.credential import Credential

SHORTEST = 30.0
"""Seconds between two renewals: a registry whose tokens live shorter is not asked more often."""

EARLIEST, LATEST = 1 / 2, 2 / 3
"""Parts of a credential's life between which it is renewed."""

PATIENCE = 60.0
"""Seconds at the start for what may not be there yet: a token file, a sidecar's proxy."""

LOOK = 30.0
"""Seconds between two looks at the clock, which may jump: a machine sleeps, a clock is set."""

AGAIN = 3600.0
"""Seconds until a credential whose end is not known is looked at again."""

_FIRST, _LONGEST = 1.0, 120.0


def renew_at(credential: Credential, now: float, draw: float) -> float:
    """When to ask for the credential's successor."""
    part = EARLIEST + (LATEST - EARLIEST) * draw
    if credential.expires_at is None:
        return now + AGAIN * part
    life = credential.expires_at - credential.obtained_at
    return max(now + SHORTEST, credential.obtained_at + life * part)


def pause(failures: int, draw: float, *, has_credential: bool) -> float:
    """Seconds until the next try after so many failures in a row.

    Two seconds at first where nothing is there, since somebody waits for it; not sooner than
    SHORTEST where the present credential serves. Two minutes at most, so that a registry that is
    back is found again; half of each pause is chance.
    """
    first = SHORTEST if has_credential else _FIRST
    whole = min(_LONGEST, first * 2.0 ** min(failures, 10))
    return whole * (1 + draw) / 2
