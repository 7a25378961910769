"""Package Manager's own tokens: JWTs that only Package Manager can check (HS256)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
import uuid

from . import jose

_NAME = "packagemanager"
_HEADER = {"alg": "HS256", "typ": "JWT"}
_SCOPES = {"repos": {"*": "read"}, "sources": {"local": "write"}}


class Passes:
    """Issues tokens, recognises them again, and revokes them. Its key is random per start.

    Scopes are written into the tokens and not enforced: every token opens every repository.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._live: set[str] = set()

    def short_lived(self, subject: str, lifetime: int) -> str:
        """A token as an exchange gives it, good for `lifetime` seconds."""
        now = int(time.time())
        personal = {"sub": subject, "aud": [_NAME], "exp": now + lifetime}
        return self._issue({**personal, "iat": now, "ppm_type": "short-lived"})

    def api(self, lifetime: int | None) -> str:
        """A token as an administrator makes it: no subject, and no expiry if `lifetime` is None."""
        now = int(time.time())
        expiry = {} if lifetime is None else {"exp": now + lifetime}
        return self._issue({"aud": _NAME, "iat": now, **expiry})

    def revoke_all(self) -> None:
        """Refuse every token issued so far."""
        with self._lock:
            self._live.clear()

    def refusal(self, token: str) -> str | None:
        """Why `token` opens nothing, in a few words without any of it; None if it does."""
        try:
            parsed = jose.parse(token)
        except jose.Malformed:
            return "not a token of Package Manager"
        if parsed.header.get("alg") != "HS256" or parsed.claims.get("iss") != _NAME:
            return "not a token of Package Manager"
        if not hmac.compare_digest(parsed.signature, self._sign(parsed.signing_input)):
            return "signature is wrong"
        # From here on the claims are our own.
        if parsed.claims.get("exp", float("inf")) <= time.time():
            return "token has expired"
        with self._lock:
            live = parsed.claims["jti"] in self._live
        return None if live else "token was revoked"

    def _issue(self, claims: dict[str, object]) -> str:
        jti = str(uuid.uuid4())
        with self._lock:
            self._live.add(jti)
        complete = {"iss": _NAME, **claims, "jti": jti, "scopes": _SCOPES}
        return jose.compact(_HEADER, complete, self._sign)

    def _sign(self, data: bytes) -> bytes:
        return hmac.new(self._key, data, hashlib.sha256).digest()
