"""PyJWT, with cryptography below it: loaded whole, whenever Ctrl-C is pressed.

An interrupt that arrives while cryptography's native module makes its classes ends in a panic,
which prints a traceback past all of our handlers. So it waits for the end of the import, some
tenths of a second. Nothing else is put off, and no other signal.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["jwt"]


@contextmanager
def later() -> Iterator[None]:
    """An interrupt within the ``with`` takes effect after it: in the main thread, where it had a
    handler of Python's. Elsewhere nothing is changed."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[FrameType | None] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            before(signal.SIGINT, came[0])


with later():
    import jwt
