"""The action's steps: `python -I steps install`, then, by gatepass' own Python, `... configure`.

A folder that Python is started with is on its path, isolated or not, and nothing else of ours is.
"""

from __future__ import annotations

import os
import subprocess
import sys

import runner


def main() -> int:
    """0 done, 1 failed (an annotation says why)."""
    runner.start()
    if sys.argv[1:2] == ["configure"]:
        from configure import configure

        return configure(sys.argv[2])
    from install import Failed, install

    try:
        folder, python = install()
    except Failed as error:
        runner.annotate("error", "gatepass: setup", str(error))
        return 1
    sys.stdout.flush()
    command = [str(python), "-I", os.path.dirname(__file__), "configure", str(folder)]
    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main())
