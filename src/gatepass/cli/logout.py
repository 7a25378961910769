"""Forget a login: the token, what would renew it, and the registry's stored credentials.

example:
  gatepass logout https://ppm.example.com
"""

from __future__ import annotations

import argparse
import os
import time

from gatepass import log
from gatepass.cli.login import chosen, persons_login
from gatepass.cli.times import rfc3339
from gatepass.errors import GatepassError
from gatepass.logins import Logins, Notes
from gatepass.resolve import store_key
from gatepass.settings import load
from gatepass.store import open_store


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target",
        metavar="URL|NAME",
        nargs="?",
        help="the registry (default: the only one that people can log in to)",
    )


def run(options: argparse.Namespace) -> int:
    """Raises what :func:`gatepass.cli.login.chosen` does. Nobody is asked, here or elsewhere."""
    settings = load(os.environ)
    log.configure(settings.log_level, settings.log_format, settings.log_file)
    registry = chosen(options.target, settings)
    store = open_store(os.environ, settings)
    logins = Logins(registry, settings, os.environ)
    ends = [held.credential.expires_at for held in logins.held()]
    gone = logins.forget(registry.login)
    entries = store.forget(registry.name, registry.url)
    if entries:
        gone.append(f"{len(entries)} stored credential{'s' * (len(entries) > 1)}")
        ends += [entry.expires_at for entry in entries]
    try:
        Notes(store, store_key(registry, settings, persons_login(registry), os.environ)).forget()
    except GatepassError:
        pass  # nobody could log in to it, so there is nothing to note
    if not gone:
        log.say(f"gatepass: there was no login to {registry.url}")
        return 0
    log.say(f"gatepass: logged out of {registry.url}, forgotten: {', '.join(gone)}")
    for line in _still_good(ends, time.time()):
        log.say(f"  {line}")
    return 0


def _still_good(ends: list[float | None], now: float) -> list[str]:
    """No registry takes a token back: whoever copied it can go on using it for a while."""
    if any(end is None for end in ends):
        return ["a copy of that token stays good until somebody revokes it at the registry"]
    latest = max((end for end in ends if end is not None), default=0.0)
    if latest > now:
        return [f"it can't be taken back: a copy of it stays good until {rfc3339(latest)}"]
    return []
