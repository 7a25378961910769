"""The files of `gatepass exec --for netrc`: the user's own, with ours in front."""

from __future__ import annotations

import netrc as standard
import os
import stat
import sys
import tomllib
from pathlib import Path

import pytest

from gatepass.child import netrc as child_netrc
from gatepass.child.netrc import Files
from gatepass.child.serving import Held
from gatepass.store.folder import Folder
from passes import AWS, PPM, SECRET, credential, registry

PROD = Held(registry(), credential())
TEAM = Held(registry(AWS, "team"), credential("made-up.aws", user="aws"))
AWS_HOST = AWS.removeprefix("https://")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "pass").mkdir(mode=0o700)
    return Folder(str(tmp_path / "pass"))


def text(folder: Folder, name: str) -> str:
    return Path(folder.path, name).read_text(encoding="utf-8")


def test_the_users_entries_stay(folder: Folder, home: Path) -> None:
    """Each registry's host has its token; another host and `default` are as they were."""
    (home / ".netrc").write_text(
        "machine ppm.example.com login old password stale\n"
        "machine git.example login me password mine\ndefault login d password e\n"
    )
    (home / ".netrc").chmod(0o600)
    Files(folder, {"HOME": str(home)}).write([PROD, TEAM])
    found = standard.netrc(str(Path(folder.path, "netrc")))
    assert found.authenticators("ppm.example.com") == ("__token__", "", SECRET)
    assert found.authenticators(AWS_HOST) == ("aws", "", "made-up.aws")
    assert found.authenticators("git.example") == ("me", "", "mine")
    assert found.authenticators("x") == ("d", "", "e")
    assert "stale" not in text(folder, "netrc")


def test_every_file_is_private(folder: Folder, home: Path) -> None:
    """Mode 0600 in folders of mode 0700."""
    Files(folder, {"HOME": str(home)}).write([PROD])
    for path in Path(folder.path).rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_a_renewed_pass_replaces_the_old_one(folder: Folder, home: Path) -> None:
    """In the netrc and for pak; what was the user's is not read again."""
    (home / ".netrc").write_text("machine a login b password c\n")
    files = Files(folder, {"HOME": str(home)})
    files.write([PROD])
    (home / ".netrc").unlink()
    files.write([Held(PROD.registry, credential("made-up.new"))])
    for name in ("netrc", "tokens.toml"):
        assert "made-up.new" in text(folder, name)
        assert SECRET not in text(folder, name)
    assert "machine a " in text(folder, "netrc")


def test_two_registries_on_one_host_are_one_entry(
    folder: Folder, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A netrc can't say more: the first has it, and that is said."""
    other = Held(registry(f"{PPM}/deep", "deep"), credential("made-up.other"))
    Files(folder, {"HOME": str(home)}).write([PROD, other])
    assert "made-up.other" not in text(folder, "netrc")
    said = "a netrc has one entry a host, and ppm.example.com has one already: none for deep\n"
    assert capsys.readouterr().err == f"gatepass: warning: {said}"


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("CURL_HOME", ".curlrc"),
        ("XDG_CONFIG_HOME", "curlrc"),
        ("HOME", ".curlrc"),
        ("HOME", ".config/curlrc"),
    ],
)
def test_the_users_curl_options_stay(
    folder: Folder, tmp_path: Path, variable: str, name: str
) -> None:
    """CURL_HOME takes the place of where curl would have looked, so they come along."""
    file = tmp_path / "own" / name
    file.parent.mkdir(parents=True)
    file.write_text("proto = =https")
    Files(folder, {variable: str(tmp_path / "own")})
    lines = text(folder, "curl/.curlrc").splitlines()
    assert lines[0] == "proto = =https"
    assert lines[-2:] == ["netrc-optional", f'netrc-file = "{folder.path}/netrc"']


def test_on_windows_curl_has_further_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's profile, where there is no HOME; with an underscore for the dot, too."""
    (tmp_path / "_curlrc").touch()
    env = {"USERPROFILE": str(tmp_path)}
    assert child_netrc._curlrc(env) == ""
    monkeypatch.setattr(sys, "platform", "win32")
    assert child_netrc._curlrc(env) == str(tmp_path / "_curlrc")
    (tmp_path / ".curlrc").touch()
    assert child_netrc._curlrc({"APPDATA": str(tmp_path)}) == str(tmp_path / ".curlrc")


def test_pak_finds_the_pass_beside_the_users_logins(folder: Folder, home: Path) -> None:
    """As pak reads it: address, token, auth_type; the user's other logins are there too."""
    (home / ".ppm").mkdir()
    (home / ".ppm" / "tokens.toml").write_text(
        '[[connections]]\naddress = "https://other"\ntoken = "t"\nauth_type = "sso"\n'
    )
    files = Files(folder, {"HOME": str(home)})
    files.write([PROD, TEAM])
    logins = tomllib.loads(text(folder, "tokens.toml"))["connections"]
    assert [login["address"] for login in logins] == ["https://other", PPM]
    assert logins[1] == {"address": PPM, "token": SECRET, "auth_type": "sso"}
    variables = files.variables([PROD, TEAM])
    assert variables["PACKAGEMANAGER_SSO_TOKEN_FILE"] == f"{folder.path}/tokens.toml"
    assert variables["PACKAGEMANAGER_ADDRESS"] == PPM


def test_without_a_package_manager_there_is_nothing_for_pak(folder: Folder, home: Path) -> None:
    """CodeArtifact has no R."""
    files = Files(folder, {"HOME": str(home)})
    files.write([TEAM])
    assert not Path(folder.path, "tokens.toml").exists()
    assert sorted(files.variables([TEAM])) == ["CURL_HOME", "NETRC", "R_PROFILE_USER"]


def test_what_cannot_be_read_is_left_out(
    folder: Folder, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning, and ours alone: a broken file of the user's is no reason to start nothing."""
    (home / ".netrc").mkdir()
    (home / ".ppm").mkdir()
    (home / ".ppm" / "tokens.toml").write_text("connections = 7")
    Files(folder, {"HOME": str(home)}).write([PROD])
    said = capsys.readouterr().err
    assert f"{home / '.netrc'} is left out" in said
    assert "your own logins are left out for pak" in said
    assert text(folder, "netrc").count("machine") == 1
    assert SECRET in text(folder, "tokens.toml")


def test_a_path_is_quoted_for_each_reader(tmp_path: Path) -> None:
    """curl's options and R's source have their own quotes."""
    place = tmp_path / 'a "b" \\c'
    place.mkdir(mode=0o700)
    Files(Folder(str(place)), {"R_PROFILE_USER": '/x "y"'})
    quoted = str(place).replace("\\", "\\\\").replace('"', '\\"')
    assert f'netrc-file = "{quoted}/netrc"' in (place / "curl" / ".curlrc").read_text()
    assert 'own <- "/x \\"y\\""' in (place / "Rprofile").read_text()
    assert os.listdir(place / "curl") == [".curlrc"]
