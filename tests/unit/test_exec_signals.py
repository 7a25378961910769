"""`gatepass exec` beside its command: signals, terminals, renewals, with real processes."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatepass.sandbox import Sandbox
from support import BIN
from watching import until

# Says what it hears, and ends at SIGTERM; "ready" once it can hear.
LISTENS = """
import os, signal, sys, time
def say(number, frame):
    os.write(1, signal.Signals(number).name.encode() + b"\\n")
    if number == signal.SIGTERM:
        sys.exit(5)
for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM"):
    signal.signal(getattr(signal, name), say)
if "apart" in sys.argv:
    os.setpgid(0, 0)
print("ready", os.environ["GATEPASS_PASS"], flush=True)
while True:
    time.sleep(10)
"""


class Running:
    """A command beside its parent."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.folder = Path(self.hears().partition(" ")[2])
        assert self.folder.is_dir()

    def hears(self) -> str:
        """The next line that the command writes."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], 20)
        assert ready
        return self.process.stdout.readline().strip()

    def ends(self) -> int:
        """The parent's status; the folder is gone then."""
        status = self.process.wait(20)
        assert not self.folder.exists()
        return status


@contextmanager
def running(env: dict[str, str], *command: str, **options: object) -> Iterator[Running]:
    """`gatepass exec -- COMMAND`, which says that it is ready; killed in the end."""
    process = subprocess.Popen(
        [str(BIN / "gatepass"), "exec", "--", *command],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        **options,  # type: ignore[call-overload]
    )
    try:
        yield Running(process)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def listener(*more: str) -> tuple[str, ...]:
    return (sys.executable, "-c", LISTENS, *more)


@pytest.mark.parametrize("place", ["", "apart"])
def test_signals_are_passed_on(github_env: dict[str, str], place: str) -> None:
    """Each one that somebody sends to the parent, once; then it ends as the command does."""
    with running(github_env, *listener(place), start_new_session=True) as one:
        for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGTERM"):
            one.process.send_signal(getattr(signal, name))
            assert one.hears() == name
        assert one.ends() == 5


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGTERM, 128 + signal.SIGTERM),
        (signal.SIGHUP, 128 + signal.SIGHUP),
        (signal.SIGUSR1, 128 + signal.SIGUSR1),
        (signal.SIGINT, -signal.SIGINT),  # so that a shell's loop ends too, as for the command
    ],
)
def test_a_signal_that_ends_the_command_ends_the_parent(
    github_env: dict[str, str], number: int, status: int
) -> None:
    """The folder is removed, and the status says which signal it was."""
    script = 'echo "ready $GATEPASS_PASS"; exec sleep 60'
    with running(github_env, "sh", "-c", script) as one:
        one.process.send_signal(number)
        assert one.ends() == status


def test_a_command_that_ignores_a_signal_is_waited_for(github_env: dict[str, str]) -> None:
    """The parent lives as long as it does, with its passes in their place."""
    script = 'trap "" TERM; echo "ready $GATEPASS_PASS"; read line; exit 3'
    with running(github_env, "sh", "-c", script, stdin=subprocess.PIPE) as one:
        one.process.send_signal(signal.SIGTERM)
        assert one.process.stdin is not None
        with pytest.raises(subprocess.TimeoutExpired):
            one.process.wait(0.3)
        assert one.folder.is_dir()
        one.process.stdin.close()
        assert one.ends() == 3


def test_what_was_ignored_stays_ignored(github_env: dict[str, str]) -> None:
    """As under nohup: neither the parent nor the command hears of it."""
    script = 'trap "" HUP; exec gatepass exec -- sh -c \'echo "ready $GATEPASS_PASS"; read a\''
    process = subprocess.Popen(
        ["/bin/sh", "-c", script],
        env=github_env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        one = Running(process)
        for target in (process.pid, child_of(process.pid)):
            os.kill(target, signal.SIGHUP)
            ignored = int(field(target, "SigIgn"), 16)
            assert ignored & 1 << signal.SIGHUP - 1
        assert process.stdin is not None
        process.stdin.close()
        assert one.ends() == 1


def test_the_command_starts_with_clean_signals(github_env: dict[str, str]) -> None:
    """Nothing is blocked, and what Python ignores for itself isn't ignored."""
    script = 'echo "ready $GATEPASS_PASS"; read line'
    with running(github_env, "sh", "-c", script, stdin=subprocess.PIPE) as one:
        command = child_of(one.process.pid)
        real_time = 1 << 31  # from here on the C library has its own
        assert int(field(command, "SigBlk"), 16) % real_time == 0
        assert int(field(command, "SigIgn"), 16) % real_time == 0
        assert one.process.stdin is not None
        one.process.stdin.close()
        assert one.ends() == 1


def test_a_killed_parent_leaves_a_private_folder_for_the_next(github_env: dict[str, str]) -> None:
    """Its command goes on with its passes; when both are gone, the next exec removes them."""
    script = 'echo "ready $GATEPASS_PASS"; read line; keyring get "$0" __token__ | wc -l'
    address = github_env["PACKAGEMANAGER_ADDRESS"]
    with running(github_env, "sh", "-c", script, address, stdin=subprocess.PIPE) as one:
        one.process.kill()
        one.process.wait()
        assert one.folder.stat().st_mode & 0o777 == 0o700
        again = [str(BIN / "gatepass"), "exec", "--", "true"]
        assert subprocess.run(again, env=github_env, timeout=60, check=False).returncode == 0
        assert one.folder.is_dir()
        assert one.process.stdin is not None
        one.process.stdin.close()
        assert one.hears() == "1"
        assert one.hears() == ""  # its end: nobody holds the pipe any more
        deadline = time.monotonic() + 20
        while one.folder.exists():
            assert time.monotonic() < deadline
            assert subprocess.run(again, env=github_env, timeout=60, check=False).returncode == 0


def test_a_pass_is_renewed_while_the_command_runs(base_env: dict[str, str]) -> None:
    """The command outlives its first pass; what it asks for later is new."""
    asks = 'keyring get "$0" __token__'
    script = f'echo "ready $GATEPASS_PASS"; {asks}; read line; {asks}'
    with Sandbox(lifetime=4) as sandbox:
        env = {**base_env, **sandbox.environment("github")}
        with running(env, "sh", "-c", script, sandbox.address, stdin=subprocess.PIPE) as one:
            first = one.hears()
            file = one.folder / "packagemanager.json"
            deadline = time.monotonic() + 20
            while first in file.read_text():
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert one.process.stdin is not None
            one.process.stdin.close()
            second = one.hears()
            assert second.count(".") == 2
            assert second != first
            assert one.ends() == 0
        assert sandbox.count("exchange") == 2


class Shell:
    """An interactive bash in a terminal of its own."""

    def __init__(self, env: dict[str, str]) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            words = ["bash", "--norc", "--noprofile", "--noediting", "-i"]
            os.execve("/bin/bash", words, {**env, "PS1": "ready$ "})  # noqa: S606
        self.screen = ""

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def shows(self, text: str) -> str:
        """Until the text came; what stood before it, after what was seen before."""
        deadline = time.monotonic() + 20
        while text not in self.screen:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.terminal], [], [], max(left, 0))
            assert ready, self.screen
            self.screen += os.read(self.terminal, 4096).decode(errors="replace")
        before, _, self.screen = self.screen.partition(text)
        return before


@pytest.fixture
def shell(github_env: dict[str, str]) -> Iterator[Shell]:
    one = Shell(github_env)
    yield one
    os.kill(one.pid, signal.SIGKILL)
    os.close(one.terminal)
    os.waitpid(one.pid, 0)


def test_ctrl_c_reaches_the_command_once(shell: Shell, tmp_path: Path) -> None:
    """The terminal sends it to both: the parent doesn't send it again."""
    (tmp_path / "listens.py").write_text(LISTENS)
    shell.type(f"gatepass exec -- {sys.executable} {tmp_path}/listens.py\n")
    shell.shows("ready ")
    for key, name in (("\x03", "SIGINT"), ("\x1c", "SIGQUIT"), ("\x03", "SIGINT")) * 3:
        shell.type(key)
        shell.shows(name)
        # What the parent would have sent again comes before what it is sent now.
        os.kill(os.tcgetpgrp(shell.terminal), signal.SIGUSR1)
        assert name not in shell.shows("SIGUSR1")
    shell.type("\x1a")
    shell.shows("Stopped")
    shell.shows("ready$ ")
    shell.type("kill -TERM $(jobs -p); fg; echo status $?\n")
    shell.shows("SIGTERM")
    shell.shows("status 5")


def test_ctrl_c_ends_a_shells_loop(shell: Shell) -> None:
    """As it does where the command runs without us."""
    shell.type("for i in 1 2; do gatepass exec -- sh -c 'echo go; exec sleep 60'; done; echo $?.\n")
    shell.shows("go\r\n")
    shell.type("\x03")
    shell.shows("^C")
    shell.type("echo the end\n")
    shell.shows("the end\r\n")
    assert "go\r\n" not in shell.screen


def test_a_stopped_job_goes_on(shell: Shell) -> None:
    """Ctrl-Z stops both, `fg` and `bg` go on with both."""
    shell.type("gatepass exec -- sh -c 'echo go; read line; echo got $line; exit 4'\n")
    shell.shows("go\r\n")
    command = child_of(child_of(shell.pid))
    shell.type("\x1a")
    shell.shows("Stopped")
    shell.shows("ready$ ")
    # The shell looks at us alone: until the command has stopped too, it may read what is typed.
    until(lambda: field(command, "State") == "T")
    shell.type("fg\n")
    shell.shows("gatepass exec")
    shell.type("hello\n")
    shell.shows("got hello")
    shell.type("echo status $?\n")
    shell.shows("status 4")


def child_of(pid: int) -> int:
    """The only child of a process."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def field(pid: int, name: str) -> str:
    """A field of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))
