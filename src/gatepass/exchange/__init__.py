"""How an identity becomes a registry's credential. One way a file, one line here."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from gatepass.exchange.base import Request, Way

__all__ = ["Request", "Way", "way"]

# By the registry's kind, then by the identity's name; "" stands for all that present a token.
_WAYS: dict[str, dict[str, str]] = {
    "packagemanager": {"": "packagemanager"},
    "codeartifact": {"": "codeartifact", "aws": "ambient", "menda": "menda"},
}


def way(kind: str, identity: str) -> Way:
    """The way for that kind of registry and that identity; settings let no other kind through."""
    ways = _WAYS[kind]
    # A module satisfies a protocol of functions; only the chosen one is loaded.
    return cast(Way, import_module(f"{__name__}.{ways.get(identity, ways[''])}"))
