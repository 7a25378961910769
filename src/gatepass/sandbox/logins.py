"""Refresh tokens (RFC 6749 section 6): a login that goes on without its person."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass

from .oauth import Refused

_REMEMBERED = 1000  # tokens of each kind, the oldest of which go first


@dataclass(frozen=True, slots=True)
class Login:
    """What a person agreed to: for whom, for what, and when (seconds since the epoch)."""

    client: str
    scopes: tuple[str, ...]
    at: int


class Logins:
    """Gives refresh tokens, and knows them again. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: dict[str, Login] = {}
        self._replaced: dict[str, Login] = {}

    def token(self, login: Login) -> str:
        """A new refresh token."""
        with self._lock:
            return self._new(login)

    def known(self, token: str, client: str) -> Login:
        """Whose token this is; Refused unless it is one of this client's that is good still.

        One that was replaced already may have been stolen: then every token of that login is
        revoked (RFC 9700 section 4.14.2).
        """
        with self._lock:
            return self._known(token, client)

    def replace(self, token: str, client: str) -> str:
        """Another token for the same login, and the end of this one; Refused as in `known`."""
        with self._lock:
            login = self._known(token, client)
            self._replaced[token] = self._live.pop(token)
            _forget(self._replaced)
            return self._new(login)

    def revoke_all(self) -> None:
        """Refuse every token so far."""
        with self._lock:
            self._live.clear()
            self._replaced.clear()

    def _known(self, token: str, client: str) -> Login:
        stolen = self._replaced.get(token)
        if stolen is not None:
            self._live = {key: login for key, login in self._live.items() if login is not stolen}
            raise Refused("invalid_grant", "the refresh token was replaced, the login is over")
        login = self._live.get(token)
        if login is None or login.client != client:
            raise Refused("invalid_grant", "the refresh token is unknown or revoked")
        return login

    def _new(self, login: Login) -> str:
        token = secrets.token_urlsafe(32)
        self._live[token] = login
        _forget(self._live)
        return token


def _forget(tokens: dict[str, Login]) -> None:
    if len(tokens) > _REMEMBERED:
        del tokens[next(iter(tokens))]
