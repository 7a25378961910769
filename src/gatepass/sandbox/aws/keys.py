"""AWS' access keys: a user's, which stay, and those of sessions, which end."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from dataclasses import dataclass, replace

from .account import USER_ARN, USER_ID, Role

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True)
class Key:
    """`arn` says who uses it, `principal` whose rights these are: a session has its role's.

    `token` and `expires_at` (seconds since the epoch) are a session's only.
    """

    access_key_id: str
    secret: str
    arn: str
    principal: str
    unique_id: str
    token: str | None = None
    expires_at: float | None = None

    @property
    def account(self) -> str:
        """The account that it belongs to."""
        return self.arn.split(":")[4]


class Keys:
    """Every key there is, by its id. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.user = Key(_key_id("AKIA"), _noise(30), USER_ARN, USER_ARN, USER_ID)
        self._all = {self.user.access_key_id: self.user}

    def session(self, role: Role, name: str, lifetime: int) -> Key:
        """New keys for `lifetime` seconds, as AssumeRole and its like give them."""
        _, _, _, _, account, path = role.arn.split(":")
        arn = f"arn:aws:sts::{account}:assumed-role/{path.rpartition('/')[2]}/{name}"
        # To a second, as the answer says it. Of 400 bytes, so that the token ends with "=" as real
        # ones may: whoever signs or encodes it wrongly is found out.
        expires_at = float(int(time.time()) + lifetime)
        unique_id = f"{role.unique_id}:{name}"
        key = Key(_key_id("ASIA"), _noise(30), arn, role.arn, unique_id, _noise(400), expires_at)
        with self._lock:
            self._all[key.access_key_id] = key
        return key

    def find(self, access_key_id: str) -> Key | None:
        """The key of that id, also when its session has ended."""
        with self._lock:
            return self._all.get(access_key_id)

    def end_sessions(self) -> None:
        """Let every session so far have ended by now."""
        ended = time.time()
        with self._lock:
            self._all = {
                name: replace(key, expires_at=min(key.expires_at, ended)) if key.expires_at else key
                for name, key in self._all.items()
            }

    def secrets(self) -> list[str]:
        """All that nobody but its owner may see."""
        with self._lock:
            found = [(key.secret, key.token) for key in self._all.values()]
        return [secret for pair in found for secret in pair if secret]


def _key_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(16))


def _noise(size: int) -> str:
    """`size` random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(size)).decode("ascii")
