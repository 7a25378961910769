"""What the settings are made of: frozen values, without any reading or checking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gatepass.realm import Address, Realm

IDENTITIES = ("github", "gitlab", "kubernetes", "file", "login", "aws", "menda", "token")
"""The names that GATEPASS_IDENTITY and ``identity`` take, beside ``auto``."""


class Claim(NamedTuple):
    """One rule of a claims policy: the whole claim equals ``text``, or matches it as a regex."""

    name: str
    text: str
    is_pattern: bool


class Registry(NamedTuple):
    """A package index that wants a credential.

    ``url``: as written, without trailing slashes; ``source``: the variable or file that named it,
    for messages; ``audience``: what was set for it, None where nothing was;
    ``is_drop_in``: it stands at PACKAGEMANAGER_ADDRESS, so the replaced tool's variables speak
    for it; ``is_insecure``: a plain-http address that nobody allowed.
    """

    name: str
    url: str
    realm: Realm
    kind: str
    source: str
    audience: str | None = None
    identity: str = "auto"
    claims: tuple[Claim, ...] = ()
    is_drop_in: bool = False
    is_insecure: bool = False


class Issuer(NamedTuple):
    """What the configuration says of one issuer: its keys (path or https URL), its algorithms."""

    jwks: str = ""
    algorithms: tuple[str, ...] = ()


class Settings(NamedTuple):
    """All that flags, environment and files decided. ``issuers`` is keyed by ``iss``."""

    registries: tuple[Registry, ...]
    verify: bool
    trusted_issuers: tuple[str, ...]
    issuers: Mapping[str, Issuer]
    jwks_file: str
    store: str
    store_dir: str
    log_level: str
    log_format: str
    log_file: str

    def registry_for(self, address: Address) -> Registry | None:
        """The registry whose realm covers the address, the longest prefix first; or None.

        A registry at plain http that nobody allowed answers for its whole host, so that the
        caller can say why it gets nothing.
        """
        inside = [r for r in self.registries if not r.is_insecure and r.realm.covers(address)]
        if inside:
            return max(inside, key=lambda registry: len(registry.realm.prefix))
        refused = (r for r in self.registries if r.is_insecure and r.realm.host == address.host)
        return next(refused, None)

    def named(self, name: str) -> Registry | None:
        """The registry of that name, as `gatepass get NAME` asks for it."""
        return next((r for r in self.registries if r.name == name), None)
