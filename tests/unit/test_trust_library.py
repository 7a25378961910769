"""An interrupt while PyJWT is loaded."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import pytest

from gatepass.trust.library import later


def test_an_interrupt_waits_for_the_end() -> None:
    """All of it is done, and then it is as if Ctrl-C had been pressed."""
    done: list[str] = []

    def interrupted() -> None:
        with later():
            signal.raise_signal(signal.SIGINT)
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["all"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_nothing_came_nothing_happens() -> None:
    """And the handler is the one from before, after an error too."""
    with later():
        pass
    with pytest.raises(ValueError, match="broken"), later():
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_caller_s_own_handler_is_told() -> None:
    """A program that handles interrupts itself has its own way, once."""
    told: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        told.append(number)

    before = signal.signal(signal.SIGINT, handler)
    try:
        with later():
            signal.raise_signal(signal.SIGINT)
            assert told == []
        assert told == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_and_an_ignored_interrupt_change_nothing() -> None:
    """Only the main thread may set handlers; who ignores it goes on ignoring it."""
    seen: list[object] = []

    def elsewhere() -> None:
        with later():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(10)
    assert seen == [signal.default_int_handler]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with later():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
