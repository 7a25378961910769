"""One at a time, across processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatepass.credential import Credential
from gatepass.secret import Secret
from gatepass.store.lock import PATIENCE, acquire

KEY = "abc" + "0" * 61
HOLD = """
import sys, time
from gatepass.store.lock import acquire
lock, found = acquire(sys.argv[1], sys.argv[2], lambda: None)
print("held" if lock else "not held", flush=True)
time.sleep(60)
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it is killed."""
    command = [sys.executable, "-c", HOLD, str(folder), KEY]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def credential() -> Credential:
    return Credential("u", Secret("s"), 0, 1)


def test_whoever_comes_first_works(tmp_path: Path) -> None:
    """The lock is free and there is no result: the caller gets it, and may give it back."""
    for _ in range(2):
        lock, found = acquire(str(tmp_path), KEY, lambda: None)
        assert (lock is not None, found) == (True, None)
        assert lock is not None
        lock.release()


def test_a_result_is_looked_for_once_more_under_the_lock(tmp_path: Path) -> None:
    """Another process may just have done the work: the lock is given back at once."""
    lock, found = acquire(str(tmp_path), KEY, credential)
    assert (lock, found) == (None, credential())
    again, _ = acquire(str(tmp_path), KEY, lambda: None, patience=0)
    assert again is not None
    again.release()


def test_a_waiter_sees_the_result_before_the_lock_opens(tmp_path: Path) -> None:
    """It need not wait for a holder that has stored its result and is still busy."""
    with holder(tmp_path):
        results = iter([None, None, credential()])
        began = time.monotonic()
        assert acquire(str(tmp_path), KEY, lambda: next(results)) == (None, credential())
        assert time.monotonic() - began < 2


def test_patience_runs_out(tmp_path: Path) -> None:
    """... and the caller goes on without the lock, instead of failing."""
    with holder(tmp_path):
        began = time.monotonic()
        assert acquire(str(tmp_path), KEY, lambda: None, patience=0.3) == (None, None)
        assert 0.3 <= time.monotonic() - began < 2


def test_patience_is_a_minute() -> None:
    """The design's own number, and the default."""
    assert PATIENCE == 60
    assert acquire.__defaults__ == (PATIENCE,)


def test_the_holders_death_opens_the_lock(tmp_path: Path) -> None:
    """kill -9: nothing has to be cleaned up by anybody."""
    with holder(tmp_path) as process:
        threading.Timer(0.3, process.kill).start()
        began = time.monotonic()
        lock, _ = acquire(str(tmp_path), KEY, lambda: None, patience=20)
        assert lock is not None
        assert 0.2 < time.monotonic() - began < 5
        lock.release()


def test_another_keys_lock_is_another(tmp_path: Path) -> None:
    """One exchange that hangs does not hold up the others."""
    with holder(tmp_path):
        lock, _ = acquire(str(tmp_path), "def" + KEY[3:], lambda: None, patience=0)
        assert lock is not None
        lock.release()


@pytest.mark.parametrize("what", ["link", "folder"])
def test_where_locks_do_not_work_the_caller_goes_on(tmp_path: Path, what: str) -> None:
    """A link in the lock's place is not followed, and nothing fails."""
    path = tmp_path / "private"
    target = tmp_path / "target"
    path.mkdir()
    if what == "link":
        (path / "lock-abc").symlink_to(target)
    if what == "folder":
        (path / "lock-abc").mkdir()
    assert acquire(str(path), KEY, lambda: None, patience=0.3) == (None, None)
    assert not target.exists()


def test_the_locks_file_is_private_and_stays(tmp_path: Path) -> None:
    """0600 whatever the umask; deleting it could not be done safely."""
    before = os.umask(0)
    try:
        lock, _ = acquire(str(tmp_path), KEY, lambda: None)
    finally:
        os.umask(before)
    assert lock is not None
    lock.release()
    assert (tmp_path / "lock-abc").stat().st_mode & 0o777 == 0o600
