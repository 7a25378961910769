"""`gatepass sandbox`: a command inside a platform's environment, or that environment to source."""

from __future__ import annotations

import calendar
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import BIN, gatepass, run


def test_a_command_runs_in_a_job(base_env: dict[str, str]) -> None:
    """The command sees a GitHub job by default, and `gatepass get` works in it."""
    done = gatepass(
        "sandbox", "--", "sh", "-c", 'echo "$GITHUB_ACTIONS"; gatepass get "$INDEX_URL"',
        env=base_env,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    first, secret = done.stdout.splitlines()
    assert first == "true"
    assert len(secret) > 20


def test_another_platform_tls_and_prefix(base_env: dict[str, str]) -> None:
    """--as file has a token file and no job; --tls and --prefix shape the address."""
    script = (
        'echo "$GITHUB_ACTIONS-$PACKAGEMANAGER_ADDRESS"; test -f "$SSL_CERT_FILE";'
        'gatepass get --json "$PACKAGEMANAGER_ADDRESS" > /dev/null'
    )
    words = ["--as", "file", "--tls", "--prefix", "/pkg/", "--", "sh", "-ec", script]
    done = gatepass("sandbox", *words, env=base_env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("-https://localhost:")
    assert done.stdout.endswith("/pkg\n")


def test_the_environment_is_a_clean_one(base_env: dict[str, str]) -> None:
    """What the user has set for real registries does not reach the command."""
    env = {**base_env, "PACKAGEMANAGER_TOKEN": "real", "GATEPASS_VERIFY": "off", "KEPT": "yes"}
    done = gatepass("sandbox", "--", "env", env=env)
    assert "KEPT=yes" in done.stdout
    assert "PACKAGEMANAGER_TOKEN" not in done.stdout
    assert "GATEPASS_VERIFY" not in done.stdout


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["sh", "-c", "exit 0"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
        (["no-such-command-at-all"], 127),
        (["/"], 126),
    ],
)
def test_the_status_is_the_commands(
    command: list[str], status: int, base_env: dict[str, str]
) -> None:
    """It ends as its command did; 127 where there is none, 126 where it can't be run."""
    done = gatepass("sandbox", "--", *command, env=base_env)
    assert (done.returncode, done.stdout) == (status, "")
    said = {126: "Permission denied", 127: "there is no such command"}.get(status)
    assert done.stderr.splitlines() == [
        f"gatepass sandbox: {command[0]}: {said}",
        "  do:  name a program on PATH, or its path; sh -c '...' runs a shell's own line",
    ] * (said is not None)


def test_the_commands_words_are_its_own(base_env: dict[str, str]) -> None:
    """What stands after -- is passed on as it is, options and further dashes too."""
    words = ["sh", "-c", 'printf "%s\\n" "$@"', "x", "--as", "--", "-h", "a b"]
    done = gatepass("sandbox", "--", *words, env=base_env)
    assert done.stdout.splitlines() == ["--as", "--", "-h", "a b"]


def test_a_wrong_prefix_is_wrong_usage(base_env: dict[str, str]) -> None:
    """A prefix that is none is status 2 before anything starts."""
    done = gatepass("sandbox", "--prefix", "pkg", "--", "true", env=base_env)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error[usage]: gatepass sandbox: 'pkg' is no path prefix")


def test_a_short_lifetime(base_env: dict[str, str]) -> None:
    """--lifetime is that of the tokens which are given out."""
    script = 'gatepass get --json "$INDEX_URL"; date -u +%s'
    done = gatepass("sandbox", "--lifetime", "600", "--", "sh", "-c", script, env=base_env)
    line, now = done.stdout.splitlines()
    moment = time.strptime(json.loads(line)["expires_at"] + " UTC", "%Y-%m-%dT%H:%M:%SZ %Z")
    assert 590 <= calendar.timegm(moment) - int(now) <= 600


@contextmanager
def serving(env: dict[str, str], *words: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A sandbox that serves, and the lines that it printed first."""
    child = subprocess.Popen(
        [BIN / "gatepass", "sandbox", *words],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stderr is not None
        assert child.stderr.readline() == "gatepass sandbox: serving until Ctrl-C\n"
        assert child.stdout is not None
        os.set_blocking(child.stdout.fileno(), False)
        yield child, child.stdout.read().splitlines()
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate(timeout=30)
        for stream in (child.stdout, child.stderr):
            stream.close()


def test_without_a_command_it_prints_exports_and_serves(
    base_env: dict[str, str], tmp_path: Path
) -> None:
    """The lines can be sourced by sh, gatepass works with them, and Ctrl-C ends with 130."""
    with serving(base_env) as (child, lines):
        assert all(line.startswith("export ") for line in lines)
        for line in lines:
            word, assignment = shlex.split(line)
            assert word == "export"
            assert assignment.partition("=")[0].isidentifier()
        names = {line.split("=")[0] for line in lines}
        assert {"export INDEX_URL", "export UPLOAD_URL", "export PUBLIC_INDEX_URL"} <= names
        (tmp_path / "sandbox.env").write_text("\n".join(lines))
        script = '. ./sandbox.env && gatepass get "$INDEX_URL"'
        done = run(["sh", "-ec", script], base_env, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.split()) == 1
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=30) == 130


def test_its_folder_is_gone_afterwards(base_env: dict[str, str], tmp_path: Path) -> None:
    """Nothing that the sandbox wrote stays behind."""
    env = {**base_env, "TMPDIR": str(tmp_path)}
    with serving(env, "--as", "file") as (child, lines):
        assert any(str(tmp_path) in line for line in lines)
        assert len(list(tmp_path.glob("gatepass-sandbox-*"))) == 1
        child.send_signal(signal.SIGINT)
        child.wait(timeout=30)
    assert list(tmp_path.glob("gatepass-sandbox-*")) == []


def test_ctrl_c_is_the_commands_to_handle(base_env: dict[str, str]) -> None:
    """An interrupt that reaches both is the command's: its own status is what counts."""
    script = "trap 'sleep 0.2; exit 42' INT; echo ready; while :; do sleep 0.1; done"
    child = subprocess.Popen(
        [BIN / "gatepass", "sandbox", "--", "sh", "-c", script],
        env=base_env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        os.killpg(child.pid, signal.SIGINT)
        _, err = child.communicate(timeout=30)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
    assert (child.returncode, err) == (42, "")


def test_platforms_are_the_sandboxs_own() -> None:
    """The command's list, kept apart so that --help is quick, is the sandbox's."""
    from gatepass.cli import sandbox as command
    from gatepass.sandbox import PLATFORMS

    assert command._PLATFORMS == PLATFORMS
    assert sys.version_info >= (3, 11)


def test_faults_are_passed_on(base_env: dict[str, str]) -> None:
    """A registry that fails twice is asked a third time; one that fails for ever ends with 1."""
    get = ["sh", "-c", 'gatepass get "$INDEX_URL"']
    done = gatepass("sandbox", "--fault", "exchange=503x2", "--", *get, env=base_env)
    assert (done.returncode, done.stdout[:3]) == (0, "eyJ")
    done = gatepass("sandbox", "--fault", "exchange=400x*", "--", *get, env=base_env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "error[exchange-refused]" in done.stderr


def test_an_unknown_fault_is_wrong_usage(base_env: dict[str, str]) -> None:
    """Nothing is started, and the message says what can be written."""
    done = gatepass("sandbox", "--fault", "exchange=tired", "--", "true", env=base_env)
    assert done.returncode == 2
    assert "error[usage]" in done.stderr
    assert "tired" in done.stderr
