"""buildah and podman in a world of their own, of which nothing is left: see :func:`running`."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from delivery import base
from gatepass import __version__
from support import ROOT

# Asked now: a test's own environment has no CI in it.
_IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")
_CGROUPS = Path("/sys/fs/cgroup")

# What these programs keep outside of their storage goes to memory that nobody else sees. The shell
# is the namespace's first process, and reaps what loses its parent, until our end of the pipe
# closes: however we end, all in here ends.
_WORLD = """
for place in /run /dev/shm /var/lib/containers /etc/cni; do
    if [ -d "$place" ]; then mount -t tmpfs tmpfs "$place"; fi
done
echo ready
exec 3<&0
cat <&3 & wait $!
"""

_SETTINGS = """\
[containers]
netns = "host"
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "/run/libpod"
volume_path = "{folder}/volumes"
"""
_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "/run/containers"
"""

SOURCE = "https://github.com/OWNER/gatepass"

# A layer for each command, as Docker does. buildah reads none of the settings for what it runs.
_BUILD = ("bud", "--layers", "--pull-never", "--isolation=oci", "--runtime=runc", "--network=host")
_BUILD += ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000")

BASE, IMAGE = "localhost/base:1", "localhost/gatepass:1"

Done = subprocess.CompletedProcess[str]


class Engine:
    """Builds images and runs containers, whose network is the host's, in the world of `holder`."""

    def __init__(self, folder: Path, holder: int) -> None:
        self.folder = folder
        self._enter = ["nsenter", f"--target={holder}", "--mount", "--pid", "--"]
        self._build = (*_BUILD, f"--cgroup-parent=/gatepass-test-{holder}/build")
        self._always = ("--http-proxy=false", "--dns=none")
        self._always += (f"--cgroup-parent=/gatepass-test-{holder}/run",)
        (folder / "containers.conf").write_text(_SETTINGS.format(folder=folder))
        (folder / "storage.conf").write_text(_STORAGE.format(folder=folder))
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        }

    def podman(self, *words: str | Path, timeout: float = 120) -> Done:
        """`podman WORDS...` to its end, whatever that is."""
        return self._run("podman", *words, timeout=timeout)

    def run(self, *words: str | Path, timeout: float = 120) -> Done:
        """`podman run WORDS...`: options, an image, what it shall do."""
        return self._run("podman", "run", *self._always, "--rm", *words, timeout=timeout)

    def start(self, *words: str | Path) -> str:
        """The same in the background; the container's number. It stays there when it has ended."""
        return good(self._run("podman", "run", *self._always, "--detach", *words)).strip()

    def wait_for(self, container: str, words: str) -> None:
        """Until the container has written something; not for ever."""
        for _ in range(100):
            done = self.podman("logs", container)
            if words in done.stdout + done.stderr:
                return
            time.sleep(0.1)
        raise AssertionError(f"{words!r} is not in: {done.stdout}{done.stderr}")

    def stop(self, container: str, grace: int = 10) -> int:
        """Stop it as Docker and a kubelet do, and remove it; the exit status of what ran in it."""
        good(self.podman("stop", f"--time={grace}", container))
        status = good(self.podman("inspect", "--format={{.State.ExitCode}}", container))
        good(self.podman("rm", container))
        return int(status)

    def build(self, context: Path, *options: str | Path, file: Path | None = None) -> Done:
        """`buildah bud`, whose commands reach what this process reaches."""
        found = file or context / "Dockerfile"
        words = ("buildah", *self._build, *options, f"--file={found}", context)
        return self._run(*words, timeout=300)

    def inspect(self, image: str) -> dict[str, Any]:
        """What `podman image inspect` says of an image."""
        [found] = json.loads(good(self.podman("image", "inspect", image)))
        return dict(found)

    def command(self, folder: Path, *mounts: str) -> None:
        """A `docker` in a folder, which builds and runs here, always with these mounts."""
        said = [f"{name}={value}" for name, value in self._env.items()]
        there = ["sh", "-c", 'cd "$0" && exec "$@"']  # nsenter goes to the root
        start = shlex.join(["env", *said, *self._enter, *there])
        build = shlex.join(["buildah", *self._build, *mounts])
        run = shlex.join(["podman", "run", *self._always, *mounts])
        file = folder / "docker"
        file.write_text(
            f"""#!/bin/sh
case $1 in
    build) shift && exec {start} "$PWD" {build} "$@" ;;
    run) shift && exec {start} "$PWD" {run} "$@" ;;
esac
exit 99
"""
        )
        file.chmod(0o755)

    def kept(self, *patterns: str) -> list[str]:
        """Every file of this engine in which one of these stands: layers, configurations, logs."""
        words = ["grep", "--recursive", "--files-with-matches", "--text", "--fixed-strings"]
        done = subprocess.run(
            [*words, "--file=-", str(self.folder)],
            input="\n".join(patterns),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return done.stdout.splitlines()

    def layers(self, image: str, beyond: str = "") -> list[Path]:
        """The image's layers, each a tar; without those that the image `beyond` has too."""
        target = Path(tempfile.mkdtemp(dir=self.folder))
        good(self.podman("save", "--quiet", "--format=docker-dir", f"--output={target}", image))
        manifest = json.loads((target / "manifest.json").read_text())
        files = [target / layer["digest"].partition(":")[2] for layer in manifest["layers"]]
        shared = len(self.inspect(beyond)["RootFS"]["Layers"]) if beyond else 0
        return files[shared:]

    def _run(self, *words: str | Path, timeout: float = 120) -> Done:
        return subprocess.run(
            [*self._enter, *map(str, words)],
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def good(done: Done) -> str:
    """The standard output of what ended well."""
    assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build_ours(engine: Engine, wheels: Path = base.WHEELS, *more: str) -> Done:
    """IMAGE from the Dockerfile, on BASE by its digest; what is locked comes from a folder."""
    [digest] = engine.inspect(BASE)["RepoDigests"]
    pip = engine.folder / "pip.conf"
    pip.write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    said = {"BASE": digest, "VERSION": __version__, "REVISION": "0" * 40, "SOURCE": SOURCE}
    arguments = [f"--build-arg={name}={value}" for name, value in said.items()]
    secret = f"--secret=id=pip.conf,src={pip}"
    return engine.build(
        ROOT, *arguments, secret, f"--volume={wheels}:/wheels:ro", f"--tag={IMAGE}", *more
    )


def options(env: Mapping[str, str]) -> list[str]:
    """Variables of a container, as `podman run` takes them."""
    return [f"--env={name}={value}" for name, value in env.items()]


@contextmanager
def running() -> Iterator[Engine]:
    """An engine, whose storage, mounts and processes all end with it.

    In CI its absence is a failure; elsewhere the test is skipped where it can't be had.
    """
    _need()
    folder = Path(tempfile.mkdtemp(prefix="gatepass-containers-"))
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command += ["sh", "-ec", _WORLD]
    pipe = subprocess.PIPE
    world = subprocess.Popen(command, stdin=pipe, stdout=pipe)
    assert world.stdin is not None
    assert world.stdout is not None
    first = ""
    try:
        assert world.stdout.readline() == b"ready\n"
        first = Path(f"/proc/{world.pid}/task/{world.pid}/children").read_text().strip()
        yield Engine(folder, int(first))
    finally:
        world.stdin.close()
        world.stdout.close()
        world.wait(30)  # the kernel lets the first process go after all others
        shutil.rmtree(folder)
        _remove_groups(f"gatepass-test-{first}")


def _remove_groups(name: str) -> None:
    for top in [*_CGROUPS.glob(name), *_CGROUPS.glob(f"*/{name}")]:
        for folder, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):  # the kernel may take a moment more
                os.rmdir(folder)


def _need() -> None:
    missing = base.missing()
    if missing and not _IN_CI:
        pytest.skip(f"{', '.join(missing)}: needed for containers (Debian: see .ci/run)")
    assert not missing, f"{', '.join(missing)}: see .ci/run"
    assert base.is_current(), "not built, or out of date: make real-parts"
