"""Whoever would answer before us: other backends, other settings, other commands, netrc.

Each is a line to warn with; nothing is changed. What lies in the environments of other programs
isn't known, but for the one of the real keyring command, which is asked.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from importlib import metadata

from gatepass import files
from gatepass.errors import plain
from gatepass.settings import Environment
from gatepass.setup import command, ini, toml
from gatepass.setup.places import Places
from gatepass.setup.snapshot import LARGEST
from gatepass.setup.text import Unclear, decode
from gatepass.setup.wish import Wish, with_user

_OURS = 9.95
_PATIENCE = 15.0
"""Seconds for `keyring --list-backends`, which loads every backend that it has."""

_REPLACED = ("posit-keyring", "menda-keyring")
"""Their backends have the priority 10: they win, or tie with keyring's own chain."""

_LISTED = re.compile(r"^(?P<name>[\w.]+) .*\(priority: (?P<priority>[0-9.]+)\)", re.MULTILINE)

# Variables that overrule the files that were written, and what that means.
_VARIABLES = {
    "PIP_CONFIG_FILE": "pip reads that file instead of yours",
    "PIP_KEYRING_PROVIDER": "pip takes that instead of the provider in its file",
    "PIP_INDEX_URL": "pip takes that instead of the index in its file",
    "UV_CONFIG_FILE": "uv reads that file instead of yours",
    "UV_NO_CONFIG": "uv reads no file",
    "UV_KEYRING_PROVIDER": "uv takes that instead of the provider in its file",
    "UV_DEFAULT_INDEX": "uv takes that instead of the index in its file",
    "UV_INDEX_URL": "uv takes that instead of the index in its file",
}

# Where pip and uv look too, whatever the index is.
_OTHERS = ("PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
_TOO = "packages come from there too, not from your index alone"


def rivals(wish: Wish, env: Environment, where: Places, real: str, launcher: str) -> list[str]:
    """Every line there is to warn with. Waits 15 s at most, for the real command.

    ``real``: the command behind the launcher, where it lies now; ``launcher``: that one's path;
    both empty where there is none.
    """
    return [
        *_variables(env),
        *_sections(wish, where),
        *(_other_indexes(wish, env, where) if wish.index_url else ()),
        *_installed(),
        *_behind(real),
        *_keyring_settings(env, where),
        *_netrc(wish.registry.realm.host, env, where),
        *(_earlier(env, launcher) if launcher else ()),
    ]


def _variables(env: Environment) -> Iterator[str]:
    for name, meaning in _VARIABLES.items():
        if env.get(name) and not (name.endswith("_PROVIDER") and env[name] == "subprocess"):
            yield f"{name} is set: {meaning}"


def _sections(wish: Wish, where: Places) -> Iterator[str]:
    """pip's sections for one command overrule [global], where ours is written."""
    keys = ["keyring-provider"] + ["index-url"] * bool(wish.index_url)
    table = _table(where.pip)
    for section, values in table.items():
        for key in keys:
            if section not in ("global", "DEFAULT") and key in values:
                yield f"{where.pip} has {key} in [{plain(section, 60)}], which overrules [global]"


def _other_indexes(wish: Wish, env: Environment, where: Places) -> Iterator[str]:
    """Indexes beside the one that was to take PyPI's place. Their addresses aren't shown, which may
    have passwords in them; uv passes over a second default."""
    for name in _OTHERS:
        if env.get(name):
            yield f"{name} is set: {_TOO}"
    mine = with_user(wish.extra_url, wish.username)
    for section, values in _table(where.pip).items():
        if set(values.get("extra-index-url", "").split()) - {mine}:
            yield f"{where.pip} has extra-index-url in [{plain(section, 60)}]: {_TOO}"
    try:
        table = toml.parse(decode(_read(where.uv)).body)
    except (OSError, Unclear):
        return
    listed = table.get("index")
    for index in listed if isinstance(listed, list) else []:
        if (
            isinstance(index, dict)
            and index.get("name") != wish.registry.name
            and index.get("url") != wish.extra_url
            and not index.get("default")
        ):
            shown = plain(index.get("name", "one without a name"), 60)
            yield f"{where.uv} has a further [[index]], {shown}: {_TOO}"
    if table.get("extra-index-url"):
        yield f"{where.uv} has extra-index-url: {_TOO}"


def _installed() -> Iterator[str]:
    for found in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", found.metadata["Name"] or "").lower()
        if name in _REPLACED:
            yield (
                f"{name} is installed beside gatepass, and its backend comes before ours: "
                f"uninstall it, gatepass replaces it"
            )


def _behind(real: str) -> Iterator[str]:
    """The backends of the real command's environment: its own calls would ask them first."""
    if not real:
        return
    try:
        done = subprocess.run(
            [real, "--list-backends"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
        text = done.stdout.decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        yield f"{real} doesn't say which backends it has"
        return
    for found in _LISTED.finditer(text):
        name = found["name"]
        if float(found["priority"]) > _OURS and name != "keyring.backends.chainer.ChainerBackend":
            yield (
                f"{real} has the backend {plain(name)} of priority {found['priority']}: tools that "
                "import keyring there ask it before gatepass (9.95)"
            )


def _keyring_settings(env: Environment, where: Places) -> Iterator[str]:
    backend = env.get("PYTHON_KEYRING_BACKEND")
    if backend is not None:
        yield (
            f"PYTHON_KEYRING_BACKEND is {plain(backend)!r}: tools that import keyring ask that one "
            "alone, never gatepass"
        )
    chosen = _table(where.keyringrc).get("backend", {}).get("default-keyring")
    if chosen:
        yield (
            f"{where.keyringrc} chooses {plain(chosen)}: tools that import keyring ask that one "
            "alone, never gatepass"
        )


def _table(path: str) -> ini.Table:
    """What an ini file says; nothing where it can't be read."""
    try:
        return ini.parse(decode(_read(path)).body)
    except (OSError, Unclear):
        return {}


def _read(path: str) -> bytes:
    """A regular file's bytes. Raises OSError, also for one that is larger than LARGEST."""
    data = files.read(path, LARGEST + 1)
    if len(data) > LARGEST:
        raise OSError(27, f"it is larger than {LARGEST} bytes")
    return data


def _netrc(host: str, env: Environment, where: Places) -> Iterator[str]:
    """A netrc entry for the host, by name or by `default`: pip and uv then never ask keyring."""
    import netrc

    chosen = env.get("NETRC", "")
    for path in [chosen] if chosen else [os.path.join(where.home, n) for n in (".netrc", "_netrc")]:
        try:
            _read(path)  # it is opened by its name once more, which must not hold us
            entry = netrc.netrc(path).authenticators(host)
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
            continue
        if entry:
            yield f"{path} has a password for {host}: pip and uv take it, and never ask keyring"


def _earlier(env: Environment, launcher: str) -> Iterator[str]:
    """Commands that stand on PATH before the launcher. pip passes over the one beside itself."""
    folder = os.path.realpath(os.path.dirname(launcher))
    folders: list[str] = []
    for one in env.get("PATH", "").split(os.pathsep):
        if os.path.isabs(one) and os.path.realpath(one) == folder:
            for path in command.others(os.pathsep.join(folders)):
                yield f"{path} stands before {launcher} on PATH: pip and uv call that one"
            return
        folders.append(one)
