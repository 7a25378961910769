"""One file: read, changed as text, shown as a diff, written through links, with its mode."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gatepass.errors import ConfigError
from gatepass.setup import change, snapshot
from gatepass.setup.change import Change, Editor, edited
from gatepass.setup.snapshot import Snapshot, make_folders, put, remove_folders, take
from gatepass.setup.text import Text, Unclear, decode


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def adds(line: str) -> Editor:
    return Editor(lambda text: text.body + line + text.newline, f"by hand: {line}")


@pytest.mark.parametrize(
    ("data", "newline"),
    [
        (b"", "\n"),
        (b"a", "\n"),
        (b"a\nb\r\n", "\n"),
        (b"a\r\nb\n", "\r\n"),
        (b"\xef\xbb\xbfa\r\n", "\r\n"),
        (b"\xff\xfe\n", "\n"),
        (b"\n", "\n"),
    ],
)
def test_bytes_survive_being_text(data: bytes, newline: str) -> None:
    """A mark, odd bytes and both newlines come back as they were."""
    text = decode(data)
    assert text.encode(text.body) == data
    assert text.newline == newline
    assert not text.body.startswith("\ufeff")


def test_no_file_is_an_empty_text() -> None:
    """What isn't there is as good as empty."""
    assert decode(None) == Text(b"", "")


def test_a_new_file_is_private(tmp_path: Path) -> None:
    """It is born 0600; one that was there keeps its mode."""
    path = tmp_path / "pip.conf"
    (made,) = edited(str(path), adds("x"))
    assert made.before.is_absent
    put(made.path, made.after)
    assert (path.read_bytes(), mode(path)) == (b"x\n", 0o600)
    path.chmod(0o664)
    (made,) = edited(str(path), adds("y"))
    put(made.path, made.after)
    assert (path.read_bytes(), mode(path)) == (b"x\ny\n", 0o664)


def test_what_is_right_already_is_no_change(tmp_path: Path) -> None:
    """Nor is it written again."""
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbfa\r\n")
    assert edited(str(path), Editor(lambda text: text.body, "")) == []


def test_what_can_not_be_edited_says_what_to_write(tmp_path: Path) -> None:
    """The error has the reason, and the lines for doing it by hand."""

    def edit(text: Text) -> str:
        raise Unclear("it is odd")

    with pytest.raises(ConfigError) as caught:
        edited(str(tmp_path / "file"), Editor(edit, "[global]\na = 1"))
    assert caught.value.code == "setup-file"
    assert caught.value.why == "it is odd"
    assert caught.value.do.endswith("[global]\na = 1")


def test_files_that_are_none(tmp_path: Path) -> None:
    """A folder, a pipe and a giant are errors; a path through a file is nothing yet."""
    fifo, big, folder = tmp_path / "fifo", tmp_path / "big", tmp_path / "folder"
    os.mkfifo(fifo)
    folder.mkdir()
    big.write_bytes(b"x" * (snapshot.LARGEST + 1))
    for path in (fifo, big, folder):
        with pytest.raises(ConfigError) as caught:
            change.read(str(path))
        assert caught.value.code == "setup-file"
    assert take(str(big / "inside")).is_absent


def test_a_read_only_file_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could be replaced, but whoever made it read-only would lose the change."""
    path = tmp_path / "pip.conf"
    path.write_text("[global]\n")
    monkeypatch.setattr(os, "access", lambda path, how: how != os.W_OK)  # root may write anything
    with pytest.raises(ConfigError, match="read-only"):
        edited(str(path), adds("x"))


def test_links_are_followed_and_stay(tmp_path: Path) -> None:
    """A dotfiles manager's link leads to the changed file afterwards, and still is one."""
    real, link = tmp_path / "dotfiles" / "pip.conf", tmp_path / "pip.conf"
    real.parent.mkdir()
    real.write_text("a\n")
    link.symlink_to(Path("dotfiles") / "pip.conf")
    (made,) = edited(str(link), adds("b"))
    put(made.path, made.after)
    assert link.is_symlink()
    assert real.read_text() == "a\nb\n"
    assert os.listdir(tmp_path / "dotfiles") == ["pip.conf"]


def test_a_link_that_leads_nowhere_yet(tmp_path: Path) -> None:
    """Its target is made, and removed again; the link stays."""
    real, link = tmp_path / "real", tmp_path / "link"
    link.symlink_to(real)
    assert take(str(link)).is_absent
    put(str(link), Snapshot(b"x", 0o600))
    assert real.read_bytes() == b"x"
    put(str(link), Snapshot())
    assert link.is_symlink()
    assert not real.exists()


def test_a_link_itself_can_be_replaced_and_put_back(tmp_path: Path) -> None:
    """For the launcher: what the link led to is never written to."""
    real, link = tmp_path / "real", tmp_path / "keyring"
    real.write_bytes(b"theirs")
    link.symlink_to("real")
    before = take(str(link), follow=False)
    assert before == Snapshot(link="real")
    put(str(link), Snapshot(b"ours", 0o755), follow=False)
    assert (link.is_symlink(), link.read_bytes(), mode(link)) == (False, b"ours", 0o755)
    assert real.read_bytes() == b"theirs"
    put(str(link), before, follow=False)
    assert os.readlink(link) == "real"


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither half a file nor a temporary one."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        put(str(path), Snapshot(b"new", 0o600))
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_bytes() == b"old"


def test_removing_what_is_gone_is_no_error(tmp_path: Path) -> None:
    """Nor what never could be there."""
    put(str(tmp_path / "gone"), Snapshot())
    (tmp_path / "file").touch()
    put(str(tmp_path / "file" / "inside"), Snapshot())


def test_folders_are_made_private_and_removed_where_empty(tmp_path: Path) -> None:
    """Only those that were made, and only what nobody uses by then."""
    made = make_folders(str(tmp_path / "a" / "b"))
    assert made == [str(tmp_path / "a"), str(tmp_path / "a" / "b")]
    assert mode(tmp_path / "a") == 0o700
    assert make_folders(str(tmp_path / "a")) == []
    (tmp_path / "a" / "mine").touch()
    remove_folders(made)
    assert os.listdir(tmp_path / "a") == ["mine"]


def test_folders_that_can_not_be_made_leave_none(tmp_path: Path) -> None:
    """A name that is too long, three levels down: the first two go again."""
    with pytest.raises(OSError, match="too long"):
        make_folders(str(tmp_path / "a" / "b" / ("x" * 300)))
    assert os.listdir(tmp_path) == []


def test_a_diff_shows_the_change_and_no_password() -> None:
    """Old and new lines, /dev/null for a new file; passwords in addresses and keys are masked."""
    before = b"[pypi]\npassword = pypi-secret\nrepo = https://u:hunter2@h/\napi_key: x y\nz = 1\n"
    after = before.replace(b"z = 1", b"z = https://__token__@h/\xff\x1b[31m")
    text = Change("/home/u/.pypirc", Snapshot(before, 0o600), Snapshot(after, 0o600)).diff()
    assert text.startswith("--- a/home/u/.pypirc\n+++ b/home/u/.pypirc\n@@")
    assert " password = ****\n" in text
    assert " repo = https://u:****@h/\n" in text
    assert " api_key: ****\n" in text
    assert "+z = https://__token__@h/??[31m\n" in text
    assert "secret" not in text
    assert "hunter2" not in text
    new = Change("/f", Snapshot(), Snapshot(b"keyring-provider = a", 0o600)).diff()
    assert new == "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+keyring-provider = a\n"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("GITLAB_PAT=glpat-hunter2", "GITLAB_PAT=****"),
        ("GITHUB_PAT_2 = hunter2", "GITHUB_PAT_2 = ****"),
        ("MY_AUTH=hunter2", "MY_AUTH=****"),
        ("_auth: hunter2", "_auth: ****"),
        ("NPM_AUTHTOKEN=hunter2", "NPM_AUTHTOKEN=****"),
        ("docker-credentials = hunter2", "docker-credentials = ****"),
        ("index-url = https://hunter2@h/simple", "index-url = https://****@h/simple"),
        ("url = https://hunter2:@h/simple", "url = https://****@h/simple"),
        ("url = https://u:hunter2@h@h/simple", "url = https://u:****@h/simple"),
        ("url = https://aws@h/ https://hunter2@h/", "url = https://aws@h/ https://****@h/"),
        ('authenticate = "always"', 'authenticate = "always"'),
        ("PATH=/usr/bin", "PATH=/usr/bin"),
        ("author: me@h", "author: me@h"),
        ("url = https://__token__@h/a@b", "url = https://__token__@h/a@b"),
        ("url = https://aws@h:80/", "url = https://aws@h:80/"),
        ("url = https://aws2@h/", "url = https://****@h/"),
    ],
)
def test_what_a_diff_masks(line: str, shown: str) -> None:
    """Keys that are named for secrets, and a user alone that is none of the two that say that a
    token follows; not what only looks alike."""
    text = Change("/f", Snapshot(), Snapshot(line.encode(), 0o600)).diff()
    assert text.endswith(f"\n+{shown}\n")
    assert "hunter2" not in text


def test_a_diff_of_what_is_no_text() -> None:
    """A command's bytes and a link are told in a line."""
    made = Change("/k.exe", Snapshot(b"MZ\0", 0o755), Snapshot(b"MZ\0\0", 0o755))
    assert made.diff().endswith("Binary file of 4 bytes\n")
    made = Change("/k", Snapshot(link="/real/k"), Snapshot(b"x", 0o755), follow=False)
    assert "a link to /real/k" in made.diff()
