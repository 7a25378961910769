"""Package Manager's logins: ``~/.ppm/tokens.toml``, shared with rspm, pak and posit-keyring.

Python and R so log in once. It is other programs' file as much as ours: what we don't understand
stays in it, and a file that we can't understand is left as it is. It is read and written only if
it is ours and nobody else can write it. A link in its place (a folder of dotfiles) is followed if
the link and the file are both ours, and what we write goes to the file at its end.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gatepass import files, log
from gatepass.realm import Realm
from gatepass.secret import Secret
from gatepass.settings.environment import Environment, read
from gatepass.store import connections
from gatepass.store.folder import NEW, Folder

_VARIABLE = "PACKAGEMANAGER_SSO_TOKEN_FILE"

_LARGEST = 1024 * 1024
"""Bytes: a file of logins is far smaller."""

_PATIENCE = 10.0
"""Seconds to wait for another process that writes; each holds the lock for milliseconds."""

_TRIES = 5
"""How often to begin anew where a program that knows no lock writes at the same moment."""

_MOMENT = 0.1
"""Seconds that another program may need to fill a file that it has just emptied."""

_LITTER = 24 * 3600.0
"""Seconds after which what a killed process left half-written is deleted."""


class _Unusable(Exception):
    """Why the file is neither read nor written, as words that follow a colon."""


def path(env: Environment) -> str:
    """Where the logins are: what ``PACKAGEMANAGER_SSO_TOKEN_FILE`` says, else below the home.

    A ``~/`` in the variable is the home, as it is to pak. ConfigError (unexpanded-variable) where
    its value starts with a ``$``.
    """
    home = env.get("USERPROFILE" if sys.platform == "win32" else "HOME", "")
    home = home or os.path.expanduser("~")
    named = read(env, _VARIABLE)
    if named.startswith("~/"):
        return os.path.join(home, named[2:])
    return named or os.path.join(home, ".ppm", "tokens.toml")


class TokensFile:
    """The logins in one file. Its methods raise no error: a warning says what is in the way."""

    def __init__(self, path: str) -> None:
        self.path = path

    def get(self, realm: Realm) -> Secret | None:
        """The token for exactly this realm; whether it is still good is for the caller to say."""
        token = connections.token_for(self._document(), realm)
        return Secret(token) if token else None

    def realms(self) -> list[Realm]:
        """Every realm that a token lies here for, however old."""
        return connections.realms(self._document())

    def put(self, address: str, token: Secret) -> bool:
        """Keep a login under ``address``, as it was configured: the others compare it letter for
        letter. False where it isn't kept, and the caller has to keep it elsewhere."""
        text = token.reveal()
        return self._change(lambda document: connections.keep(document, address, text)) is not None

    def remove(self, realm: Realm) -> bool:
        """Forget every entry of exactly this realm; whether there was one, and now is none."""
        if not os.path.isdir(os.path.dirname(os.path.realpath(self.path))):
            return False
        return self._change(lambda document: connections.forget(document, realm)) is True

    def _document(self) -> dict[str, Any]:
        """What the file says; nothing, and a warning, where it can't be used."""
        try:
            return connections.read(_text(self._settled(warn=True)))
        except (_Unusable, ValueError) as error:
            log.warning("tokens", f"the logins in {self.path} are not used: {error}")
            return {}

    def _change(self, edit: Callable[[Any], None]) -> bool | None:
        """Edit the file: whether that changed anything; None, and a warning, where it failed."""
        try:
            real = os.path.realpath(self.path)
            name = os.path.basename(real)
            self._bytes()  # it must be fit to be used, before anything is made
            folder = Folder(_ours(os.path.dirname(real)))
            with _alone(os.path.join(folder.path, f".{name}.lock")):
                changed = self._edit(edit, folder, name)
            for litter in folder.names():
                if litter.startswith(_new(name)) and folder.age(litter, time.time()) > _LITTER:
                    folder.remove(litter)
        except (_Unusable, ValueError) as error:
            log.warning("tokens", f"{self.path} is left as it is: {error}")
        except OSError as error:
            log.warning("tokens", f"{self.path} is left as it is: {error.strerror or error}")
        else:
            return changed
        return None

    def _edit(self, edit: Callable[[Any], None], folder: Folder, name: str) -> bool:
        for _ in range(_TRIES):
            before = self._settled()
            after = connections.change(_text(before), edit)
            if after is None:
                return False
            if self._bytes() == before:  # the others know no lock
                folder.write(name, after.encode(), durable=True)
                return True
        raise _Unusable("another program writes it again and again")

    def _settled(self, *, warn: bool = False) -> bytes | None:
        """Like :meth:`_bytes`; what is empty or broken gets a moment to become whole, since
        posit-keyring and pak empty the file and then fill it."""
        data = self._bytes(warn=warn)
        try:
            connections.read(_text(data))
        except ValueError:
            data = b""
        if data == b"":
            time.sleep(_MOMENT)
            data = self._bytes()
        return data

    def _bytes(self, *, warn: bool = False) -> bytes | None:
        """The file's bytes, None where there is none. Raises _Unusable.

        That others can read it is said and no more: the programs that share it leave it so for a
        moment, and our next write ends it.
        """
        if not os.path.isabs(self.path):
            raise _Unusable("it is no absolute path")
        try:
            if not files.is_ours(os.lstat(self.path)):
                raise _Unusable("it belongs to somebody else")
            # The link's end is known by now: one that takes its place is not followed.
            with files.opened(os.path.realpath(self.path), follow=False) as file:
                status = os.fstat(file.fileno())
                problem = _problem(status)
                if problem:
                    raise _Unusable(problem)
                data = file.read(_LARGEST + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _Unusable(error.strerror or "it can't be read") from None
        if warn and sys.platform != "win32" and status.st_mode & 0o044:
            log.warning("tokens", f"others can read the logins in {self.path}: chmod 600 it")
        if len(data) > _LARGEST:
            raise _Unusable(f"it has more than {_LARGEST} bytes")
        return data


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8-sig")  # Windows' editors put a mark before it


def _problem(status: os.stat_result) -> str:
    """Why a file that is open is not to be used; empty where it is."""
    if not files.is_ours(status):
        return "it belongs to somebody else"
    if sys.platform != "win32" and status.st_mode & 0o022:
        return "others can write it; look at what is in it, then chmod 600 it"
    return ""


def _new(name: str) -> str:
    """How :class:`Folder` begins the names of what it is still writing."""
    return f"{NEW}{name}-"


def _ours(folder: str) -> str:
    """The folder, made if it isn't there; _Unusable where it is, or would be, somebody else's.

    Others may be able to write in it: what they put there would not be ours, hence never used.
    """
    above = folder
    while not os.path.isdir(above) and os.path.dirname(above) != above:
        above = os.path.dirname(above)
    # Whoever may make a folder somewhere has it then, but for root: its file in somebody's home
    # (sudo pip) would lock them out of their own logins.
    is_ours = files.is_ours(os.stat(above))
    if sys.platform != "win32" and not is_ours and (above == folder or os.geteuid() == 0):
        raise _Unusable(f"{above} belongs to somebody else")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


@contextmanager
def _alone(lock_file: str) -> Iterator[None]:
    """One writer at a time, among those that know the lock. It lies beside the file, since our
    private folder differs between a CI job, a session and a cron job. _Unusable where somebody
    holds it for too long: going on without could lose what they are about to write."""
    import filelock

    lock = filelock.FileLock(lock_file, mode=0o600)
    try:
        lock.acquire(timeout=_PATIENCE)
    except filelock.Timeout:
        raise _Unusable(f"another process has been writing it for {_PATIENCE:.0f} s") from None
    except (OSError, NotImplementedError):
        pass  # no locks on this file system: the look before the replacement has to do
    try:
        yield
    finally:
        lock.release()
