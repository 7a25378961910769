"""Log in to a registry now, in a browser, even if a login is stored.

examples:
  gatepass login
  gatepass login https://ppm.example.com
"""

from __future__ import annotations

import argparse
import os
import time

from gatepass import identity, log
from gatepass.cli.target import no_registry, registry_at
from gatepass.cli.times import rfc3339, span
from gatepass.errors import GatepassError, UsageError
from gatepass.identity.login import PersonsLogin
from gatepass.resolve import check_address, check_policy, record_of, store_key
from gatepass.settings import Registry, Settings, load
from gatepass.store import open_store


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target",
        metavar="URL|NAME",
        nargs="?",
        help="the registry (default: the only one that people can log in to)",
    )


def run(options: argparse.Namespace) -> int:
    """Raises what :func:`chosen` and :func:`sign_in_now` do."""
    settings = load(os.environ)
    return sign_in_now(chosen(options.target, settings), settings)


def sign_in_now(registry: Registry, settings: Settings) -> int:
    """Ask the person who is here, and say on standard error who is logged in; 0.

    Raises GatepassError, which is kept for `gatepass status`.
    """
    log.configure(settings.log_level, settings.log_format, settings.log_file)
    env, store = os.environ, open_store(os.environ, settings)
    try:
        check_address(registry)
        who = persons_login(registry)
        check_policy(registry, who)
        from gatepass import signin

        where = store_key(registry, settings, who, env)
        signed = signin.sign_in(registry, settings, env, who, store, where)
    except GatepassError as error:
        store.note("last-error", record_of(error, registry.url))
        raise
    name, ends = f" as {signed.who}" if signed.who else "", signed.credential.expires_at
    until = f"until {rfc3339(ends)} ({span(ends - time.time())})" if ends else "without an end"
    log.say(f"gatepass: logged in to {registry.url}{name}, {until}")
    log.say(f"  it rests in {signed.place}" if signed.place else "  it is kept nowhere")
    _say_who_wins(registry)
    return 0


def persons_login(registry: Registry) -> PersonsLogin:
    """The identity `login` for this registry, whichever one would win; raises IdentityError."""
    who = identity.choose(os.environ, registry._replace(identity="login"))
    if not isinstance(who, PersonsLogin):
        raise AssertionError("the identity `login` is a person's login")
    return who


def chosen(target: str | None, settings: Settings) -> Registry:
    """The registry that was named, else the only one that people can log in to.

    Raises ConfigError (not-ours) and UsageError (no-registry, which-registry).
    """
    if target:
        return registry_at(target, settings)
    able = [r for r in settings.registries if r.kind == "packagemanager" or r.login]
    if len(able) == 1:
        return able[0]
    if not settings.registries:
        raise no_registry()
    raise UsageError(
        "which-registry",
        "say which registry" if able else "no registry here has a login",
        why=", ".join(f"{r.name} ({r.url})" for r in able or settings.registries),
        do=f"gatepass login {able[0].name}"
        if able
        else "set GATEPASS_LOGIN_ISSUER and GATEPASS_LOGIN_CLIENT_ID to an OpenID provider",
    )


def _say_who_wins(registry: Registry) -> None:
    """A login that isn't used would be a riddle."""
    try:
        winner = identity.choose(os.environ, registry)
    except GatepassError:
        return
    if winner.name != "login":
        log.say(
            f"  but {winner.label} ({winner.origin}) speaks for this registry; "
            "GATEPASS_IDENTITY=login chooses the login"
        )
