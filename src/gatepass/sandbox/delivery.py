"""How the bytes of an answer leave: whole, cut, behind a flood of white space, or by drops."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from io import BufferedIOBase

from .messages import Answer

_PART = 64 * 1024


def body_parts(answer: Answer) -> tuple[int | None, Iterator[bytes]]:
    """The Content-Length to announce (None: none, the connection's end is the body's), the body.

    A cut body is half of what is announced, and announced as one byte if there is none.
    """
    manner, body = answer.manner, answer.body
    if manner.cut:
        return max(len(body), 1), iter([body[: len(body) // 2]])
    if manner.padding:
        return None, _padded(body, manner.padding)
    return len(body), iter([body])


def _padded(body: bytes, padding: int) -> Iterator[bytes]:
    """White space is allowed before JSON and HTML: who reads on and on finds a genuine answer."""
    part = b" " * _PART
    for _ in range(padding // _PART):
        yield part
    yield part[: padding % _PART] + body


class Dripping(BufferedIOBase):
    """Writes to `stream` a byte at a time with `seconds` before each; owns nothing of it.

    ConnectionAbortedError once `stopping` is set.
    """

    def __init__(self, stream: BufferedIOBase, seconds: float, stopping: threading.Event) -> None:
        self._stream = stream
        self._seconds = seconds
        self._stopping = stopping

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        """Takes as long as it takes: `seconds` times the length of `data`."""
        for byte in data:
            if self._stopping.wait(self._seconds):
                raise ConnectionAbortedError("the sandbox has ended")
            self._stream.write(bytes([byte]))
            self._stream.flush()
        return len(data)
