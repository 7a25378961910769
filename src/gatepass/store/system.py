"""The system's own keyring: Secret Service, macOS Keychain, Windows Credential Locker.

It is asked through keyring's own class for the platform, never through ``keyring.get_password``,
which would ask every backend there is: us among them. A keyring that is locked may put a question
to whoever sits at the screen, and keyring waits for the answer without end; so every call runs in
a thread of its own, and we wait for it only so long. KDE's wallet is reached by Secret Service,
which it speaks since 2022.

An entry is shown in the system's keyring programs as ``gatepass`` and the name that the caller
gave: an address that people recognise, never a secret.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from gatepass import log
from gatepass.secret import Secret
from gatepass.settings.environment import Environment, in_ci

SERVICE = "gatepass"

PATIENCE = 10.0
"""Seconds that a call may take where nobody can be asked anything."""

PERSON = 60.0
"""Seconds that it may take where somebody may have to type a password first."""

_LARGEST_ON_WINDOWS = 2560
"""Bytes of a secret in UTF-16: CRED_MAX_CREDENTIAL_BLOB_SIZE, five times 512."""

_given_up = threading.Event()
"""Set once nobody answered, or somebody said no: see :class:`SystemKeyring`."""

_T = TypeVar("_T")


class SystemKeyring:
    """One keyring. No method raises an error, or takes longer than ``patience`` seconds.

    A call that took longer is left alone, with its question to the person. After it, or after a
    keyring that stayed locked, no further call is made in this process: nobody is asked twice,
    and nobody waits twice.
    """

    def __init__(self, backend: Any, patience: float, platform: str = sys.platform) -> None:
        self._backend, self.patience, self._platform = backend, patience, platform

    def get(self, name: str) -> Secret | None:
        """The secret of that name; None where there is none, or it can't be had (a warning)."""
        text = self._ask("asked", lambda: self._backend.get_password(SERVICE, name))
        return Secret(text) if isinstance(text, str) and text else None

    def put(self, name: str, secret: Secret) -> bool:
        """Keep a secret. False where the keyring can't hold it: it is too long, the keyring is
        locked, or there is none; the caller then keeps it elsewhere."""
        if not fits(secret, self._platform):
            log.info("keyring", f"{name} is too long for {self._backend.__class__.__name__}")
            return False

        def store() -> bool:
            self._backend.set_password(SERVICE, name, secret.reveal())
            return True

        return self._ask("given a secret", store, secret) is True

    def remove(self, name: str) -> bool:
        """Forget a secret; whether there was one, and now is none."""

        def forget() -> bool:
            if self._backend.get_password(SERVICE, name) is None:
                return False
            self._backend.delete_password(SERVICE, name)
            return True

        return self._ask("made to forget", forget) is True

    def _ask(self, what: str, call: Callable[[], _T], secret: Secret | None = None) -> _T | None:
        if _given_up.is_set():
            return None
        try:
            return _bounded(call, self.patience)
        except TimeoutError:
            _given_up.set()
            reason = f"no answer within {self.patience:.0f} s; is it locked?"
        except Exception as error:
            from keyring.errors import InitError, KeyringLocked

            if isinstance(error, InitError | KeyringLocked):
                _given_up.set()
            reason = _reason(error, secret)
        log.warning("keyring", f"the system's keyring can't be {what}: {reason}")
        return None


def open_system(env: Environment) -> SystemKeyring | None:
    """The keyring of this platform; None, and a warning, where there is none.

    Whether it is locked is not looked at: that shows when it is asked.
    """
    if _given_up.is_set():
        return None
    patience = patience_for(env)
    try:
        return SystemKeyring(_bounded(lambda: _backend(sys.platform), patience), patience)
    except TimeoutError:
        _given_up.set()
        reason = f"no answer within {patience:.0f} s"
    except Exception as error:
        reason = _reason(error)
    log.warning("keyring", f"there is no system keyring: {reason}")
    return None


def patience_for(env: Environment, platform: str = sys.platform) -> float:
    """How long a call may take: :data:`PERSON` where a person can see a question, which on Linux
    takes a display and on Windows never happens; else :data:`PATIENCE`."""
    if in_ci(env) or platform == "win32":
        return PATIENCE
    has_display = platform == "darwin" or env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")
    return PERSON if has_display else PATIENCE


def fits(secret: Secret, platform: str = sys.platform) -> bool:
    """Whether that platform's keyring can hold the secret: Windows' has a limit of 2560 bytes."""
    if platform != "win32":
        return True
    return len(secret.reveal().encode("utf-16-le", "surrogatepass")) <= _LARGEST_ON_WINDOWS


def _backend(platform: str) -> Any:
    """The platform's own backend. Raises whatever it raises where it can't work."""
    found: Any
    if platform == "win32":
        from keyring.backends.Windows import WinVaultKeyring

        found = WinVaultKeyring
    elif platform == "darwin":
        from keyring.backends import macOS

        found = macOS.Keyring
    else:
        from keyring.backends import SecretService

        found = SecretService.Keyring
    _ = found.priority  # raises RuntimeError where what it needs isn't there
    return found()


def _bounded(call: Callable[[], _T], seconds: float) -> _T:
    """What the call returns or raises; TimeoutError where it takes longer. It isn't ended then:
    nothing can, but the process may end without it."""
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="gatepass-keyring", daemon=True)
    thread.start()
    thread.join(seconds)
    if results:
        return results[0]
    if not errors:
        raise TimeoutError
    error = errors[0]
    # Its own TimeoutError would read as ours; SystemExit and its like are not for our caller.
    if isinstance(error, TimeoutError) or not isinstance(error, Exception):
        raise RuntimeError(repr(error)) from None
    raise error


def _reason(error: Exception, secret: Secret | None = None) -> str:
    """What a backend says, without the secret, should it have put that into its words."""
    text = str(error) or type(error).__name__
    return text.replace(secret.reveal(), "****") if secret and secret.reveal() else text
