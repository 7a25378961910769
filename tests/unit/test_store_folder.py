"""The private folder: where it lies, that it is ours alone, files that are whole or absent."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepass import files, log
from gatepass.store import folder as folders
from gatepass.store.folder import Folder, find

ROOT = os.geteuid() == 0


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    path = tmp_path / "private"
    path.mkdir(mode=0o700)
    return Folder(str(path))


def mode(path: Path | str) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def found(env: dict[str, str], chosen: str = "") -> str | None:
    place = find(env, chosen)
    return place.path if place else None


def test_born_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """The folder is 0700, its files are 0600."""
    place = find({}, str(tmp_path / "a" / "b"))
    assert place is not None
    place.write("file", b"x")
    assert mode(place.path) == 0o700
    assert mode(Path(place.path) / "file") == 0o600


def test_files_are_never_more_open_not_even_for_a_moment(
    place: Folder, umask: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new file has its mode before it has a byte."""
    seen: list[int] = []
    real = os.replace

    def spy(source: str, target: str) -> None:
        seen.append(mode(source))
        real(source, target)

    monkeypatch.setattr(os, "replace", spy)
    place.write("file", b"x")
    assert seen == [0o600]


def test_the_order_of_places(tmp_path: Path) -> None:
    """The runner's folder, the session's, then the cache; the user's own choice before all."""
    uid = os.geteuid()
    env = {
        "RUNNER_TEMP": str(tmp_path / "runner"),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HOME": str(tmp_path / "home"),
    }
    assert found(env, str(tmp_path / "mine")) == str(tmp_path / "mine")
    expected = [
        ("RUNNER_TEMP", tmp_path / "runner" / f"gatepass-{uid}"),
        ("XDG_RUNTIME_DIR", tmp_path / "run" / "gatepass"),
        ("XDG_CACHE_HOME", tmp_path / "cache" / "gatepass"),
        ("HOME", tmp_path / "home" / ".cache" / "gatepass"),
    ]
    (tmp_path / "runner").mkdir()
    (tmp_path / "run").mkdir()
    for variable, path in expected:
        assert found(env) == str(path)
        del env[variable]


def test_shared_memory_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with our number in its name; no other temporary folder is ever considered."""
    uid = os.geteuid()
    assert list(folders._places({"TMPDIR": "/tmp", "TMP": "/tmp", "TEMP": "/tmp"})) == [
        (f"/dev/shm/gatepass-{uid}", False)
    ]


@pytest.mark.parametrize("variable", ["RUNNER_TEMP", "XDG_RUNTIME_DIR"])
def test_a_folder_that_was_promised_and_is_not_there_is_not_made(
    tmp_path: Path, variable: str
) -> None:
    """A runner's or a session's folder that is absent was not given to us; a home's cache is."""
    absent, home = tmp_path / "absent", tmp_path / "home"
    assert found({variable: str(absent), "HOME": str(home)}) == str(home / ".cache" / "gatepass")
    assert not absent.exists()
    assert mode(home / ".cache") == 0o700


def test_a_relative_place_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current directory is never written to."""
    monkeypatch.chdir(tmp_path)
    assert found({"HOME": str(tmp_path / "home")}, "store") is None
    env = dict.fromkeys(("RUNNER_TEMP", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"), "here")
    assert list(folders._places(env)) == [(f"/dev/shm/gatepass-{os.geteuid()}", False)]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("variable", ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"])
@pytest.mark.parametrize("below", ["", "/", "/cache/gatepass", "/../work/x"])
def test_the_workspace_is_never_used(tmp_path: Path, variable: str, below: str) -> None:
    """It is cached and uploaded as an artifact; not itself, nor below it, nor through a link."""
    work = tmp_path / "work"
    work.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(work)
    for root in (work, tmp_path / "link"):
        assert found({variable: str(work)}, str(root) + below) is None
        assert found({variable: str(work) + "/"}, str(root) + below) is None
    assert os.listdir(work) == []
    assert found({variable: str(work)}, str(tmp_path / "work-2")) is not None


def test_a_workspace_inside_the_chosen_place_is_no_obstacle(tmp_path: Path) -> None:
    """Only the other way round is wrong; the next place is taken where one is inside."""
    env = {"XDG_CACHE_HOME": str(tmp_path / "w" / "c"), "GITHUB_WORKSPACE": str(tmp_path / "w")}
    (tmp_path / "r").mkdir()
    path = found({**env, "RUNNER_TEMP": str(tmp_path / "r")})
    assert path == str(tmp_path / "r" / f"gatepass-{os.geteuid()}")


@pytest.mark.parametrize("bits", [0o770, 0o707, 0o710, 0o701, 0o777, 0o750])
def test_a_folder_that_others_may_enter_is_none(
    tmp_path: Path, bits: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused, not mended: whoever opened it may have put something there."""
    log.configure()
    path = tmp_path / "open"
    path.mkdir()
    path.chmod(bits)
    assert found({}, str(path)) is None
    assert mode(path) == bits
    assert "0700" in capsys.readouterr().err


def test_a_link_or_a_file_is_no_folder(tmp_path: Path) -> None:
    """A link could lead to somebody else's folder, also one that leads nowhere yet."""
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    for name in ("link", "dangling", "file", "file/below"):
        assert found({}, str(tmp_path / name)) is None
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(not ROOT, reason="only root can give a folder away")
def test_somebody_elses_folder_is_not_used(tmp_path: Path) -> None:
    """Even where its mode is right and we could write to it."""
    path = tmp_path / "theirs"
    path.mkdir(mode=0o700)
    os.chown(path, 12345, 12345)
    assert found({}, str(path)) is None


@pytest.mark.skipif(not ROOT, reason="only root can give a file away")
def test_somebody_elses_file_is_not_read(place: Folder) -> None:
    """A file that another user put there is as good as absent."""
    place.write("file", b"x")
    os.chown(Path(place.path) / "file", 12345, 12345)
    assert place.read("file") is None


def test_a_home_where_nothing_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next place serves; where there is none, we go on without a store."""
    (tmp_path / "file").write_text("")
    home = str(tmp_path / "file" / "home")
    shm = f"/dev/shm/gatepass-{os.geteuid()}"
    existed = os.path.isdir(shm)
    assert found({"HOME": home}) == shm
    if not existed:
        os.rmdir(shm)
    monkeypatch.setattr(folders, "_places", lambda env: iter([(home, True)]))
    assert find({}, "") is None


def test_a_read_only_folder_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be written to is found out before it is relied on."""
    path = tmp_path / "fixed"
    path.mkdir(mode=0o700)
    monkeypatch.setattr(os, "access", lambda *a: False)
    assert found({}, str(path)) is None


def test_links_and_pipes_inside_are_not_followed(place: Folder, tmp_path: Path) -> None:
    """A link in the folder is not read through, nor written through; a pipe doesn't hold us."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"theirs")
    (Path(place.path) / "link").symlink_to(outside)
    os.mkfifo(Path(place.path) / "pipe")
    (Path(place.path) / "folder").mkdir()
    assert [place.read(name) for name in ("link", "pipe", "folder", "absent")] == [None] * 4
    place.write("link", b"ours")
    assert outside.read_bytes() == b"theirs"
    assert place.read("link") == b"ours"


def test_a_file_is_read_up_to_a_mebibyte(place: Folder) -> None:
    """Ours are far smaller; whatever grew there doesn't fill our memory."""
    (Path(place.path) / "file").write_bytes(b"x" * 2_000_000)
    assert len(place.read("file") or b"") == 1024 * 1024


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_write_that_fails_leaves_the_old_file(
    place: Folder, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    """... and nothing else; the caller learns of it."""
    place.write("file", b"old")

    def broken(*args: object) -> None:
        raise OSError(fault, os.strerror(fault))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", broken)
        with pytest.raises(OSError, match=os.strerror(fault)):
            place.write("file", b"new")
    assert place.read("file") == b"old"
    assert place.names() == ["file"]


def test_removing_and_setting_aside(place: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be moved out of the way is deleted; what is absent is no error."""
    place.write("file", b"x")
    place.set_aside("file")
    assert place.names() == ["file.corrupt"]
    assert place.remove("file.corrupt") is True
    assert place.remove("file.corrupt") is False
    place.set_aside("file")
    place.write("file", b"x")
    monkeypatch.setattr(files, "replace", lambda *a: (_ for _ in ()).throw(OSError(1, "no")))
    place.set_aside("file")
    assert place.names() == []


def test_on_windows_an_access_list_that_fails_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder goes again: the next call must not take it for a private one."""
    path = str(tmp_path / "s")
    monkeypatch.delenv("SYSTEMROOT", raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    assert folders._problem(path, {}, with_parents=False) == "its access list can't be set"
    assert not os.path.exists(path)


def test_a_folder_that_is_gone(place: Folder) -> None:
    """Nothing is there, nothing is old; only a write says so."""
    os.rmdir(place.path)
    assert (place.names(), place.age("x", 5.0), place.read("x")) == ([], 0.0, None)
    with pytest.raises(FileNotFoundError):
        place.write("x", b"")


def test_another_process_may_make_the_folder_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten processes start at once: what one made serves the others, if it is right."""
    path = tmp_path / "new"
    real = os.lstat
    first = iter([True])

    def late(name: str) -> os.stat_result:
        if str(name) == str(path) and next(first, False):
            path.mkdir(mode=0o700)
            raise FileNotFoundError
        return real(name)

    monkeypatch.setattr(os, "lstat", late)
    assert found({}, str(path)) == str(path)
