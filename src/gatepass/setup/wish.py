"""What is to be set up: ``[NAME=]URL`` becomes a registry, paths become its indexes' addresses."""

from __future__ import annotations

import re
from typing import NamedTuple

from gatepass import realm
from gatepass.errors import ConfigError, UsageError, plain, plain_address
from gatepass.resolve import check_address
from gatepass.settings import Environment, Registry, Settings, load
from gatepass.settings.codeartifact import registry_at

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PATH = re.compile(r"[A-Za-z0-9._~+=:-]+(?:/[A-Za-z0-9._~+=:-]+)*")
_USERS = {"packagemanager": "__token__", "codeartifact": "aws"}

FROM_CONFIG = ""
"""``--index`` without a path: the one in config.toml."""


class Wish(NamedTuple):
    """``registry``; ``is_new``: no configuration file has it yet; ``index_path``: to be written
    there, None to leave that as it is. The three addresses are whole and without a user name,
    empty where they weren't asked for."""

    registry: Registry
    is_new: bool
    index_path: str | None = None
    index_url: str = ""
    extra_url: str = ""
    upload_url: str = ""

    @property
    def username(self) -> str:
        """The user name that goes with the registry's tokens."""
        return _USERS[self.registry.kind]


def wish(
    env: Environment,
    target: str,
    *,
    index: str | None = None,
    extra: str | None = None,
    upload: str | None = None,
) -> Wish:
    """Read the command line's words.

    ``index``: a path below the registry's address, FROM_CONFIG, or None for no index; ``extra``
    and ``upload`` likewise, without FROM_CONFIG. Raises ConfigError and UsageError, also for plain
    http that nobody allowed. No network: whether anything answers there isn't checked.
    """
    registry, is_new, path = _registry(env, target)
    check_address(registry)
    known = path or registry.index_path
    if index == FROM_CONFIG and not known:
        raise ConfigError(
            "setup-no-index",
            f"--index has no path, and no configuration file says the index of {registry.name}",
            do=f"gatepass setup ... --index PATH, where the index is {registry.url}/PATH/simple/",
        )
    chosen = known if index == FROM_CONFIG else index
    told = chosen or (path if is_new else "")
    return Wish(
        registry,
        is_new,
        told.strip("/") if told and told != registry.index_path else None,
        _simple(registry, chosen, "--index") if chosen else "",
        _simple(registry, extra, "--extra-index") if extra else "",
        _below(registry, upload, "--upload") + "/" * bool(registry.aws) if upload else "",
    )


def with_user(url: str, username: str) -> str:
    """The address with a user name in it."""
    return url.replace("://", f"://{username}@", 1)


def _registry(env: Environment, target: str) -> tuple[Registry, bool, str]:
    """The registry, whether it is new to the files, and the index's path if the URL had one."""
    settings = load({**env, "GATEPASS_REGISTRIES": ""})
    name, url = _parts(target)
    if not url:
        return _configured(settings, name), False, ""
    address = realm.parse(url)
    of_aws = registry_at(address) if address and address.scheme and "@" not in url else None
    path = ""
    if of_aws:
        path = (address.path if address else "")[len(of_aws.realm.prefix) :].strip("/")
        path = path.removesuffix("/simple")
        url = of_aws.url
    elif re.search(r"/simple/?$", url) and "@" not in url:
        raise _is_an_index(target, url)
    try:
        wanted = realm.realm_of(url)
    except ValueError as error:
        raise ConfigError(
            "bad-address",
            f"this is not an address that gatepass can use: {plain_address(url)}",
            why=str(error),
            do="gatepass setup https://host, or https://host/path",
        ) from None
    for registry in settings.registries:
        if registry.realm == wanted and registry.source != "PACKAGEMANAGER_ADDRESS":
            return registry, False, path
    registry = _new(env, settings, name, url, of_aws)
    return registry, True, path


def _parts(target: str) -> tuple[str, str]:
    """Name and URL; one of them may be empty."""
    before, equals, after = target.partition("=")
    if equals and "://" not in before:
        if not _NAME.fullmatch(before) or before.lower() == "file":
            raise ConfigError(
                "bad-registry-name",
                f"a registry can't be called {plain_address(before)!r}",
                why="names are made of letters, digits, - and _, and become part of variables; "
                "`file` is taken by GATEPASS_ID_TOKEN_FILE",
                do="choose another name",
            )
        return before, after
    return ("", target) if "://" in target else (target, "")


def _configured(settings: Settings, name: str) -> Registry:
    registry = settings.named(name)
    if registry is None:
        known = ", ".join(r.name for r in settings.registries)
        raise UsageError(
            "usage",
            f"gatepass setup: {plain_address(name)} is neither an address nor a registry's name",
            why=f"configured: {known}" if known else "no registry is configured",
            do="gatepass setup https://host, or NAME=https://host",
        )
    return registry


def _new(
    env: Environment, settings: Settings, name: str, url: str, of_aws: Registry | None
) -> Registry:
    """A registry that no file has yet, under its own name or one made from its host."""
    taken = {r.name for r in settings.registries if r.source != "PACKAGEMANAGER_ADDRESS"}
    names = [name] if name else [of_aws.name] if of_aws else _words(realm.realm_of(url).host)
    free = [word for word in names if word not in taken and word != "file"]
    if not free:
        other = settings.named(names[0])
        raise ConfigError(
            "setup-name-taken",
            f"there is a registry called {plain(names[0])} already, at another address",
            why=f"{other.source} says {other.url}" if other else "",
            do=f"gatepass setup ANOTHER-NAME={plain(url)}",
        )
    made = load({**env, "GATEPASS_REGISTRIES": f"{free[0]}={url}"}).named(free[0])
    if made is None:  # the same realm stands in a variable: that one is as good
        raise AssertionError("a registry that was passed is not there")
    return made._replace(source="the command line")


def _words(host: str) -> list[str]:
    """Names made from a host: its first label, then all of it."""
    whole = re.sub(r"[^a-z0-9]+", "-", host).strip("-")
    if realm.is_ip_literal(host):
        return [whole]
    return list(dict.fromkeys((re.sub(r"[^a-z0-9_-]+", "-", host.partition(".")[0]), whole)))


def _is_an_index(target: str, url: str) -> ConfigError:
    """Package Manager is asked at its own address, which an index's address only begins with."""
    segments = url.rstrip("/").removesuffix("/simple").split("/")
    base, path = "/".join(segments[:-2]), "/".join(segments[-2:])
    do = "write the address of Package Manager itself"
    if len(segments) > 4:
        do = f"gatepass setup {target.partition(url)[0]}{plain(base)} --index {plain(path)}"
    return ConfigError(
        "setup-index-address",
        f"{plain(url)} is an index: the registry's own address ends before the repository",
        why="Package Manager exchanges tokens at its own address, and has many indexes below it",
        do=do,
    )


def _simple(registry: Registry, path: str, option: str) -> str:
    url = _below(registry, path, option)
    return (url if url.endswith("/simple") else f"{url}/simple") + "/"


def _below(registry: Registry, path: str, option: str) -> str:
    path = path.strip("/")
    if not _PATH.fullmatch(path) or any(part in (".", "..") for part in path.split("/")):
        raise UsageError(
            "setup-path",
            f"{option} takes a path below {registry.url}, not {plain_address(path)!r}",
            why="letters, digits, - . _ ~ + = : and single slashes between them",
            do=f"gatepass setup ... {option} internal/latest",
        )
    return f"{registry.url}/{path}"
