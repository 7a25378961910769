"""A terminal with a program in it whose standard streams are pipes: as pip 26.2 runs keyring."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

# Takes the terminal that its standard input is as its own, and runs the program in front, as a
# shell does: when the program ends, what it left behind keeps the terminal. Says the program's
# number and its status, and goes when it is told to.
_INSIDE = textwrap.dedent("""
    import fcntl, os, signal, sys, termios
    says, told = int(sys.argv[1]), int(sys.argv[2])
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    program = os.fork()
    if program == 0:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        if sys.argv[3] != "pipe":
            os.dup2(0, 2)
        if sys.argv[3] == "whole":
            os.dup2(0, 1)
        else:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.close(says), os.close(told)
        os.execvp(sys.argv[4], sys.argv[4:])
    os.dup2(0, 1), os.dup2(0, 2)
    os.write(says, b"%d\\n" % program)
    os.write(says, b"%d\\n" % os.waitstatus_to_exitcode(os.waitpid(program, 0)[1]))
    os.close(says)
    os.read(told, 1)
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
        said, says = os.pipe()
        told, self._tells = os.pipe()
        self._shell = subprocess.Popen(
            [sys.executable, "-c", _INSIDE, str(says), str(told), stderr, *map(str, command)],
            env=dict(env),
            stdin=self._worker,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(says, told),
            text=True,
        )
        os.close(says)
        os.close(told)
        self._said = os.fdopen(said, encoding="ascii")
        self._program = int(self._said.readline())
        self._status: list[int] = []
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        self._threads = [self._waiter, threading.Thread(target=self._watch, daemon=True)]
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
        if self._waiter.is_alive():
            os.killpg(self._program, signal.SIGKILL)
        self._hang_up()
        self._said.close()
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
        """Wait for the program, and hang up: its status, what came to its standard output and
        error. What it left behind may have had more to say: wait for that first."""
        self._waiter.join(seconds)
        assert self._status, f"it never ended; the screen:\n{self.screen}"
        self._hang_up()
        return self._status[0], self._output["stdout"], self._output["stderr"]

    def _hang_up(self) -> None:
        if self._worker >= 0:
            os.close(self._worker)
            os.close(self._tells)
            self._worker = self._tells = -1
        for thread in self._threads:
            thread.join(10)
        self._shell.wait(10)

    def _wait(self) -> None:
        self._status.append(int(self._said.readline()))

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
        with getattr(self._shell, name) as stream:
            self._output[name] = stream.read()
