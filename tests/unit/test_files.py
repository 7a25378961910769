"""Files that somebody else named: opened without waiting, whose they are, and how one replaces
another."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from gatepass import files
from gatepass.renewal.place import Place
from gatepass.setup import snapshot
from gatepass.store.folder import Folder
from support import ROOT


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A file, a link to it, a folder, a link to that, and a pipe."""
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "folder").mkdir()
    (tmp_path / "way").symlink_to("folder")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def test_a_file_is_read_to_a_limit(here: Path) -> None:
    """By a link too, where that isn't forbidden."""
    assert files.read(f"{here}/file", 4) == b"cont"
    assert files.read(f"{here}/link", 99) == b"content"
    assert files.read(f"{here}/file", 99, follow=False) == b"content"


@pytest.mark.parametrize(
    ("name", "follow", "reason"),
    [
        ("link", False, "it is a link"),
        ("way", False, "it is a link"),
        ("folder", True, "it is a folder"),
        ("way", True, "it is a folder"),
        ("pipe", True, "it is not a file"),
        ("pipe", False, "it is not a file"),
        ("none", True, "No such file"),
    ],
)
def test_what_is_no_file_is_not_opened(here: Path, name: str, follow: bool, reason: str) -> None:
    """At once, with the reason and the path; nothing stays open behind it."""
    before = set(os.listdir("/proc/self/fd")) if sys.platform == "linux" else set()
    with pytest.raises(OSError, match=reason) as caught:
        files.opened(f"{here}/{name}", follow=follow)
    assert caught.value.strerror
    assert caught.value.filename == f"{here}/{name}"
    if sys.platform == "linux":
        assert set(os.listdir("/proc/self/fd")) == before


def test_a_link_that_comes_after_the_look_is_not_followed(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system refuses it, whatever was there a moment ago."""
    monkeypatch.setattr(os.path, "islink", lambda path: False)
    with pytest.raises(OSError, match="symbolic link"):
        files.opened(f"{here}/link", follow=False)


def test_a_file_that_is_changed_where_it_is(here: Path) -> None:
    """Only what was asked for: it is the same file then, and nothing is cut off before."""
    with files.opened(f"{here}/file", write=True) as file:
        file.write(b"CON")
    assert (here / "link").read_bytes() == b"CONtent"
    with files.opened(f"{here}/file") as file, pytest.raises(OSError, match="write"):
        file.write(b"x")


def test_on_windows_a_reader_is_waited_for(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the file open blocks the rename: it is tried again, and fails in the end."""
    real, tries, holds = os.replace, [], 3

    def busy(source: str, target: str) -> None:
        tries.append(source)
        if len(tries) <= holds:
            raise PermissionError(13, "Access is denied")
        real(source, target)

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(sys, "platform", "win32")
    files.replace(f"{here}/file", f"{here}/new")
    assert len(tries) == 4
    assert (here / "new").read_bytes() == b"content"
    holds = 99
    with pytest.raises(PermissionError):
        files.replace(f"{here}/new", f"{here}/newer")


def test_elsewhere_a_rename_is_tried_once(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused there stays refused."""
    tries = []

    def refuse(source: str, target: str) -> None:
        tries.append(source)
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError):
        files.replace(f"{here}/file", f"{here}/new")
    assert len(tries) == 1


def test_everything_is_replaced_in_this_way(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No part calls the system's own, which fails on Windows where somebody reads."""
    done: list[str] = []
    monkeypatch.setattr(files, "replace", lambda source, target: done.append(target))
    Place(f"{here}/a", 0o600).write(b"x")
    Folder(str(here)).write("b", b"x")
    snapshot.put(f"{here}/c", snapshot.Snapshot(b"x", 0o600))
    assert done == [f"{here}/{name}" for name in "abc"]
    sources = (ROOT / "src" / "gatepass").rglob("*.py")
    direct = {path.name for path in sources if "os.replace(" in path.read_text(encoding="utf-8")}
    assert direct <= {"files.py", "environment.py", "projected.py"}  # the last two: the sandbox


def test_whose_a_file_is(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's that we run as; on Windows owners say nothing."""
    status = os.stat(here / "file")
    assert files.is_ours(status)
    monkeypatch.setattr(os, "geteuid", lambda: status.st_uid + 1)
    assert not files.is_ours(status)
    monkeypatch.setattr(sys, "platform", "win32")
    assert files.is_ours(status)
