"""How a failure reaches whoever waits for it, when the caller swallows what we print.

pip 26.2 and later read our stderr and throw it away; all that anyone sees then is "No matching
distribution found". So: stderr; where that is no terminal, the terminal itself; where there is
none, in CI on Linux, the standard error of the process that called us; and the job's summary.
"""

from __future__ import annotations

import os
import stat
import sys
import time

from gatepass import files, log
from gatepass.errors import GatepassError
from gatepass.login import terminal as terminals
from gatepass.login.person import is_terminal, open_terminal
from gatepass.resolve import FORGET, record_of
from gatepass.settings import Environment
from gatepass.settings.environment import in_ci
from gatepass.store import Store, key

_ME = os.urandom(8).hex()
"""This process: its number alone would come again, in the next container say."""


def report(error: GatepassError, service: str, env: Environment, store: Store) -> None:
    """Show an error once per client run, and keep it for ``gatepass status``.

    One client run is one process that asks often, or one parent that calls the `keyring` command
    with other words each time (uv: URL, host, origin, for an upload all three twice; pdm: for a
    credential, then for a password). The same words twice running are a person at a shell; and so
    are two clients that ask in their own process, whoever started them.
    """
    text = str(error)
    name = f"told-{key([text])}"
    before = store.recall(name) or {}
    asked = key(sys.argv[1:]) if is_command() else ""
    mine = {"process": _ME, "parent": os.getppid(), "asked": asked}
    age = time.time() - _number(before.get("time"))
    same_run = before.get("process") == _ME or (
        asked and before.get("parent") == mine["parent"] and before.get("asked") != asked
    )
    if 0 <= age < FORGET and same_run:
        store.note(name, {**before, "asked": asked})
        return
    _print(text, env)
    summarised = before.get("summarised") is True or _summarise(text, env)
    store.note(name, {**mine, "time": time.time(), "summarised": summarised})
    store.note("last-error", record_of(error, service.rpartition("@")[2]))


def _print(text: str, env: Environment) -> None:
    log.say(text)
    if not is_terminal(sys.stderr) and not _to_terminal(text) and in_ci(env) and is_command():
        _to_caller(text)


def is_command() -> bool:
    """Whether we run as the `keyring` command, whose caller may swallow our standard error. In a
    client's own process standard error is the client's, and its parent no business of ours."""
    program = os.path.basename(sys.argv[0]).lower()
    if program == "__main__.py":  # python -m keyring
        program = os.path.basename(os.path.dirname(sys.argv[0])).lower()
    return program.removesuffix(".exe") == "keyring"


def _to_terminal(text: str) -> bool:
    """Write to the controlling terminal; whether there is one."""
    opened = open_terminal()
    if opened is None:
        return False
    try:
        with opened as terminal:
            # pip's progress may hold the cursor in the middle of a line.
            return terminals.write(terminal, "\n" + text + "\n") is not False
    except OSError:
        return False  # it hung up


def _to_caller(text: str) -> None:
    """Write to our parent's standard error where that is a pipe: a CI job's log.

    Linux shows it in /proc, to the same user only. A file is left alone: its owner's own offset
    would overwrite us, or we it.
    """
    try:
        path = f"/proc/{os.getppid()}/fd/2"
        theirs, ours = os.stat(path), os.fstat(2)
        is_other = (theirs.st_dev, theirs.st_ino) != (ours.st_dev, ours.st_ino)
        if stat.S_ISFIFO(theirs.st_mode) and theirs.st_uid == os.geteuid() and is_other:
            # Not blocking: a reader that sleeps must not hold us.
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            with open(fd, "wb", buffering=0) as pipe:
                pipe.write(text.encode(errors="replace") + b"\n")
    except (OSError, AttributeError):
        pass  # not Linux, or gone


def _summarise(text: str, env: Environment) -> bool:
    """Append the error to the job's summary (GitHub and Forgejo show it on the run's page)."""
    path = env.get("GITHUB_STEP_SUMMARY", "")
    if not path:
        return False
    try:
        # Our lines are indented or begin with a word, so none of them can close the fence.
        files.append(path, f"\n### gatepass\n\n```text\n{text}\n```\n")
    except OSError:
        return False
    return True


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
