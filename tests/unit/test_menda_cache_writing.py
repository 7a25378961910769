"""menda's cache as it is written: what others keep in it stays, and whoever reads it finds ours."""

from __future__ import annotations

import configparser
import os
import stat
from pathlib import Path

import pytest

from gatepass.identity import mendacache
from gatepass.identity.mendacache import Cache, mark
from gatepass.secret import Secret
from mendahome import HOST, cache_path, cached

NOW = 1_800_000_000.25
TOKEN = Secret("eyJ.machine-token.sig")
ROBOT = mark(HOST, "robot", Secret("s"))


def cache(home: Path, section: str = "ci", **options: bool) -> Cache:
    return Cache(str(cache_path(home)), section, HOST, mark=ROBOT, is_profile=True, **options)


def written(home: Path) -> dict[str, dict[str, str]]:
    """The file's sections, as menda-keyring's configparser reads them."""
    parser = configparser.ConfigParser()
    parser.read(cache_path(home))
    return {name: dict(parser[name]) for name in parser.sections()}


def test_what_is_kept_is_found_again(home: Path) -> None:
    """In menda's own keys, with the host and whose it is beside them; nobody else may look."""
    cache(home).keep(TOKEN, 3600.0, NOW)
    assert written(home) == {
        "ci": {
            "access_token": TOKEN.reveal(),
            "expires_in": "3600",
            "cached_at": "1800000000.250",
            "host": HOST,
            "gatepass": ROBOT,
        }
    }
    assert cache(home).look(NOW).token == TOKEN
    path = cache_path(home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (path.parent, path.parent.parent, home / ".menda"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == [".token"]


def test_others_stay(home: Path) -> None:
    """Other sections, other keys of ours, signs that mean something to configparser."""
    path = cached(home, "ci", cached_at=1, refresh_token="50%off", id_token="stale", mode=0o644)
    more = "[default]\naccess_token = theirs\nnote = a\n\tb\nexpires_in = 1\n[%(x)s]\nkey = %(y)s\n"
    path.write_text("[DEFAULT]\nall = us\n" + path.read_text() + more)
    cache(home).keep(TOKEN, 3600.0, NOW)
    parser = configparser.RawConfigParser()
    parser.read(path)
    assert parser.defaults() == {"all": "us"}
    assert dict(parser["default"]) == {
        "access_token": "theirs",
        "note": "a\nb",
        "expires_in": "1",
        "all": "us",
    }
    assert parser["%(x)s"]["key"] == "%(y)s"
    assert parser["ci"]["refresh_token"] == "50%off"
    # menda-keyring would take the old ID token before our new access token.
    assert "id_token" not in parser["ci"]
    assert cache(home).look(NOW).token == TOKEN
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_token_is_forgotten_alone(home: Path) -> None:
    """The section keeps what isn't about it, and a newer token of another process stays."""
    cached(home, "ci", refresh_token="r")
    cache(home).keep(TOKEN, 3600.0, NOW)
    cache(home).forget(Secret("another"))
    assert cache(home).look(NOW).token == TOKEN
    cache(home).forget(TOKEN)
    assert written(home) == {"ci": {"refresh_token": "r"}}
    cached(home, "ci", id_token="who")
    cache(home).forget(Secret("who"))
    assert written(home) == {"ci": {}}


def test_forgetting_makes_no_file(home: Path) -> None:
    """Where nothing is there, or nothing of ours, the file is left as it is."""
    cache(home).forget(TOKEN)
    assert not cache_path(home).exists()
    path = cached(home, "other")
    before = path.stat()
    cache(home).forget(TOKEN)
    assert path.stat().st_ino == before.st_ino


@pytest.mark.parametrize("section", ["DEFAULT", "a]\n[b", "a]\n[c", "a\nb = c", ""])
def test_a_section_that_would_be_another(home: Path, section: str) -> None:
    """A name that reads as something else is not written; [DEFAULT] would give it to all."""
    path = cached(home, "b")
    before = path.read_bytes()
    cache(home, section).keep(TOKEN, 3600.0, NOW)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [".token"]


@pytest.mark.parametrize("data", [b"no section\n", b"\xff", b"[a]\n" + b"#" * 1024 * 1024])
def test_what_cant_be_read_is_left(home: Path, data: bytes) -> None:
    """It may still be worth something to somebody."""
    path = cached(home)
    path.write_bytes(data)
    cache(home).keep(TOKEN, 3600.0, NOW)
    assert path.read_bytes() == data


def test_a_file_that_isnt_ours_alone_is_left(home: Path, tmp_path: Path) -> None:
    """Neither what others can write, nor a link, which leads who knows where."""
    path = cached(home, mode=0o666)
    before = path.read_bytes()
    cache(home).keep(TOKEN, 3600.0, NOW)
    assert path.read_bytes() == before
    path.chmod(0o600)
    path.rename(tmp_path / "real")
    path.symlink_to(tmp_path / "real")
    cache(home).keep(TOKEN, 3600.0, NOW)
    assert path.is_symlink()
    assert (tmp_path / "real").read_bytes() == before


def test_somebody_elses_file_or_folder_is_left(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even root's is replaced; nor is a new one made in a folder of somebody else's."""
    path = cached(home)
    before = path.read_bytes()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    cache(home).keep(TOKEN, 3600.0, NOW)
    assert path.read_bytes() == before
    path.unlink()
    cache(home).keep(TOKEN, 3600.0, NOW)
    assert not path.exists()


def test_a_home_that_cant_be_written(home: Path) -> None:
    """It costs a request next time, and nothing else: no error comes of it."""
    (home / ".menda").write_text("a file")
    cache(home).keep(TOKEN, 3600.0, NOW)
    assert (home / ".menda").read_text() == "a file"


@pytest.mark.parametrize("kind", ["new", "link", "folder", "another's"])
def test_what_may_be_in_use_or_is_not_ours_stays(home: Path, kind: str) -> None:
    """Only what a killed writer of this user left is deleted."""
    folder = cached(home, "other").parent
    left = folder / ".token-new-x"
    if kind == "link":
        left.symlink_to(home / "elsewhere")
    elif kind == "folder":
        left.mkdir()
    else:
        left.write_text("a-token")
    if kind != "new":
        os.utime(left, (0, 0), follow_symlinks=False)
    if kind == "another's":
        if os.geteuid() != 0:
            pytest.skip("only root can give a file away")
        os.chown(left, 12345, -1)
    cache(home).keep(TOKEN, 3600.0, NOW)
    assert sorted(os.listdir(folder)) == [".token", ".token-new-x"]
    assert cache(home).look(NOW).token == TOKEN


def test_a_writer_at_the_same_moment_wins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """menda's CLI knows no lock: what it wrote since we looked is not overwritten."""
    cached(home)
    real = mendacache._all_of

    def meanwhile(parser: configparser.ConfigParser) -> dict[str, dict[str, str]]:
        cached(home, "fresh", token="a-new-login")
        return real(parser)

    monkeypatch.setattr(mendacache, "_all_of", meanwhile)
    cache(home).keep(TOKEN, 3600.0, NOW)
    assert list(written(home)) == ["fresh"]
    assert os.listdir(cache_path(home).parent) == [".token"]


def test_a_failure_half_way_leaves_the_old_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no half-written one beside it."""
    before = cached(home).read_bytes()

    def full(*names: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache(home).keep(TOKEN, 3600.0, NOW)
    assert cache_path(home).read_bytes() == before
    assert os.listdir(cache_path(home).parent) == [".token"]
