"""Where the tools' files lie, on each system."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatepass.errors import ConfigError
from gatepass.setup.places import check_owner, places


def test_on_linux() -> None:
    """Below the home, or where the XDG variables say, if they are absolute."""
    where = places({"HOME": "/home/u", "XDG_CONFIG_HOME": "relative"}, platform="linux")
    assert where.config == "/home/u/.config/gatepass/config.toml"
    assert where.pip == "/home/u/.config/pip/pip.conf"
    assert where.uv == "/home/u/.config/uv/uv.toml"
    assert where.keyringrc == "/home/u/.config/python_keyring/keyringrc.cfg"
    assert where.bin == "/home/u/.local/bin"
    assert where.state == "/home/u/.local/state/gatepass/setup"
    assert (where.pypirc, where.renviron) == ("/home/u/.pypirc", "/home/u/.Renviron")
    env = {"HOME": "/home/u", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s", "R_USER": "/r"}
    where = places(env, platform="linux")
    assert (where.pip, where.uv) == ("/c/pip/pip.conf", "/c/uv/uv.toml")
    assert where.state == "/s/gatepass/setup"
    assert where.renviron == "/home/u/.Renviron"
    assert places({**env, "R_ENVIRON_USER": "/e"}, platform="linux").renviron == "/e"


def test_on_macos(tmp_path: Path) -> None:
    """pip's folder in the Library where that is there, as pip itself looks."""
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": "/c"}
    assert places(env, platform="darwin").pip == f"{tmp_path}/.config/pip/pip.conf"
    mine = tmp_path / "Library" / "Application Support" / "pip"
    mine.mkdir(parents=True)
    assert places(env, platform="darwin").pip == f"{mine}/pip.conf"
    assert places(env, platform="darwin").uv == "/c/uv/uv.toml"


def test_on_windows() -> None:
    """In the roaming and the local folder of applications; R's home is the documents."""
    env = {
        "USERPROFILE": r"C:\Users\u",
        "APPDATA": r"C:\Users\u\AppData\Roaming",
        "LOCALAPPDATA": r"D:\Local",
    }
    where = places(env, platform="win32")
    assert where.pip == r"C:\Users\u\AppData\Roaming\pip\pip.ini"
    assert where.uv == r"C:\Users\u\AppData\Roaming\uv\uv.toml"
    assert where.config == r"C:\Users\u\AppData\Roaming\gatepass\config.toml"
    assert where.bin == r"D:\Local\gatepass\bin"
    assert where.state == r"D:\Local\gatepass\setup"
    assert where.keyringrc == r"D:\Local\Python Keyring\keyringrc.cfg"
    assert where.pypirc == r"C:\Users\u\.pypirc"
    assert where.renviron == r"C:\Users\u\Documents\.Renviron"
    assert places({**env, "R_USER": r"D:\R"}, platform="win32").renviron == r"D:\R\.Renviron"


@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_home_there_is_nothing_to_set_up(home: str) -> None:
    """Not even by chance in the current directory."""
    for platform in ("linux", "win32"):
        with pytest.raises(ConfigError) as caught:
            places({"HOME": home, "USERPROFILE": home}, platform=platform)
        assert caught.value.code == "setup-no-home"


def test_what_was_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another folder for the launcher, made absolute; the file in GATEPASS_CONFIG, which speaks."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.toml"
    file.write_text("version = 1\n")
    where = places({"HOME": "/home/u", "GATEPASS_CONFIG": str(file)}, "bin")
    assert (where.bin, where.config) == (str(tmp_path / "bin"), str(file))
    with pytest.raises(ConfigError, match="no such file"):
        places({"HOME": "/home/u", "GATEPASS_CONFIG": str(tmp_path / "none.toml")})


@pytest.mark.skipif(os.name == "nt", reason="owners of POSIX")
def test_root_in_somebody_elses_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest folder that is there, without links, says whose it would be. Only root is
    asked; its own folders are fine."""
    mine = tmp_path / "mine"
    theirs = tmp_path / "theirs"
    for folder in (mine, theirs):
        folder.mkdir()
    (mine / "link").symlink_to(theirs)
    if os.geteuid() == 0:
        os.chown(theirs, 12345, 12345)
        check_owner([str(mine / "file"), str(mine / "a" / "b")])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for path in (theirs / "file", theirs / "a" / "b" / "file", mine / "link" / "file"):
        with pytest.raises(ConfigError) as caught:
            check_owner(["/file", str(path)])
        assert caught.value.code == "setup-not-yours"
        assert f"{theirs} belongs" in caught.value.what
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    check_owner([str(theirs / "file")])
