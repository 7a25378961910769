"""A terminal with a program in it whose standard streams are pipes: as pip 26.2 runs keyring."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

# Takes the terminal that its standard input is as its own, and becomes the program.
_INSIDE = textwrap.dedent("""
    import fcntl, os, sys, termios
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if sys.argv[1] != "pipe":
        os.dup2(0, 2)
    if sys.argv[1] == "whole":
        os.dup2(0, 1)
    else:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.execvp(sys.argv[2], sys.argv[2:])
""")


class Terminal:
    """For a `with`. `stderr`: "pipe", or "visible": it is the terminal; "whole": all three streams
    are. The program is ended with the terminal."""

    def __init__(
        self, command: Sequence[str | Path], env: Mapping[str, str], stderr: str = "pipe"
    ) -> None:
        # Ours stays open until the end: a terminal that nobody holds counts as hung up.
        self._main, self._worker = pty.openpty()
        self._seen = b""
        self._news = threading.Condition()  # its lock may be taken twice by one thread
        self._output: dict[str, str] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _INSIDE, stderr, *map(str, command)],
            env=dict(env),
            stdin=self._worker,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._threads = [threading.Thread(target=self._watch, daemon=True)]
        for name in ("stdout", "stderr"):
            self._threads.append(threading.Thread(target=self._drain, args=(name,), daemon=True))
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._hang_up()
        os.close(self._main)

    @property
    def screen(self) -> str:
        """All that came to the terminal so far, with plain ends of lines."""
        with self._news:
            return self._seen.decode(errors="replace").replace("\r\n", "\n")

    def wait_for(self, text: str, seconds: float = 30) -> None:
        """Until the screen shows a text."""
        end = time.monotonic() + seconds
        with self._news:
            while text not in self.screen:
                left = end - time.monotonic()
                assert left > 0, f"{text!r} never came; the screen:\n{self.screen}"
                self._news.wait(left)

    def interrupt(self) -> None:
        """Ctrl-C, as it is typed: the terminal makes a signal of it."""
        os.write(self._main, b"\x03")

    def end(self, seconds: float = 60) -> tuple[int, str, str]:
        """Wait for the program: its status, what came to its standard output and error."""
        status = self._process.wait(seconds)
        self._hang_up()
        return status, self._output["stdout"], self._output["stderr"]

    def _hang_up(self) -> None:
        if self._worker >= 0:
            os.close(self._worker)
            self._worker = -1
        for thread in self._threads:
            thread.join(10)

    def _watch(self) -> None:
        while True:
            try:
                data = os.read(self._main, 4096)
            except OSError:
                data = b""  # EIO: nobody holds the other end any more
            if not data:
                return
            with self._news:
                self._seen += data
                self._news.notify_all()

    def _drain(self, name: str) -> None:
        with getattr(self._process, name) as stream:
            self._output[name] = stream.read()
