"""The report's ways out with real terminals, pipes and processes."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gatepass.errors import GatepassError
from gatepass.report import _to_caller, _to_terminal, report
from gatepass.store import Store
from support import run

REPORT = textwrap.dedent("""
    import os, sys
    sys.argv[0] = "/usr/bin/keyring"
    from gatepass.errors import GatepassError
    from gatepass.report import report
    from gatepass.store import Store
    report(GatepassError("some-code", "what happened"), "https://h", os.environ, Store(None))
    print("answer")
""")
TEXT = str(GatepassError("some-code", "what happened"))

# Takes the terminal on descriptor 3 as its own, then becomes the report.
WITH_TERMINAL = textwrap.dedent("""
    import fcntl, os, sys, termios
    os.setsid()
    fcntl.ioctl(3, termios.TIOCSCTTY, 0)
    os.close(3)
    os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
""")

# A client that swallows its keyring's stderr, as pip 26.2 does.
SWALLOWING = textwrap.dedent("""
    import subprocess, sys
    done = subprocess.run([sys.executable, "-c", sys.argv[1]], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    print(done.stdout.decode().strip(), len(done.stderr))
""")


def in_terminal(code: str, env: dict[str, str], **streams: object) -> tuple[bytes, bytes]:
    """Run code with a terminal of its own; what came to the terminal, and to its stdout."""
    main, worker = pty.openpty()
    try:
        os.dup2(worker, 3) if worker != 3 else None
        child = subprocess.Popen(
            [sys.executable, "-c", WITH_TERMINAL, code],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=(3,),
            **streams,  # type: ignore[call-overload]
        )
        out, _ = child.communicate(timeout=60)
        assert child.returncode == 0
        os.set_blocking(main, False)
        try:
            seen = os.read(main, 65536)
        except (BlockingIOError, OSError):
            seen = b""
        return seen.replace(b"\r\n", b"\n"), out
    finally:
        os.close(main)
        os.close(worker)


def lines(text: bytes) -> list[str]:
    return text.decode().split("\n")


@pytest.fixture
def spare_descriptor() -> object:
    """Descriptor 3 put back as it was."""
    try:
        saved = os.dup(3)
    except OSError:
        saved = None
    yield
    if saved is None:
        try:
            os.close(3)
        except OSError:
            pass  # the test never took it
    else:
        os.dup2(saved, 3)
        os.close(saved)


@pytest.mark.usefixtures("spare_descriptor")
def test_a_swallowed_stderr_still_reaches_the_terminal(base_env: dict[str, str]) -> None:
    """Where stderr is a pipe and a terminal is there, the terminal shows it, on a fresh line."""
    seen, out = in_terminal(REPORT, {**base_env, "CI": "true"}, stderr=subprocess.DEVNULL)
    assert seen.decode() == f"\n{TEXT}\n"
    assert out == b"answer\n"


def test_without_a_terminal_there_is_none(base_env: dict[str, str]) -> None:
    """In a session without a terminal stderr alone has it, and once."""
    result = run([sys.executable, "-c", REPORT], base_env, start_new_session=True)
    assert result.stderr == f"{TEXT}\n"
    assert result.stdout == "answer\n"


@pytest.mark.parametrize(("ci", "seen"), [("true", f"{TEXT}\n"), ("false", "")])
def test_in_ci_the_callers_own_pipe_has_it(base_env: dict[str, str], ci: str, seen: str) -> None:
    """A client that swallows our stderr has it written to its own, in CI only."""
    env = {**base_env, "CI": ci}
    result = run([sys.executable, "-c", SWALLOWING, REPORT], env, start_new_session=True)
    assert result.stderr == seen
    assert result.stdout == f"answer {len(TEXT) + 1}\n"


def test_a_callers_file_is_left_alone(base_env: dict[str, str], tmp_path: Path) -> None:
    """Where the caller's stderr is a file, nothing is written over it."""
    log = tmp_path / "log"
    with log.open("w") as file:
        subprocess.run(
            [sys.executable, "-c", SWALLOWING, REPORT],
            env={**base_env, "CI": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
            start_new_session=True,
            check=True,
            timeout=60,
        )
    assert log.read_text() == ""


def test_a_pipe_that_is_ours_too_is_not_written_twice(base_env: dict[str, str]) -> None:
    """Where the client hands its stderr on, the error stands there once."""
    hand_on = SWALLOWING.replace("stderr=subprocess.PIPE", "").replace(
        "len(done.stderr)", "done.returncode"
    )
    env = {**base_env, "CI": "true"}
    result = run([sys.executable, "-c", hand_on, REPORT], env, start_new_session=True)
    assert result.stderr == f"{TEXT}\n"
    assert result.stdout == "answer 0\n"


def test_a_full_pipe_does_not_hold_us() -> None:
    """A caller that doesn't read its pipe loses the error; we don't wait for it."""
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        while os.write(writer, b"x" * 4096) == 4096 and select.select([], [writer], [], 0)[1]:
            pass
        code = (
            "import subprocess, sys; subprocess.run([sys.executable, '-c', 'from gatepass.report "
            'import _to_caller; _to_caller("lost" * 9999)\'], stderr=subprocess.PIPE, check=True)'
        )
        done = subprocess.run([sys.executable, "-c", code], stderr=writer, timeout=30, check=False)
        assert done.returncode == 0
    finally:
        os.close(reader)
        os.close(writer)


def test_no_proc_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than on Linux there is no such way, and that is all."""
    monkeypatch.setattr(os, "getppid", lambda: 0)
    _to_caller("lost")
    monkeypatch.delattr(os, "getppid")
    _to_caller("lost")


def test_a_terminal_that_hangs_up_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that can be opened and not written to counts as none, and raises nothing."""
    real = os.open
    full = Path("/dev/full")
    monkeypatch.setattr(os, "open", lambda path, *rest: real(full, os.O_WRONLY))
    assert _to_terminal("lost") is False


def test_stderr_closed_from_the_start_keeps_stdout_clean(base_env: dict[str, str]) -> None:
    """With descriptor 2 closed, stdout has the answer and nothing else."""
    result = run(
        ["sh", "-c", '"$0" -c "$1" 2>&-', sys.executable, REPORT], base_env, start_new_session=True
    )
    assert result.stdout == "answer\n"
    assert result.stderr == ""


def test_a_text_that_is_no_unicode_breaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stray byte from a variable is replaced on its way into summary and pipe."""
    monkeypatch.setattr("gatepass.report._to_terminal", lambda text: False)
    summary = tmp_path / "summary.md"
    error = GatepassError("c", "\udcff")
    report(error, "https://h", {"GITHUB_STEP_SUMMARY": str(summary)}, Store(None))
    assert "error[c]: ?" in summary.read_text()
    _to_caller("\udcff")
