"""What is stored, for which registry, until when; and the last error. No secret is shown."""

from __future__ import annotations

import argparse
import os
import time

from gatepass.cli.logins import lines
from gatepass.cli.times import rfc3339, span
from gatepass.errors import GatepassError, plain
from gatepass.settings import load
from gatepass.store import Store, open_store


def arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(options: argparse.Namespace) -> int:
    """Raises ConfigError for settings that can't be."""
    settings = load(os.environ)
    store = open_store(os.environ, settings)
    now = time.time()
    if store.folder:
        print(f"store: {store.folder.path}")
    else:
        print("store: none (GATEPASS_STORE=off, or no private folder can be made)")
    entries = sorted(store.entries(), key=lambda entry: entry.expires_at)
    for entry in entries:
        obtained, expires = entry.obtained_at, entry.expires_at
        # Claims among them: whoever issued the token wrote those.
        about = {name: plain(text) for name, text in entry.about.items()}
        left = expires - now
        until = f"until {rfc3339(expires)} ({span(left)} left)" if left > 0 else "expired"
        print(f"\n{about.get('registry', '?')}: {until}")
        print(f"  address:  {about.get('url', '?')}")
        print(f"  identity: {about.get('identity', '?')}, {about.get('sub', '?')}")
        print(f"  issuer:   {about.get('iss', '?')}")
        print(f"  obtained: {span(now - obtained)} ago")
    logins = lines(settings, os.environ, now)
    for line in logins:
        print(line)
    if not entries and not logins:
        print("nothing is stored")
    _last_error(store, now)
    return 0


def _last_error(store: Store, now: float) -> None:
    record = store.recall("last-error")
    if record and isinstance(record.get("time"), int | float):
        texts = {name: str(record.get(name, "")) for name in ("code", "what", "why", "do")}
        error = GatepassError(texts["code"], texts["what"], why=texts["why"], do=texts["do"])
        print(f"\nlast error, {span(now - record['time'])} ago:\n{error}")
