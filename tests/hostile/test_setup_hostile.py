"""`gatepass setup` that dies, on a full disk, in a checkout, among pipes: the files come back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gatepass.sandbox import Sandbox
from gatepass.setup import rivals
from gatepass.setup.launcher import launcher
from gatepass.setup.places import places
from gatepass.setup.wish import wish
from launchers import Launcher

# Every change of a name or of a folder is counted, before and after it; at one of them we die, or
# right before a file takes the place of the one that is named.
PROGRAM = """
import os, resource, sys, tempfile
last, largest, count = sys.argv[1], int(sys.argv[2]), 0
def counted(module, name):
    real = getattr(module, name)
    def call(*words, **options):
        tick(name == "replace" and words[1].endswith("/" + last))
        done = real(*words, **options)
        tick()
        return done
    setattr(module, name, call)
def tick(is_it=False):
    global count
    count += 1
    if is_it or str(count) == last:
        os.kill(os.getpid(), 9)
for name in ("replace", "mkdir", "rmdir", "unlink", "symlink", "chmod"):
    counted(os, name)
counted(tempfile, "mkstemp")
if largest:
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
from gatepass.setup import launcher, rivals
launcher.check = lambda python: None
rivals._behind = lambda real: []
from gatepass.cli import main
status = main(sys.argv[3:])
print(count)
sys.exit(status)
"""
TOOLS = [f"--tool={tool}" for tool in ("pip", "twine", "r")]
SETUP = ["setup", "team=https://ppm.example.com", "--index=a/b", "--upload=up", "--no-login"]
AGAIN = ["setup", "team", "--index=c/d", "--no-login", "--tool=pip"]
UNDO = ["setup", "--undo"]
FILES = {
    ".config/pip/pip.conf": "[global]\ntimeout = 5\n[install]\nx = 1",
    ".pypirc": "[distutils]\nindex-servers = a\n[a]\nrepository = https://a\npassword = hunter2\n",
    ".Renviron": "A=1\r\n",
    ".local/bin/keyring": "#!/bin/sh\nexit 3\n",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with files of its own in all the places."""
    folder = tmp_path / "home"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        path.chmod(0o755 if name.endswith("keyring") else 0o640)
    return folder


def run(home: Path, *words: str, dies_at: object = 0, largest: int = 0) -> int:
    """One command, which may die or run out of room: its status."""
    env = {"HOME": str(home), "PATH": f"{home}/.local/bin:/usr/bin:/bin"}
    command = [sys.executable, "-B", "-c", PROGRAM, str(dies_at), str(largest), *words]
    return subprocess.run(command, env=env, capture_output=True, timeout=60, check=False).returncode


def is_as_it_was(home: Path) -> bool:
    modes = {(home / name).stat().st_mode & 0o777 for name in FILES}
    texts = {name: (home / name).read_bytes().decode() for name in FILES}
    return texts == FILES and modes == {0o755, 0o640}


def litter(home: Path) -> list[str]:
    """What is there that was not."""
    known = {*FILES, *(str(parent) for name in FILES for parent in Path(name).parents)}
    return [name for p in home.rglob("*") if (name := str(p.relative_to(home))) not in known]


@pytest.mark.parametrize("moment", [3, 21, 42, 43, 56, 70])
def test_a_setup_that_is_killed_is_undone(home: Path, moment: int) -> None:
    """kill -9 at any step: --undo puts every file back, byte for byte."""
    assert run(home, *SETUP, *TOOLS, dies_at=moment) == -signal.SIGKILL
    assert run(home, *UNDO) == 0
    assert is_as_it_was(home)


@pytest.mark.parametrize("moment", [2, 9, 18, 25])
def test_an_undo_that_is_killed_is_finished_by_the_next(home: Path, moment: int) -> None:
    """Likewise; and then there is nothing to undo."""
    assert run(home, *SETUP, *TOOLS) == 0
    assert run(home, *UNDO, dies_at=moment) == -signal.SIGKILL
    assert run(home, *UNDO) == 0
    assert is_as_it_was(home)


def test_an_undo_of_two_setups_that_is_killed_is_finished_too(home: Path) -> None:
    """Nobody edited anything, and nobody has to say --force."""
    assert run(home, *SETUP, "--tool=pip", "--tool=twine") == 0
    assert run(home, *AGAIN) == 0
    assert run(home, *UNDO, dies_at="bin/keyring") == -signal.SIGKILL
    assert run(home, *UNDO) == 0
    assert is_as_it_was(home)


def test_a_killed_write_leaves_no_copy(home: Path) -> None:
    """What was half-written goes with --undo."""
    assert run(home, *SETUP, *TOOLS, dies_at=".pypirc") == -signal.SIGKILL
    (half,) = home.glob(".gatepass-*")
    assert "hunter2" in half.read_text()
    assert run(home, *UNDO) == 0
    assert litter(home) == []


@pytest.mark.parametrize("largest", [1, 200, 600, 1500])
def test_a_disk_that_is_full_changes_nothing(home: Path, largest: int) -> None:
    """Whichever write fails, the user's files are what they were, and it is said."""
    assert run(home, *SETUP, *TOOLS, largest=largest) == 1
    assert is_as_it_was(home)
    assert run(home, *UNDO) == 0
    assert litter(home) == []


def test_a_full_disk_leaves_no_journal(home: Path) -> None:
    """ "Nothing is different now" is true of the state folder too, with its copies of passwords."""
    for largest in (700, 1000, 1300, 1600):
        assert run(home, *SETUP, *TOOLS, largest=largest) == 1
        assert litter(home) == []


def test_a_checkouts_keyring_does_not_become_the_machines(home: Path) -> None:
    """direnv and mise put a checkout's environment on PATH without VIRTUAL_ENV."""
    venv = home / "checkout" / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
    shutil.copy(home / ".local/bin/keyring", venv / "bin/keyring")
    env = {"HOME": str(home), "PATH": f"{venv}/bin:{home}/.local/bin"}
    where = places(env)
    assert not launcher(str(home / "new"), where.state, env).real.startswith(str(venv))


def test_a_relative_path_is_nobodys_keyring(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current directory on PATH gives no command to stand behind the launcher."""
    monkeypatch.chdir(home / ".local/bin")
    for path in (".", "", "./", "../bin", ".:"):
        env = {"HOME": str(home), "PATH": path}
        assert launcher(str(home / "new"), places(env).state, env).real == ""


@pytest.mark.parametrize("name", [".netrc", ".config/pip/pip.conf", "keyringrc.cfg"])
def test_a_pipe_holds_nobody(home: Path, name: str) -> None:
    """In the place of a file that is only looked at."""
    env = {"HOME": str(home), "PATH": "/usr/bin"}
    where = places(env)._replace(keyringrc=str(home / "keyringrc.cfg"))
    (home / name).unlink(missing_ok=True)
    os.mkfifo(home / name)
    wanted = wish(env, "https://ppm.example.com")
    thread = threading.Thread(target=rivals.rivals, args=(wanted, env, where, "", ""), daemon=True)
    thread.start()
    thread.join(0.7)
    held = thread.is_alive()
    if held:
        os.close(os.open(home / name, os.O_WRONLY))
    assert not held


def test_somebody_elses_home_is_not_set_up(home: Path) -> None:
    """`sudo gatepass setup`, where HOME stays the user's."""
    if os.geteuid() != 0:
        pytest.skip("only root can do that")
    for path in (home, *home.rglob("*")):
        os.chown(path, 12345, 12345)
    run(home, *SETUP, *TOOLS)
    assert all(path.stat().st_uid == 12345 for path in home.rglob("*"))


ELSEWHERE = ("PYTHONHOME", "PYTHONUSERBASE", "PYTHONPLATLIBDIR", "PYTHONINSPECT", "HOME", "BROWSER")


def test_no_variable_reaches_the_launchers_python(
    tmp_path: Path, sandbox: Sandbox, github_env: dict[str, str]
) -> None:
    """Each of them, and hostile files in the current directory: the answer is the same."""
    for name in ("site", "encodings", "json", "usercustomize", "pyvenv.cfg", ".aws", ".menda"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(66)\n")
    env = {**github_env, **dict.fromkeys(ELSEWHERE, str(tmp_path)), "PYTHONIOENCODING": "utf-16"}
    done = Launcher(tmp_path, env)("get", sandbox.index_url, "__token__", cwd=tmp_path)
    assert (done.returncode, done.stderr, done.stdout.count(".")) == (0, "", 2)
