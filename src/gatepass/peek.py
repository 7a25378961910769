"""What an unverified token says of itself: to choose one of several, or to read a date.

Nothing is trusted because of it: a subject token that was chosen so is verified like any other,
and a registry's own token nobody but the registry can verify.
"""

from __future__ import annotations

import json
from typing import Any


def claims(token: str) -> dict[str, Any]:
    """The payload of a JWT as sent; empty where it can't be read. No signature is looked at."""
    import base64  # not on the warm path of every identity

    parts = token.split(".")
    try:
        value = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def is_for(token: str, audience: str) -> bool:
    """Whether the token's only audience is this one."""
    said = claims(token).get("aud")
    return said in (audience, [audience])
