"""Installs what runs GitLab's jobs here: `python tests/delivery/gitlab/provision.py`.

gitlab-ci-local, exactly as `package-lock.json` has it, goes into `.tools/gitlab`; the Node.js for
it is the one of tests/provider. Set-up: it inherits the whole environment and may use the network.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
FOLDER = ROOT / ".tools" / "gitlab"
PROGRAM = FOLDER / "node_modules" / "gitlab-ci-local" / "dist" / "index.js"
LONGEST = 600
"""Seconds that the installation may take."""


def node() -> Path:
    """The Node.js that runs it; tests/provider/provision.py installs that."""
    sys.path.insert(0, str(ROOT / "tests"))
    from provider import provision

    return provision.node()


def is_current() -> bool:
    """Whether it is there, and as the lock file has it."""
    stamp = FOLDER / ".done"
    return stamp.exists() and stamp.read_text(encoding="utf-8") == _digest()


def _digest() -> str:
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest() + "\n"


def main() -> int:
    """Install it as a whole or not at all; 1 where that fails."""
    if is_current():
        return 0
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / name, FOLDER)
    npm = node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # No package gets to run anything while it is installed; this one needs not to.
    command = [node(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command, cwd=FOLDER, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    if done.returncode:
        print(f"gitlab-ci-local: {done.stdout}{done.stderr}", file=sys.stderr, flush=True)
        return 1
    (FOLDER / ".done").write_text(_digest(), encoding="utf-8")
    print("gitlab-ci-local: built", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
