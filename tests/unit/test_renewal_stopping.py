"""Waiting that signals end, the thread that asks, and what it asks for."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from gatepass.credential import Credential
from gatepass.errors import GatepassError, IdentityError
from gatepass.renewal.asking import Asker, Worker
from gatepass.renewal.stopping import Stop
from gatepass.sandbox import Sandbox
from gatepass.secret import Secret
from gatepass.settings import Registry, load
from gatepass.store import _memory


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_ends_the_wait(name: str) -> None:
    """One that comes before the wait, or during it, ends it; afterwards all is as it was."""
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with Stop() as stop:
        assert not stop.asked
        timer = threading.Timer(0.1, os.kill, (os.getpid(), number))
        timer.start()
        began = time.monotonic()
        stop.wait(30)
        stop.wait(30)  # it has been asked: nothing is waited for
        assert time.monotonic() - began < 20
        assert (stop.asked, stop.signal) == (True, name)
        timer.join()
    assert signal.getsignal(number) is before
    assert signal.set_wakeup_fd(-1) == -1


def test_what_is_ignored_stays_so() -> None:
    """Under nohup a hang-up is nobody's business."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stop() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            stop.wait(0.05)
            assert not stop.asked
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_ends_the_wait() -> None:
    """A wake before the wait counts too, however many there were; after the end it does nothing."""
    with Stop() as stop:
        for _ in range(100_000):
            stop.wake()
        began = time.monotonic()
        while time.monotonic() - began < 20:
            stop.wait(0)
            try:
                stop._out.recv(1)
            except BlockingIOError:
                break
        threading.Timer(0.05, stop.wake).start()
        stop.wait(30)
        assert time.monotonic() - began < 20
    stop.wake()


def test_a_wait_ends_by_itself() -> None:
    """Nothing comes: the time passes."""
    with Stop() as stop:
        began = time.monotonic()
        stop.wait(0.05)
        assert time.monotonic() - began >= 0.04
        assert abs(stop.now() - time.time()) < 5


def test_the_worker_does_one_thing_beside_us() -> None:
    """It is busy until its outcome was collected, and says when there is one."""
    done, go = threading.Event(), threading.Event()
    worker = Worker(done.set)
    assert worker.is_idle
    assert worker.outcome() is None
    credential = Credential("u", Secret("s"), 0, 1)

    def work() -> Credential:
        go.wait(20)
        return credential

    worker.start(work)
    worker.leave(0.01)
    assert (worker.is_idle, worker.outcome()) == (False, None)
    go.set()
    assert done.wait(20)
    assert not worker.is_idle
    assert worker.outcome() is credential
    assert worker.is_idle
    worker.leave(0)


def test_a_failure_keeps_no_frames() -> None:
    """An error lives as long as the outage; the frames that it came through hold tokens."""
    done = threading.Event()
    worker = Worker(done.set)

    def work() -> Credential:
        try:
            raise ValueError("a secret")
        except ValueError as error:
            raise IdentityError("no-identity", "x") from error

    worker.start(work)
    done.wait(20)
    error = worker.outcome()
    assert isinstance(error, IdentityError)
    assert (error.__traceback__, error.__context__, error.__cause__) == (None, None, None)


def test_a_fault_of_our_own_is_a_failed_try() -> None:
    """Whatever is raised comes out as an error that can be told, without its text."""
    done = threading.Event()
    worker = Worker(done.set)

    def work() -> Credential:
        raise ZeroDivisionError("a secret")

    worker.start(work)
    done.wait(20)
    error = worker.outcome()
    assert isinstance(error, GatepassError)
    assert error.code == "internal"
    assert "a secret" not in str(error)


def test_no_thread_is_a_failed_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a limit leaves none, that is an outcome like an outage, and the next try may work."""
    woken: list[bool] = []
    worker = Worker(lambda: woken.append(True))
    credential = Credential("u", Secret("s"), 0, 1)

    def refuse(thread: threading.Thread) -> Credential:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", refuse)
        worker.start(lambda: credential)
    assert (worker.is_idle, woken) == (False, [True])
    worker.leave(1)
    error = worker.outcome()
    assert isinstance(error, GatepassError)
    assert error.code == "no-thread"
    assert worker.is_idle
    worker.start(lambda: refuse(threading.current_thread()))
    worker.leave(20)
    further_down = worker.outcome()
    assert isinstance(further_down, GatepassError)
    assert further_down.code == "no-thread"
    worker.start(lambda: credential)
    worker.leave(20)
    assert worker.outcome() is credential


def asker(env: dict[str, str]) -> Asker:
    return Asker(load(env), env)


def test_it_asks_for_something_newer(sandbox: Sandbox) -> None:
    """The first may be a stored one; its successor never is the same, though an hour is left."""
    env = sandbox.environment("kubernetes")
    env["PACKAGEMANAGER_ADDRESS"] = sandbox.address
    [registry] = load(env).registries
    first = asker(env)(registry, None, first=True)
    assert asker(env)(registry, None, first=True) == first
    second = asker(env)(registry, first, first=False)
    assert second.secret != first.secret
    assert second.obtained_at > first.obtained_at
    # Somebody else has renewed it meanwhile: theirs serves.
    assert asker(env)(registry, first, first=False) == second
    assert sandbox.count("exchange") == 2


def test_without_a_store_memory_does_not_grow() -> None:
    """Each new token of the pod makes a new key: what has ended is forgotten."""
    with Sandbox(lifetime=1) as sandbox:
        env = {**sandbox.environment("kubernetes"), "GATEPASS_STORE": "off"}
        env["PACKAGEMANAGER_ADDRESS"] = sandbox.address
        [registry] = load(env).registries
        held = None
        for _ in range(4):
            held = asker(env)(registry, held, first=held is None)
            sandbox.kubernetes.rotate_tokens()
            time.sleep(0.6)
        assert sandbox.count("exchange") == 4
    assert len(_memory) <= 2


def test_nobody_is_asked_to_log_in_while_it_runs(sandbox: Sandbox) -> None:
    """After the first credential a login that has ended is a failure, and no question."""
    env = {**sandbox.environment("laptop"), "PACKAGEMANAGER_ADDRESS": sandbox.address}
    [registry] = load(env).registries
    with pytest.raises(IdentityError, match="no-person"):
        asker(env)(registry, None, first=False)
    assert sandbox.count("device") == 0


def test_a_login_is_renewed_as_a_login(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time a person may be asked; then it is as in CI, by the same identity."""
    env = {**sandbox.environment("laptop"), "PACKAGEMANAGER_ADDRESS": sandbox.address}
    [registry] = load(env).registries
    seen = []

    def ask(registry: Registry, settings: object, env: dict[str, str], after: object) -> Credential:
        seen.append((registry.identity, env.get("CI"), after))
        return Credential("__token__", Secret("s"), 5.0, None)

    monkeypatch.setattr("gatepass.renewal.asking.credential_at", ask)
    held = asker(env)(registry, None, first=True)
    asker(env)(registry, held, first=False)
    assert seen == [("auto", None, None), ("login", "true", 5.0)]


def test_a_failure_is_what_status_shows(sandbox: Sandbox, tmp_path: Path) -> None:
    """The last error is kept in the store, as after `gatepass get`."""
    from gatepass.store import open_store

    env = {**sandbox.environment("kubernetes"), "GATEPASS_STORE_DIR": str(tmp_path / "s")}
    env["PACKAGEMANAGER_ADDRESS"] = sandbox.address
    [registry] = load(env).registries
    sandbox.packagemanager.fail_next(403)
    with pytest.raises(GatepassError, match="exchange-refused"):
        asker(env)(registry, None, first=True)
    record = open_store(env, load(env)).recall("last-error")
    assert record is not None
    assert record["code"] == "exchange-refused"
