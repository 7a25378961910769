"""Print the secret for a registry, and nothing else, on standard output.

example:
  gatepass get https://ppm.example.com/internal/latest/simple/
"""

from __future__ import annotations

import argparse
import os

from gatepass.cli.target import registry_at
from gatepass.errors import ExchangeError, GatepassError
from gatepass.resolve import credential_at, record_of
from gatepass.settings import load
from gatepass.store import open_store


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="URL|NAME", help="a URL of the registry, or its name")
    parser.add_argument("--username", help="the user name to answer for (default: the registry's)")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print username, secret and expires_at (RFC 3339, or null) as JSON",
    )


def run(options: argparse.Namespace) -> int:
    """Raises ConfigError (not-ours), and what :func:`gatepass.resolve.credential_at` does."""
    settings = load(os.environ)
    registry = registry_at(options.target, settings)
    try:
        credential = credential_at(registry, settings, os.environ, options.username)
    except GatepassError as error:
        open_store(os.environ, settings).note("last-error", record_of(error, registry.url))
        raise
    if credential is None:
        raise ExchangeError(
            "other-username",
            f"{registry.url} has nothing for the user name {options.username!r:.60}",
            why="tokens of this registry have one user name, __token__",
            do="leave --username out",
        )
    secret = credential.secret.reveal()
    if options.json:
        import json

        from gatepass.cli.times import rfc3339

        expires = credential.expires_at
        secret = json.dumps(
            {
                "registry": registry.name,
                "username": credential.username,
                "secret": secret,
                "expires_at": None if expires is None else rfc3339(expires),
            }
        )
    print(secret)
    return 0
