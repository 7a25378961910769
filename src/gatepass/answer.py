"""A registry's user name and password for whoever asks like keyring: the backend, the launcher.

It imports next to nothing: `keyring` loads it in every call of every tool.
"""

from __future__ import annotations

import os

from gatepass import log, realm
from gatepass.errors import GatepassError, internal


class Failed(Exception):
    """It is ours, and there is no credential. The reason has been told already."""


def answer(service: str, username: str | None) -> tuple[str, str] | None:
    """User name and password for a service string; None where it is not ours to answer.

    ``username``: who was asked for; empty counts as nobody. A failure is told by
    :mod:`gatepass.report` and remembered for a few seconds, since clients ask more than once.
    Raises Failed, and nothing else but KeyboardInterrupt and SystemExit.
    """
    if not may_be_ours(service):
        return None
    try:
        from gatepass.resolve import credential_for

        found = credential_for(service, username or None, remember=True)
        return (found.username, found.secret.reveal()) if found else None
    except Exception as error:  # whatever it is: our caller's other passwords must stay in reach
        _report(error if isinstance(error, GatepassError) else internal(error), service)
    raise Failed


def may_be_ours(service: object) -> bool:
    """Whether it is an address: for all else not even the settings are read.

    A single word (``poetry-repository-NAME``) is some program's name for itself; a registry at
    such a host is asked for by its URL or with its port.
    """
    if not isinstance(service, str) or not ("." in service or ":" in service):
        return False
    return realm.parse(service) is not None


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
