"""The passes of `gatepass exec`: the folder that ``GATEPASS_PASS`` names, one file a registry.

Where that variable is set, credentials come from there and from nowhere else. A folder that isn't
ours alone, a file that isn't what we wrote and a pass that has ended are errors. Elsewhere gatepass
would go on to an identity and the network; this command was meant to do without both.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from typing import Any, NamedTuple

from gatepass.credential import Credential
from gatepass.errors import ConfigError, GatepassError, IdentityError, plain
from gatepass.realm import Address, Realm, realm_of
from gatepass.secret import Secret
from gatepass.settings import Domain, Environment, Registry
from gatepass.settings.codeartifact import is_part, registry_at
from gatepass.settings.environment import read
from gatepass.store.folder import Folder

VARIABLE = "GATEPASS_PASS"

_FORMAT = 1
_KINDS = ("packagemanager", "codeartifact")
_LONGEST = 8 * 1024
"""Characters of a secret, as in :mod:`gatepass.exchange.reply`."""


class Pass(NamedTuple):
    """What one file says. ``aws`` is of CodeArtifact alone, whose pass is for all of its hosts."""

    name: str
    kind: str
    realm: Realm
    aws: Domain | None
    credential: Credential


def folder_of(env: Environment) -> Folder | None:
    """The folder that the variable names; None where it isn't set.

    Raises ConfigError (pass-folder) unless it is a folder of ours that nobody else can enter.
    """
    path = read(env, VARIABLE)
    if not path:
        return None
    problem = _problem(path)
    if problem:
        raise ConfigError(
            "pass-folder",
            f"{VARIABLE} names {plain(path)}, and {problem}",
            why="`gatepass exec` sets it for its command, to a private folder that lives as long "
            "as that",
            do=f"run the command under `gatepass exec` again, or unset {VARIABLE}",
        )
    return Folder(path)


def write(folder: Folder, registry: Registry, credential: Credential) -> None:
    """Put a registry's pass into the folder, in the place of an earlier one. OSError."""
    at, aws = registry.realm, registry.aws
    record = {
        "format": _FORMAT,
        "name": registry.name,
        "kind": registry.kind,
        "realm": [at.scheme, at.host, at.port, at.prefix],
        "aws": [aws.name, aws.owner, aws.region] if aws else None,
        "username": credential.username,
        "secret": credential.secret.reveal(),
        "obtained_at": credential.obtained_at,
        "expires_at": credential.expires_at,
    }
    folder.write(f"{registry.name}.json", json.dumps(record).encode())


def find(folder: Folder, address: Address) -> Pass | None:
    """The pass that covers an address, the longest prefix first; None where none does.

    All hosts of a CodeArtifact domain have one pass, at https: plain http has it only where the
    registry that it was got for was allowed that. Raises ConfigError (pass-broken), IdentityError
    (pass-ended).
    """
    ours = registry_at(address)
    domain = ours.aws if ours and not ours.is_insecure else None
    fitting = [
        one
        for one in passes(folder)
        if one.realm.covers(address) or (domain is not None and one.aws == domain)
    ]
    if not fitting:
        return None
    found = max(fitting, key=lambda one: len(one.realm.prefix))
    ends = found.credential.expires_at
    if ends is not None and ends <= time.time():
        raise IdentityError(
            "pass-ended",
            f"the pass for {found.realm} has ended",
            why="`gatepass exec` renews it while it runs beside its command; it can't as a "
            "container's first process, nor after it was killed",
            do="start the command under `gatepass exec` again; where it lives longer than its "
            "pass,\nrun `gatepass exec` under an init (`docker run --init`)",
        )
    return found


def passes(folder: Folder) -> list[Pass]:
    """Every pass in the folder. Raises ConfigError (pass-broken)."""
    names = [name for name in folder.names() if name.endswith(".json") and name[0] != "."]
    return [_read(folder, name) for name in names]


def missing(registry: Registry) -> GatepassError:
    """The error for a registry of ours that there is no pass for."""
    return IdentityError(
        "no-pass",
        f"this command has no pass for {registry.url}",
        why="it runs under `gatepass exec`, which was asked for other registries",
        do=f"run it under `gatepass exec --registry {registry.url}` (with its other --registry\n"
        "options), or without any --registry for all that are configured",
    )


def _problem(path: str) -> str:
    """Why a path can't be the folder of passes, as words that follow "and"; empty where it is."""
    if not os.path.isabs(path):
        return "that is no absolute path"
    try:
        status = os.lstat(path)
    except OSError as error:
        return f"there is none: {error.strerror}"
    if not stat.S_ISDIR(status.st_mode):
        return "that is a link, or no folder"
    if sys.platform != "win32":
        if status.st_uid != os.geteuid():
            return "that belongs to somebody else"
        if stat.S_IMODE(status.st_mode) & 0o077:
            return "others may look into it (its mode is not 0700)"
    return ""


def _read(folder: Folder, name: str) -> Pass:
    data = folder.read(name)
    try:
        return _pass(json.loads(data or b""))
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        raise ConfigError(
            "pass-broken",
            f"{plain(os.path.join(folder.path, name))} is no pass that `gatepass exec` wrote",
            why="it is another program's, a link, or was changed since"
            if data
            else "it can't be read, or is not a file of ours",
            do="look at who writes there; then start the command under `gatepass exec` again",
        ) from None


def _pass(record: Any) -> Pass:
    """A file's contents, each part of which must be what :func:`write` could have written."""
    name, kind, username, secret = (
        str(record[key]) for key in ("name", "kind", "username", "secret")
    )
    scheme, host, port, prefix = record["realm"]
    realm = Realm(scheme, host, port, prefix)
    aws = Domain(*record["aws"]) if record["aws"] else None
    obtained = float(record["obtained_at"])
    ends = None if record["expires_at"] is None else float(record["expires_at"])
    if record["format"] != _FORMAT or kind not in _KINDS or realm_of(str(realm)) != realm:
        raise ValueError
    if (aws is not None) != (kind == "codeartifact"):
        raise ValueError
    if aws and not all(map(is_part, ("domain", "owner", "region"), aws)):
        raise ValueError
    if not _is_word(username) or not _is_word(secret) or not (ends is None or ends > obtained):
        raise ValueError
    return Pass(name, kind, realm, aws, Credential(username, Secret(secret), obtained, ends))


def _is_word(text: str) -> bool:
    """Whether it can stand on a line of its own, in a header, and in a netrc file."""
    return 0 < len(text) <= _LONGEST and text.isascii() and text.isprintable() and " " not in text
