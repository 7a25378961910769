"""What every registry's reply is put through before it becomes a credential."""

from __future__ import annotations

from typing import Any

from gatepass.errors import ExchangeError
from gatepass.secret import Secret

LARGEST = 8 * 1024
"""Bytes of a registry's secret; it travels in a header, and servers cap those at 8 KiB."""

_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~+/=-")
"""RFC 6750's b64token: nothing in it can end a line, quote a quote or start a new field."""

_LATEST = 253402300799
"""Epoch seconds of the end of the year 9999."""


def usable_secret(text: str, source: str) -> Secret:
    """The text as a Secret. ExchangeError (unusable-secret) where it could inject anything:
    it will stand in headers, in netrc files and on a client's standard output."""
    if len(text) > LARGEST or not text or not _ALLOWED.issuperset(text):
        problem = (
            f"it is longer than {LARGEST} bytes"
            if len(text) > LARGEST
            else "it has characters that no token has"
        )
        raise ExchangeError(
            "unusable-secret",
            f"the token from {source} can't be used",
            why=problem,
            do="check that the address, or the variable, is the right one",
        )
    return Secret(text)


def expiry(claims: dict[str, Any]) -> float | None:
    """``exp`` in epoch seconds; None where there is none, or one that is no date."""
    told = claims.get("exp")
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told <= _LATEST:
        return None
    return float(told)
