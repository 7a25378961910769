"""`python tests/delivery/action/stage.py`: a sandbox that plays for a workflow's later steps.

It goes on after this step has ended; a runner ends what a job leaves behind. The steps see its
Package Manager in SANDBOX, and its token endpoint instead of GitHub's.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

_LONGEST = 60
"""Seconds that it may take to start."""


def main() -> int:
    """0 when it plays; its number is the output `pid`."""
    told = Path(os.environ["RUNNER_TEMP"]) / "sandbox.env"
    detached = 0
    if sys.platform == "win32":
        detached = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    with open(told, "w", encoding="utf-8") as output:
        child = subprocess.Popen(
            [sys.executable, "-I", "-m", "gatepass", "sandbox", "--as", "github"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            creationflags=detached,
        )
    deadline = time.monotonic() + _LONGEST
    while "UPLOAD_URL=" not in told.read_text(encoding="utf-8"):  # the last line
        if child.poll() is not None or time.monotonic() > deadline:
            print("::error::the sandbox doesn't start")
            return 1
        time.sleep(0.1)
    lines = told.read_text(encoding="utf-8").splitlines()
    words = [shlex.split(line)[1].partition("=") for line in lines]
    played = {name: value for name, _, value in words}
    print(f"::add-mask::{played['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}")
    told.unlink()
    # The runner's own variables stay as they are: nobody can change those.
    wanted = ("ACTIONS_", "NO_PROXY", "no_proxy")
    env = {name: value for name, value in played.items() if name.startswith(wanted)}
    env["SANDBOX"] = played["PACKAGEMANAGER_ADDRESS"]
    env["GATEPASS_TRUSTED_ISSUERS"] = f"{played['GITHUB_SERVER_URL']}/_services/token"
    with open(os.environ["GITHUB_ENV"], "a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in env.items())
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
        file.write(f"pid={child.pid}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
