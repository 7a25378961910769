"""How to reach the person: by a terminal, or by a browser alone. Decided without the network.

pip 26.2 and later swallow a child's standard error, so the terminal itself is opened where
standard error is none. Standard input is never read: most callers give us an empty one.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple, TextIO

from gatepass.errors import IdentityError
from gatepass.settings.environment import Environment, in_ci, read

if TYPE_CHECKING:
    from gatepass.settings import Registry


class Person(NamedTuple):
    """``terminal``: where they see what we write; None where only a browser reaches them.

    ``has_browser``: whether an address can be opened for them; ``ours``: whether we opened the
    terminal, and have to close it.
    """

    terminal: TextIO | None
    has_browser: bool
    ours: bool = False

    def close(self) -> None:
        """Give back what :func:`reach` opened."""
        if self.ours and self.terminal is not None:
            try:
                self.terminal.close()
            except OSError:
                pass  # it hung up


def reach(env: Environment, registry: Registry, *, is_known: bool) -> Person:
    """The person who can be asked to log in.

    ``is_known``: they logged in to this registry before; a browser window that nobody asked for
    would be a riddle to anybody else. Raises IdentityError (no-person) where nobody can be
    reached, and in CI always.
    """
    if in_ci(env):
        raise nobody(registry, "CI is set: a job has nobody to ask")
    has_browser = _has_browser(env)
    if is_terminal(sys.stderr):
        return Person(sys.stderr, has_browser)
    terminal = open_terminal()
    if terminal is not None:
        return Person(terminal, has_browser, ours=True)
    if not has_browser:
        raise nobody(registry, "there is no terminal and no browser to ask by")
    if not is_known:
        raise nobody(registry, "there is no terminal to ask on, and no earlier login")
    return Person(None, has_browser)


def nobody(registry: Registry, why: str) -> IdentityError:
    """The error for a login that nobody would see."""
    variable = "PACKAGEMANAGER_IDENTITY_TOKEN_FILE"
    if registry.kind == "codeartifact":
        variable = "AWS_WEB_IDENTITY_TOKEN_FILE"
    return IdentityError(
        "no-person",
        f"{registry.url} needs a login, and nobody can be asked",
        why=why,
        do=f"run `gatepass login {registry.url}` in a terminal, once;\n"
        f"where nobody ever sits, name an identity token's file in {variable},\n"
        "or choose another identity with GATEPASS_IDENTITY",
    )


def is_terminal(stream: object) -> bool:
    """Whether a stream is a terminal; a missing or closed one is not."""
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]  # what has none is caught below
    except (AttributeError, ValueError, OSError):
        return False


def open_terminal() -> TextIO | None:
    """The controlling terminal (Windows: the console) for writing; None where there is none."""
    try:
        if sys.platform == "win32":  # pragma: no cover - Windows only
            return open("CONOUT$", "w", encoding="utf-8", errors="replace")
        fd = os.open("/dev/tty", os.O_WRONLY | getattr(os, "O_NOCTTY", 0))
        return open(fd, "w", encoding="utf-8", errors="replace")
    except OSError:
        return None


def _has_browser(env: Environment) -> bool:
    """Whether a browser that the person sees can be started from here.

    BROWSER says so (over SSH too: editors set it to a way back to the laptop); else a display;
    else a system that always has one, unless we came in over SSH.
    """
    if read(env, "BROWSER") or read(env, "DISPLAY") or read(env, "WAYLAND_DISPLAY"):
        return True
    remote = any(env.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))
    return sys.platform in ("win32", "darwin") and not remote
