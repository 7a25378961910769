"""gatepass: trade the identity your job already has for a pass to the registry.

Public: :func:`credential_for` and the errors. Names load on first use, since ``keyring`` imports
this package in every call of every tool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatepass.credential import Credential
    from gatepass.errors import (
        ConfigError,
        ExchangeError,
        GatepassError,
        IdentityError,
        TransportError,
        TrustError,
        UsageError,
    )
    from gatepass.resolve import credential_for
    from gatepass.secret import Secret

__version__ = "0.1.0"

_HOMES = {
    "ConfigError": "errors",
    "Credential": "credential",
    "ExchangeError": "errors",
    "GatepassError": "errors",
    "IdentityError": "errors",
    "Secret": "secret",
    "TransportError": "errors",
    "TrustError": "errors",
    "UsageError": "errors",
    "credential_for": "resolve",
}

__all__ = [
    "ConfigError",
    "Credential",
    "ExchangeError",
    "GatepassError",
    "IdentityError",
    "Secret",
    "TransportError",
    "TrustError",
    "UsageError",
    "credential_for",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{home}"), name)
