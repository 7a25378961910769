"""`gatepass setup`: shown, done, done twice, undone; and the login at its end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from gatepass.cli import main
from gatepass.sandbox import Sandbox
from gatepass.setup import command
from support import gatepass, run

PPM = "https://ppm.example.com"


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A laptop: a home, a PATH without any keyring, no CI."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}/.local/bin:/usr/bin:/bin")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    return tmp_path


def files(home: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


def test_a_dry_run_shows_everything_and_changes_nothing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A diff of every file on stdout, every line that would be said on stderr."""
    (home / ".config" / "pip").mkdir(parents=True)
    (home / ".config" / "pip" / "pip.conf").write_text("[global]\ntimeout = 9\n")
    before = files(home)
    assert main(["setup", PPM, "--tool", "pip", "--index", "a/b", "--dry-run"]) == 0
    assert files(home) == before
    seen = capsys.readouterr()
    name = str(home)[1:]
    for line in (
        f"+++ b/{name}/.config/gatepass/config.toml",
        f"--- a/{name}/.config/pip/pip.conf",
        "+keyring-provider = subprocess",
        "+index-url = https://__token__@ppm.example.com/a/b/simple/",
        " timeout = 9",
        f"+++ b/{name}/.local/bin/keyring",
    ):
        assert line in seen.out.splitlines()
    assert f"would be changed: {home}/.config/pip/pip.conf" in seen.err
    assert f"would be new: {home}/.local/bin/keyring" in seen.err
    assert not (home / ".local").exists()


def test_done_twice_and_undone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time changes nothing, and the files of the home are the same after --undo."""
    (home / ".pypirc").write_bytes(b"[pypi]\r\nusername = me")
    before = files(home)
    words = ["setup", f"work={PPM}", "--index", "a/b", "--upload", "u/v", "--no-login"]
    words += [word for tool in ("pip", "uv", "twine", "r") for word in ("--tool", tool)]
    assert main(words) == 0
    seen = capsys.readouterr()
    assert seen.out == ""
    assert f"changed: {home}/.pypirc" in seen.err
    once = files(home)
    assert command.is_ours(str(home / ".local" / "bin" / "keyring"))
    assert main(words) == 0
    assert "nothing to change" in capsys.readouterr().err
    assert files(home) == once
    assert main(["setup", "--undo", "--dry-run"]) == 0
    assert f"would be put back: {home}/.pypirc" in capsys.readouterr().err
    assert files(home) == once
    assert main(["setup", "--undo"]) == 0
    assert f"as it was: {home}/.pypirc" in capsys.readouterr().err
    assert files(home) == before
    assert main(["setup", "--undo"]) == 0
    assert "nothing to undo" in capsys.readouterr().err


def test_undo_leaves_what_was_edited_and_says_so(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1, and --force does it all the same."""
    main(["setup", PPM, "--tool", "pip", "--no-login"])
    conf = home / ".config" / "pip" / "pip.conf"
    conf.write_text(conf.read_text() + "# mine\n")
    capsys.readouterr()
    assert main(["setup", "--undo"]) == 1
    assert f"left alone: {conf}: it was edited since" in capsys.readouterr().err
    assert conf.read_text().endswith("# mine\n")
    assert main(["setup", "--undo", "--force"]) == 0
    assert not conf.exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], "usage"),
        (["--index", PPM], "usage"),
        ([PPM, "--tool", "npm"], "usage"),
        (["http://ppm.corp"], "insecure-address"),
        ([PPM, "--index"], "setup-no-index"),
        ([PPM, "--index", "../x"], "setup-path"),
        ([PPM, "--tool", "pip", "--upload", "u/v"], "usage"),
        ([PPM, "--tool", "r", "--extra-index", "a/b"], "usage"),
        ([PPM, "--tool", "r", "--tool", "twine", "--bin", "b"], "usage"),
        ([PPM, "--force"], "usage"),
        (["--undo", PPM], "usage"),
        (["--undo", "--index"], "usage"),
        (["--undo", "--tool", "pip"], "usage"),
        (["--undo", "--bin", "b"], "usage"),
    ],
)
def test_wrong_words_change_nothing(
    words: list[str], code: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error is there before anything is touched."""
    assert main(["setup", *words]) in (1, 2)
    assert capsys.readouterr().err.startswith(f"error[{code}]")
    assert files(home) == {}


def test_one_file_that_can_not_be_changed_stops_all(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is found out while planning."""
    (home / ".config" / "uv").mkdir(parents=True)
    (home / ".config" / "uv" / "uv.toml").write_text("no toml")
    before = files(home)
    assert main(["setup", PPM, "--tool", "pip", "--tool", "uv", "--no-login"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error[setup-file]")
    assert 'keyring-provider = "subprocess"' in err
    assert files(home) == before


def test_rivals_are_warned_of(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, as warnings, in a dry run too."""
    (home / ".netrc").write_text("machine ppm.example.com login a password b\n")
    (home / ".netrc").chmod(0o600)
    main(["setup", PPM, "--dry-run"])
    assert f"gatepass: warning: {home}/.netrc has a password for" in capsys.readouterr().err


def test_another_folder_for_the_command(home: Path, tmp_path: Path) -> None:
    """--bin chooses it, and it is made."""
    assert main(["setup", PPM, "--bin", str(tmp_path / "mine"), "--no-login"]) == 0
    assert command.is_ours(str(tmp_path / "mine" / "keyring"))
    assert not (home / ".local" / "bin").exists()


class Person:
    """What the login at the end is called with, and whether a terminal is there."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, int]] = []
        module = ModuleType("gatepass.cli.login")
        module.sign_in_now = self._sign_in  # type: ignore[attr-defined]
        patch.setitem(sys.modules, "gatepass.cli.login", module)
        self._patch = patch

    def _sign_in(self, registry: object, settings: object) -> int:
        self.calls.append((registry.name, len(settings.registries)))  # type: ignore[attr-defined]
        return 3

    def at_a_terminal(self) -> None:
        for stream in (sys.stdin, sys.stderr):
            self._patch.setattr(stream, "isatty", lambda: True)


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Person:
    return Person(monkeypatch)


def test_a_person_is_logged_in(home: Path, person: Person) -> None:
    """With the settings as they are now, and that status; not where it was declined."""
    person.at_a_terminal()
    assert main(["setup", PPM, "--no-login"]) == 0
    assert main(["setup", PPM, "--dry-run"]) == 0
    assert person.calls == []
    assert main(["setup", PPM]) == 3
    assert person.calls == [("ppm", 1)]


def test_a_person_who_is_logged_in_is_not_asked_again(
    home: Path, person: Person, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Setting up twice is no second login."""
    person.at_a_terminal()
    file = home / ".ppm" / "tokens.toml"
    file.parent.mkdir(mode=0o700)
    token = sandbox.packagemanager.token()
    file.write_text(
        f'[[connections]]\naddress = "{sandbox.address}"\nauth_type = "sso"\ntoken = "{token}"\n'
    )
    file.chmod(0o600)
    assert main(["setup", sandbox.address]) == 0
    assert "you are logged in already" in capsys.readouterr().err
    assert person.calls == []


def test_nobody_there_is_told_what_to_type(
    home: Path, person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal there is no login, in no time."""
    assert main(["setup", PPM]) == 0
    assert "next: gatepass login ppm" in capsys.readouterr().err
    assert person.calls == []


def test_a_job_needs_no_login(home: Path, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a token file speaks, nobody is asked."""
    person.at_a_terminal()
    monkeypatch.setenv("GATEPASS_ID_TOKEN_FILE", "/run/token")
    assert main(["setup", PPM]) == 0
    assert person.calls == []


def test_without_an_identity_what_to_do_is_said(
    home: Path, person: Person, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In CI without one there is nothing to log in with: what to do is said, in all its lines;
    setting up still worked."""
    monkeypatch.setenv("CI", "true")
    assert main(["setup", PPM]) == 0
    *_, first, second, _, _ = capsys.readouterr().err.splitlines()
    assert first == "  next: GitHub Actions: add `permissions: id-token: write` to the job;"
    assert second == "        GitLab CI: add `id_tokens:` with GATEPASS_ID_TOKEN to the job;"
    assert person.calls == []


def test_the_command_answers_from_then_on(
    sandbox: Sandbox, file_env: dict[str, str], home: Path
) -> None:
    """The whole way through: set up, then `keyring` by its name, as uv calls it."""
    env = {**file_env, "HOME": str(home), "PATH": f"{home}/.local/bin:/usr/bin:/bin"}
    done = gatepass("setup", sandbox.address, env=env)
    assert (done.returncode, done.stdout) == (0, "")
    asked = run(["keyring", "--mode=creds", "get", sandbox.index_url], env)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout.startswith("__token__\n")


@pytest.mark.skipif(os.name == "nt", reason="owners of POSIX")
def test_root_in_somebody_elses_home_does_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even start the keyring that lies there, which `setup` asks for its backends; nor undo.
    A folder of somebody's that --bin names is refused too."""
    mine = home / ".local" / "bin" / "keyring"
    mine.parent.mkdir(parents=True)
    mine.write_text(f"#!/bin/sh\ntouch {home}/started\n")
    mine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{mine.parent}:/usr/bin:/bin")
    if os.geteuid() == 0:
        for path in (home, *home.rglob("*")):
            os.chown(path, 12345, 12345)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for words in (["setup", PPM, "--tool", "pip", "--dry-run"], ["setup", "--undo"]):
        assert main(words) == 1
        assert capsys.readouterr().err.startswith("error[setup-not-yours]")
        assert not (home / "started").exists()
    monkeypatch.setenv("XDG_STATE_HOME", "/nowhere")
    assert main(["setup", PPM, "--tool", "pip", "--bin", str(mine.parent)]) == 1
    assert capsys.readouterr().err.startswith("error[setup-not-yours]")
    assert set(files(home)) <= {".local/bin/keyring", "started"}
