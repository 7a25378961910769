"""The files of `gatepass watch`: what is written, what is left alone, and how they are replaced."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from gatepass import netrc
from gatepass.credential import Credential
from gatepass.renewal.place import Place
from gatepass.renewal.targets import Netrc, PipConf, Ready, Target, Token, host_of
from gatepass.secret import Secret
from watching import START, registry

TOKEN = "eyJ.a+b/c=.d"
INDEX = "https://ppm.example.com/internal/latest/simple/"


def credential(secret: str = TOKEN) -> Credential:
    return Credential("__token__", Secret(secret), START, START + 60)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o440])
def test_the_mode_is_the_asked_one_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    """Another container's user reads the file where that was asked for, from its first moment."""
    before = os.umask(0o077)
    try:
        Place(str(tmp_path / "f"), mode).write(b"x")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "f") == mode


def test_a_reader_sees_all_or_nothing(tmp_path: Path) -> None:
    """While the file is replaced hundreds of times nobody reads half of it, in whatever mode."""
    path, over = tmp_path / "f", threading.Event()
    place = Place(str(path), 0o640)
    place.write(b"a" * 200_000)
    seen: set[tuple[int, int]] = set()

    def read() -> None:
        while not over.is_set():
            with path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                data = file.read()
            seen.add((len(data), mode) if len(set(data)) == 1 else (-1, mode))

    reader = threading.Thread(target=read)
    reader.start()
    for letter in b"ab" * 150:
        place.write(bytes([letter]) * 200_000)
    over.set()
    reader.join()
    assert seen == {(200_000, 0o640)}
    assert os.listdir(tmp_path) == ["f"]


def test_what_is_being_written_has_a_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary name is hidden from `ls *`, and what a killed process left is deleted; what
    belongs to a file whose name only begins so is another watch's."""
    place = Place(str(tmp_path / "f"), 0o600)
    (tmp_path / ".gatepass-f-abc_4567").write_text("half a secret")
    others = {".gatepass-other-abc_4567", ".gatepass-f-g-abc_4567", ".gatepass-f-notes"}
    for name in others:
        (tmp_path / name).write_text("another's")
    place.tidy()
    assert set(os.listdir(tmp_path)) == others
    before = set(others)
    place.write(b"x")
    monkeypatch.setattr(os, "replace", lambda source, target: None)  # killed before the rename
    place.write(b"x")
    assert set(os.listdir(tmp_path)) > before | {"f"}
    place.tidy()
    assert set(os.listdir(tmp_path)) == before | {"f"}


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rename is refused: the old content stays, and nothing half-written does."""
    place = Place(str(tmp_path / "f"), 0o600)
    place.write(b"old")

    def refuse(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space"):
        place.write(b"new")
    assert os.listdir(tmp_path) == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_places_that_can_not_be_kept(tmp_path: Path) -> None:
    """A link, a folder, and a folder that isn't there are said at the start; a file is no
    problem, nor is its absence."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "folder").mkdir()

    def problem(name: str) -> str:
        return Place(str(tmp_path / name), 0o600).problem()

    assert problem("link") == problem("folder") == "it is a link, a folder or a device"
    assert problem("none/f") == "nothing can be written in its folder: No such file or directory"
    assert problem("file/f") == "it can't be looked at: Not a directory"
    assert problem("file") == problem("new") == ""
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "link"]


def test_a_full_disk_is_no_problem_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It passes; a folder that takes no file at all doesn't."""
    reason = 28

    def fail(*args: object, **options: object) -> None:
        raise OSError(reason, "a reason")

    monkeypatch.setattr("tempfile.mkstemp", fail)
    place = Place(str(tmp_path / "f"), 0o600)
    assert place.problem() == ""
    reason = 30
    assert place.problem() == "nothing can be written in its folder: a reason"


def kinds(path: Path) -> dict[str, Target]:
    place, one = Place(str(path), 0o600), registry()
    return {
        "token": Token(place, [one]),
        "pip": PipConf(place, one, INDEX),
        "netrc": Netrc(place, [one]),
        "ready": Ready(place, [one]),
    }


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("token", "eyJ.a+b/c=.d"),
        ("netrc", "machine ppm.example.com login __token__ password eyJ.a+b/c=.d\n"),
        (
            "pip",
            "# Written by `gatepass watch`, again and again: it holds a secret. Changes are lost.\n"
            "[global]\nindex-url = https://__token__:eyJ.a%2Bb%2Fc%3D.d@ppm.example.com"
            "/internal/latest/simple/\n",
        ),
        ("ready", ""),
    ],
)
def test_what_is_written(tmp_path: Path, kind: str, text: str) -> None:
    """Each kind's whole text; it is taken for ours again by the next run, and goes at the end."""
    path = tmp_path / "f"
    target = kinds(path)[kind]
    assert target.is_current({})
    target.put({"prod": credential()})
    assert path.read_text() == text
    assert kinds(path)[kind].problem() == ""
    assert target.is_current({"prod": credential()})
    assert not target.is_current({"prod": credential("other")})
    path.unlink()
    assert not target.is_current({"prod": credential()})
    target.put({"prod": credential()})
    target.put({})
    assert os.listdir(tmp_path) == []
    target.put({})


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        ("token", "alias ll='ls -l'\n", "it holds something else than a token"),
        ("pip", "[global]\nindex-url = https://pypi.org/simple\n", "it is another's, and ours is"),
        ("ready", "up since noon", "it is not empty"),
    ],
)
def test_other_peoples_text_is_left_alone(
    tmp_path: Path, kind: str, text: str, problem: str
) -> None:
    """What is replaced as a whole must have been ours, or look like it."""
    (tmp_path / "f").write_text(text)
    assert kinds(tmp_path / "f")[kind].problem().startswith(problem)


def test_a_netrc_keeps_what_others_wrote(tmp_path: Path) -> None:
    """Other machines, comments and macros stay byte for byte, now and at the end."""
    path = tmp_path / "netrc"
    others = "# mine \xe9\nmachine github.com login me password p\n\nmacdef init\ncd /pub\n\n"
    path.write_bytes(others.encode("latin-1"))
    target = kinds(path)["netrc"]
    assert target.problem() == ""
    for secret in ("one", "two"):
        target.put({"prod": credential(secret)})
        text = path.read_bytes()
        assert text.endswith(others.encode("latin-1"))
        assert text.count(b"ppm.example.com") == 1
        assert secret.encode() in text
    target.put({})
    assert path.read_bytes() == others.encode("latin-1")


def test_a_netrc_has_only_the_registries_that_have_something(tmp_path: Path) -> None:
    """Of two registries one may have ended: its entry is gone, the other's stays."""
    path = tmp_path / "netrc"
    both = [registry(), registry("lab", "http://[::1]:8080")]
    assert [host_of(one) for one in both] == ["ppm.example.com", "::1"]
    target = Netrc(Place(str(path), 0o600), both)
    target.put({"prod": credential(), "lab": credential("l")})
    assert netrc.machines(path.read_text()) == ["ppm.example.com", "::1"]
    target.put({"lab": credential("l")})
    assert netrc.machines(path.read_text()) == ["::1"]


def test_a_netrc_that_can_not_be_read_is_a_problem(tmp_path: Path) -> None:
    """It may hold anything: two mebibytes of it are not replaced."""
    path = tmp_path / "netrc"
    path.write_bytes(b"#" * 2_000_000)
    assert kinds(path)["netrc"].problem().startswith("it can't be read: ")


def test_a_link_that_appears_later_is_never_read(tmp_path: Path) -> None:
    """Whoever may write in the folder could have a file of ours copied into one for everybody: it
    stays as it is, and so does the link."""
    path, secret = tmp_path / "netrc", tmp_path / "for-root"
    secret.write_text("machine github.com login root password hunter2\n")
    target = Netrc(Place(str(path), 0o644), [registry()])
    target.put({"prod": credential()})
    path.unlink()
    path.symlink_to(secret)
    for held in ({"prod": credential("new")}, {}):
        with pytest.raises(OSError, match="it is a link"):
            target.put(held)
    assert os.readlink(path) == str(secret)
    assert secret.read_text() == "machine github.com login root password hunter2\n"
    with pytest.raises(OSError, match="it is a link"):
        target.place.read(99)


def test_what_can_not_be_looked_at_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is there and can't be read is taken for somebody else's."""

    def refuse(path: str, limit: int, *, follow: bool) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gatepass.files.read", refuse)
    for kind in ("token", "pip", "ready"):
        assert kinds(tmp_path / "f")[kind].problem()
