"""The launcher's calls: ours answered as keyring answers, all else passed on untouched."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gatepass.launcher import PASSED, Question, read
from gatepass.sandbox import Sandbox
from launchers import Launcher, stand_in
from support import keyring


@pytest.fixture
def launcher(tmp_path: Path, github_env: dict[str, str]) -> Launcher:
    """In the sandbox's job, with the stand-in behind it."""
    return Launcher(tmp_path, github_env, stand_in(tmp_path))


@pytest.fixture
def alone(tmp_path: Path, github_env: dict[str, str]) -> Launcher:
    """In the sandbox's job, with nothing behind it."""
    return Launcher(tmp_path, github_env)


CALLS = [
    ["get", "$INDEX", "__token__"],
    ["get", "$INDEX", ""],
    ["--mode", "creds", "get", "$INDEX"],
    ["get", "$INDEX", "--mode", "creds"],
    ["--mode=creds", "--output=json", "get", "$INDEX"],
    ["--mode=creds", "--output=json", "get", "$INDEX", "__token__"],
    ["--output=json", "get", "$INDEX", "__token__"],
    ["--mode=creds", "get", "$INDEX", ""],
]


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_ours_are_answered_as_keyring_itself_prints_them(
    words: list[str], launcher: Launcher, sandbox: Sandbox
) -> None:
    """Byte for byte what the keyring command beside gatepass prints, by one exchange for both."""
    words = [word.replace("$INDEX", sandbox.index_url) for word in words]
    ours, theirs = launcher(*words), keyring(*words, env=launcher.env)
    assert (ours.returncode, ours.stderr) == (0, "")
    assert ours.stdout == theirs.stdout != ""
    assert sandbox.count("exchange") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["get", "https://pypi.org/simple/", "bob"],
        ["get", "poetry-repository-x", "bob"],
        ["get", "$INDEX", "alice"],
        ["get", "$INDEX"],
        ["set", "$INDEX", "__token__"],
        ["del", "https://pypi.org", "bob"],
        ["--list-backends"],
        ["--disable"],
        ["-b", "keyring.backends.null.Keyring", "get", "$INDEX", "__token__"],
        ["--mode", "other", "get", "$INDEX", "__token__"],
        ["--mod", "creds", "get", "$INDEX"],
        ["get", "$INDEX", "__token__", "more"],
        ["diagnose"],
        ["--help"],
        [],
        ["get", "a\nb 'c\" $d \\ \udcff", "*"],
    ],
    ids=lambda words: " ".join(words[:2])[:20],
)
def test_all_other_calls_reach_the_real_command_unchanged(
    words: list[str], launcher: Launcher, sandbox: Sandbox
) -> None:
    """Arguments, input, both outputs and the status pass as they are; nobody is asked anything."""
    words = [word.replace("$INDEX", sandbox.index_url) for word in words]
    done = subprocess.run(
        [launcher.path, *words],
        env=launcher.env,
        input=b"in\0put\r\n\xff",
        capture_output=True,
        timeout=60,
        check=False,
    )
    arguments = b"\0".join([*map(os.fsencode, words), b""])
    assert done.stdout == arguments + b"\0" * (not words) + b"in\0put\r\n\xff"
    assert (done.stderr, done.returncode) == (b"--\n", 7)
    assert sandbox.requests == []


def test_a_command_that_calls_keyring_again_does_not_go_round(
    tmp_path: Path, github_env: dict[str, str]
) -> None:
    """A version manager's shim that looks for the next `keyring` finds the launcher again."""
    real = tmp_path / "shims" / "keyring"
    real.parent.mkdir()
    real.write_text(f'#!/bin/sh\nexec "{tmp_path}/keyring" "$@"\n')
    real.chmod(0o755)
    launcher = Launcher(tmp_path, github_env, str(real))
    done = launcher("get", "https://pypi.org/simple/", "bob", timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_two_that_call_each_other_end_too(tmp_path: Path, github_env: dict[str, str]) -> None:
    """Each passes a call on once."""
    (tmp_path / "other").mkdir()
    first = Launcher(tmp_path, github_env, str(tmp_path / "other" / "keyring"))
    Launcher(tmp_path / "other", github_env, str(first.path))
    done = first("get", "https://pypi.org/simple/", "bob", timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_a_failure_of_ours_ends_there(launcher: Launcher, sandbox: Sandbox) -> None:
    """Status 1, the block on stderr, nothing on stdout; the real command is not asked."""
    sandbox.packagemanager.fail_next(400, times=9)
    done = launcher("get", sandbox.index_url, "__token__")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[exchange-refused]")
    assert "--\n" not in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["get", "https://pypi.org", "bob"], False),
        (["--mode=creds", "--output=json", "get", "https://pypi.org"], False),
        (["set", "https://pypi.org", "bob"], True),
        (["--list-backends"], True),
        (["get", "--help"], True),
        ([], True),
    ],
)
def test_with_nothing_behind_it(words: list[str], says: bool, alone: Launcher) -> None:
    """Nobody has a password: status 1 without a word; for the rest, what this command is."""
    done = alone(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert ("gatepass' own" in done.stderr) is says
    assert bool(done.stderr) is says


def test_a_real_command_that_has_gone_is_said(tmp_path: Path, base_env: dict[str, str]) -> None:
    """With what to do, and status 1."""
    done = Launcher(tmp_path, base_env, "/nowhere/keyring")("get", "https://pypi.org", "bob")
    assert (done.returncode, done.stdout) == (1, "")
    assert "/nowhere/keyring can't be started: No such file" in done.stderr
    assert "gatepass setup" in done.stderr


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ("get s u", Question("s", "u")),
        ("get s u --output json", Question("s", "u", "password", "json")),
        ("--mode creds get s", Question("s", None, "creds")),
        ("--output=plain get --mode=creds s u", Question("s", "u", "creds")),
        ("get s", None),
        ("--mode=creds get", None),
        ("--mode=creds", None),
        ("get s u --mode", None),
        ("get s u --output=xml", None),
        ("-p /x get s u", None),
        ("get -- s u", None),
        ("set s u", None),
        ("", None),
    ],
)
def test_which_calls_are_questions(words: str, question: Question | None) -> None:
    """Those that keyring 25.7 would take; whatever else there is belongs to the real command."""
    assert read(words.split()) == question


def test_the_mark_is_for_the_child_alone(launcher: Launcher) -> None:
    """The real command's environment is the caller's, and the mark that ends a circle."""
    Path(launcher.real).write_text(f'#!/bin/sh\nprintf %s "${PASSED}"\n')
    assert launcher("diagnose").stdout == launcher.real
