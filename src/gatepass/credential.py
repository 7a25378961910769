"""A registry credential and the arithmetic of its life. All times are epoch seconds."""

from __future__ import annotations

from typing import NamedTuple

from gatepass.secret import Secret

LONGEST_LIFE = 12 * 3600.0
"""Seconds: no registry known hands out more for an exchange; a larger claim is not relied on."""

UNKNOWN_LIFE = 300.0
"""Seconds, where neither the reply nor the token says: short enough to be wrong safely."""

ENOUGH = 900.0
"""Seconds that a client may hold a credential: uv and poetry keep one for a whole run."""


class Credential(NamedTuple):
    """What a registry takes: ``username`` and ``secret``, good until ``expires_at``.

    ``expires_at`` is None where the life is not ours to know (PACKAGEMANAGER_TOKEN without
    ``exp``). ``obtained_at`` is when the reply came in, by this machine's clock.
    """

    username: str
    secret: Secret
    obtained_at: float
    expires_at: float | None

    def is_fresh(self, now: float) -> bool:
        """Whether enough life is left to hand it out: more than min(half its life, 15 minutes).

        A clock that was set back (``now`` before ``obtained_at`` by over a minute) makes it stale:
        its remaining life is then unknown.
        """
        if self.expires_at is None:
            return True
        if now < self.obtained_at - 60:
            return False
        life = self.expires_at - self.obtained_at
        return self.expires_at - now > min(life / 2, ENOUGH)


def life_of(expires_in: object, claims: object) -> float:
    """Seconds that a credential lives from its receipt.

    ``expires_in``: the reply's member (RFC 6749 section 5.1), anything where it is missing or of
    the wrong type; ``claims``: the credential's own JWT payload, where it is one. It does not
    verify either: a registry that lies about its own token only hurts its own users.
    """
    life = _seconds(expires_in)
    if life is None and isinstance(claims, dict):
        issued, expires = _seconds(claims.get("iat")), _seconds(claims.get("exp"))
        if issued is not None and expires is not None and expires > issued:
            life = expires - issued
    return UNKNOWN_LIFE if life is None else min(life, LONGEST_LIFE)


def _seconds(value: object) -> float | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)  # some servers quote expires_in
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < 1e12 else None
