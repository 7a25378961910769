"""Which registry a command's ``URL|NAME`` means."""

from __future__ import annotations

from gatepass import realm
from gatepass.errors import ConfigError, plain
from gatepass.settings import Registry, Settings


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
            do="set PACKAGEMANAGER_ADDRESS=https://... or GATEPASS_REGISTRIES='name=https://...'",
        )
    return registry


def no_registry() -> ConfigError:
    """The error of a command that needs a registry where none is configured."""
    return ConfigError(
        "no-registry",
        "no registry is configured",
        do="set PACKAGEMANAGER_ADDRESS=https://... or GATEPASS_REGISTRIES='name=https://...'",
    )
