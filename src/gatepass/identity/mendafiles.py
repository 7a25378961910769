"""menda's files below the home: where they lie, whose they may be, how their INI is read.

They are read as Python's configparser does with its defaults, like menda-keyring 0.0.2: names of
keys in lower case, ``[DEFAULT]`` for all sections.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from gatepass import files
from gatepass.realm import is_loopback, realm_of
from gatepass.settings.environment import Environment

if TYPE_CHECKING:
    from configparser import ConfigParser


class Malformed(Exception):
    """Why a file is no INI, as words that follow a colon; of its contents none is repeated."""


class Unsafe(Exception):
    """Why a file is not trusted; ``do``: what makes it so."""

    def __init__(self, why: str, do: str = "") -> None:
        super().__init__(why)
        self.do = do


def config_path(env: Environment) -> str:
    """Where ``menda auth configure`` keeps its profiles."""
    return os.path.join(home(env), ".menda", "mendacfg")


def cache_path(env: Environment) -> str:
    """Where ``menda auth login`` keeps its tokens."""
    return os.path.join(home(env), ".menda", "tokens", "cache", ".token")


def home(env: Environment) -> str:
    """The user's home: the variable's, else the system's."""
    return env.get("USERPROFILE" if sys.platform == "win32" else "HOME") or os.path.expanduser("~")


def read(path: str, limit: int, *, to_write: bool = False) -> tuple[bytes, os.stat_result]:
    """At most ``limit`` bytes of a regular file, and what it is.

    Raises Unsafe where somebody else could have put a login or a host there; Malformed for a
    larger file; OSError. Root may have: it mounts files into containers (``to_write``: not even
    root).
    """
    with files.opened(path) as file:
        status = os.fstat(file.fileno())
        if sys.platform != "win32":  # where modes mean nothing
            if status.st_uid != os.geteuid() and (to_write or status.st_uid != 0):
                raise Unsafe("it belongs to somebody else", "then take it over with chown")
            if status.st_mode & 0o022:
                raise Unsafe("others can write it", "then chmod 600 it")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Malformed(f"it has more than {limit} bytes")
    return data, status


def parse(data: bytes) -> ConfigParser:
    """A file's sections. Raises Malformed."""
    import configparser  # only where there is such a file

    parser = configparser.ConfigParser()
    try:
        parser.read_string(data.decode("utf-8-sig"))  # Windows' editors put a mark before it
    except UnicodeDecodeError:
        raise Malformed("it is not UTF-8") from None
    except configparser.Error as error:  # its text quotes lines, which may hold a secret
        line = getattr(error, "lineno", None)
        wrong = getattr(error, "errors", None)
        if line is None and wrong:
            line = wrong[0][0]
        if isinstance(error, configparser.DuplicateSectionError):
            raise Malformed(f"line {line} begins a section that was there before") from None
        if isinstance(error, configparser.DuplicateOptionError):
            raise Malformed(f"line {line} sets a key that was set before") from None
        raise Malformed(f"line {line} is neither [section] nor key = value") from None
    return parser


def value(parser: ConfigParser, section: str, name: str) -> str:
    """A key's value without surrounding white space; empty where it is unset.

    As menda-keyring has it, ``%%`` stands for one ``%`` and ``%(key)s`` for another key's value;
    where it would fail over a lone ``%``, the value is taken as it is written.
    """
    import configparser

    try:
        found = parser.get(section, name, fallback="")
    except configparser.InterpolationError:
        found = parser.get(section, name, raw=True, fallback="")
    return found.strip()


def address(host: str) -> str:
    """A host as the address below which its endpoints lie, without a trailing slash.

    One without a scheme, which menda-keyring can't use, is https. Raises ValueError with a reason
    that fits after "because": a client's secret and a person's login go there.
    """
    realm = realm_of(host if "://" in host else f"https://{host}")
    if realm.scheme != "https" and not is_loopback(realm.host):
        raise ValueError("it is plain http: whoever is on the way would read the secret")
    return str(realm)
