"""The key under which a credential rests: it says whose credential it is.

Two jobs, two audiences, two registries or two policies never share a key, so a later job on the
same machine never finds an earlier one's pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

_FORMAT = "1"
"""Raised when the fields, their order or the record's layout change: old records are orphans."""


def key(fields: Iterable[str]) -> str:
    """SHA-256 over the length-prefixed fields, as 64 hex digits.

    The lengths keep ``("ab", "c")`` and ``("a", "bc")`` apart.
    """
    digest = hashlib.sha256()
    for field in (_FORMAT, *fields):
        data = field.encode("utf-8", "surrogateescape")
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()
