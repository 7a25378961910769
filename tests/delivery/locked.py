"""`python tests/delivery/locked.py`: the wheels of actions/setup/requirements.txt, in a folder.

They are what the GitHub Action installs where a runner reaches no index. Set-up: it may use the
network; the tests may not. Nothing is done where the lock file is the same.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LOCK = ROOT / "actions" / "setup" / "requirements.txt"
FOLDER = ROOT / ".tools" / "locked"


def digest() -> str:
    """What the folder has to be for: this lock file, this Python."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"{version} {hashlib.sha256(LOCK.read_bytes()).hexdigest()}"


def is_current() -> bool:
    """Whether the folder has what the tests need."""
    stamp = FOLDER / ".digest"
    return stamp.exists() and stamp.read_text(encoding="utf-8") == digest()


def main() -> None:
    """Fill the folder, as a whole or not at all."""
    if is_current():
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(FOLDER)]
    command += ["--require-hashes", "--only-binary", ":all:", "--requirement", str(LOCK)]
    subprocess.run(command, check=True)
    (FOLDER / ".digest").write_text(digest(), encoding="utf-8")
    print(f"locked: {len(list(FOLDER.glob('*.whl')))} wheels")


if __name__ == "__main__":
    main()
