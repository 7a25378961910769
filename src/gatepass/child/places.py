"""Where the command installs from and uploads to: what was asked for becomes whole addresses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from gatepass import realm
from gatepass.errors import UsageError, plain_address
from gatepass.settings import Registry, Settings

_PATH = re.compile(r"[A-Za-z0-9._~+=:-]+(?:/[A-Za-z0-9._~+=:-]+)*")
_USERS = {"packagemanager": "__token__", "codeartifact": "aws"}


class Place(NamedTuple):
    """An address of a registry, whole and without a user name; ``name``: what tools call it."""

    name: str
    url: str
    registry: Registry

    @property
    def url_with_user(self) -> str:
        """The address for tools that ask nobody unless they know a user name."""
        return self.url.replace("://", f"://{username(self.registry)}@", 1)


def username(registry: Registry) -> str:
    """The user name that goes with the registry's tokens."""
    return _USERS[registry.kind]


def index(asked: str, served: Sequence[Registry]) -> Place:
    """The index that ``--index`` names: one of the served registries by name (its ``index`` in
    config.toml), a whole URL, or a path below the first of them. Raises UsageError."""
    named = next((registry for registry in served if registry.name == asked), None)
    if named and named.index_path:
        return Place(named.name, _simple(f"{named.url}/{named.index_path.strip('/')}"), named)
    if "://" in asked:
        registry = inside(asked, served, "--index")
        return Place(registry.name, asked, registry)
    first = served[0]
    path = asked.strip("/")
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise _wrong("--index", "is neither a URL nor a path below the registry", asked)
    return Place(first.name, _simple(f"{first.url}/{path}"), first)


def upload(asked: str, settings: Settings) -> Place:
    """Where ``--publish [NAME=]URL`` leads; NAME is what tools call it, the registry's by default.

    Raises UsageError, also where NAME is another registry's than the URL is inside of.
    """
    name, equals, url = asked.partition("=")
    if not equals or "://" in name:
        name, url = "", asked
    address = realm.parse(url) if "@" not in url else None
    registry = settings.registry_for(address) if address and address.scheme else None
    if registry is None:
        raise _wrong("--publish", "is no address of a registry that gatepass knows", url)
    known = settings.named(name)
    if known and known.realm != registry.realm:
        raise _wrong("--publish", f"is not inside of {name}, {known.url}", url)
    if name and not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise _wrong("--publish", "has a name with other characters than letters, digits, - _", url)
    return Place(name or registry.name, url, registry)


def inside(url: str, served: Sequence[Registry], option: str) -> Registry:
    """The registry that a whole URL lies in; UsageError, which names the option, for none."""
    address = realm.parse(url) if "@" not in url else None
    for registry in sorted(served, key=lambda one: -len(one.realm.prefix)):
        if address and address.scheme and registry.realm.covers(address):
            return registry
    raise _wrong(option, "is inside of none of the registries that are served", url)


def _simple(url: str) -> str:
    return (url if url.endswith("/simple") else f"{url}/simple") + "/"


def _wrong(option: str, problem: str, text: str) -> UsageError:
    return UsageError(
        "usage",
        f"{option} {plain_address(text)!r} {problem}",
        do="gatepass exec --help",
    )
