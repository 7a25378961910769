"""Every identity that is here, which one wins and why, and the claims of its token.

A token is fetched and verified as if it were to be exchanged, and then thrown away.
"""

from __future__ import annotations

import argparse
import json
import os

from gatepass import identity
from gatepass.cli.target import no_registry, registry_at
from gatepass.cli.times import rfc3339
from gatepass.errors import GatepassError, plain
from gatepass.present import Presenter
from gatepass.realm import parse
from gatepass.resolve import check_address, check_policy
from gatepass.settings import Registry, Settings, load
from gatepass.store import open_store, passes
from gatepass.store.folder import Folder
from gatepass.transport import Deadline, Transport


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", metavar="URL|NAME", nargs="?", help="for this registry only (default: for all)"
    )


def run(options: argparse.Namespace) -> int:
    """Raises ConfigError and UsageError (no-registry); a registry's own errors are printed: 1."""
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
    folder = passes.folder_of(os.environ)
    if folder:
        _pass(folder, registry)
        return
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
    if winner.role_arn:
        print(f"  role:      {plain(winner.role_arn)}")
    check_policy(registry, winner)
    if not winner.presents_token:
        print(f"  claims:    {_NO_CLAIMS[winner.name]}")
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


def _pass(folder: Folder, registry: Registry) -> None:
    """Inside of `gatepass exec`, where no identity is asked, whatever is there."""
    address = parse(registry.url)
    held = passes.find(folder, address) if address else None
    if held is None:
        raise passes.missing(registry)
    ends = held.credential.expires_at
    print(f"  wins:      the pass of `gatepass exec` ({passes.VARIABLE})")
    print("  because:   where that is set, nothing else is asked")
    print(f"  until:     {rfc3339(ends) if ends else 'its end is not known'}")


def _why(registry: Registry, present: int) -> str:
    if registry.identity != "auto":
        return "it was chosen (GATEPASS_IDENTITY, or `identity` in config.toml)"
    if present == 1:
        return "it is the only one here that can act"
    return "what was said outranks what was found: " + _ORDER[registry.kind]


_ORDER = {
    "packagemanager": "token file, variables, API token, CI job, pod, login",
    "codeartifact": "menda's variables, AWS keys or profile, token file, variables, CI job, pod, "
    "menda's files, AWS' files, login",
}
_NO_CLAIMS = {
    "aws": "none to verify: AWS credentials sign for themselves",
    "login": "none before the login; `gatepass status` shows the logins that are kept",
    "menda": "none to verify: menda cloud is shown its own credentials",
    "token": "none to verify: it is used as it is, nothing is exchanged",
}
