"""`python tests/delivery/base.py`: what the container tests build on, below `.tools/container`.

The base image, made of Debian's packages since there is no image to be pulled, and the wheels of
actions/setup/requirements.txt for its Python. Set-up: it may use the network; the tests may not.
Each part is made anew only where what it is made from has changed.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LOCK = ROOT / "actions" / "setup" / "requirements.txt"
FOLDER = ROOT / ".tools" / "container"
TAR, WHEELS = FOLDER / "base.tar", FOLDER / "wheels"

TOOLS = ("buildah", "podman", "runc", "mmdebstrap", "unshare", "nsenter")
SUITE, PYTHON = "trixie", "3.13"
_PACKAGES = "python3,python3-pip,ca-certificates"
_MIRROR = "http://deb.debian.org/debian"  # what it gives is signed
_LEFT_OUT = ("doc", "man", "locale")
_NEWEST_GLIBC = 41  # 2.41: the suite's


def missing() -> list[str]:
    """Why no container can be built or run here; empty where they can."""
    found = [tool for tool in TOOLS if not shutil.which(tool)]
    if sys.platform != "linux" or os.geteuid() != 0:
        found.append("root on Linux")
    return found


def is_current() -> bool:
    """Whether both parts are as they should be."""
    return _stamped(TAR, _recipe()) and _stamped(WHEELS, _locked())


def main() -> None:
    """Make what isn't there, each part as a whole or not at all."""
    if missing():
        print(f"no containers here: {', '.join(missing())} needed (Linux; see .ci/run)")
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    for part, digest, make in ((TAR, _recipe(), _base), (WHEELS, _locked(), _wheels)):
        if _stamped(part, digest):
            continue
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            new = Path(folder) / part.name
            make(new)
            if part.is_dir():
                shutil.rmtree(part)
            new.replace(part)
        _stamp(part).write_text(digest, encoding="utf-8")
        print(f"container: {part.relative_to(ROOT)} made")


def _base(target: Path) -> None:
    words = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT]
    command = ["mmdebstrap", "--quiet", "--variant=essential", f"--include={_PACKAGES}", *words]
    subprocess.run([*command, SUITE, str(target), _MIRROR], check=True)


def _wheels(target: Path) -> None:
    """For the base's Python, whichever is ours: pip itself would judge the markers by its own."""
    machine = platform.machine()
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(5, _NEWEST_GLIBC + 1)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON]
    command += [f"--platform={tag}" for tag in (*tags, f"manylinux2014_{machine}")]
    target.mkdir()
    wanted = target.parent / "requirements.txt"
    wanted.write_text(_for_the_base(LOCK.read_text(encoding="utf-8")), encoding="utf-8")
    subprocess.run([*command, "--dest", str(target), "--requirement", str(wanted)], check=True)


def _for_the_base(lock: str) -> str:
    """The lines of a lock file whose marker holds there, without it."""
    from packaging.requirements import Requirement

    there = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0"}
    there |= {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    kept = []
    for line in lock.replace("\\\n", " ").splitlines():
        text, *hashes = line.split(" --hash=")
        if text.strip() and not text.startswith("#"):
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate(there):
                pin = f"{needed.name}{needed.specifier}"
                kept.append(" --hash=".join([pin, *(one.strip() for one in hashes)]))
    return "\n".join(kept) + "\n"


def _recipe() -> str:
    return f"{SUITE} {_PACKAGES} {_LEFT_OUT} {platform.machine()}"


def _locked() -> str:
    return f"{_recipe()} {PYTHON} {hashlib.sha256(LOCK.read_bytes()).hexdigest()}"


def _stamp(part: Path) -> Path:
    return part.with_name(f".{part.name}.digest")


def _stamped(part: Path, digest: str) -> bool:
    stamp = _stamp(part)
    return part.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == digest


if __name__ == "__main__":
    main()
