"""How `gatepass exec` finds and starts its command, and renews a login without asking anybody."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from gatepass.child import process, serving
from gatepass.child.process import CannotRun
from gatepass.errors import IdentityError
from gatepass.sandbox import Sandbox
from gatepass.settings import load
from passes import PPM
from support import run


def test_a_command_is_found_as_a_shell_finds_it(tmp_path: Path) -> None:
    """By PATH, or by its path; without a PATH, where the system has its own."""
    program = tmp_path / "program"
    program.touch(mode=0o755)
    assert process.find("program", {"PATH": f"/none:{tmp_path}"}) == str(program)
    assert process.find(str(program), {}) == str(program)
    assert process.find("sh", {}).endswith("/sh")


@pytest.mark.parametrize(
    ("word", "status"), [("file", 126), ("folder", 126), ("none", 127), ("./none", 127), ("", 127)]
)
def test_what_cannot_be_run(tmp_path: Path, word: str, status: int) -> None:
    """126 where something of that name is there, 127 where nothing is."""
    (tmp_path / "file").touch(mode=0o644)
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotRun) as caught:
        process.find(word, {"PATH": str(tmp_path)})
    assert caught.value.status == status


def test_a_program_that_does_not_start_in_our_place(tmp_path: Path) -> None:
    """As a container's first process: still an error that says why, and status 126."""
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    code = (
        "import sys; from gatepass.child import process\n"
        "try: process.become(sys.argv[1], ['broken'], {})\n"
        "except process.CannotRun as error: print(error, error.status)"
    )
    done = run([sys.executable, "-c", code, broken], os.environ)
    assert done.stdout == "gatepass exec: broken: Exec format error 126\n"


def test_a_command_that_became_somebody_else_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """sudo's process is not ours to send a signal to: that ends neither of us."""
    news = [(int(signal.SIGTERM), False)]

    def refuse(pid: int, number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(
        process, "_next", lambda watched: news.pop() if news else (int(signal.SIGCHLD), False)
    )
    child = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], {})
    with monkeypatch.context() as patched:
        patched.setattr(os, "kill", refuse)
        assert process._ended(child) == 3
    assert news == []


def test_ctrl_c_while_the_command_ends_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS knows no group, and no process, of one that has ended and isn't reaped yet."""
    news = [(int(signal.SIGHUP), False), (int(signal.SIGINT), True)]

    def gone(pid: int, *more: int) -> int:
        raise ProcessLookupError(3, "No such process")

    monkeypatch.setattr(
        process, "_next", lambda watched: news.pop() if news else (int(signal.SIGCHLD), False)
    )
    child = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], {})
    with monkeypatch.context() as patched:
        patched.setattr(os, "kill", gone)
        patched.setattr(os, "getpgid", gone)
        assert process._ended(child) == 3
    assert news == []


def test_a_renewal_is_newer_than_what_is_held(sandbox: Sandbox, file_env: dict[str, str]) -> None:
    """A stored credential that looks new by a clock that was set back is not what is needed."""
    settings = load(file_env)
    registry = settings.registries[0]
    first = serving.credential(registry, settings, file_env)
    assert serving.renewed(registry, settings, file_env).secret == first.secret
    second = serving.renewed(registry, settings, file_env, first.obtained_at)
    assert second.secret != first.secret
    assert sandbox.count("exchange") == 2


def test_a_renewal_asks_nobody_to_log_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not on a terminal either: the command has it."""
    monkeypatch.setattr("gatepass.login.person.is_terminal", lambda stream: True)
    env = {
        "PACKAGEMANAGER_ADDRESS": PPM,
        "HOME": str(tmp_path),
        "GATEPASS_STORE_DIR": str(tmp_path / "store"),
    }
    settings = load(env)
    with pytest.raises(IdentityError) as caught:
        serving.renewed(settings.registries[0], settings, env)
    assert caught.value.code == "no-person"
