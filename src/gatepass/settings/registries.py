"""Which registries there are: PACKAGEMANAGER_ADDRESS, GATEPASS_REGISTRIES and config.toml."""

from __future__ import annotations

from typing import Any, NamedTuple

from gatepass.errors import ConfigError, plain, plain_address
from gatepass.realm import Realm, is_loopback, realm_of
from gatepass.settings.codeartifact import domain_of, is_part
from gatepass.settings.environment import (
    Environment,
    bad_value,
    choice,
    read,
)
from gatepass.settings.values import IDENTITIES, Claim, Domain, Registry

_KINDS = ("packagemanager", "codeartifact")
_OF_AWS = ("domain", "owner", "region", "role_arn", "profile", "duration")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class Found(NamedTuple):
    """``registries``; and of those that nobody configures, ``identity`` and ``aws_audience``."""

    registries: tuple[Registry, ...]
    identity: str
    aws_audience: str | None


def registries(env: Environment, config: dict[str, Any]) -> Found:
    """Every registry, each realm once: config.toml outranks the variables.

    Raises ConfigError: an address that can't be read, a name twice with two addresses, two names
    that would share a ``GATEPASS_ID_TOKEN_<NAME>``.
    """
    drop_in = read(env, "PACKAGEMANAGER_ADDRESS")
    drop_in_realm = _realm("PACKAGEMANAGER_ADDRESS", drop_in) if drop_in else None
    found: list[Registry] = []
    for name, table in config.get("registries", {}).items():
        _add(found, _from_table(name, table), twice_is_wrong=True)
    for word in read(env, "GATEPASS_REGISTRIES").split():
        name, equals, url = word.partition("=")
        if not equals or not url:
            raise ConfigError(
                "bad-registries",
                f"GATEPASS_REGISTRIES has {plain_address(word)!r}, which is not name=URL",
                do="write name=https://host/path pairs with a space between them",
            )
        _add(found, _plain_registry(name, url, "GATEPASS_REGISTRIES"))
    if drop_in:
        _add(found, _plain_registry("packagemanager", drop_in, "PACKAGEMANAGER_ADDRESS"))
    # It speaks for PACKAGEMANAGER_ADDRESS, and where that isn't set for CodeArtifact; never for a
    # further registry, which could use the token at the first.
    audience = read(env, "GATEPASS_AUDIENCE") or None
    aws_audience = None if drop_in else audience
    chosen = choice(env, "GATEPASS_IDENTITY", ("auto", *IDENTITIES))
    if not chosen:
        chosen = config.get("identity", "auto")
        if chosen not in ("auto", *IDENTITIES):
            source = config["sources"]["identity"]
            raise bad_value(f"identity in {source}", chosen, ("auto", *IDENTITIES))
    return Found(
        tuple(
            registry._replace(
                audience=registry.audience or (audience if speaks else None),
                identity=registry.identity or chosen,
                is_drop_in=registry.realm == drop_in_realm,
            )
            for registry in found
            for speaks in (
                registry.realm == drop_in_realm if drop_in else registry.kind == "codeartifact",
            )
        ),
        chosen,
        aws_audience,
    )


def variable_of(name: str) -> str:
    """How a registry's name stands in a variable: ``my-index`` as ``MY_INDEX``."""
    return name.upper().replace("-", "_")


def _add(found: list[Registry], new: Registry, *, twice_is_wrong: bool = False) -> None:
    for registry in found:
        same_realm = registry.realm == new.realm
        if same_realm and not twice_is_wrong:
            return  # config.toml, which came first, says more about it than a variable
        if same_realm or variable_of(registry.name) == variable_of(new.name):
            raise ConfigError(
                "duplicate-registry",
                f"two registries are one: {registry.name!r} and {new.name!r}",
                why=f"{registry.source} says {registry.url}, {new.source} says {new.url}",
                do="remove one of them" if same_realm else "give one of them another name",
            )
    found.append(new)


def _plain_registry(name: str, url: str, source: str) -> Registry:
    return _registry(_checked_name(name, source), url, {}, source)


def _from_table(name: str, table: dict[str, Any]) -> Registry:
    source = table["source"]
    if "url" not in table:
        raise ConfigError(
            "no-address",
            f"registries.{plain(name, 60)} in {source} has no url",
            do='add url = "https://..."',
        )
    return _registry(_checked_name(name, source), table["url"], table, source)


def _registry(name: str, url: str, table: dict[str, Any], source: str) -> Registry:
    realm = _realm(f"registries.{name}" if table else source, url)
    aws = domain_of(realm.host, realm.prefix)
    if aws is None and "kind" not in table and ".codeartifact." in f".{realm.host}.":
        raise ConfigError(
            "codeartifact-domain",
            f"{url} looks like AWS CodeArtifact, and is no address of it that gatepass knows",
            why="known are <domain>-<account>.d.codeartifact.<region>.amazonaws.com, "
            "<domain>-<account>.codeartifact.<region>.on.aws, and VPC endpoints with /d/ in them",
            do='correct it, or write kind = "codeartifact", domain, owner and region in '
            "config.toml",
        )
    kind = table.get("kind", "codeartifact" if aws else "packagemanager")
    if kind not in _KINDS:
        raise bad_value(f"registries.{name}.kind in {source}", kind, _KINDS)
    if kind == "codeartifact":
        aws = _domain(name, table, aws)
    identity = table.get("identity", "")
    if identity and identity not in ("auto", *IDENTITIES):
        where = f"registries.{name}.identity in {source}"
        raise bad_value(where, identity, ("auto", *IDENTITIES))
    allowed = realm.scheme == "https" or is_loopback(realm.host) or table.get("allow_http", False)
    return Registry(
        name=name,
        url=url.rstrip("/"),
        realm=realm,
        kind=kind,
        source=source,
        audience=table.get("audience") or None,
        identity=identity,
        claims=tuple(_claim(name, source, *item) for item in table.get("claims", {}).items()),
        is_insecure=not allowed,
        index_path=table.get("index", ""),
        **_of_aws(name, kind, table, aws),
    )


def _domain(name: str, table: dict[str, Any], known: Domain | None) -> Domain:
    """The domain that a table names: what its host doesn't say, it has to."""
    said = known._asdict() if known else {}
    said["domain"] = said.pop("name", "")
    parts = {
        part: str(table.get(part, said.get(part, ""))) for part in ("domain", "owner", "region")
    }
    for part, text in parts.items():
        if not is_part(part, text):
            raise ConfigError(
                "codeartifact-domain",
                f"registries.{name} in {table['source']} has no {part} that AWS could know: "
                f"{plain(text, 60)!r}",
                why="at an address that isn't AWS' own, all three have to be said",
                do='write domain = "acme", owner = "111122223333" (the account) and region = '
                '"eu-west-1"',
            )
    return Domain(parts["domain"], parts["owner"], parts["region"])


def _of_aws(name: str, kind: str, table: dict[str, Any], aws: Domain | None) -> dict[str, Any]:
    """What only a CodeArtifact registry has; ConfigError where another one is given it."""
    given = [key for key in _OF_AWS if key in table]
    if kind != "codeartifact":
        if given:
            raise ConfigError(
                "not-codeartifact",
                f"registries.{name}.{given[0]} in {table['source']} means nothing for {kind}",
                do=f'remove it, or add kind = "codeartifact" to registries.{name}',
            )
        return {}
    duration = table.get("duration")
    if duration is not None and duration != 0 and not 900 <= duration <= 43200:
        raise ConfigError(
            "bad-duration",
            f"registries.{name}.duration in {table['source']} is {duration} seconds",
            why="CodeArtifact takes 0 (as long as the AWS session), or 900 to 43200",
            do="correct it, or leave it out",
        )
    return {
        "aws": aws,
        "role_arn": table.get("role_arn", ""),
        "profile": table.get("profile", ""),
        "duration": duration,
    }


def _claim(registry: str, source: str, name: str, rule: object) -> Claim:
    where = f"registries.{registry}.claims.{plain(name, 60)} in {source}"
    if isinstance(rule, str):
        return Claim(name, rule, is_pattern=False)
    if isinstance(rule, dict) and list(rule) == ["match"] and isinstance(rule["match"], str):
        import re  # only where a policy has a pattern

        try:
            re.compile(rule["match"])
        except re.error as error:
            raise ConfigError(
                "bad-claims-policy",
                f"{where} is not a regular expression",
                why=plain(error),
                do="correct the pattern; it is matched against the whole claim",
            ) from None
        return Claim(name, rule["match"], is_pattern=True)
    raise ConfigError(
        "bad-claims-policy",
        f"{where} is neither a text nor a pattern",
        do=f'write {plain(name, 60)} = "exact text" or {plain(name, 60)} = {{ match = "regex" }}',
    )


def _checked_name(name: str, source: str) -> str:
    if not name or not _NAME.issuperset(name) or name.lower() == "file":
        raise ConfigError(
            "bad-registry-name",
            f"{source} calls a registry {plain_address(name)!r}",
            why="names are made of letters, digits, - and _, and become part of variables; "
            "`file` is taken by GATEPASS_ID_TOKEN_FILE",
            do="choose another name",
        )
    return name


def _realm(where: str, url: str) -> Realm:
    try:
        return realm_of(url)
    except ValueError as error:
        raise ConfigError(
            "bad-address",
            f"{where} is not an address that gatepass can use: {plain_address(url)}",
            why=str(error),
            do="write it as https://host or https://host/path",
        ) from None
