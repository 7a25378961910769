"""What a killed set-up left goes with the next one, and nothing else; two at once are not."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from gatepass.cli import main
from gatepass.setup import apply as module
from gatepass.setup import journal as journal_module
from gatepass.setup import litter
from gatepass.setup.apply import apply, undo
from gatepass.setup.change import Change
from gatepass.setup.journal import NAME, Journal
from gatepass.setup.snapshot import Snapshot, take

COPY = "a" * 64 + ".before"
HALF = ".gatepass-setup-abcd_123"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="owners and locks of POSIX")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("1\n")
    return tmp_path


def journal(home: Path) -> Journal:
    return Journal(str(home / "state"))


def change(home: Path, text: str) -> Change:
    before = take(str(home / "file"))
    return Change(str(home / "file"), before, Snapshot(text.encode(), 0o600))


def state(home: Path, *names: str) -> None:
    """Files in the state folder, as if somebody had just died there."""
    (home / "state").mkdir(mode=0o700, exist_ok=True)
    for name in names:
        (home / "state" / name).write_text("hunter2")


def test_names_that_are_not_ours_stay(home: Path) -> None:
    """Beside the files, and in the state folder; ours go."""
    theirs = [".gatepass-token-abcd", ".gatepass-setup-", f"{HALF}.txt", f"x{HALF}", "x.before"]
    for name in [*theirs, HALF]:
        (home / name).write_text("hunter2")
    (home / litter.MARK).with_name(".gatepass-setup-folder__").mkdir()
    state(home, COPY, f".new-{NAME}-abcd_123", f".new-{COPY}-abcd_123", "keyring", "mine.before")
    apply([change(home, "2\n")], journal(home))
    there = {*theirs, "file", "state", ".gatepass-setup-folder__"}
    assert {path.name for path in home.iterdir()} == there
    names = {path.name for path in (home / "state").iterdir()}
    assert {NAME, "keyring", "mine.before"} < names
    assert len(names) == 4  # and the copy that the journal needs


def test_somebody_elses_stay(home: Path) -> None:
    """Whatever they are called."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    (home / HALF).write_text("")
    os.chown(home / HALF, 12345, 12345)
    apply([change(home, "2\n")], journal(home))
    assert (home / HALF).exists()


@pytest.mark.parametrize("what", ["undo", "setup"])
def test_a_link_half_written_goes_and_its_target_stays(home: Path, what: str) -> None:
    """Also where there is nothing to change, or to undo but that."""
    apply([change(home, "2\n")], journal(home))
    (home / HALF).symlink_to("file")
    if what == "setup":
        apply([], journal(home))
        assert (home / "file").read_text() == "2\n"
    else:
        undo(journal(home))
        assert (home / "file").read_text() == "1\n"
    assert not (home / HALF).is_symlink()


def test_an_undo_with_nothing_to_undo_removes_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a set-up that died before its journal was there, or of an undo after it was gone."""
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".local" / "state" / "gatepass" / "setup"
    folder.mkdir(parents=True)
    (folder / COPY).write_text("hunter2")
    assert main(["setup", "--undo"]) == 0
    assert "nothing to undo" in capsys.readouterr().err
    assert not folder.exists()


def test_without_locks_only_what_is_old_goes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a network's file system another process may be writing it right now."""
    import fcntl

    def flock(fd: int, how: int) -> None:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", flock)
    (home / HALF).write_text("new")
    apply([change(home, "2\n")], journal(home))
    assert (home / HALF).exists()
    os.utime(home / HALF, (time.time() - 4000, time.time() - 4000))
    undo(journal(home))
    assert not (home / HALF).exists()
    assert (home / "file").read_text() == "1\n"


def test_two_at_once(home: Path) -> None:
    """The second one changes nothing, prunes nothing, and says why."""
    apply([change(home, "2\n")], journal(home))
    (home / HALF).write_text("being written")
    with litter.alone(str(home / "state")) as is_certain:
        assert is_certain
        with pytest.raises(module.ConfigError, match="another `gatepass setup` is at work"):
            apply([change(home, "3\n")], journal(home))
        with pytest.raises(BlockingIOError):
            undo(journal(home))
        apply([], journal(home))
        assert (home / HALF).exists()
        assert (home / "file").read_text() == "2\n"
    assert undo(journal(home)).left == []


def test_an_undo_that_finds_another_at_work_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error of ours, and not a fault of ours."""
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".local" / "state" / "gatepass" / "setup"
    apply([Change(str(tmp_path / "x"), Snapshot(), Snapshot(b"1", 0o600))], Journal(str(folder)))
    with litter.alone(str(folder)):
        assert main(["setup", "--undo"]) == 1
    seen = capsys.readouterr().err
    assert seen.startswith("error[setup-failed]")
    assert "another `gatepass setup` is at work" in seen


def test_a_full_disk_does_not_keep_files_from_coming_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No step can be told to the journal: they are undone all the same, and nothing is left."""
    apply([change(home, "2\n")], journal(home))
    apply([change(home, "3\n")], journal(home))

    def write(self: object, name: str, data: bytes, *, durable: bool = False) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal_module.Folder, "write", write)
    assert undo(journal(home)).left == []
    assert [path.name for path in home.iterdir()] == ["file"]
    assert (home / "file").read_text() == "1\n"


def test_an_undo_stops_where_another_one_wrote_the_journal(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What that remembered must not be lost."""
    apply([change(home, "2\n")], journal(home))
    real = module._undo_one

    def between(step: object, force: bool) -> str:
        path = home / "state" / NAME
        path.write_bytes(path.read_bytes() + b"\n")
        return real(step, force)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_undo_one", between)
    with pytest.raises(BlockingIOError):
        undo(journal(home))
    assert (home / "state" / NAME).exists()
