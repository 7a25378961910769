"""The logins that rest on this machine, for `gatepass status`: no secret is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatepass.cli.times import rfc3339, span
from gatepass.errors import plain
from gatepass.logins import Logins, name_in
from gatepass.store import tokens

if TYPE_CHECKING:
    from gatepass.logins import Held
    from gatepass.settings import Environment, Settings


def lines(settings: Settings, env: Environment, now: float) -> list[str]:
    """Each login of a registry that we know, and what else lies in tokens.toml by its address."""
    said: list[str] = []
    known = [registry for registry in settings.registries if registry.kind == "packagemanager"]
    for registry in known:
        for held in Logins(registry, settings, env).held():
            said += ["", f"{registry.name}: logged in{_as(held)}, {_until(held, now)}"]
            said += [f"  address:  {registry.url}", f"  rests in: {held.place}"]
    file = tokens.TokensFile(tokens.path(env))
    others = [realm for realm in file.realms() if realm not in {one.realm for one in known}]
    if others:
        addresses = ", ".join(plain(realm, 100) for realm in others)
        said += ["", f"{file.path} has logins to others too: {addresses}"]
    return said


def _as(held: Held) -> str:
    name = name_in(held.credential)
    return f" as {name}" if name else ""


def _until(held: Held, now: float) -> str:
    ends, left = held.credential.expires_at, held.ends_in(now)
    if ends is None:
        return "without an end"
    return f"until {rfc3339(ends)} ({span(left)} left)" if left > 0 else "expired"
