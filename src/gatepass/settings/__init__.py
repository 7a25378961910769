"""Environment and config.toml become frozen values.

Precedence, strongest first: the registry's own table in config.toml; a ``GATEPASS_``
variable; the top of config.toml; a vendor's variable; the default.
"""

from __future__ import annotations

import os
from typing import Any

from gatepass.errors import ConfigError, plain
from gatepass.settings import file
from gatepass.settings.environment import Environment, bad_value, choice, read, refuse_later
from gatepass.settings.registries import registries
from gatepass.settings.values import IDENTITIES, Claim, Issuer, Registry, Settings

__all__ = [
    "IDENTITIES",
    "Claim",
    "Environment",
    "Issuer",
    "Registry",
    "Settings",
    "load",
]

_CHOICES = {
    "verify": ("required", "off"),
    "kind": ("auto", "file", "off"),
    "level": ("debug", "info", "warning", "error"),
    "format": ("text", "json"),
}


def load(env: Environment) -> Settings:
    """Read everything once. Reads at most two files; no network.

    Raises ConfigError, which names the variable, or the file and the key, and what to write.
    It does not check that an identity is there, nor that any address answers.
    """
    refuse_later(env)
    config = file.load(env)
    store, log = config.get("store", {}), config.get("log", {})

    def pick(variable: str, key: str, table: dict[str, Any], where: str, default: str) -> str:
        allowed = _CHOICES[key]
        value = choice(env, variable, (*allowed, "system") if key == "kind" else allowed)
        if value == "system":
            from gatepass.settings.environment import not_supported_yet

            raise not_supported_yet("GATEPASS_STORE=system", "logins")
        written = table.get(key, default)
        if written not in allowed:
            raise bad_value(where + key, written, allowed)
        return value or str(written)

    trusted = read(env, "GATEPASS_TRUSTED_ISSUERS").replace(",", " ").split()
    return Settings(
        registries=registries(env, config),
        verify=pick("GATEPASS_VERIFY", "verify", config, "", "required") == "required",
        trusted_issuers=tuple(trusted or config.get("trusted_issuers", ())),
        issuers={
            name: Issuer(
                _key_set(entry.get("jwks", ""), f"jwks of issuers.{plain(name, 60)}"),
                tuple(entry.get("algorithms", ())),
            )
            for name, entry in config.get("issuers", {}).items()
        },
        jwks_file=_key_set(read(env, "GATEPASS_JWKS_FILE"), "GATEPASS_JWKS_FILE"),
        store=pick("GATEPASS_STORE", "kind", store, "store.", "auto"),
        store_dir=read(env, "GATEPASS_STORE_DIR") or store.get("dir", ""),
        log_level=pick("GATEPASS_LOG", "level", log, "log.", "warning"),
        log_format=pick("GATEPASS_LOG_FORMAT", "format", log, "log.", "text"),
        log_file=read(env, "GATEPASS_LOG_FILE") or log.get("file", ""),
    )


def _key_set(where: str, name: str) -> str:
    """An absolute path or an https URL, or empty: a checkout must not be able to bring its own."""
    if where and not where.startswith("https://") and not os.path.isabs(where):
        raise ConfigError(
            "bad-key-set-path",
            f"{name} is neither an absolute path nor an https URL: {plain(where, 100)}",
            why="a relative path would take keys from whatever folder the job runs in",
            do="write the whole path",
        )
    return where
