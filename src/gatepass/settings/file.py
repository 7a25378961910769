"""config.toml: where it lies, and a check of every key. The current directory is never read."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from typing import Any

from gatepass import files
from gatepass.errors import ConfigError, plain
from gatepass.settings.environment import Environment, nearest, read

_LARGEST = 1024 * 1024
"""Bytes: hundreds of registries fit; a device or a log named by mistake does not."""

# What each table takes: the key's type.
_TOP: dict[str, type] = {
    "version": int,
    "identity": str,
    "verify": str,
    "trusted_issuers": list,
    "store": dict,
    "log": dict,
    "login": dict,
    "issuers": dict,
    "registries": dict,
}
_STORE: dict[str, type] = {"kind": str, "dir": str}
_LOGIN: dict[str, type] = {"issuer": str, "client_id": str}
_LOG: dict[str, type] = {"level": str, "format": str, "file": str}
_ISSUER: dict[str, type] = {"jwks": str, "algorithms": list}
_REGISTRY: dict[str, type] = {
    "url": str,
    "kind": str,
    "audience": str,
    "identity": str,
    "claims": dict,
    "allow_http": bool,
    "index": str,
    "role_arn": str,
    "profile": str,
    "duration": int,
    "domain": str,
    "owner": str,
    "region": str,
}
_WORDS = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list of texts",
    dict: "a table",
}


def paths(env: Environment) -> tuple[str, ...]:
    """The files that speak, weakest first. GATEPASS_CONFIG replaces them all, and must exist.

    Raises ConfigError: config-relative, config-missing, config-unreadable for a folder.
    """
    chosen = read(env, "GATEPASS_CONFIG")
    if chosen:
        _must_be_a_file(chosen)
        return (chosen,)
    if sys.platform == "win32":  # pragma: no cover - Windows only
        machine, user = env.get("PROGRAMDATA", ""), env.get("APPDATA", "")
    else:
        machine = "/etc"
        user = env.get("XDG_CONFIG_HOME", "")
        if not os.path.isabs(user):  # to be ignored then, says the XDG specification
            user = env.get("HOME", "") and env["HOME"] + "/.config"
    folders = [folder for folder in (machine, user) if os.path.isabs(folder)]
    return tuple(os.path.join(folder, "gatepass", "config.toml") for folder in folders)


def _must_be_a_file(chosen: str) -> None:
    if not os.path.isabs(chosen):
        raise ConfigError(
            "config-relative",
            f"GATEPASS_CONFIG is no absolute path: {plain(chosen)}",
            why="a relative one would take settings from whatever folder the job runs in",
            do="write the whole path",
        )
    if os.path.isdir(chosen):
        raise ConfigError(
            "config-unreadable",
            f"GATEPASS_CONFIG names {plain(chosen)}, which is a folder",
            do="name the file in it: config.toml, say",
        )
    if not os.path.isfile(chosen):
        raise ConfigError(
            "config-missing",
            f"GATEPASS_CONFIG names {plain(chosen)}, and there is no such file",
            do="correct the path, or unset GATEPASS_CONFIG",
        )


def load(env: Environment) -> dict[str, Any]:
    """All files merged and checked; empty where there are none.

    A later file's key replaces an earlier one's; of ``issuers`` and ``registries`` each entry is
    replaced as a whole, so that no registry is a mixture of two files. Each registry's table gets
    ``source``: its file, and ``sources`` has each top key's. Raises ConfigError, naming file and
    key; also for a file that somebody else may write.
    """
    merged: dict[str, Any] = {}
    for path in paths(env):
        for key, value in _read(path, env).items():
            merged.setdefault("sources", {})[key] = path
            if key in ("issuers", "registries"):
                merged.setdefault(key, {}).update(value)
            else:
                merged[key] = value
    return merged


def _read(path: str, env: Environment) -> dict[str, Any]:
    try:
        data = files.read(path, _LARGEST + 1)
        whose, mend = ("", "") if _is_the_jobs(path, env) else _writers(path)
    except (FileNotFoundError, NotADirectoryError):  # the latter: HOME=/dev/null and its like
        return {}
    except OSError as error:
        if not os.access(os.path.dirname(os.path.dirname(path)), os.X_OK):
            return {}  # somebody else's home, inherited with HOME: its settings aren't ours
        raise ConfigError(
            "config-unreadable",
            f"{path} can't be read: {error.strerror}",
            do="make it readable for this user, or remove it",
        ) from None
    if whose:
        raise ConfigError(
            "config-writable",
            f"{plain(path)} is not used: {whose}",
            why="whoever writes it says where credentials are sent",
            do=f"look at what is in it, then: {mend} {plain(path)}",
        )
    import tomllib  # only where a file is there: it takes 10 ms to load

    try:
        if len(data) > _LARGEST:
            raise ValueError("it is larger than 1 MiB")
        table = tomllib.loads(data.decode())
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are both
        raise ConfigError(
            "config-not-toml",
            f"{path} is not TOML",
            why=plain(error),
            do="correct that line; docs/configuration.md shows every key",
        ) from None
    _check(table, path)
    return table


def _is_the_jobs(path: str, env: Environment) -> bool:
    """Whether GATEPASS_CONFIG names a file in the job's own checkout. Whoever may write that is the
    job: GitLab's runner clones it as root and for everybody to write (umask 0), and a container of
    GitHub's may run as somebody else than its workspace."""
    if not read(env, "GATEPASS_CONFIG"):
        return False
    file = os.path.realpath(path)
    folders = [env.get(name, "") for name in ("CI_PROJECT_DIR", "GITHUB_WORKSPACE")]
    return any(
        file.startswith(os.path.realpath(folder).rstrip(os.sep) + os.sep)
        for folder in folders
        if os.path.isabs(folder)
    )


def _writers(path: str) -> tuple[str, str]:
    """Who else than root and us may write a file, as words, and the command that ends it; empty
    for nobody. POSIX only: on Windows modes mean nothing.

    The owner's private group may write: with umask 002 it always does. On a read-only mount the
    owner doesn't matter: a file that was mounted into a container has the number of somebody
    outside of it. Neither access lists nor the folders above are looked at.
    """
    if sys.platform != "win32":
        status, us = os.stat(path), os.geteuid()
        owner, group = status.st_uid, status.st_gid
        if owner not in (0, us) and not os.statvfs(path).f_flag & os.ST_RDONLY:
            return f"it belongs to somebody else (uid {owner})", f"as root: chown {us}"
        if status.st_mode & stat.S_IWOTH:
            return "everybody can write it", "chmod go-w"
        is_private = group == owner or (owner == us and group == os.getgid())
        if status.st_mode & stat.S_IWGRP and not is_private:
            return f"its group can write it (gid {group})", "chmod go-w"
    return "", ""


def _check(table: dict[str, Any], path: str) -> None:
    if "version" not in table or table["version"] != 1 or table["version"] is True:
        raise ConfigError(
            "config-version",
            f"{path} has no `version = 1`",
            why="the version says how the other keys are meant; this gatepass knows version 1",
            do="put `version = 1` on its first line",
        )
    _keys(table, _TOP, path, "")
    _keys(table.get("store", {}), _STORE, path, "store.")
    _keys(table.get("login", {}), _LOGIN, path, "login.")
    _keys(table.get("log", {}), _LOG, path, "log.")
    for section, known in (("issuers", _ISSUER), ("registries", _REGISTRY)):
        for name, entry in table.get(section, {}).items():
            where = f"{section}.{plain(name, 60)}."
            if not isinstance(entry, dict):
                raise _wrong_type(where.rstrip("."), dict, path)
            _keys(entry, known, path, where)
            entry["source"] = path


def _keys(table: Mapping[str, Any], known: Mapping[str, type], path: str, where: str) -> None:
    for key, value in table.items():
        expected = known.get(key)
        if expected is None:
            guess = nearest(key, tuple(known))
            raise ConfigError(
                "unknown-setting",
                f"{path} has a key that means nothing: {where}{plain(key, 60)}",
                do=f"write {guess!r} instead"
                if guess
                else f"remove it; known here: {', '.join(known)}",
            )
        fits = isinstance(value, expected) and (expected is bool or not isinstance(value, bool))
        if not fits or (expected is list and not all(isinstance(v, str) for v in value)):
            raise _wrong_type(where + key, expected, path)


def _wrong_type(key: str, expected: type, path: str) -> ConfigError:
    return ConfigError(
        "wrong-type",
        f"{key} in {path} must be {_WORDS[expected]}",
        do="docs/configuration.md shows every key with an example",
    )
