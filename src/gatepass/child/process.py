"""Running the command: in our place, or beside us until it ends.

Beside us, it must be as if we weren't there. The command stays in our process group, so that the
terminal's Ctrl-C, Ctrl-\\ and Ctrl-Z reach both of us at once, as they reach everything that a
shell started; what somebody else sends to us is passed on to it. So is the SIGHUP of a terminal
that is closed: the kernel sends it to the session's leader alone, which may be us. All signals are
blocked here and taken one by one, since only so the kernel tells a terminal's from others. It
doesn't tell whether somebody sent one to our whole group (`timeout` does): the command then hears
it twice.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from gatepass.errors import plain

_PASSED_ON = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM")
_IGNORED_BY_PYTHON = ("SIGPIPE", "SIGXFSZ")
_FROM_THE_KERNEL = 0x80
"""``si_code`` of a terminal's signals on Linux: SI_KERNEL, in asm-generic/siginfo.h."""


class CannotRun(Exception):
    """There is no such command (``status`` 127), or it can't be started (126): as in a shell."""

    def __init__(self, word: str, status: int, why: str) -> None:
        super().__init__(f"gatepass exec: {plain(word)}: {why}")
        self.status = status


def find(word: str, env: Mapping[str, str]) -> str:
    """The program that a word means: a path, or a name on the PATH of ``env``. CannotRun."""
    found = shutil.which(word, path=env.get("PATH", os.defpath))
    if found:
        return found
    folders = [""] if os.path.dirname(word) else env.get("PATH", os.defpath).split(os.pathsep)
    if word and any(os.path.exists(os.path.join(folder, word)) for folder in folders):
        raise CannotRun(word, 126, "it can't be run: it is a folder, or not executable")
    raise CannotRun(word, 127, "there is no such command")


def become(path: str, words: Sequence[str], env: Mapping[str, str]) -> int:
    """Put the command in our own place; its status is then ours. CannotRun."""
    if sys.platform == "win32":  # pragma: no cover - Windows only: it can't replace a process
        return _beside_on_windows(path, words, env)
    for name in _IGNORED_BY_PYTHON:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execve(path, list(words), dict(env))  # noqa: S606 - no shell
    except OSError as error:
        raise CannotRun(words[0], 126, error.strerror or "it can't be run") from None


@contextmanager
def ends_when_told() -> Iterator[None]:
    """As a container's first process (number 1), end at SIGTERM and SIGHUP, as every other process
    does: for that one the kernel drops what has no handler, and the command would start after all.

    Elsewhere, and for what is ignored, nothing is changed. The command gets no handler of ours.
    """
    ends = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if os.getpid() == 1]
    before = {one: signal.getsignal(one) for one in ends}
    for one in ends:
        if before[one] == signal.SIG_DFL:
            signal.signal(one, lambda number, frame: os._exit(128 + number))
    try:
        yield
    finally:
        for one in ends:
            signal.signal(one, before[one])


@contextmanager
def held_back() -> Iterator[set[int]]:
    """What is sent to us waits until :func:`run` takes it; gives the signals that waited before.

    What was ignored when we were started (by nohup, or by a shell without job control for what it
    starts with &) stays so, for the command too. What is still waiting at the end came too late
    to be passed on, and is dropped.
    """
    if sys.platform == "win32":  # pragma: no cover - Windows only
        yield set()
    else:
        watched = _watched()
        handler = signal.signal(signal.SIGCHLD, _nothing)  # one that is ignored doesn't wait
        before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
        try:
            yield {int(number) for number in before}
        finally:
            while left := signal.sigpending() & watched:
                signal.sigwait(left)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            signal.signal(signal.SIGCHLD, handler)


def run(path: str, words: Sequence[str], env: Mapping[str, str], mask: set[int]) -> int:
    """Run it beside us to its end, passing on what is sent to us; its status, or, below zero, the
    number of the signal that ended it: :func:`same_end` makes ours of it.

    To be called within :func:`held_back`, which gives ``mask``. Raises CannotRun.
    """
    if sys.platform == "win32":  # pragma: no cover - Windows only
        return _beside_on_windows(path, words, env)
    reset = [getattr(signal, name) for name in _IGNORED_BY_PYTHON]
    try:
        child = os.posix_spawn(path, list(words), env, setsigmask=mask, setsigdef=reset)
    except OSError as error:
        raise CannotRun(words[0], 126, error.strerror or "it can't be run") from None
    return _ended(child)


def same_end(code: int) -> int:
    """Our own status for what :func:`run` gave: 128 and the signal's number.

    After a Ctrl-C that ended the command, or us before there was one, it ends us too: a shell's
    loop goes on after a status, and stops after that.
    """
    if code == -signal.SIGINT and sys.platform != "win32":
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return 128 - code if code < 0 else code


if sys.platform != "win32":

    def _ended(child: int) -> int:
        """Pass signals on until the child has ended; its status, or a signal's number below 0."""
        watched = _watched()
        while True:
            number, from_terminal = _next(watched)
            if number == signal.SIGCHLD:
                pid, status = os.waitpid(child, os.WNOHANG)
                if pid:
                    return os.waitstatus_to_exitcode(status)
            else:
                try:
                    if not (from_terminal and os.getpgid(child) == os.getpgrp()):
                        os.kill(child, number)  # not reaped yet, so the number is still its own
                except (PermissionError, ProcessLookupError):
                    pass  # it became somebody else (sudo), or has ended, which macOS tells so

    def _watched() -> set[signal.Signals]:
        sent = (getattr(signal, name) for name in _PASSED_ON)
        return {signal.SIGCHLD, *(s for s in sent if signal.getsignal(s) != signal.SIG_IGN)}

    def _next(watched: set[signal.Signals]) -> tuple[int, bool]:
        """The next signal, and whether the terminal sent it, to our whole process group."""
        if sys.platform == "darwin":  # pragma: no cover - macOS only: it doesn't say who sent it
            number = int(signal.sigwait(watched))
            return number, number in _OF_THE_TERMINAL and _is_in_front()
        info = signal.sigwaitinfo(watched)
        return info.si_signo, (
            info.si_code == _FROM_THE_KERNEL and info.si_signo in _OF_THE_TERMINAL
        )

    def _is_in_front() -> bool:  # pragma: no cover - macOS only
        try:
            return os.tcgetpgrp(0) == os.getpgrp()
        except OSError:
            return False

    def _nothing(number: int, frame: object) -> None:
        """A handler, and no more."""

    _OF_THE_TERMINAL = {signal.SIGINT, signal.SIGQUIT}


def _beside_on_windows(  # pragma: no cover - Windows only
    path: str, words: Sequence[str], env: Mapping[str, str]
) -> int:
    """The console sends Ctrl-C and Ctrl-Break to all that run in it, the command too: we only
    must not end before it does. In a process group of its own it would get no Ctrl-C at all."""
    for name in ("SIGINT", "SIGBREAK"):
        signal.signal(getattr(signal, name), lambda number, frame: None)
    try:
        child = subprocess.Popen(list(words), executable=path, env=dict(env))
    except OSError as error:
        raise CannotRun(words[0], 126, error.strerror or "it can't be run") from None
    while True:
        try:
            return child.wait(1.0)  # a wait without an end would take no signal
        except subprocess.TimeoutExpired:
            continue
