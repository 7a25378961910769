"""All changes or none; and back again, byte for byte, but for what somebody edited since."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.errors import ConfigError
from gatepass.setup import apply as module
from gatepass.setup.apply import apply, undo
from gatepass.setup.change import Change, Editor, edited
from gatepass.setup.journal import NAME, Journal
from gatepass.setup.snapshot import Snapshot, take


def tree(folder: Path) -> dict[str, object]:
    """Every path below a folder, with what makes it what it is."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        held: object = None
        if path.is_symlink():
            held = os.readlink(path)
        elif path.is_file():
            held = path.read_bytes()
        found[str(path.relative_to(folder))] = (stat.S_IFMT(status.st_mode), held) + (
            () if path.is_symlink() else (stat.S_IMODE(status.st_mode),)
        )
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a file of its own, a link, and room for more."""
    folder = tmp_path / "home"
    (folder / "dotfiles").mkdir(parents=True)
    (folder / "dotfiles" / "pip.conf").write_bytes(b"\xef\xbb\xbf[a]\r\nx=1")
    (folder / "pip.conf").symlink_to("dotfiles/pip.conf")
    (folder / "plain").write_bytes(b"1\n")
    (folder / "plain").chmod(0o640)
    return folder


def journal(home: Path) -> Journal:
    return Journal(str(home / ".local" / "state" / "gatepass"))


def sets(home: Path, name: str, data: bytes, *, follow: bool = True) -> Change:
    """A change of one file to other bytes."""
    path = str(home / name)
    before = take(path, follow=follow)
    return Change(path, before, Snapshot(data, before.mode or 0o600), follow)


def test_back_to_where_it_was(home: Path) -> None:
    """Changed, new and linked files, folders that were made, the journal itself: all undone."""
    before = tree(home)
    changes = [
        sets(home, "pip.conf", b"new"),
        sets(home, "plain", b"2\n"),
        sets(home, "a/b/new", b"n"),
        sets(home, "a/new", b"m"),
    ]
    apply(changes, journal(home))
    assert (home / "pip.conf").is_symlink()
    assert (home / "dotfiles" / "pip.conf").read_bytes() == b"new"
    assert (home / "a" / "b" / "new").read_bytes() == b"n"
    folder = home / ".local" / "state" / "gatepass"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
    done = undo(journal(home))
    assert done.left == []
    assert set(done.restored) == {change.path for change in changes}
    assert tree(home) == before
    assert undo(journal(home)) == ([], [])


def test_a_replaced_link_comes_back(home: Path) -> None:
    """The launcher takes a link's place; undo makes the link again."""
    before = tree(home)
    apply([sets(home, "pip.conf", b"launcher", follow=False)], journal(home))
    assert not (home / "pip.conf").is_symlink()
    undo(journal(home))
    assert tree(home) == before


def test_what_was_edited_since_is_left_alone_unless_forced(home: Path) -> None:
    """It is said, stays in the journal, and --force puts it back; the others are put back."""
    before = tree(home)
    apply([sets(home, "plain", b"2\n"), sets(home, "new", b"n")], journal(home))
    (home / "plain").write_bytes(b"2\nmine\n")
    done = undo(journal(home))
    assert done.left == [(str(home / "plain"), "it was edited since")]
    assert done.restored == [str(home / "new")]
    assert (home / "plain").read_bytes() == b"2\nmine\n"
    assert [step.path for step in journal(home).steps] == [str(home / "plain")]
    (home / "plain").unlink()
    assert undo(journal(home)).left == [(str(home / "plain"), "it was removed since")]
    assert undo(journal(home), force=True).left == []
    assert tree(home) == before


def test_an_edit_between_two_setups_is_not_lost(home: Path) -> None:
    """The second is taken back, the user's own line and the first under it stay, and it is said."""
    apply([sets(home, "plain", b"2\n")], journal(home))
    (home / "plain").write_bytes(b"2\nmine\n")
    apply([sets(home, "plain", b"2\nmine\n3\n")], journal(home))
    done = undo(journal(home))
    assert (home / "plain").read_bytes() == b"2\nmine\n"
    assert done == ([], [(str(home / "plain"), "it was edited since")])
    undo(journal(home), force=True)
    assert (home / "plain").read_bytes() == b"1\n"


def test_two_setups_are_undone_together(home: Path) -> None:
    """One after the other, the last first, also where both made folders."""
    before = tree(home)
    apply([sets(home, "plain", b"2\n"), sets(home, "x/y", b"1")], journal(home))
    apply([sets(home, "plain", b"3\n"), sets(home, "x/z/y", b"1")], journal(home))
    assert undo(journal(home)).left == []
    assert tree(home) == before


def test_what_is_as_it_was_already_needs_no_undo(home: Path) -> None:
    """The user undid it by hand, or the power failed before it was done."""
    apply([sets(home, "plain", b"2\n"), sets(home, "new", b"n")], journal(home))
    (home / "plain").write_bytes(b"1\n")
    (home / "new").unlink()
    assert undo(journal(home)).left == []
    assert (home / "plain").read_bytes() == b"1\n"


@pytest.mark.parametrize("kind", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_failure_half_way_undoes_the_rest(
    home: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: BaseException
) -> None:
    """Whichever write fails, and where somebody presses Ctrl-C: the tree is what it was."""
    before, real, calls = tree(home), module.put, []

    def put(path: str, wanted: Snapshot, *, follow: bool = True) -> None:
        calls.append(path)
        if len(calls) == number + 1:
            raise kind
        real(path, wanted, follow=follow)

    monkeypatch.setattr(module, "put", put)
    changes = [sets(home, "plain", b"2\n"), sets(home, "a/new", b"n"), sets(home, "pip.conf", b"p")]
    with pytest.raises(ConfigError if isinstance(kind, OSError) else KeyboardInterrupt) as caught:
        apply(changes, journal(home))
    assert tree(home) == before
    if isinstance(caught.value, ConfigError):
        assert caught.value.code == "setup-failed"
        assert caught.value.what.startswith(changes[number].path)
        assert "put back" in caught.value.why


def test_a_failure_keeps_what_an_earlier_setup_remembered(home: Path) -> None:
    """Its steps are still in the journal, and those of the failed one aren't."""
    before = tree(home)
    apply([sets(home, "plain", b"2\n")], journal(home))
    held = tree(home)
    stale = sets(home, "pip.conf", b"p")._replace(before=Snapshot(b"other", 0o600))
    with pytest.raises(ConfigError, match="somebody has changed it"):
        apply([sets(home, "plain", b"3\n"), stale], journal(home))
    assert tree(home) == held
    undo(journal(home))
    assert tree(home) == before


def test_two_at_once_do_not_lose_what_one_remembered(home: Path) -> None:
    """The second one stops, puts its own back, and leaves the first one's journal alone."""
    before = tree(home)
    changes = [sets(home, "pip.conf", b"p")]
    second = journal(home)
    apply([sets(home, "plain", b"2\n")], journal(home))
    held = tree(home)
    with pytest.raises(ConfigError, match="another `gatepass setup` is at work"):
        apply(changes, second)
    assert tree(home) == held
    assert undo(journal(home)).left == []
    assert tree(home) == before


def test_what_can_not_be_put_back_stays_in_the_journal(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says so, and that --undo is the way on."""
    real = module.put

    def put(path: str, wanted: Snapshot, *, follow: bool = True) -> None:
        if wanted.data != b"2\n":
            raise OSError(30, "Read-only file system")
        real(path, wanted, follow=follow)

    changes = [sets(home, "plain", b"2\n"), sets(home, "new", b"n")]
    with monkeypatch.context() as patch:
        patch.setattr(module, "put", put)
        with pytest.raises(ConfigError) as caught:
            apply(changes, journal(home))
        assert caught.value.do == "gatepass setup --undo"
        assert undo(journal(home)).left == [(str(home / "plain"), "Read-only file system")]
    undo(journal(home))
    assert (home / "plain").read_bytes() == b"1\n"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 2, "folders": [], "steps": []}', '{"version": 1, "folders": []}',
     '{"version": 1, "folders": [], "steps": [{"path": "/a", "follow": true, "after": "x", '
     '"before": {"copy": "gone.before", "mode": 0, "link": null}}]}'],
)  # fmt: skip
def test_a_journal_that_can_not_be_read_is_never_written_over(home: Path, text: str) -> None:
    """It holds the only copies: it is left alone, and nothing is changed."""
    folder = home / "state"
    folder.mkdir(mode=0o700)
    (folder / NAME).write_text(text)
    with pytest.raises(ConfigError) as caught:
        Journal(str(folder))
    assert caught.value.code == "setup-journal"
    assert (folder / NAME).read_text() == text


def test_a_link_for_a_journal_is_not_followed(home: Path) -> None:
    """Nor is a link in its folder's place, and a folder that others may read is closed."""
    folder = home / "state"
    folder.mkdir(mode=0o755)
    (folder / NAME).symlink_to(home / "plain")
    with pytest.raises(ConfigError, match="journal"):
        Journal(str(folder))
    (folder / NAME).unlink()
    Journal(str(folder)).save()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (home / "link").symlink_to(folder)
    with pytest.raises(OSError, match="is a link"):
        Journal(str(home / "link")).save()


def test_the_journal_has_what_undo_needs_and_is_readable(home: Path) -> None:
    """JSON, and the old files beside it: a person can take them out by hand. A copy that somebody
    changed is not put back."""
    apply([sets(home, "plain", b"2\n"), sets(home, "pip.conf", b"p")], journal(home))
    folder = home / ".local" / "state" / "gatepass"
    step = json.loads((folder / NAME).read_bytes())["steps"][0]
    copy = folder / step["before"]["copy"]
    assert copy.read_bytes() == b"1\n"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert (step["path"], step["before"]["mode"]) == (str(home / "plain"), 0o640)
    (home / "pip.conf").write_bytes(b"mine")
    undo(journal(home))
    assert not copy.exists()
    (left,) = folder.glob("*.before")
    left.write_bytes(b"other")
    with pytest.raises(ConfigError, match="journal"):
        journal(home)


@given(
    st.binary(max_size=60)
    | st.sampled_from([b"\xef\xbb\xbf", b"a\r", b"a\r\n\r\nb", b"\xff\xfea\0"]),
    st.lists(st.sampled_from(["x", "é", "z = 1"]), min_size=1, max_size=3),
)
def test_undo_is_exact_for_whatever_was_in_a_file(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, lines: list[str]
) -> None:
    """Marks, lone carriage returns, other encodings, no newline at the end, several setups."""
    folder = tmp_path_factory.mktemp("any")
    (folder / "file").write_bytes(data)
    before = tree(folder)
    for line in lines:
        editor = Editor(lambda text, line=line: text.body + line, "")  # type: ignore[misc]
        apply(edited(str(folder / "file"), editor), journal(folder))
    assert (folder / "file").read_bytes() == data + "".join(lines).encode()
    assert undo(journal(folder)).left == []
    assert tree(folder) == before
