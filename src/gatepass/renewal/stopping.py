"""Waiting that a signal ends, and how the program hears that it should stop.

Python runs a handler in the main thread, in the middle of whatever that does: one that took a lock
could wait for itself. So the handlers do nothing but to leave a mark, and a byte in a socket pair
(``signal.set_wakeup_fd``) ends the wait. The first process of a container has to have handlers:
the kernel drops what it would die of.
"""

from __future__ import annotations

import select
import signal
import socket
import time
from types import FrameType, TracebackType
from typing import Any, Self

_NAMES = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")
"""Each where the system has it; SIGHUP is a terminal's end, and left alone under nohup."""

_ALL = 4096


class Stop:
    """For a `with` in the main thread: signals ask for the end, instead of causing it."""

    def __init__(self) -> None:
        self.signal = ""
        """The name of the signal that asked; empty while none has."""
        self._before: dict[int, Any] = {}
        self._wakeup = -1
        self._in, self._out = socket.socketpair()
        for end in (self._in, self._out):
            end.setblocking(False)

    def __enter__(self) -> Self:
        self._wakeup = signal.set_wakeup_fd(self._in.fileno(), warn_on_full_buffer=False)
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._mark)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._in.close()
        self._out.close()

    def _mark(self, number: int, frame: FrameType | None) -> None:
        self.signal = signal.Signals(number).name

    @property
    def asked(self) -> bool:
        return bool(self.signal)

    def now(self) -> float:
        """Epoch seconds."""
        return time.time()

    def wait(self, seconds: float) -> None:
        """Until a signal comes, :meth:`wake` is called, or so many seconds have passed."""
        if not self.asked:  # a signal of before the call has left its byte
            select.select([self._out], [], [], max(0.0, seconds))
        try:
            self._out.recv(_ALL)
        except BlockingIOError:
            pass  # time has passed

    def wake(self) -> None:
        """End the wait, from another thread."""
        try:
            self._in.send(b"\0")
        except OSError:
            pass  # there are bytes enough, or nobody waits any more
