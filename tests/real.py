"""`make test-real`: what needs more than Python packages, and the unit tests on other Pythons.

Where the system lets us, all of it runs in a network namespace that has loopback and nothing else:
the proof that no test, and no client that a test starts, reaches outside. In CI the namespace must
be there; on a developer's machine its absence is said, and the tests run without it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from clients.provision import OTHER_PYTHONS, interpreter

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")


def main() -> int:
    """The exit status of the first run that fails, else 0."""
    fence = _fence()
    pytest = ["-m", "pytest", "-p", "no:cacheprovider"]
    for version in OTHER_PYTHONS:
        python = _other_python(version)
        if python is None:
            print(f"Python {version}: none that runs here", flush=True)
            continue
        print(f"Python {version}: unit, contract and hostile tests", flush=True)
        folders = ["tests/unit", "tests/contract", "tests/hostile"]
        command = [*fence, str(python), *pytest, "-q", "-n", "2", "-m", "not real", *folders]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if status:
            return status
    command = [*fence, sys.executable, *pytest, "-m", "real"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _fence() -> list[str]:
    """A command prefix that leaves its command nothing but loopback."""
    prefix = ["unshare", "--net", "--mount", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    tools = shutil.which("unshare") and shutil.which("ip")
    works = tools and subprocess.run([*prefix, "true"], capture_output=True, check=False)
    if works and works.returncode == 0:
        return prefix
    if IN_CI:
        sys.exit("no network namespace to be had: unshare and ip (iproute2) are needed, as root")
    print("without a network namespace: only the refusing proxy guards these tests", flush=True)
    return []


def _other_python(version: str) -> Path | None:
    """An environment of that Python with the tests' needs; None where none runs."""
    found = interpreter(version)
    if found is None:
        return None
    folder = ROOT / ".tools" / f"tests-{version}"
    python = folder / "bin" / "python"
    stamp, needs = folder / ".done", ROOT / "pyproject.toml"
    if not stamp.exists() or stamp.stat().st_mtime < needs.stat().st_mtime:
        subprocess.run([found, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, "--upgrade", "pip>=25.1"], check=True)
        subprocess.run([*install, "--group", "test", "--editable", ROOT], cwd=ROOT, check=True)
        stamp.touch()
    return python


if __name__ == "__main__":
    sys.exit(main())
