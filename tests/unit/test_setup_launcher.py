"""Where the launcher goes, what it passes on to, and what happens to whatever lay there."""

from __future__ import annotations

import ensurepip
import importlib.util
import io
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from gatepass.errors import ConfigError
from gatepass.setup import command, windows
from gatepass.setup.apply import apply, undo
from gatepass.setup.journal import Journal
from gatepass.setup.launcher import Launcher, launcher
from support import run


class Home:
    """A home with a place for the launcher, and folders of PATH to put other commands in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin, self.state = folder / ".local" / "bin", folder / "state"
        self.bin.mkdir(parents=True)
        self.path = self.bin / "keyring"
        self.env = {"PATH": f"{self.bin}:/usr/bin:relative:"}

    def command(self, folder: str, text: str = "#!/bin/sh\necho real\n") -> Path:
        """Another `keyring`, in a folder that comes next on PATH."""
        path = self.folder / folder / "keyring"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        if str(path.parent) not in self.env["PATH"]:
            self.env["PATH"] += f":{path.parent}"
        return path

    def plan(self, **options: str) -> Launcher:
        return launcher(str(self.bin), str(self.state), self.env, **options)

    def setup(self) -> Launcher:
        made = self.plan()
        apply(made.changes, Journal(str(self.state)))
        return made


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_it_passes_on_to_the_first_command_on_the_path(home: Home) -> None:
    """By absolute path; it is executable, and a second run has nothing to do."""
    first, second = home.command("one"), home.command("two")
    made = home.setup()
    assert made.real == made.now == command.behind(str(home.path)) == str(first)
    assert command.is_ours(str(home.path))
    assert home.path.stat().st_mode & 0o777 == 0o755
    assert home.plan().changes == []
    first.unlink()
    assert home.setup().real == str(second)
    second.unlink()
    assert home.setup().real == ""


def test_it_keeps_the_command_it_has_while_that_is_there(home: Home) -> None:
    """One that is installed in front of it later doesn't take its place unasked."""
    home.command("two")
    home.setup()
    home.env["PATH"] = f"{home.command('one').parent}:{home.env['PATH']}"
    assert home.plan().changes == []


def test_one_that_comes_later_is_found_where_there_was_none(home: Home) -> None:
    """Setup again, and the launcher has something behind it."""
    assert home.setup().real == ""
    later = home.command("one")
    assert home.setup().real == str(later)


@pytest.mark.parametrize("lost", ["executable", "mine"])
def test_a_launcher_that_was_changed_is_written_anew(home: Home, lost: str) -> None:
    """Its mode, or its text as an earlier version wrote it."""
    real = home.command("one")
    home.setup()
    whole = home.path.read_bytes()
    if lost == "executable":
        home.path.chmod(0o644)
    else:
        home.path.write_bytes(whole.replace(b"import sys", b"import os, sys"))
    assert home.setup().real == str(real)
    assert home.path.read_bytes() == whole
    assert os.access(home.path, os.X_OK)


def test_a_command_in_its_place_stays_in_use(home: Home) -> None:
    """A file is kept as a copy that the launcher passes on to; undo puts it back, with its mode."""
    home.command("one")
    theirs = home.command(".local/bin", "#!/bin/sh\necho theirs $0\n")
    theirs.chmod(0o700)
    made = home.setup()
    assert made.now == str(theirs)
    assert made.real == str(home.state / "keyring")
    assert run([made.path, "diagnose"], home.env).stdout == f"theirs {made.real}\n"
    assert home.plan().changes == []
    assert undo(Journal(str(home.state))).left == []
    assert theirs.read_text() == "#!/bin/sh\necho theirs $0\n"
    assert theirs.stat().st_mode & 0o777 == 0o700
    assert not home.state.exists()


def test_a_link_in_its_place_is_followed_from_then_on(home: Home) -> None:
    """As `uv tool install keyring` and pipx leave one: its target is never written to."""
    target = home.command("tools/keyring/bin")
    home.path.symlink_to(target)
    made = home.setup()
    assert (made.real, home.path.is_symlink()) == (str(target), False)
    assert target.read_text() == "#!/bin/sh\necho real\n"
    undo(Journal(str(home.state)))
    assert os.readlink(home.path) == str(target)


def test_another_name_for_the_same_command_does_not_go_round(home: Home) -> None:
    """A link elsewhere on PATH to the file that the launcher replaces would lead to itself."""
    theirs = home.command(".local/bin")
    (home.folder / "links").mkdir()
    (home.folder / "links" / "keyring").symlink_to(theirs)
    home.env["PATH"] = f"{home.folder / 'links'}:/usr/bin"
    assert home.setup().real == str(home.state / "keyring")


def test_what_is_no_command_is_replaced_and_put_back(home: Home) -> None:
    """A file that can't be started isn't passed on to."""
    home.path.write_text("notes")
    assert home.setup().real == ""
    undo(Journal(str(home.state)))
    assert home.path.read_text() == "notes"


def test_a_folder_in_its_place_is_an_error(home: Home) -> None:
    """There is nothing sensible to do with it."""
    home.path.mkdir()
    with pytest.raises(ConfigError) as caught:
        home.plan()
    assert caught.value.code == "setup-file"


def test_an_active_environments_command_is_passed_over(home: Home) -> None:
    """It comes and goes with one project."""
    home.command("project/.venv/bin")
    other = home.command("two")
    home.env["VIRTUAL_ENV"] = str(home.folder / "project" / ".venv")
    assert home.plan().real == str(other)
    home.env["VIRTUAL_ENV"] = str(home.folder / "tw")  # the beginning of a name is no folder
    assert home.plan().real == str(home.folder / "project/.venv/bin/keyring")


def test_no_environments_own_command_but_links_into_them(home: Home) -> None:
    """A checkout's on PATH, by direnv, is passed over, also through a linked folder; the link of
    `uv tool install keyring` or pipx in a folder of commands is what was installed for good."""
    checkout = home.command("checkout/.venv/bin")
    (checkout.parent.parent / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (home.folder / "linked").symlink_to(checkout.parent)
    home.env["PATH"] = f"{home.folder / 'linked'}:{home.env['PATH']}"
    assert home.plan().real == ""
    tool = home.command("tools/keyring/bin")
    (tool.parent.parent / "pyvenv.cfg").write_text("home = /usr/bin\n")
    assert home.plan().real == ""
    link = home.folder / "commands" / "keyring"
    link.parent.mkdir()
    link.symlink_to(tool)
    home.env["PATH"] += f":{link.parent}"
    assert home.plan().real == str(link)


def test_the_current_directory_is_never_looked_into(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for an empty or relative entry of PATH either."""
    home.command("relative")
    monkeypatch.chdir(home.folder / "relative")
    home.env["PATH"] = ":.:relative"
    assert home.plan().real == ""


def test_a_python_that_does_not_find_gatepass_is_refused(home: Home, tmp_path: Path) -> None:
    """Isolated mode has no user site and no PYTHONPATH: the launcher would fail at every call."""
    venv.create(tmp_path / "bare", symlinks=True)
    for python in (str(tmp_path / "bare" / "bin" / "python"), "/nowhere/python", ""):
        with pytest.raises(ConfigError) as caught:
            home.plan(python=python)
        assert caught.value.code == "setup-isolated"


@pytest.mark.parametrize("line", [b"{", b'"x', b"no"])
def test_a_launcher_with_a_broken_line_has_nothing_behind_it(home: Home, line: bytes) -> None:
    """It is ours all the same, and is written anew."""
    home.setup()
    home.path.write_bytes(home.path.read_bytes().replace(b'on to: ""', b"on to: " + line))
    assert command.is_ours(str(home.path))
    assert command.behind(str(home.path)) == ""


def test_a_path_with_quotes_survives_being_written(home: Home) -> None:
    """In the program, and in the line that it is found again by."""
    real = str(home.command('it\'s "q" \\ é\n'))
    data = command.script(sys.executable, real)
    home.path.write_bytes(data)
    home.path.chmod(0o755)
    assert command.behind(str(home.path)) == real
    assert run([home.path, "diagnose"], home.env).stdout == "real\n"


def test_the_windows_launcher_is_pips_own_with_our_program(home: Home) -> None:
    """distlib's starter, a #! line with -I, and an archive that Python runs; the same each time."""
    real = str(home.command("one"))
    data = windows.executable(sys.executable, real)
    assert data == windows.executable(sys.executable, real)
    assert data.startswith(b"MZ")
    assert f'#!"{sys.executable}" -I\nPK'.encode() in data
    path = home.folder / "keyring.exe"
    path.write_bytes(data)
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["__main__.py"]
    assert command.is_ours(str(path))
    assert command.behind(str(path)) == real
    done = subprocess.run(
        [sys.executable, "-I", path, "set", "a", "b"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "real\n", "")


def test_the_starter_also_comes_from_the_python_behind_an_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An environment of uv or pipx has no pip; without either there is an error."""
    with_pip = windows._starter()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    bundled = Path(ensurepip.__file__).parent / "_bundled"
    assert windows._starter()[:2] == with_pip[:2] == b"MZ"
    assert list(bundled.glob("pip-*.whl"))
    monkeypatch.setattr(windows.os, "__file__", str(tmp_path / "os.py"))
    (tmp_path / "ensurepip" / "_bundled").mkdir(parents=True)
    (tmp_path / "ensurepip" / "_bundled" / "pip-1.whl").write_bytes(b"no zip")
    with pytest.raises(ConfigError) as caught:
        windows._starter()
    assert caught.value.code == "setup-launcher"


def test_which_starter_fits() -> None:
    """By the machine and by the Python."""
    assert windows._name("AMD64", is_64=True) == "t64.exe"
    assert windows._name("x86", is_64=False) == "t32.exe"
    assert windows._name("ARM64", is_64=True) == "t64-arm.exe"
    assert (command.name("win32"), command.name("linux")) == ("keyring.exe", "keyring")
