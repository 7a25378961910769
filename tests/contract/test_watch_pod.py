"""`gatepass watch` as a container has it: first process, read-only root, other users, for days."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepass import netrc
from gatepass.sandbox import Sandbox
from watching import until, watching

UNSHARE = ("unshare", "--pid", "--mount", "--fork", "--kill-child")


def may_unshare() -> bool:
    """Whether this user can make namespaces, which a container's runtime would."""
    try:
        return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


needs_namespaces = pytest.mark.skipif(not may_unshare(), reason="no namespaces for this user")


@pytest.fixture
def brief() -> Iterator[Sandbox]:
    with Sandbox(lifetime=4) as running:
        yield running


@pytest.fixture
def pod(brief: Sandbox, base_env: dict[str, str]) -> dict[str, str]:
    address = {"PACKAGEMANAGER_ADDRESS": brief.address}
    return {**base_env, **brief.environment("kubernetes"), **address}


def child_of(process: subprocess.Popen[str]) -> int:
    """The only child, by the number that it has outside."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until(lambda: path.read_text().split())
    return int(path.read_text().split()[0])


@needs_namespaces
def test_the_first_process_of_a_container(
    brief: Sandbox, pod: dict[str, str], tmp_path: Path
) -> None:
    """As PID 1, where the kernel drops signals that nobody handles, SIGTERM is heard, and the
    status of a clean end is what the runtime sees."""
    path = tmp_path / "token"
    with watching("--token", path, env=pod, program=UNSHARE) as process:
        until(path.exists)
        first = path.read_text()
        until(lambda: path.read_text() != first)
        watch = child_of(process)
        inside = Path(f"/proc/{watch}/status").read_text()
        assert f"NSpid:\t{watch}\t1\n" in inside
        os.kill(watch, signal.SIGTERM)
        said = process.communicate(timeout=20)[1]
    assert process.returncode == 0, said
    assert "SIGTERM: the files are removed" in said
    assert not path.exists()


@needs_namespaces
def test_nothing_but_its_folder_can_be_written(
    brief: Sandbox, pod: dict[str, str], tmp_path: Path
) -> None:
    """A read-only root, no home, no store: it serves all the same, and renews."""
    shared = tmp_path / "shared"
    shared.mkdir()
    script = (
        "mount --make-rprivate / && mount --bind / / && "
        f'mount -t tmpfs tmpfs "{shared}" && mount -o remount,bind,ro / && '
        'touch /tmp/x 2>/dev/null && exit 99; exec "$@"'
    )
    env = {**pod, "HOME": "/nonexistent"}
    env.pop("GATEPASS_STORE_DIR")
    program = (*UNSHARE, "sh", "-c", script, "sh")
    with watching(
        "--netrc", shared / "netrc", "--mode", "0640", env=env, program=program
    ) as process:
        inside = Path(f"/proc/{child_of(process)}/root{shared}/netrc")
        until(inside.exists)
        first = inside.read_text()
        until(lambda: inside.exists() and inside.read_text() != first)
        assert netrc.machines(inside.read_text()) == ["127.0.0.1"]
        os.kill(child_of(process), signal.SIGTERM)
        said = process.communicate(timeout=20)[1]
    assert process.returncode == 0, said


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root has other users")
@pytest.mark.parametrize(("mode", "works"), [("0600", False), ("0640", True), ("0644", True)])
def test_another_containers_user(
    pod: dict[str, str], tmp_path: Path, mode: str, works: bool
) -> None:
    """In an emptyDir with `fsGroup` the group is the folder's: 0640 serves its members."""
    shared = tmp_path / "shared"
    shared.mkdir()
    os.chown(shared, -1, 2000)
    shared.chmod(0o2770)
    path = shared / "token"
    with watching("--token", path, "--mode", mode, env=pod):
        until(path.exists)
        assert (reads(shared, "token", [2000]) == 0) is works
        assert reads(shared, "token", []) != 0  # the folder itself lets nobody else in


def reads(folder: Path, name: str, groups: list[int]) -> int:
    """The status of `cat` as another user, who begins in the folder: above it is root's own."""
    done = subprocess.run(
        ["/bin/cat", name],
        cwd=folder,
        user=1001,
        group=1001,
        extra_groups=groups,
        capture_output=True,
        check=False,
    )
    return done.returncode


OFTEN = """
import sys
from gatepass.renewal import schedule
schedule.SHORTEST, schedule.EARLIEST, schedule.LATEST = 0.01, 0.0, 0.0
from gatepass.cli import main
sys.exit(main(["watch", *sys.argv[1:]]))
"""


@pytest.mark.real
@pytest.mark.parametrize("store", ["auto", "off"])
def test_memory_is_flat(
    sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path, store: str
) -> None:
    """Four hundred renewals, ten days' worth, take no more memory than the first hundred."""
    env = {**base_env, **sandbox.environment("kubernetes"), "GATEPASS_STORE": store}
    env["PACKAGEMANAGER_ADDRESS"] = sandbox.address
    command = [sys.executable, "-c", OFTEN, "--netrc", str(tmp_path / "netrc")]
    process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)

    def kilobytes() -> int:
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    try:
        sizes = []
        for count in (100, 200, 300, 400):
            until(lambda count=count: sandbox.count("exchange") >= count, 120)  # type: ignore[misc]
            sizes.append(kilobytes())
            sandbox.kubernetes.rotate_tokens()
        threads = len(os.listdir(f"/proc/{process.pid}/task"))
        files = len(os.listdir(f"/proc/{process.pid}/fd"))
    finally:
        process.terminate()
        process.wait(20)
    assert sizes[-1] - sizes[0] < 2048, sizes
    assert threads <= 3
    assert files < 20
