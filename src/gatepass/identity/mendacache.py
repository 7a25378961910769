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
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from gatepass import files, log
from gatepass.identity.mendafiles import Malformed, Unsafe, address, parse, read
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

_NEW = ".token-new-"
"""How the name of a file begins that is written, and not yet the cache."""

_ABANDONED = 300.0
"""Seconds after which nobody writes such a file any more."""

_Stamp = tuple[int, int, int]


class Cached(NamedTuple):
    """A token, or why there is none; ``is_broken``: the file, or the section, needs a hand."""

    token: Secret | None
    why: str = ""
    is_broken: bool = False


def mark(host: str, client_id: str, client_secret: Secret) -> str:
    """Whose token it is: a digest, so that the secret isn't in the file."""
    whose = repr((host, client_id, client_secret.reveal()))
    return hashlib.sha256(whose.encode("utf-8", "surrogateescape")).hexdigest()


class Cache:
    """One section of the file.

    ``mark``: of the client that it serves, empty for a person's login. ``is_profile``: the section
    is named for a profile, so a token of which no host is said is the profile's own host's;
    a client id alone says nothing of a host.
    """

    def __init__(
        self,
        path: str,
        section: str,
        host: str,
        *,
        mark: str = "",
        is_profile: bool = False,
    ) -> None:
        self.path, self.section, self.host = path, section, host
        self._mark, self._is_profile = mark, is_profile

    def look(self, now: float) -> Cached:
        """The token, if it is for our host and not over. Raises nothing."""
        try:
            parser = parse(read(self.path, _LARGEST)[0])
        except (FileNotFoundError, NotADirectoryError):
            return Cached(None, f"there is no {self.path}")
        except Unsafe as error:
            why = f"{self.path} is not used: {error}; look at what is in it, {error.do}"
            log.warning("menda-cache", why)
            return Cached(None, why)
        except (OSError, Malformed) as error:
            return Cached(None, f"{self.path} can't be read: {_words(error)}", is_broken=True)
        if self.section not in parser:
            return Cached(None, f"{self.path} has no section for it")
        held = {name: parser.get(self.section, name, raw=True, fallback="") for name in _OURS}
        return self._judge(held, now)

    def _judge(self, held: dict[str, str], now: float) -> Cached:
        is_ours = bool(held["gatepass"])
        if is_ours and held["gatepass"] != self._mark:
            whose = "another client" if self._mark else "a client, not by a person's login"
            return Cached(None, f"what is cached was got for {whose}")
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
        import configparser

        try:
            self._replace(change)
        except (Unsafe, OSError, Malformed, ValueError, configparser.Error) as error:
            # configparser's own errors are about the section's name, and quote nothing else.
            log.info("menda-cache", f"{self.path} is left as it is: {_words(error)}")

    def _replace(self, change: Callable[[ConfigParser], bool]) -> None:
        """Read, change and write the file as a whole; its other sections and keys stay."""
        import tempfile

        folder = os.path.dirname(self.path)
        _make(folder)
        if os.path.islink(self.path):
            raise Unsafe("it is a link")
        try:
            data, status = read(self.path, _LARGEST, to_write=True)
            stamp: _Stamp | None = _stamp_of(status)
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
        _prune(folder)
        fd, temporary = tempfile.mkstemp(prefix=_NEW, dir=folder)  # born 0600
        try:
            with open(fd, "wb") as file:
                file.write(after)
            if _stamp(self.path) != stamp:
                raise Unsafe("another program has just written it")
            files.replace(temporary, self.path)
        except BaseException:
            os.unlink(temporary)
            raise


def _words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _is(said: str, host: str) -> bool:
    """Whether what a file says is the address of our host."""
    try:
        return address(said) == host
    except ValueError:
        return False


def _prune(folder: str) -> None:
    """Delete what writers that were killed left: there may be a good token in it."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_NEW):
                status = entry.stat(follow_symlinks=False)
                is_old = time.time() - status.st_mtime > _ABANDONED
                if is_old and stat.S_ISREG(status.st_mode) and files.is_ours(status):
                    os.unlink(entry.path)


def _make(folder: str) -> None:
    """The folder with those above it up to the home, each born 0700. OSError, Unsafe."""
    if not os.path.isdir(folder):
        above = os.path.dirname(folder)
        if os.path.basename(folder) != ".menda":
            _make(above)
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            pass  # another process was faster
    elif not files.is_ours(os.stat(folder)):
        raise Unsafe(f"{folder} belongs to somebody else")


def _stamp(path: str) -> _Stamp | None:
    try:
        return _stamp_of(os.lstat(path))
    except FileNotFoundError:
        return None


def _stamp_of(status: os.stat_result) -> _Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _all_of(parser: ConfigParser) -> dict[str, dict[str, str]]:
    return {name: dict(parser.items(name, raw=True)) for name in ["DEFAULT", *parser.sections()]}
