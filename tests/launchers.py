"""A launcher as `gatepass setup` writes it, with a stand-in behind it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gatepass.setup import command
from support import run

# Says all that it can see of its call, in bytes, and ends with a status of its own.
STAND_IN = """\
#!/bin/sh
printf '%s\\0' "$@"
echo -- >&2
cat
exit 7
"""


class Launcher:
    """A launcher in a folder of its own, with a stand-in behind it or nothing."""

    def __init__(self, folder: Path, env: dict[str, str], real: str = "") -> None:
        self.folder, self.env, self.real = folder, env, real
        self.path = folder / "keyring"
        self.path.write_bytes(command.script(sys.executable, real))
        self.path.chmod(0o755)

    def __call__(self, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
        return run([self.path, *words], self.env, **options)


def stand_in(folder: Path) -> str:
    """The path of a new stand-in, which has a space in it."""
    path = folder / "real keyring"
    path.write_text(STAND_IN)
    path.chmod(0o755)
    return str(path)
