"""A disk that is full, or takes nothing: the cache is lost, the credential is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepass.sandbox import Sandbox

ASK = """
import resource, sys
from gatepass import credential_for
if len(sys.argv) > 2:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
for _ in range(2):
    print(credential_for(sys.argv[1]).secret.reveal())
"""


def ask(sandbox: Sandbox, env: dict[str, str], *limit: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", "-c", ASK, sandbox.index_url, *limit]
    if limit:  # coverage couldn't write what it measured, and would leave half of it
        env = {name: value for name, value in env.items() if not name.startswith("COVERAGE_")}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("limit", ["0", "40"])
def test_files_that_cannot_grow(
    sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path, limit: str
) -> None:
    """Every write fails in its middle: the process is served from memory, and nothing is left."""
    env = {**github_env, "GATEPASS_STORE_DIR": str(tmp_path / "s")}
    done = ask(sandbox, env, limit)
    assert (done.returncode, len(set(done.stdout.split()))) == (0, 1), done.stderr
    assert "File too large" in done.stderr
    assert sandbox.count("exchange") == 1
    left = [name for name in os.listdir(tmp_path / "s") if not name.startswith("lock-")]
    assert left == []


def test_an_old_credential_survives_a_write_that_fails(
    sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path
) -> None:
    """What another identity stored is whole after our own write broke off."""
    env = {**github_env, "GATEPASS_STORE_DIR": str(tmp_path / "s")}
    first = ask(sandbox, env).stdout
    sandbox.github.request_token = "of the next job"
    other = {**env, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of the next job"}
    assert ask(sandbox, other, "40").stdout
    assert ask(sandbox, env).stdout == first
    assert sandbox.count("exchange") == 2


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 KiB."""
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=32k,mode=0700", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["/bin/umount", "-l", str(place)], check=True)


@pytest.mark.real
def test_a_disk_that_is_really_full(
    sandbox: Sandbox, github_env: dict[str, str], tiny: Path
) -> None:
    """ENOSPC from the kernel: each process exchanges for itself, and says why."""
    store = tiny / "s"
    store.mkdir(mode=0o700)
    with open(tiny / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 1024)
        except OSError:
            pass  # it is full: that is what was wanted
    env = {**github_env, "GATEPASS_STORE_DIR": str(store)}
    for exchanges in (1, 2):
        done = ask(sandbox, env)
        assert (done.returncode, len(set(done.stdout.split()))) == (0, 1), done.stderr
        assert "No space left on device" in done.stderr
        assert sandbox.count("exchange") == exchanges
    assert [name for name in os.listdir(store) if not name.startswith("lock-")] == []
