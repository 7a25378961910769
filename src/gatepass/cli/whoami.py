"""Every identity that is here, which one wins and why, and the claims of its token.

A token is fetched and verified as if it were to be exchanged, and then thrown away.
"""

from __future__ import annotations

import argparse
import json
import os

from gatepass import identity
from gatepass.cli.target import no_registry, registry_at
from gatepass.errors import GatepassError, plain
from gatepass.identity.token import ReadyToken
from gatepass.present import Presenter
from gatepass.resolve import check_address
from gatepass.settings import Registry, Settings, load
from gatepass.store import open_store
from gatepass.transport import Deadline, Transport


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", metavar="URL|NAME", nargs="?", help="for this registry only (default: for all)"
    )


def run(options: argparse.Namespace) -> int:
    settings = load(os.environ)
    chosen = [registry_at(options.target, settings)] if options.target else settings.registries
    if not chosen:
        raise no_registry()
    failures = 0
    for number, registry in enumerate(chosen):
        print(("\n" if number else "") + f"for {registry.name} ({registry.url}):")
        try:
            _one(registry, settings)
        except GatepassError as error:
            failures += 1
            print("\n".join(f"  {line}" for line in str(error).splitlines()))
    return 1 if failures else 0


def _one(registry: Registry, settings: Settings) -> None:
    check_address(registry)
    found = identity.find(os.environ, registry)
    for unable in found.unable:
        print(f"  can't act: {unable.name}, {unable.label}: {unable.error.what}")
    winner = identity.choose(os.environ, registry)
    for candidate in found.candidates:
        # One variable may make two candidates: in GitLab a token is passed, and the job's.
        same = (candidate.name, candidate.origin) == (winner.name, winner.origin)
        mark = "wins" if same else "present"
        print(f"  {mark + ':':<10} {candidate.name}, {candidate.label} ({candidate.origin})")
    print(f"  because:   {_why(registry, len(found.candidates))}")
    if isinstance(winner, ReadyToken):
        print("  it is used as it is: nothing is exchanged, so there are no claims to verify")
        return
    store = open_store(os.environ, settings)
    presenter = Presenter(registry, settings, os.environ, winner, store.key_sets(), Transport())
    verdict = presenter.subject_token(Deadline())[1]
    held = "verified" if settings.verify else "NOT verified (GATEPASS_VERIFY=off)"
    print(f"  claims, {held}:")
    for name, value in sorted(verdict.claims.items()):
        text = value if isinstance(value, str) else json.dumps(value)
        print(f"    - {plain(name, 60)}: {plain(text)}")  # "::x" at a line's start is a command
    if verdict.self_named:
        print(
            "  self-named: only the token says who issued it, which proves integrity, not origin;"
        )
        print("  GATEPASS_TRUSTED_ISSUERS says whom you trust")


def _why(registry: Registry, present: int) -> str:
    if registry.identity != "auto":
        return "it was chosen (GATEPASS_IDENTITY, or `identity` in config.toml)"
    if present == 1:
        return "it is the only one here that can act"
    return "what was said outranks what was found: token file, variables, API token, CI job"
