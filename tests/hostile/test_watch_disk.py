"""`gatepass watch` where the disk is full, and where it is killed in the middle of a write."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepass import netrc
from gatepass.sandbox import Sandbox
from watching import ended, until, watching


@pytest.fixture
def brief() -> Iterator[Sandbox]:
    with Sandbox(lifetime=4) as running:
        yield running


@pytest.fixture
def pod(brief: Sandbox, base_env: dict[str, str]) -> dict[str, str]:
    address = {"PACKAGEMANAGER_ADDRESS": brief.address}
    return {**base_env, **brief.environment("kubernetes"), **address}


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 KiB, as an emptyDir in memory with a limit is one."""
    place = tmp_path / "tiny"
    place.mkdir()
    command = ["/bin/mount", "-t", "tmpfs", "-o", "size=32k,mode=0700", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["/bin/umount", "-l", str(place)], check=True)


def fill(path: Path) -> None:
    with open(path, "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 512)
        except OSError:
            pass  # it is full: that is what was wanted


@pytest.mark.real
def test_a_disk_that_fills_up(brief: Sandbox, pod: dict[str, str], tiny: Path) -> None:
    """The old file stays whole to its credential's end, and goes then; with room it is back."""
    path = tiny / "token"
    with watching("--token", path, "--ready", tiny / "up", env=pod) as process:
        until((tiny / "up").exists)
        fill(tiny / "filler")
        seen = set()
        while path.exists():
            try:
                seen.add(path.read_text())
            except FileNotFoundError:
                break
        assert all(text.count(".") == 2 for text in seen)
        assert [name for name in os.listdir(tiny) if name.startswith(".gatepass-")] == []
        until(lambda: not (tiny / "up").exists(), 2)
        (tiny / "filler").unlink()
        until((tiny / "up").exists)
        assert path.read_text().count(".") == 2
        status, said = ended(process, signal.SIGTERM)
    assert (status, os.listdir(tiny)) == (0, [])
    assert said.count("No space left on device") <= 3
    assert "token: written again after" in said


@pytest.mark.real
def test_a_netrc_of_others_on_a_full_disk(brief: Sandbox, pod: dict[str, str], tiny: Path) -> None:
    """Other people's entries are never lost for the sake of ours."""
    path = tiny / "netrc"
    others = "machine github.com login me password p\n"
    path.write_text(others)
    fill(tiny / "filler")
    with watching("--netrc", path, env=pod) as process:
        until(lambda: brief.count("exchange") >= 2)
        assert path.read_text() == others
        (tiny / "filler").unlink()
        until(lambda: "127.0.0.1" in path.read_text())
        fill(tiny / "filler")
        until(lambda: brief.count("exchange") >= 4)
        assert path.read_text().endswith(others)
        until(lambda: path.read_text() == others)  # ours has ended, and needs no room to go
        (tiny / "filler").unlink()
        until(lambda: netrc.machines(path.read_text()) == ["127.0.0.1", "github.com"])
        fill(tiny / "filler")
        assert "the files are removed\n" in ended(process, signal.SIGTERM)[1]
    assert path.read_text() == others


@pytest.mark.parametrize("again", [1, 2, 3])
def test_kill_leaves_whole_files_and_the_next_run_tidies(
    brief: Sandbox, pod: dict[str, str], tmp_path: Path, again: int
) -> None:
    """kill -9 at some moment: what is there is whole; the next run takes it over, deletes what was
    half-written, and its own end leaves nothing."""
    path = tmp_path / "shared" / "token"
    path.parent.mkdir()
    with watching("--token", path, env=pod) as process:
        until(path.exists)
        count = brief.count("exchange")
        until(lambda: brief.count("exchange") > count)
        process.kill()
        process.wait()
    assert path.read_text().count(".") == 2
    (path.parent / ".gatepass-token-_killed_").write_text("eyJ")
    with watching("--token", path, env=pod) as process:
        until(lambda: os.listdir(path.parent) == ["token"])
        assert ended(process, signal.SIGTERM)[0] == 0
    assert os.listdir(path.parent) == []
