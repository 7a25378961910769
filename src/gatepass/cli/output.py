"""Standard output, whose failures are told from those of all other files."""

from __future__ import annotations

from typing import Any, TextIO

from gatepass.errors import GatepassError


class Undelivered(OSError):
    """Standard output is full, or closed. A reader that has gone is a BrokenPipeError, as ever."""


class Output:
    """Stands in for ``sys.stdout``: all but writing is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Raises Undelivered and BrokenPipeError."""
        try:
            return self._stream.write(text)
        except OSError as error:
            raise _told(error) from None

    def flush(self) -> None:
        """Raises Undelivered and BrokenPipeError."""
        try:
            self._stream.flush()
        except OSError as error:
            raise _told(error) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _told(error: OSError) -> OSError:
    return error if isinstance(error, BrokenPipeError) else Undelivered(*error.args[:2])


def lost(error: Undelivered) -> GatepassError:
    """The error for what didn't get to where it was to go."""
    return GatepassError(
        "output-lost",
        f"standard output can't be written: {error.strerror}",
        why="whoever reads it got nothing, or only a part",
        do="mend what it leads to, a full disk say, and run it again",
    )
