"""CodeArtifact's authorization tokens: long, opaque, each for one domain and until a moment."""

from __future__ import annotations

import json
import secrets
import threading
import time

from ..jose import encode
from .account import Domain

# An encrypted JWT in compact form (RFC 7516), five parts with a header as in a token that somebody
# showed (github.com/ansible-collections/community.general/issues/1171): 1,519 characters.
_ENCRYPTED_KEY, _VECTOR, _TEXT, _TAG = 16, 12, 960, 16  # bytes


class Tokens:
    """Issues tokens, recognises them again, and revokes them. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: dict[str, tuple[Domain, float]] = {}
        self._issued: list[str] = []

    def issue(self, domain: Domain, expires_at: float) -> str:
        """A token for `domain`, good until then (seconds since the epoch)."""
        header = {
            "ver": 1,
            "isu": int(time.time()),
            "enc": "A128GCM",
            "tag": encode(secrets.token_bytes(_TAG)),
            "exp": int(expires_at),
            "alg": "A128GCMKW",
            "iv": encode(secrets.token_bytes(_VECTOR)),
        }
        parts = [json.dumps(header, separators=(",", ":")).encode()]
        parts += [secrets.token_bytes(size) for size in (_ENCRYPTED_KEY, _VECTOR, _TEXT, _TAG)]
        token = ".".join(encode(part) for part in parts)
        with self._lock:
            self._live[token] = domain, expires_at
            self._issued.append(token)
        return token

    def revoke_all(self) -> None:
        """Refuse every token issued so far."""
        with self._lock:
            self._live.clear()

    def refusal(self, token: str, domain: Domain) -> str | None:
        """Why `token` does not open `domain`, without any of it; None if it does."""
        with self._lock:
            issued = token in self._issued
            found = self._live.get(token)
        if found is None:
            return "token was revoked" if issued else "not a token of CodeArtifact"
        if found[0] != domain:
            return f"token is for the domain {found[0].name}"
        return "token has expired" if found[1] <= time.time() else None

    def secrets(self) -> list[str]:
        """Every token issued so far."""
        with self._lock:
            return list(self._issued)
