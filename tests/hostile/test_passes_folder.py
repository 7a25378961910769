"""Whoever else is on the machine: folders that aren't ours, and where secrets don't go."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import passes as given
from gatepass import credential_for, files
from gatepass.answer import Failed, answer
from gatepass.child import launchers
from gatepass.errors import ConfigError
from gatepass.sandbox import Sandbox
from support import BIN, gatepass, run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good folder, whose pass nobody should be given once it is spoiled."""
    held = (given.registry(), given.credential())
    return Path(given.folder_with(tmp_path / "pass", held).path)


def refused(folder: Path, code: str) -> str:
    """The error; an identity that would work otherwise is not used instead."""
    ready = {"PACKAGEMANAGER_ADDRESS": given.PPM, "PACKAGEMANAGER_TOKEN": "ready-made"}
    with pytest.raises(ConfigError) as caught:
        credential_for(given.PPM, env={**ready, "GATEPASS_PASS": str(folder)})
    assert caught.value.code == code
    assert given.SECRET not in str(caught.value)
    return str(caught.value)


def test_without_harm_it_is_given(folder: Path) -> None:
    """What the other tests here spoil."""
    found = credential_for(given.PPM, env={"GATEPASS_PASS": str(folder)})
    assert found is not None
    assert found.secret.reveal() == given.SECRET


def test_another_users_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's passes lead to somebody else's registry."""
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert "belongs to somebody else" in refused(folder, "pass-folder")


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o770, 0o777, 0o1777])
def test_a_folder_that_is_open_to_others(folder: Path, mode: int) -> None:
    """Somebody may have put a pass of theirs there, or taken ours."""
    folder.chmod(mode)
    assert "others may look into it" in refused(folder, "pass-folder")


def test_a_link_in_its_place(folder: Path, tmp_path: Path) -> None:
    """Also one that leads to a good folder: who made the link could make another."""
    (tmp_path / "link").symlink_to(folder)
    assert "a link, or no folder" in refused(tmp_path / "link", "pass-folder")


def test_a_link_in_a_passs_place(folder: Path, tmp_path: Path) -> None:
    """It is not followed, wherever it leads."""
    (folder / "prod.json").rename(tmp_path / "elsewhere.json")
    (folder / "prod.json").symlink_to(tmp_path / "elsewhere.json")
    refused(folder, "pass-broken")


def test_a_pipe_in_a_passs_place(folder: Path) -> None:
    """It would hold whoever reads it for ever."""
    (folder / "prod.json").unlink()
    os.mkfifo(folder / "prod.json")
    refused(folder, "pass-broken")


def test_another_users_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In our folder it can be root's at most; it is not what we wrote."""
    monkeypatch.setattr(files, "is_ours", lambda status: False)
    refused(folder, "pass-broken")


def test_a_pass_for_everybody_is_none(folder: Path) -> None:
    """A realm that was widened by hand: a host that isn't one, a scheme in the clear elsewhere."""
    text = (folder / "prod.json").read_text()
    for host in ("", "*", "example.com/..", "ppm.example.com\\n", "[::1", "a..b"):
        (folder / "prod.json").write_text(text.replace("ppm.example.com", host))
        refused(folder, "pass-broken")


IN_CLEAR = [
    *(one.replace("https://", "http://") + "/pypi/team/simple/" for one in (given.AWS, given.DUAL)),
    given.AWS.replace("https://", "http://aws@") + ":80/pypi/team/simple/",
    given.DUAL.replace("https://", "HTTP://") + ":80",
    given.AWS.replace("https://", "http://").replace("acme", "Acme") + "./pypi/team/simple/",
]


@pytest.fixture
def team(tmp_path: Path, base_env: dict[str, str]) -> dict[str, str]:
    """What a command with a pass for a CodeArtifact domain has, our `keyring` first on PATH."""
    held = (given.registry(given.AWS, "team"), given.credential(user="aws"))
    folder = given.folder_with(tmp_path / "pass", held).path
    path = f"{launchers.put(folder, {})}{os.pathsep}{base_env['PATH']}"
    return {**base_env, "GATEPASS_PASS": folder, "PATH": path}


@pytest.mark.parametrize("address", IN_CLEAR)
def test_a_pass_for_a_domain_is_not_sent_in_the_clear(team: dict[str, str], address: str) -> None:
    """A requirements file may write http: whoever is on the way would have the pass. The error is
    the one that there is without a pass."""
    for words in (["keyring", "get", address, "aws"], ["gatepass", "get", address]):
        good = run([*words[:2], given.AWS, *words[3:]], team)
        assert (good.returncode, good.stdout) == (0, f"{given.SECRET}\n")
        done = run(words, team)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error[insecure-address]: ")
        assert given.SECRET not in done.stderr


@pytest.mark.parametrize("option", ["--registry", "--index", "--publish"])
def test_no_command_is_given_a_pass_in_the_clear(team: dict[str, str], option: str) -> None:
    """Not by `exec` or `env` inside of another one, whichever way the address is named."""
    for words in (["exec", "--for", "poetry"], ["env", "--format", "sh"]):
        more = ["--registry", given.AWS, option, IN_CLEAR[1]]
        command = ["--", "env"] if words[0] == "exec" else []
        done = run(["gatepass", *words, *more, *command], team)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error[insecure-address]: ")


def test_a_failure_is_told_and_no_other_backend_is_hidden(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The keyring face says it, once, and gives no answer."""
    folder.chmod(0o755)
    monkeypatch.setenv("GATEPASS_PASS", str(folder))
    with pytest.raises(Failed):
        answer(given.PPM, None)
    assert capsys.readouterr().err.startswith("error[pass-folder]")


def test_no_secret_is_seen_from_outside(
    sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path
) -> None:
    """The token is in no process' words or variables, ours or the command's; the request token is
    in our own, which we were given, and not in the command's."""
    script = """
        cat /proc/$$/cmdline /proc/$$/environ > command
        cat /proc/$PPID/cmdline /proc/$PPID/environ > parent
        keyring get "$PACKAGEMANAGER_ADDRESS" __token__
    """
    words = ["--for", "netrc", "--index", "private/latest", "--publish", sandbox.upload_url]
    command = [BIN / "gatepass", "exec", *words, "--", "sh", "-ec", script]
    done = run(command, github_env, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    token = done.stdout.strip()
    assert token.count(".") == 2
    for name in ("command", "parent"):
        seen = (tmp_path / name).read_text()
        assert "PACKAGEMANAGER_ADDRESS" in seen
        assert token not in seen
        assert token.split(".")[2] not in seen
    assert sandbox.github.request_token not in (tmp_path / "command").read_text()
    assert sandbox.github.request_token in (tmp_path / "parent").read_text()


def test_a_dump_of_the_command_holds_no_way_to_more(
    sandbox: Sandbox, github_env: dict[str, str]
) -> None:
    """What a careless build prints, variables and all, is of no use without the folder."""
    done = run([BIN / "gatepass", "exec", "--", "env"], github_env)
    printed = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    before = len(sandbox.requests)
    later = gatepass("get", sandbox.address, env=printed)
    assert later.returncode == 1
    assert "error[pass-folder]" in later.stderr
    del printed["GATEPASS_PASS"]
    printed["GATEPASS_STORE"] = "off"
    later = gatepass("get", sandbox.address, env=printed)
    assert "error[github-permission]" in later.stderr
    assert len(sandbox.requests) == before


def test_a_program_of_a_checkout_is_not_started_for_ours(
    sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path
) -> None:
    """Neither a keyring.py nor a gatepass package of the current directory runs in the launcher,
    nor does a `keyring` there; our own is first on PATH."""
    for name in ("keyring.py", "gatepass.py", "keyring"):
        (tmp_path / name).write_text("#!/bin/sh\ntouch ran\nimport pathlib; pathlib.Path('ran')")
        (tmp_path / name).chmod(0o755)
    env = {**github_env, "PYTHONPATH": str(tmp_path), "PATH": f"{github_env['PATH']}:"}
    script = ["sh", "-ec", 'keyring get "$PACKAGEMANAGER_ADDRESS" __token__ | wc -l']
    done = subprocess.run(
        [BIN / "python", "-I", "-m", "gatepass", "exec", "--", *script],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "1", "")
    assert not (tmp_path / "ran").exists()
