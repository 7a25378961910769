"""Many processes at once, and processes that die in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from gatepass.sandbox import Sandbox

ASK = """
import sys
from gatepass import credential_for
from gatepass.errors import GatepassError
try:
    print(credential_for(sys.argv[1], remember=len(sys.argv) > 2).secret.reveal())
except GatepassError as error:
    print(error.code)
"""


def start(sandbox: Sandbox, env: dict[str, str], *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ASK, sandbox.index_url, *more],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ends(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    """What each printed."""
    return [process.communicate(timeout=60)[0].strip() for process in processes]


def attempts(sandbox: Sandbox) -> int:
    return len([request for request in sandbox.requests if request.party == "exchange"])


def wait_for(sandbox: Sandbox, party: str) -> None:
    """Until the party has been asked."""
    end = time.monotonic() + 20
    while not any(request.party == party for request in sandbox.requests):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_twenty_processes_are_one_exchange(sandbox: Sandbox, github_env: dict[str, str]) -> None:
    """All get the same credential; the platform is asked once too."""
    found = ends([start(sandbox, github_env) for _ in range(20)])
    assert len(set(found)) == 1
    assert found[0].count(".") == 2
    assert (attempts(sandbox), sandbox.count("github")) == (1, 1)


def test_ten_processes_are_one_failure(sandbox: Sandbox, github_env: dict[str, str]) -> None:
    """For the keyring face: whoever waited gets the failure that was just remembered."""
    sandbox.packagemanager.fail_next(403, times=99)
    found = ends([start(sandbox, github_env, "remember") for _ in range(10)])
    assert set(found) == {"exchange-refused"}
    assert attempts(sandbox) == 1


def test_ten_people_are_ten_failures(sandbox: Sandbox, github_env: dict[str, str]) -> None:
    """For `get` no failure is remembered: each asks for itself, one after the other."""
    sandbox.packagemanager.fail_next(403, times=99)
    found = ends([start(sandbox, github_env) for _ in range(4)])
    assert set(found) == {"exchange-refused"}
    assert attempts(sandbox) == 4


def test_the_death_of_the_one_that_works_lets_another_work(
    sandbox: Sandbox, github_env: dict[str, str]
) -> None:
    """kill -9 between the platform's answer and the registry's: the next one does it all."""
    sandbox.packagemanager.fail_next(503, headers={"Retry-After": "20"})
    worker = start(sandbox, github_env)
    wait_for(sandbox, "exchange")
    waiters = [start(sandbox, github_env) for _ in range(3)]
    time.sleep(1)
    assert all(waiter.poll() is None for waiter in waiters)
    worker.kill()
    ends([worker])
    began = time.monotonic()
    assert len(set(ends(waiters))) == 1
    assert time.monotonic() - began < 15
    assert (attempts(sandbox), sandbox.count("exchange")) == (2, 1)


WRITE = """
import sys
from gatepass.store.folder import Folder
folder = Folder(sys.argv[1])
print("ready", flush=True)
while True:
    for letter in b"ab":
        folder.write("file", bytes([letter]) * 500_000)
"""


@pytest.mark.parametrize("moment", [0.0, 0.003, 0.01, 0.02, 0.05])
def test_a_write_that_is_killed_leaves_the_old_or_the_new(tmp_path: Path, moment: float) -> None:
    """Never a mixture, never half: whatever moment kill -9 chooses."""
    path = tmp_path / "s"
    path.mkdir(mode=0o700)
    (path / "file").write_bytes(b"0" * 500_000)
    writer = subprocess.Popen([sys.executable, "-c", WRITE, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"ready\n"
    time.sleep(moment)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    data = (path / "file").read_bytes()
    assert len(data) == 500_000
    assert len(set(data)) == 1
    assert all(name == "file" or name.startswith(".new-") for name in os.listdir(path))


def test_what_a_killed_process_left_is_pruned(
    sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path
) -> None:
    """A half-written file is nobody's: after a day the next write deletes it."""
    env = {**github_env, "GATEPASS_STORE_DIR": str(tmp_path / "s")}
    (tmp_path / "s").mkdir(mode=0o700)
    for name, age in ((".new-old", 90_000), (".new-young", 60)):
        (tmp_path / "s" / name).write_text("half")
        os.utime(tmp_path / "s" / name, (time.time() - age,) * 2)
    ends([start(sandbox, env)])
    names = os.listdir(tmp_path / "s")
    assert ".new-old" not in names
    assert ".new-young" in names
    [stored] = [name for name in names if name.startswith("credential-")]
    record = json.loads((tmp_path / "s" / stored).read_text())
    assert record["about"]["identity"] == "github"
