"""Environment and config.toml become frozen values.

Precedence, strongest first: the registry's own table in config.toml; a ``GATEPASS_``
variable; the top of config.toml; a vendor's variable; the default.
"""

from __future__ import annotations

import os
from typing import Any

from gatepass.errors import ConfigError, plain, plain_address
from gatepass.realm import is_loopback, realm_of
from gatepass.settings import file
from gatepass.settings.environment import Environment, bad_value, choice, read
from gatepass.settings.registries import registries
from gatepass.settings.values import (
    IDENTITIES,
    Claim,
    Domain,
    Issuer,
    Login,
    Registry,
    Settings,
)

__all__ = [
    "IDENTITIES",
    "Claim",
    "Domain",
    "Environment",
    "Issuer",
    "Login",
    "Registry",
    "Settings",
    "load",
]

_CHOICES = {
    "verify": ("required", "off"),
    "kind": ("auto", "file", "system", "off"),
    "level": ("debug", "info", "warning", "error"),
    "format": ("text", "json"),
}


def load(env: Environment) -> Settings:
    """Read everything once. Reads at most two files; no network.

    Raises ConfigError, which names the variable, or the file and the key, and what to write.
    It does not check that an identity is there, nor that any address answers.
    """
    config = file.load(env)
    store, log = config.get("store", {}), config.get("log", {})
    login = _login(env, config.get("login", {}))
    found = registries(env, config)

    def pick(variable: str, key: str, table: dict[str, Any], where: str, default: str) -> str:
        allowed = _CHOICES[key]
        value = choice(env, variable, allowed)
        written = table.get(key, default)
        if written not in allowed:
            source = config["sources"][where.rstrip(".") or key]
            raise bad_value(f"{where}{key} in {source}", written, allowed)
        return value or str(written)

    trusted = read(env, "GATEPASS_TRUSTED_ISSUERS").replace(",", " ").split()
    return Settings(
        registries=tuple(registry._replace(login=login) for registry in found.registries),
        identity=found.identity,
        aws_audience=found.aws_audience,
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
        login=login,
    )


def _login(env: Environment, table: dict[str, Any]) -> Login | None:
    """Who people log in with; None where nothing is said."""
    issuer = read(env, "GATEPASS_LOGIN_ISSUER") or str(table.get("issuer", ""))
    client_id = read(env, "GATEPASS_LOGIN_CLIENT_ID") or str(table.get("client_id", ""))
    if not issuer and not client_id:
        return None
    if not issuer or not client_id:
        missing = "GATEPASS_LOGIN_CLIENT_ID" if issuer else "GATEPASS_LOGIN_ISSUER"
        raise ConfigError(
            "login-incomplete",
            f"a login needs both an issuer and a client id, and {missing} isn't set",
            do=f"set {missing}, or [login] in config.toml: issuer and client_id",
        )
    try:
        realm = realm_of(issuer)
        if realm.scheme != "https" and not is_loopback(realm.host):
            raise ValueError("it is not https")
    except ValueError as error:
        raise ConfigError(
            "bad-login-issuer",
            f"the login's issuer is no address to log in at: {plain_address(issuer)}",
            why=str(error),
            do="set GATEPASS_LOGIN_ISSUER (or login.issuer in config.toml) to https://...",
        ) from None
    return Login(issuer, client_id)


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
