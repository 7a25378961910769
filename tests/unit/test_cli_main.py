"""The command line as a whole: where output goes, how it ends, what it suggests."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gatepass import __version__, cli
from gatepass.cli import COMMANDS, main
from gatepass.sandbox import Sandbox
from support import BIN, gatepass, run


def ended(argv: list[str]) -> int:
    """The exit status, also where argparse ends the program itself."""
    try:
        return main(argv)
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_help_is_what_was_asked_for(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Help that was asked for goes to stdout with status 0, and lists every command."""
    assert main(words) == 0
    seen = capsys.readouterr()
    assert seen.err == ""
    assert all(f"\n  {name} " in seen.out for name in COMMANDS)


def test_no_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command the same text goes to stderr, with status 2: stdout is data only."""
    assert main([]) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "usage: gatepass COMMAND" in seen.err


@pytest.mark.parametrize("word", ["--version", "-V"])
def test_version(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The version is one line on stdout."""
    assert main([word]) == 0
    assert capsys.readouterr() == (f"gatepass {__version__}\n", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`gatepass COMMAND --help` prints the command's own words, and ends with 0."""
    assert ended([name, "--help"]) == 0
    seen = capsys.readouterr()
    module = importlib.import_module(f"gatepass.cli.{name}")
    assert seen.out.startswith(f"usage: gatepass {name}")
    assert str(module.__doc__).strip().splitlines()[0] in seen.out
    assert seen.err == ""


@pytest.mark.parametrize(
    ("words", "what", "guess"),
    [
        (["gte"], "gatepass has no command 'gte'", "'get'"),
        (["stat"], "no command 'stat'", "'status'"),
        (["xyzzy"], "no command 'xyzzy'", ""),
        (["--jsn"], "no command '--jsn'", ""),
        (["get", "--jsn", "x"], "unrecognized arguments: --jsn", "'--json'"),
        (["get", "--js", "x"], "unrecognized arguments: --js", "'--json'"),  # never abbreviated
        (["get"], "the following arguments are required: URL|NAME", ""),
        (["get", "a", "b"], "unrecognized arguments: b", ""),
        (["get", "--username"], "expected one argument", ""),
        (["status", "x"], "unrecognized arguments: x", ""),
        (["sandbox", "--as", "gitub"], "invalid choice: 'gitub'", ""),
        (["sandbox", "--lifetime", "x"], "invalid int value: 'x'", ""),
        (["sandbox", "--lifetime", "0"], "--lifetime is a number of seconds above 0, not 0", ""),
        (["sandbox", "--lifetime=-5"], "--lifetime is a number of seconds above 0, not -5", ""),
        (["sandbox", "--prefix", "no slash"], "gatepass sandbox: 'no slash' is no path prefix", ""),
        (["a\x1b[1m\nb"], "no command 'a?[1m b'", ""),
    ],
)
def test_wrong_usage_is_two_with_a_suggestion(
    words: list[str], what: str, guess: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every misuse is the same kind of error on stderr, status 2, with the nearest word."""
    assert ended(words) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    first, *rest = seen.err.splitlines()
    assert first.startswith("error[usage]: ")
    assert what in first
    assert any(guess in line and "did you mean" in line for line in rest) is bool(guess)
    assert "--help" in seen.err


def test_a_failure_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """No credential is status 1, the reason on stderr, stdout empty."""
    assert main(["get", "https://nobody.example"]) == 1
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith("error[not-ours]: ")


def broken(error: BaseException) -> object:
    def run(options: object) -> int:
        raise error

    return run


def test_a_fault_of_ours_shows_no_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception that nobody expected is error[internal] without its text, status 1."""
    monkeypatch.setattr("gatepass.cli.status.run", broken(RuntimeError("eyJ-secret")))
    assert main(["status"]) == 1
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith("error[internal]: gatepass itself failed: RuntimeError at ")
    assert "eyJ-secret" not in seen.err
    assert "Traceback" not in seen.err


def test_ctrl_c_is_a_hundred_and_thirty(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An interruption ends with what a shell gives for SIGINT, without a word."""
    monkeypatch.setattr("gatepass.cli.status.run", broken(KeyboardInterrupt()))
    assert main(["status"]) == 130
    assert capsys.readouterr() == ("", "")


def test_the_words_come_from_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without an argument main() takes sys.argv."""
    monkeypatch.setattr(sys, "argv", ["gatepass", "--version"])
    assert main() == 0
    assert "gatepass" in capsys.readouterr().out


def test_the_module_runs_like_the_command(base_env: dict[str, str]) -> None:
    """`python -m gatepass` and `gatepass` are the same, with the same statuses."""
    for words, status in ((["--version"], 0), (["nonsense"], 2), (["get", "https://h"], 1)):
        one = gatepass(*words, env=base_env)
        other = run([sys.executable, "-m", "gatepass", *words], base_env)
        assert one.returncode == other.returncode == status
        assert (one.stdout, one.stderr) == (other.stdout, other.stderr)


@pytest.mark.parametrize(
    "words", [["--help"], ["get", "--help"], ["-V"], ["get", "$ADDRESS"], ["status"]]
)
def test_a_reader_that_has_gone_is_no_traceback(
    words: list[str], sandbox: Sandbox, github_env: dict[str, str]
) -> None:
    """When stdout's reader is gone the command ends with 1 and says nothing."""
    reader, writer = os.pipe()
    os.close(reader)
    words = [word.replace("$ADDRESS", sandbox.address) for word in words]
    try:
        done = subprocess.run(
            [BIN / "gatepass", *words],
            env=github_env,
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_without_stderr_an_error_does_not_land_on_stdout(base_env: dict[str, str]) -> None:
    """With stderr closed the reason is lost, and stdout stays empty: it may be a password's."""
    command = 'exec "$0" get https://nobody.example 2>&-'
    done = run(["sh", "-c", command, BIN / "gatepass"], base_env)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ["status", "--help"])
@pytest.mark.parametrize(
    ("to", "reason"), [(">&-", "it is closed"), ("> /dev/full", "No space left on device")]
)
def test_output_that_goes_nowhere_is_a_failure(
    to: str, reason: str, words: str, unbuffered: str, base_env: dict[str, str]
) -> None:
    """With stdout closed or full the status is 1: a script that read nothing must not go on."""
    env = {**base_env, "PYTHONUNBUFFERED": unbuffered}
    done = run(["sh", "-c", f'exec "$0" {words} {to}', BIN / "gatepass"], env)
    assert done.stderr.splitlines() == [
        f"error[output-lost]: standard output can't be written: {reason}",
        "  why: whoever reads it got nothing, or only a part",
        "  do:  mend what it leads to, a full disk say, and run it again",
        "  see: docs/errors.md#output-lost",
    ]
    assert done.returncode == 1


@pytest.mark.parametrize("to", [">&-", "> /dev/full", "<&- >&- 2>&-"])
def test_a_command_that_writes_nothing_itself_needs_no_output(
    to: str, github_env: dict[str, str], tmp_path: Path
) -> None:
    """`exec` ends as its command does, also where that has no standard output, as daemons start
    it; `watch` writes its files."""
    for words, status in (("exec -- sh -c 'exit 7'", 7), ("watch --once --token token", 0)):
        command = ["sh", "-c", f'exec "$0" {words} {to}', BIN / "gatepass"]
        done = run(command, github_env, cwd=tmp_path)
        assert (done.returncode, "can't be written" in done.stderr) == (status, False)
    assert (tmp_path / "token").read_text()


def test_the_overview_names_what_there_is() -> None:
    """Each command has its file, with arguments() and run()."""
    for name in COMMANDS:
        module = importlib.import_module(f"gatepass.cli.{name}")
        assert callable(module.arguments)
        assert callable(module.run)
    assert cli.overview().count("\n  ") == len(COMMANDS)
