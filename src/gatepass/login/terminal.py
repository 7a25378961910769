"""Writing to a terminal that may take nothing: after Ctrl-S, in a suspended ssh, with no reader.

Nobody waits for one, the end of the process included: a thread that nobody joins writes, past
Python's buffers, which would be written out at the exit.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable
from typing import TextIO

PATIENCE = 2.0
"""Seconds that a terminal is waited for."""


def write(terminal: TextIO, text: str) -> bool | None:
    """Whether the terminal took the text; None: not yet, it will have it when it goes on.

    False where it hung up or was closed. Raises nothing of its own.
    """
    try:
        job = _job(terminal, text)
    except (OSError, ValueError):
        return False
    taken: list[bool] = []

    def run() -> None:
        try:
            job()
        except (OSError, ValueError):
            taken.append(False)
        else:
            taken.append(True)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return taken[0] if taken else None


def _job(terminal: TextIO, text: str) -> Callable[[], None]:
    """The writing itself. Raises OSError and ValueError."""
    if sys.platform == "win32":  # pragma: no cover - Windows only: its console takes no bytes
        return lambda: _by_stream(terminal, text)
    try:
        # Its own, as the thread may outlive the caller's, whose number another file may get.
        fd = os.dup(terminal.fileno())
    except io.UnsupportedOperation:  # what stands in for a terminal
        return lambda: _by_stream(terminal, text)
    return lambda: _by_descriptor(fd, text.encode(terminal.encoding or "utf-8", "replace"))


def _by_descriptor(fd: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(fd, data) :]
    finally:
        os.close(fd)


def _by_stream(terminal: TextIO, text: str) -> None:
    terminal.write(text)
    terminal.flush()
