"""A profile's process that hangs: it doesn't outlive the wait for it."""

from __future__ import annotations

import subprocess
import sys

from gatepass.exchange.chainprocess import Processes

HANGS = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_what_runs_is_ended() -> None:
    """Each one that was started, and reaped, so that nothing of it is left."""
    processes = Processes()
    both = [processes.start(HANGS) for _ in range(2)]
    assert [one.poll() for one in both] == [None, None]
    processes.end()
    assert None not in [one.returncode for one in both]


def test_what_starts_too_late_is_ended_too() -> None:
    """The chain goes on behind our back, and may come to its process only then."""
    processes = Processes()
    processes.end()
    late = processes.start(HANGS, stdout=subprocess.PIPE)
    late.communicate(timeout=20)
    assert late.returncode != 0


def test_what_is_over_is_left_alone() -> None:
    """Its number may be another's by then."""
    processes = Processes()
    done = processes.start([sys.executable, "-c", ""])
    assert done.wait(20) == 0
    processes.end()
    assert done.returncode == 0
