"""`python tests/delivery/wheelhouse.py`: gatepass and all that it needs, as wheels in a folder.

It plays the registry from which a reader of the README installs gatepass. Set-up: it may use the
network; the tests may not. Nothing is done where nothing of gatepass has changed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / ".tools" / "wheelhouse"


def main() -> None:
    """Fill the folder, as a whole or not at all."""
    sys.path.insert(0, str(ROOT / "tests" / "clients"))
    from provision import source_digest

    digest = f"{sys.version_info[0]}.{sys.version_info[1]} {source_digest()}"
    stamp = FOLDER / ".digest"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", str(FOLDER)]
    subprocess.run([*command, str(ROOT)], check=True)
    stamp.write_text(digest, encoding="utf-8")
    print(f"wheelhouse: {len(list(FOLDER.glob('*.whl')))} wheels")


if __name__ == "__main__":
    main()
