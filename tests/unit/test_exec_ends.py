"""`gatepass exec` before its command is there, and when the terminal goes: it ends as others do."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contract.test_watch_pod import UNSHARE, child_of, needs_namespaces
from gatepass.child import process
from gatepass.sandbox import Sandbox
from support import BIN
from watching import until


@contextmanager
def exchanging(
    sandbox: Sandbox, env: dict[str, str], started: Path, *before: str
) -> Iterator[subprocess.Popen[str]]:
    """`gatepass exec` whose exchange is under way, and whose command would leave a file."""
    sandbox.fault("exchange=slow=4")
    command = [*before, str(BIN / "gatepass"), "exec", "--", "touch", str(started)]
    running = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        until(lambda: sandbox.count("exchange"))
        yield running
    finally:
        running.kill()
        running.wait()
        assert running.stdout is not None
        running.stdout.close()


def test_ctrl_c_during_the_exchange_ends_a_shells_loop_too(
    sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path
) -> None:
    """By the signal itself, as the command would: after a mere status a loop goes on."""
    with exchanging(sandbox, github_env, tmp_path / "started") as running:
        running.send_signal(signal.SIGINT)
        assert running.communicate(timeout=20)[0] == ""
        assert running.returncode == -signal.SIGINT
    assert not (tmp_path / "started").exists()


@needs_namespaces
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_first_process_is_ended_during_the_exchange(
    sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    """The kernel drops a signal that a container's process 1 has no handler for: it would be lost,
    and the command start after it."""
    with exchanging(sandbox, github_env, tmp_path / "started", *UNSHARE) as running:
        os.kill(child_of(running), number)
        assert running.communicate(timeout=20)[0] == ""
        assert running.returncode == 128 + number
    assert not (tmp_path / "started").exists()


@needs_namespaces
def test_the_first_processs_command_has_signals_as_they_were(
    sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path
) -> None:
    """Neither handled nor ignored by us; and its folder is there."""
    script = 'grep SigIgn /proc/$$/status; echo $$; keyring get "$PACKAGEMANAGER_ADDRESS" __token__'
    command = [*UNSHARE, "--mount-proc", str(BIN / "gatepass"), "exec", "--", "sh", "-ec", script]
    done = subprocess.run(command, env=github_env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    ignored, number, token = done.stdout.splitlines()
    assert int(ignored.split()[1], 16) % (1 << 31) == 0
    assert number == "1"
    assert token.count(".") == 2


def test_what_is_ignored_or_elsewhere_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's tool that ignores SIGHUP goes on doing so; only process 1 needs handlers."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)
    with process.ends_when_told():
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)) == before
    monkeypatch.setattr(os, "getpid", lambda: 1)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with process.ends_when_told():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            assert callable(signal.getsignal(signal.SIGTERM))
        assert signal.getsignal(signal.SIGTERM) == before[0]
    finally:
        signal.signal(signal.SIGHUP, hangup)


def test_a_closed_terminal_ends_the_command(github_env: dict[str, str], tmp_path: Path) -> None:
    """Where gatepass leads the session (a terminal's own program, ssh's) the kernel tells nobody
    else of it."""
    heard = tmp_path / "heard"
    script = f"trap 'echo HUP > {heard}; exit 1' HUP; echo $$; while :; do sleep 0.1; done"
    pid, terminal = pty.fork()
    if pid == 0:
        words = ["gatepass", "exec", "--", "sh", "-c", script]
        os.execve(BIN / "gatepass", words, github_env)  # noqa: S606
    try:
        command = int(os.read(terminal, 100))
    finally:
        os.close(terminal)
    try:
        until(heard.exists)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    except BaseException:
        for one in (command, pid):
            os.kill(one, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
