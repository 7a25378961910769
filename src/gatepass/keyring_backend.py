"""The keyring backend: what pip, uv, twine, poetry, pdm and hatch ask.

``keyring`` imports this in every call of every tool, so it imports next to nothing, answers
``None`` at once for what isn't ours, and never raises: one backend's exception ends the whole
chain of backends, and pip then turns keyring off.
"""

from __future__ import annotations

import threading

from keyring.backend import KeyringBackend
from keyring.credentials import Credential as KeyringCredential
from keyring.credentials import SimpleCredential

from gatepass.answer import Failed, answer, may_be_ours

# poetry and pdm ask from several threads, and keyring may build a backend for each of them.
_one_at_a_time = threading.Lock()


class GatepassKeyring(KeyringBackend):
    """Answers for gatepass' registries, and leaves everything else to the other backends."""

    # Below keyring's chainer (10), whose tie would be broken by chance; above the system's (5),
    # and beside keyrings.codeartifact, which has 9.9.
    priority = 9.95

    def get_credential(self, service: str, username: str | None) -> KeyringCredential | None:
        """A user name and a password, or None. ``username`` may be None or empty."""
        found = _answer(service, username or None)
        return SimpleCredential(*found) if found else None

    def get_password(self, service: str, username: str) -> str | None:
        """The password for exactly this user name, or None."""
        found = _answer(service, username or None)
        return found[1] if found else None

    def set_password(self, service: str, username: str, password: str) -> None:
        """Nothing is stored here. The error makes keyring's chainer ask the next backend."""
        raise NotImplementedError(
            "gatepass stores no passwords: it makes them when they are needed"
        )

    def delete_password(self, service: str, username: str) -> None:
        """As :meth:`set_password`."""
        raise NotImplementedError("gatepass stores no passwords: there is nothing to delete")


def _answer(service: str, username: str | None) -> tuple[str, str] | None:
    if not may_be_ours(service):
        return None  # and wait for nobody
    with _one_at_a_time:
        try:
            return answer(service, username)
        except Failed:
            return None  # the next backend may have one
        except KeyboardInterrupt:
            from gatepass.report import is_command

            if is_command():  # a login was stopped: the person knows, and needs no traceback
                raise SystemExit(130) from None
            raise
