"""The keyring backend: what pip, uv, twine, poetry, pdm and hatch ask.

``keyring`` imports this in every call of every tool, so it imports next to nothing, answers
``None`` at once for what isn't ours, and never raises: one backend's exception ends the whole
chain of backends, and pip then turns keyring off.
"""

from __future__ import annotations

import os
import threading

from keyring.backend import KeyringBackend
from keyring.credentials import Credential as KeyringCredential
from keyring.credentials import SimpleCredential

from gatepass import log, realm
from gatepass.errors import GatepassError, internal

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
    if not isinstance(service, str) or not _may_be_a_registry(service):
        return None  # not even the settings are read
    with _one_at_a_time:
        try:
            from gatepass.resolve import credential_for

            found = credential_for(service, username, remember=True)
            return (found.username, found.secret.reveal()) if found else None
        except Exception as error:  # a fault of ours must not take the client's other backends down
            _report(error if isinstance(error, GatepassError) else internal(error), service)
        return None


def _may_be_a_registry(service: str) -> bool:
    """Whether it is an address. A single word (``poetry-repository-NAME``) is some program's name
    for itself; a registry at such a host is asked for by its URL or with its port."""
    return ("." in service or ":" in service) and realm.parse(service) is not None


def _report(error: GatepassError, service: str) -> None:
    try:
        from gatepass.report import report
        from gatepass.settings import load
        from gatepass.store import Store, open_store

        try:
            store = open_store(os.environ, load(os.environ))
        except Exception:
            store = Store(None)  # the settings themselves are what is wrong
        report(error, service, os.environ, store)
    except Exception:  # not even this may end the chain of backends
        log.say(str(error))
