"""menda's cache of access tokens, ``~/.menda/tokens/cache/.token``: read, and written for clients.

It is shared with menda's own CLI and with menda-keyring, which reads what is written here. A
section is a profile's, or a client's id; its keys are ``access_token``, ``id_token`` (preferred),
``expires_in`` (seconds) and ``cached_at`` (epoch seconds). Ours have two more: ``host``, since a
token goes to no host but its own, and ``gatepass``, which says for which client it was got.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import stat
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from gatepass import log
from gatepass.identity.mendafiles import Malformed, address, parse
from gatepass.secret import Secret

if TYPE_CHECKING:
    from configparser import ConfigParser

_LARGEST = 1024 * 1024
_LONGEST_TOKEN = 16 * 1024

_MARGIN = 60.0
"""Seconds before its end from which a token isn't used, as in menda-keyring; also the seconds
that a clock may have been set back since it was kept."""

_LONGEST_LIFE = 400 * 86400.0
"""Seconds: a login that claims to last longer was written by mistake."""

_OURS = ("access_token", "id_token", "expires_in", "cached_at", "host", "gatepass")

_Stamp = tuple[int, int, int]


class Cached(NamedTuple):
    """A token, or why there is none; ``is_broken``: the file, or the section, needs a hand."""

    token: Secret | None
    why: str = ""
    is_broken: bool = False


class _Unsafe(Exception):
    """Why the file is not trusted."""


def mark(host: str, client_id: str, client_secret: Secret) -> str:
    """Whose token it is: a digest, so that the secret isn't in the file."""
    whose = repr((host, client_id, client_secret.reveal()))
    return hashlib.sha256(whose.encode("utf-8", "surrogateescape")).hexdigest()


class Cache:
    """One section of the file.

    ``mark``: of the client that it serves, empty for a person's login. ``is_profile``: the section
    is named for a profile, so a token of which no host is said is the profile's own host's;
    a client id alone says nothing of a host. ``writes``: False leaves the file as it is.
    """

    def __init__(
        self,
        path: str,
        section: str,
        host: str,
        *,
        mark: str = "",
        is_profile: bool = False,
        writes: bool = True,
    ) -> None:
        self.path, self.section, self.host = path, section, host
        self._mark, self._is_profile, self._writes = mark, is_profile, writes

    def look(self, now: float) -> Cached:
        """The token, if it is for our host and not over. Raises nothing."""
        try:
            parser = parse(self._read()[0])
        except (FileNotFoundError, NotADirectoryError):
            return Cached(None, f"there is no {self.path}")
        except _Unsafe as error:
            log.warning("menda-cache", f"{self.path} is not used: {error}")
            return Cached(None, f"{self.path} is not used: {error}")
        except (OSError, Malformed) as error:
            return Cached(None, f"{self.path} can't be read: {_words(error)}", is_broken=True)
        if self.section not in parser:
            return Cached(None, f"{self.path} has no section for it")
        held = {name: parser.get(self.section, name, raw=True, fallback="") for name in _OURS}
        return self._judge(held, now)

    def _judge(self, held: dict[str, str], now: float) -> Cached:
        is_ours = bool(self._mark and held["gatepass"])
        if is_ours and held["gatepass"] != self._mark:
            return Cached(None, "what is cached was got for another client")
        if held["host"] and not _is(held["host"], self.host):
            return Cached(None, "what is cached was got from another host")
        if not held["host"] and not self._is_profile:
            return Cached(None, "nothing says which host the cached token is for")
        try:
            since, life = float(held["cached_at"] or "nan"), float(held["expires_in"] or "nan")
        except ValueError:
            why = f"{self.path} has invalid cached_at/expires_in"
            return Cached(None, why, is_broken=True)
        # Nothing compares with nan; and a time that is missing says nothing.
        if not (math.isfinite(since) and 0 < life <= _LONGEST_LIFE and since <= now + _MARGIN):
            return Cached(None, "when it ends can't be told from its cached_at and expires_in")
        if now - since >= life - _MARGIN:
            return Cached(None, "it has expired")
        token = held["access_token"] if is_ours else held["id_token"] or held["access_token"]
        if not token:
            return Cached(None, "it holds no token")
        # It is to stand in a header, where white space would begin something else.
        if len(token) > _LONGEST_TOKEN or not all("!" <= char <= "~" for char in token):
            return Cached(None, f"{self.path} has what is no token", is_broken=True)
        return Cached(Secret(token))

    def keep(self, token: Secret, life: float, now: float) -> None:
        """Write a client's new token, good for ``life`` seconds. What can't be kept is fetched
        again next time: a log line is all that comes of it."""

        def change(parser: ConfigParser) -> bool:
            if not parser.has_section(self.section):
                parser.add_section(self.section)
            parser.remove_option(self.section, "id_token")  # menda-keyring would prefer it
            fields = (token.reveal(), f"{life:.0f}", f"{now:.3f}", self.host, self._mark)
            names = (name for name in _OURS if name != "id_token")
            for name, text in zip(names, fields, strict=True):
                parser.set(self.section, name, text)
            return True

        self._change(change)

    def forget(self, token: Secret) -> None:
        """Take this token out, if it is still the one that is there."""

        def change(parser: ConfigParser) -> bool:
            names = ("access_token", "id_token")
            section = self.section
            if not parser.has_section(section) or token.reveal() not in (
                parser.get(section, name, raw=True, fallback="") for name in names
            ):
                return False
            for name in _OURS:
                parser.remove_option(section, name)
            return True

        self._change(change)

    def _change(self, change: Callable[[ConfigParser], bool]) -> None:
        if not self._writes:
            return
        import configparser

        try:
            self._replace(change)
        except (_Unsafe, OSError, Malformed, ValueError, configparser.Error) as error:
            # configparser's own errors are about the section's name, and quote nothing else.
            log.info("menda-cache", f"{self.path} is left as it is: {_words(error)}")

    def _replace(self, change: Callable[[ConfigParser], bool]) -> None:
        """Read, change and write the file as a whole; its other sections and keys stay."""
        import tempfile

        folder = os.path.dirname(self.path)
        _make(folder)
        if os.path.islink(self.path):
            raise _Unsafe("it is a link")
        try:
            data, stamp = self._read(to_write=True)
        except FileNotFoundError:
            data, stamp = b"", None
        parser = parse(data)
        if not change(parser):
            return
        text = io.StringIO()
        parser.write(text)
        after = text.getvalue().encode()
        if _all_of(parse(after)) != _all_of(parser):
            raise Malformed("what would be written would read as something else")
        fd, temporary = tempfile.mkstemp(prefix=".token-new-", dir=folder)  # born 0600
        try:
            with open(fd, "wb") as file:
                file.write(after)
            if _stamp(self.path) != stamp:
                raise _Unsafe("another program has just written it")
            os.replace(temporary, self.path)
        except BaseException:
            os.unlink(temporary)
            raise

    def _read(self, *, to_write: bool = False) -> tuple[bytes, _Stamp]:
        """The file's bytes, and what changes when it is written. Raises _Unsafe and OSError."""
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        with open(os.open(self.path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError(22, "it is not a file")
            _check(status, to_write)
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise OSError(27, f"it has more than {_LARGEST} bytes")
        return data, _stamp_of(status)


def _words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _is(said: str, host: str) -> bool:
    """Whether what a file says is the address of our host."""
    try:
        return address(said) == host
    except ValueError:
        return False


def _check(status: os.stat_result, to_write: bool) -> None:
    """Raises _Unsafe where somebody else could have put a token there. Root may have: it mounts
    files into containers."""
    if sys.platform != "win32":  # where modes mean nothing
        if status.st_uid != os.geteuid() and (to_write or status.st_uid != 0):
            raise _Unsafe("it belongs to somebody else")
        if status.st_mode & 0o022:
            raise _Unsafe("others can write it; look at what is in it, then chmod 600 it")


def _make(folder: str) -> None:
    """The folder with those above it up to the home, each born 0700. OSError, _Unsafe."""
    if not os.path.isdir(folder):
        above = os.path.dirname(folder)
        if os.path.basename(folder) != ".menda":
            _make(above)
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            pass  # another process was faster
    elif sys.platform != "win32" and os.stat(folder).st_uid != os.geteuid():
        raise _Unsafe(f"{folder} belongs to somebody else")


def _stamp(path: str) -> _Stamp | None:
    try:
        return _stamp_of(os.lstat(path))
    except FileNotFoundError:
        return None


def _stamp_of(status: os.stat_result) -> _Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _all_of(parser: ConfigParser) -> dict[str, dict[str, str]]:
    return {name: dict(parser.items(name, raw=True)) for name in ["DEFAULT", *parser.sections()]}
