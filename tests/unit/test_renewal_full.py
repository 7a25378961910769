"""A netrc with others' entries on a full disk: what has ended goes out of it, where it lies."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

import pytest

from gatepass.credential import Credential
from gatepass.renewal.place import Place
from gatepass.renewal.targets import Netrc
from gatepass.secret import Secret
from watching import HOUR, START, World, registry

OTHERS = "machine github.com login me password p\n"
LAB = registry("lab", "https://lab.example.com")


class Disk:
    """Room for new files, or none."""

    def __init__(self) -> None:
        self.reason = 0
        self._real = tempfile.mkstemp

    def make(self, prefix: str, dir: str) -> tuple[int, str]:
        if self.reason:
            raise OSError(self.reason, os.strerror(self.reason))
        return self._real(prefix=prefix, dir=dir)

    def fill(self) -> None:
        self.reason = errno.ENOSPC

    def empty(self) -> None:
        self.reason = 0


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    monkeypatch.setattr(tempfile, "mkstemp", made.make)
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "netrc"
    found.write_text(OTHERS)
    return found


def netrc(path: Path) -> Netrc:
    return Netrc(Place(str(path), 0o600), [registry(), LAB])


def credential(secret: str) -> Credential:
    return Credential("__token__", Secret(secret), START, START + 60)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.partition("gatepass: ")[2] for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EDQUOT])
def test_taking_out_needs_no_room(path: Path, disk: Disk, reason: int) -> None:
    """One of two goes, then the other; the rest of the file is as it was, and it is the same one.
    What is new has to wait for room."""
    target, both = netrc(path), {"prod": credential("one"), "lab": credential("two")}
    target.put(both)
    before = os.stat(path)
    disk.reason = reason
    target.put({"lab": both["lab"]})
    entry = "machine lab.example.com login __token__ password two\n"
    assert path.read_text() == entry + OTHERS
    with pytest.raises(OSError, match=os.strerror(reason)):
        target.put({"lab": credential("new")})
    with pytest.raises(OSError, match=os.strerror(reason)):
        target.put(both)
    assert path.read_text() == entry + OTHERS
    target.put({})
    assert path.read_text() == OTHERS
    after = os.stat(path)
    assert (after.st_ino, stat.S_IMODE(after.st_mode)) == (before.st_ino, 0o600)


def test_other_failures_change_nothing(path: Path, disk: Disk) -> None:
    """A folder that became read-only is not worked around."""
    target = netrc(path)
    target.put({"prod": credential("one")})
    text = path.read_text()
    disk.reason = errno.EROFS
    with pytest.raises(OSError, match="Read-only"):
        target.put({})
    assert path.read_text() == text


def test_what_can_not_be_shortened(path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason that is told is the disk's; a text that is longer than the file never fits."""
    target = netrc(path)
    target.put({"prod": credential("one")})
    with pytest.raises(OSError, match="No space"):
        target.place.shorten(b"x" * 1000)
    disk.fill()
    monkeypatch.setattr(Place, "shorten", lambda self, data: os.stat("/none"))
    with pytest.raises(OSError, match="No space"):
        target.put({})


def test_a_link_is_not_shortened(tmp_path: Path, path: Path) -> None:
    """What lies behind it is somebody else's."""
    (tmp_path / "link").symlink_to("netrc")
    with pytest.raises(OSError, match="it is a link"):
        Place(str(tmp_path / "link"), 0o600).shorten(b"")
    assert path.read_text() == OTHERS


def test_what_has_ended_goes_on_a_full_disk(
    path: Path, disk: Disk, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next credential can't be written; the old one's entry is gone at its end, and the new one
    is there when there is room. At the end ours goes, however full the disk is."""
    world, seen = World(lambda now, one: HOUR), {}
    world.events.append((START + 100, disk.fill))
    world.events.append((START + 2 * HOUR, disk.empty))
    world.events.append((START + 2 * HOUR + 60, disk.fill))
    for at in (3000, 3601):
        state = lambda at=at: seen.update({at: path.read_text()})  # noqa: E731
        world.events.append((START + at, state))
    watch = world.watch(Netrc(Place(str(path), 0o600), [registry()]))
    world.run(watch, 2 * HOUR + 90)
    assert seen[3000].endswith("password prod-1\n" + OTHERS)
    assert seen[3601] == OTHERS
    assert path.read_text().endswith(OTHERS)
    assert "password prod-" in path.read_text()
    assert watch.remove() == []
    assert path.read_text() == OTHERS
    said = lines(capsys)
    assert any("stays as it is, it can't be written: No space" in line for line in said)
    assert not any("has ended" in line and "still" in line for line in said)


def test_taking_out_is_not_writing_again(
    path: Path, disk: Disk, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the end of a run on a full disk ours goes; nobody is told that there was room."""
    world = World(lambda now, one: HOUR)
    world.events.append((START + 100, disk.fill))
    watch = world.watch(Netrc(Place(str(path), 0o600), [registry()]))
    world.run(watch, 3000)
    assert watch.remove() == []
    assert path.read_text() == OTHERS
    said = lines(capsys)
    assert any("it can't be written: No space" in line for line in said)
    assert not any("written again" in line for line in said)


def test_what_stays_is_named(
    path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing helps, a line of its own says that an ended credential is still there, and the
    end knows which files are not as they should be."""
    monkeypatch.setattr(Place, "shorten", lambda self, data: os.stat("/none"))
    world = World(lambda now, one: HOUR)
    world.events.append((START + 100, disk.fill))
    watch = world.watch(Netrc(Place(str(path), 0o600), [registry()]))
    world.run(watch, HOUR + 30)
    told = f"warning: {path} still has what has ended, it can't be written: No space left on device"
    assert lines(capsys).count(told) == 1
    assert watch.remove() == [str(path)]
    assert "password prod-1" in path.read_text()
