"""What the person sees while a login waits for them. Writes to the terminal alone, reads nothing.

Address and code come from a server: :mod:`gatepass.login.device` let through only what can be
shown and opened. The registry's address is shown whole, since pages that ask for a code look
alike, whoever sent one there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from gatepass import log
from gatepass.errors import plain
from gatepass.login import terminal as terminals
from gatepass.login.person import nobody

if TYPE_CHECKING:
    from gatepass.login.device import Invitation
    from gatepass.login.person import Person
    from gatepass.settings import Registry


@contextmanager
def shown(
    person: Person,
    registry: Registry,
    invited: Invitation,
    *,
    opener: Callable[[str], bool] | None = None,
) -> Iterator[None]:
    """Ask the person; within the ``with`` a line says how long is left, where that is possible.

    Ctrl-C is passed on, with a word of it on the terminal. Raises IdentityError (no-person) where
    neither the terminal nor the browser took the question.
    """
    url = invited.complete or invited.address
    if person.terminal is None and not invited.complete:
        raise nobody(registry, "there is no terminal to show a code on")
    opened = person.has_browser and (opener or open_browser)(url)
    text = _text(invited, registry.url, opened=opened)
    countdown = Countdown(person.terminal, invited.expires_in)
    try:
        # All of it: the person may press Ctrl-C as soon as they see the first line.
        if not (_asked(person, text) or opened):
            raise nobody(registry, "the terminal or the browser that was there can't be used")
        countdown.start()
        yield
    except KeyboardInterrupt:
        countdown.stop()
        if person.terminal is not None:
            terminals.write(person.terminal, "\ngatepass: the login was stopped, nothing is kept\n")
        raise
    finally:
        countdown.stop()


def _asked(person: Person, text: str) -> bool:
    """Whether the person sees the text, or will when their terminal goes on."""
    if person.terminal is None:
        log.say(text)  # some clients show it, and some keep it in a log
        return False
    # A client's progress may hold the cursor in the middle of a line. What a terminal has not
    # taken yet is seen when it goes on, and the login ends by itself.
    return terminals.write(person.terminal, f"\n{text}\n") is not False


def done(person: Person, text: str) -> None:
    """A last line for the person, where they have a terminal."""
    if person.terminal is not None:
        terminals.write(person.terminal, f"gatepass: {text}\n")


def _text(invited: Invitation, where: str, *, opened: bool) -> str:
    task = "say yes there only if it shows this code" if invited.complete else "type the code there"
    lines = [
        f"gatepass: log in to {plain(where)}",
        f"  open: {invited.complete or invited.address}",
        f"  code: {invited.user_code}",
        f"  {'(your browser opens it) ' if opened else ''}{task}; Ctrl-C ends the login",
    ]
    return "\n".join(lines)


class Countdown:
    """The line that lives: rewritten each second by a thread, and gone in the end.

    Only carriage returns and spaces, which every terminal knows; a dumb one is left in peace, and
    so is whatever isn't a terminal.
    """

    def __init__(
        self,
        terminal: TextIO | None,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        step: float = 1.0,
    ) -> None:
        self._end, self._clock, self._step = clock() + seconds, clock, step
        self._width = 0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        if terminal is not None and os.environ.get("TERM") != "dumb":
            self._terminal = terminal
            self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Show the line, where it can be shown."""
        if self._thread is not None:
            self._thread.start()

    def stop(self) -> None:
        """Take the line away, if it is there. Twice is as good as once."""
        if self._thread is None or self._over.is_set():
            return
        self._over.set()
        if not self._thread.is_alive():
            return
        self._thread.join()  # soon: whatever it writes has a bound
        terminals.write(self._terminal, "\r" + " " * self._width + "\r")

    def _run(self) -> None:
        while not self._over.is_set():
            minutes, seconds = divmod(max(0, round(self._end - self._clock())), 60)
            line = f"  waiting, {minutes}:{seconds:02d} left"
            self._width = max(self._width, len(line))
            if not terminals.write(self._terminal, "\r" + line.ljust(self._width)):
                return  # each further line would wait for the first one
            self._over.wait(self._step)


def open_browser(url: str) -> bool:
    """Open an address in the person's browser; whether that was begun.

    The webbrowser module does it, in a child of its own that has no terminal: some browsers run
    in one and wait, and none may write to our standard output. Nobody waits for the child.
    """
    if not sys.executable or getattr(sys, "frozen", False):
        return False  # what would start is whatever program we are a part of
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "webbrowser", "-t", url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    threading.Thread(target=process.wait, daemon=True).start()
    return True
