"""The private folder of one `gatepass exec`: its lock, its launcher, its files, its end."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepass import log
from gatepass.child import folder as folders
from gatepass.child import launchers
from gatepass.child.contents import Contents
from gatepass.child.folder import PassFolder, make, prune
from gatepass.child.serving import Held
from gatepass.errors import ConfigError
from gatepass.settings import Settings, load
from gatepass.store.folder import Folder
from passes import AWS, PPM, SECRET, credential, registry
from support import BIN, run

HELD = [Held(registry(), credential()), Held(registry(AWS, "team"), credential(user="aws"))]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"GATEPASS_STORE_DIR": str(tmp_path / "store")})


@pytest.fixture
def made(settings: Settings) -> Iterator[PassFolder]:
    with make({}, settings) as folder:
        yield folder


def names(settings: Settings) -> list[str]:
    return sorted(os.listdir(settings.store_dir))


def test_it_is_private_and_goes(settings: Settings) -> None:
    """Mode 0700, below the private folder; nothing is left, even after an exception."""
    folder = make({}, settings)
    assert stat.S_IMODE(os.stat(folder.path).st_mode) == 0o700
    assert names(settings) == [os.path.basename(folder.path)]
    folder.files.write("x", b"y")
    with pytest.raises(ZeroDivisionError), folder:
        raise ZeroDivisionError
    assert names(settings) == []
    folder.remove()  # once is enough


def test_what_cannot_be_removed_is_said(
    made: PassFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds passes: whoever keeps the machine should know."""
    with monkeypatch.context() as patched:
        patched.setattr(folders.shutil, "rmtree", lambda path, ignore_errors: None)
        made.remove()
    assert f"{made.path} could not be removed" in capsys.readouterr().err


def test_without_a_place_there_is_an_error(tmp_path: Path) -> None:
    """A place that was chosen and can't be had, none at all, a disk that takes nothing."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    for env in ({"GATEPASS_STORE_DIR": str(shared)}, {"GATEPASS_STORE_DIR": "relative"}):
        with pytest.raises(ConfigError, match="no-pass-folder"):
            make(env, load(env))


def test_a_place_that_takes_nothing_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder can't be made, or not be locked: nothing of it is left."""
    with monkeypatch.context() as patched:
        patched.setattr(folders, "_locked", lambda path, create: os.close(-1))
        with pytest.raises(ConfigError) as caught:
            make({}, settings)
    assert caught.value.code == "no-pass-folder"
    assert "Bad file descriptor" in caught.value.why
    assert names(settings) == []


def test_a_folder_in_use_is_not_pruned(settings: Settings) -> None:
    """Its lock is held; one whose owner is gone is removed by the next."""
    with make({}, settings) as first:
        with make({}, settings) as second:
            assert len(names(settings)) == 2
            os.close(second._lock)  # as the end of the process does
            second._lock = -1
        with make({}, settings) as third:
            kept = [os.path.basename(one.path) for one in (first, third)]
            assert names(settings) == sorted(kept)


def test_a_command_that_lives_on_keeps_the_folder(settings: Settings) -> None:
    """It inherits the lock, under a number that shell scripts don't use: a parent that was killed
    leaves it its passes."""
    code = (
        "import sys; from gatepass.child.folder import make; from gatepass.settings import load\n"
        "import os, subprocess\n"
        f"folder = make({{}}, load({{'GATEPASS_STORE_DIR': {settings.store_dir!r}}}))\n"
        "child = subprocess.Popen(['sleep', '60'], close_fds=False, stdout=-3, stderr=-3)\n"
        "print(child.pid, folder._lock, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid, number = map(int, done.stdout.split())
    assert done.returncode == -signal.SIGKILL
    assert number >= 200
    try:
        prune(Folder(settings.store_dir))
        assert len(names(settings)) == 1
    finally:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while names(settings):
        assert time.monotonic() < deadline
        prune(Folder(settings.store_dir))


def test_few_descriptors_are_enough(settings: Settings) -> None:
    """Where the limit is low the lock takes a low number, and is inherited all the same."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (150, before[1]))
    try:
        with make({}, settings) as folder:
            assert 2 < folder._lock < 150
            assert os.get_inheritable(folder._lock)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_only_what_it_made_is_pruned(settings: Settings, tmp_path: Path) -> None:
    """Links, other files, and folders whose lock can't be taken stay."""
    store = Path(settings.store_dir)
    store.mkdir(mode=0o700)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "lock").touch()
    (store / "exec-link").symlink_to(tmp_path / "elsewhere")
    (store / "exec-file").touch()
    (store / "exec-led").mkdir()
    (store / "exec-led" / "lock").symlink_to(tmp_path / "elsewhere" / "lock")
    (store / "credential-x.json").touch()
    before = names(settings)
    prune(Folder(settings.store_dir))
    assert names(settings) == before
    assert (tmp_path / "elsewhere" / "lock").exists()


def test_half_of_a_folder_is_pruned(settings: Settings) -> None:
    """Somebody was stopped while it was removed: its lock has gone, and there may be passes."""
    half = Path(settings.store_dir) / "exec-half"
    (half / "bin").mkdir(parents=True, mode=0o700)
    (half / "prod.json").touch()
    Path(settings.store_dir).chmod(0o700)
    with make({}, settings) as folder:
        assert names(settings) == [os.path.basename(folder.path)]


def test_the_lock_goes_last(made: PassFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is stopped while it goes leaves no pass, whatever the order of a folder's files."""
    Contents(made, {"PATH": "/x", "HOME": "/h"}, HELD, with_netrc=True)
    left: list[list[str]] = []
    lock, real = made._lock, os.close

    def close(number: int) -> None:
        if number == lock:
            left.append(os.listdir(made.path))
        real(number)

    with monkeypatch.context() as patched:
        patched.setattr(os, "close", close)
        made.remove()
    assert left == [["lock"]]
    assert not os.path.exists(made.path)


def test_a_place_at_which_path_is_split_is_an_error(tmp_path: Path) -> None:
    """Our `keyring` would not be found, and another one be asked, or none."""
    place = tmp_path / f"a{os.pathsep}b"
    with pytest.raises(ConfigError) as caught:
        make({}, load({"GATEPASS_STORE_DIR": str(place)}))
    assert caught.value.code == "no-pass-folder"
    assert caught.value.why.endswith("has a ':' in it, at which PATH is split")


def keyring_in(folder: Path) -> str:
    folder.mkdir()
    (folder / "keyring").write_text("#!/bin/sh\necho real $*\n")
    (folder / "keyring").chmod(0o755)
    return str(folder / "keyring")


def test_the_launcher_passes_on_to_the_keyring_on_path(made: PassFolder, tmp_path: Path) -> None:
    """It is a command that starts this Python in isolated mode."""
    real = keyring_in(tmp_path / "a")
    env = {"PATH": os.pathsep.join(["relative", str(tmp_path / "a"), os.defpath])}
    place = launchers.put(made.path, env)
    done = run([os.path.join(place, "keyring"), "--version"], env)
    assert done.stdout == "real --version\n"
    assert Path(place, "keyring").read_bytes().startswith(f"#!{sys.executable} -I\n".encode())
    assert launchers.behind(env) == real


def test_behind_a_launcher_is_its_own_real_command(made: PassFolder, tmp_path: Path) -> None:
    """One that `gatepass setup` wrote, or an outer `gatepass exec`, is not asked in between."""
    real = keyring_in(tmp_path / "a")
    outer = launchers.put(made.path, {"PATH": str(tmp_path / "a")})
    assert launchers.behind({"PATH": outer}) == real
    assert launchers.behind({"PATH": f"{tmp_path}{os.pathsep}rel"}) == launchers.behind({}) == ""


def test_where_nothing_starts_a_link_stands_for_it(
    made: PassFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system without programs; without a keyring to link to it is an error."""
    real = os.access
    monkeypatch.setattr(os, "access", lambda p, m: not p.startswith(made.path) and real(p, m))
    place = launchers.put(made.path, {})
    assert os.path.realpath(os.path.join(place, "keyring")) == os.path.realpath(BIN / "keyring")
    with make({}, load({"GATEPASS_STORE_DIR": str(tmp_path / "b")})) as other:
        monkeypatch.setattr(os, "access", lambda p, m: False)
        with pytest.raises(ConfigError, match="pass-noexec"):
            launchers.put(other.path, {})


def test_a_python_without_gatepass_is_refused(made: PassFolder) -> None:
    """The launcher would find nothing: better said now."""
    with pytest.raises(ConfigError, match="setup-isolated"):
        launchers.put(made.path, {}, "/bin/false")


def test_contents_lead_to_each_other(made: PassFolder) -> None:
    """Passes, the launcher first on PATH, and with a netrc its files."""
    contents = Contents(made, {"PATH": "/x", "HOME": "/h"}, HELD, with_netrc=True)
    seen = contents.seen_from({"PATH": "/x", "A": "b"})
    assert seen["GATEPASS_PASS"] == made.path
    assert seen["PATH"] == f"{made.path}/bin{os.pathsep}/x"
    assert seen["NETRC"] == f"{made.path}/netrc"
    assert seen["A"] == "b"
    assert contents.seen_from({})["PATH"] == f"{made.path}/bin{os.pathsep}{os.defpath}"
    assert {"prod.json", "team.json", "netrc", "bin", "lock"} <= set(os.listdir(made.path))
    assert SECRET not in str(seen)


def test_a_full_disk_is_an_error(made: PassFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the command starts, and not in the middle of it."""

    def full(self: Folder, name: str, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Folder, "write", full)
    with pytest.raises(ConfigError) as caught:
        Contents(made, {}, HELD)
    assert (caught.value.code, caught.value.why) == ("pass-write", "No space left on device")


def test_the_settings_of_the_place_are_the_stores(tmp_path: Path) -> None:
    """As for credentials: never in the workspace; with the store off there is a place still."""
    env = {"RUNNER_TEMP": str(tmp_path), "GATEPASS_STORE": "off", "PACKAGEMANAGER_ADDRESS": PPM}
    with make(env, load(env)) as folder:
        assert folder.path.startswith(f"{tmp_path}/gatepass-")
    log.configure()
