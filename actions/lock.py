"""`make lock`: actions/setup/requirements.txt, every package that gatepass needs, with its hashes.

Besides pyproject.toml's dependencies it has what builds gatepass: the action builds it from its own
checkout, without isolation. Set-up: it uses the network, and the uv of `make clients`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "actions" / "setup" / "requirements.txt"
COPY = ROOT / "src" / "gatepass" / "requirements.txt"
"""In the wheel, so that its one hash says what all that it needs is: gitlab/ relies on that."""

_HEADER = "# Made by `make lock` from pyproject.toml. For every platform and Python from 3.11 on.\n"


def wanted() -> list[str]:
    """The requirements that are locked, as pyproject.toml writes them."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)
    return [*project["project"]["dependencies"], *project["build-system"]["requires"]]


def main() -> int:
    """Write the file anew, with the newest versions; uv's exit status."""
    folders = [ROOT / ".tools" / "clients" / "uv" / name for name in ("bin", "Scripts")]
    uv = shutil.which("uv", path=os.pathsep.join(map(str, folders)))
    if uv is None:
        print("there is no uv: run `make clients`", file=sys.stderr)
        return 1
    options = ["--universal", "--generate-hashes", "--no-emit-index-url", "--no-header"]
    options += ["--no-annotate", "--python-version", "3.11", "--only-binary", ":all:"]
    done = subprocess.run(
        [uv, "pip", "compile", "--quiet", *options, "-"],
        input="\n".join(wanted()),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        for path in (LOCK, COPY):
            path.write_text(_HEADER + done.stdout, encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
