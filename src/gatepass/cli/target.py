"""Which registry a command's ``URL|NAME`` means."""

from __future__ import annotations

from collections.abc import Iterable

from gatepass import realm
from gatepass.errors import ConfigError, UsageError, plain
from gatepass.settings import Registry, Settings
from gatepass.settings.registries import variable_of

_CONFIGURE = "set PACKAGEMANAGER_ADDRESS=https://... or GATEPASS_REGISTRIES='name=https://...'"


def registry_at(target: str, settings: Settings) -> Registry:
    """The registry of that name or URL. Raises ConfigError (not-ours) with what is configured."""
    registry = settings.named(target)
    if registry is None:
        address = realm.parse(target)
        registry = settings.registry_for(address) if address else None
    if registry is None:
        known = ", ".join(f"{r.name} ({r.realm})" for r in settings.registries)
        shown = plain(target.rpartition("@")[2], 100)  # what stands before an @ may be a password
        raise ConfigError(
            "not-ours",
            f"{shown} is no registry that gatepass knows",
            why=f"configured: {known}" if known else "no registry is configured",
            do="name one of these, or add it to GATEPASS_REGISTRIES or config.toml"
            if known
            else _CONFIGURE,
        )
    return registry


def once_each(chosen: Iterable[Registry]) -> tuple[Registry, ...]:
    """Each realm once. Raises UsageError where two have one name: variables, files and entries go
    by it, and one registry's token would get to the other."""
    every = tuple({one.realm: one for one in chosen}.values())
    named: dict[str, Registry] = {}
    for one in every:
        other = named.setdefault(variable_of(one.name), one)
        if other.aws != one.aws:
            raise UsageError(
                "usage",
                f"two registries are called {one.name}: {other.url} and {one.url}",
                why="the name of one that is not configured is its domain's, in every region",
                do="give them names in config.toml",
            )
    return every


def no_registry() -> UsageError:
    """The error of a command that names no registry, where none is configured."""
    return UsageError("no-registry", "no registry is configured", do=_CONFIGURE)
