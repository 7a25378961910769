"""Times for people and for machines, from epoch seconds."""

from __future__ import annotations

import time


def rfc3339(moment: float) -> str:
    """``2026-11-23T14:05:00Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def span(seconds: float) -> str:
    """A length of time in its one or two largest units: ``52 min``, ``3 h 10 min``."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
