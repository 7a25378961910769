"""Make a job's shell ready: `python -I -m gatepass.job FOLDER` writes FOLDER/job.sh for it to read.

FOLDER: the job's own, of mode 0700. The lines put our `keyring` first on PATH and tell the tools
to ask it; none of them holds a secret. Standard error is the job's log.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping

from gatepass import log
from gatepass.child import environment, launchers
from gatepass.child.spelling import spelled
from gatepass.cli.times import rfc3339
from gatepass.errors import ConfigError, GatepassError, internal
from gatepass.job.passes import claims, is_a_forks, is_refusal, nobody, try_all
from gatepass.job.wanted import PREFIX, Wanted, wanted
from gatepass.store.folder import Folder

_SKIPPED = f"{PREFIX}SKIPPED"


def main(folder: str) -> int:
    """0, with the lines written; 1 after the errors were told."""
    try:
        lines = _lines(folder, os.environ)
        if lines is None:
            return 1
        Folder(folder).write("job.sh", lines.encode())
    except GatepassError as error:
        log.say(str(error))
        return 1
    except OSError as error:
        log.say(str(_unwritten(folder, error)))
        return 1
    except Exception as error:
        log.say(str(internal(error)))
        return 1
    return 0


def _lines(folder: str, job: Mapping[str, str]) -> str | None:
    """What the shell has to read; None where an exchange failed, which has been told."""
    want = wanted(job, folder)
    log.configure(want.settings.log_level, want.settings.log_format, want.settings.log_file)
    env = {**job, **want.variables}
    missing = nobody(want.registries, env)
    if missing and want.skips:
        return _skipped(missing)
    if want.checks or missing:
        tried = try_all(want.registries, want.settings, env)
        errors = [error for _, error in tried.failed]
        if want.skips and is_a_forks(env) and errors and all(map(is_refusal, errors)):
            return _skipped(errors[0])
        for registry, error in tried.failed:
            log.say(str(error))
            if is_refusal(error):
                for name, value in claims(registry, want.settings, env).items():
                    log.say(f"  this job's token says: {name} = {value}")
        if errors:
            return None
        until = {one.registry.name: one.credential.expires_at for one in tried.held}
    else:
        until = {}
    for registry in want.registries:
        end = until.get(registry.name)
        log.say(f"gatepass: {registry.name} is {registry.url}" + _told(end))
    return _ready(folder, want, env, job)


def _told(end: float | None) -> str:
    return f": a pass until {rfc3339(end)}, and new ones when they are needed" if end else ""


def _ready(folder: str, want: Wanted, env: Mapping[str, str], job: Mapping[str, str]) -> str:
    commands = launchers.put(folder, env)
    _own_command(commands)
    served = want.settings.registries  # those that aren't asked for now are known all the same
    given = environment.tools(env, served, index=want.install, upload=want.upload)
    given["PATH"] = os.pathsep.join([commands, job.get("PATH", "") or os.defpath])
    gone = [name for name in job if name not in given]
    new = {name: value for name, value in given.items() if job.get(name) != value}
    return "".join(f"unset {name}\n" for name in gone) + spelled(new, "sh")


def _skipped(error: GatepassError) -> str:
    log.say(f"gatepass: skipped, this job goes on without a pass: {error.what}")
    return spelled({_SKIPPED: "true"}, "sh")


def _unwritten(folder: str, error: OSError) -> ConfigError:
    return ConfigError(
        "pass-write",
        f"what the job needs can't be written to {folder}",
        why=error.strerror or "",
        do="make room there, or set TMPDIR to another place",
    )


def _own_command(folder: str) -> None:
    """`gatepass` itself, beside the launcher: for `gatepass exec`, and to look what is wrong."""
    place = os.path.join(folder, "gatepass")
    text = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -m gatepass "$@"\n'
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(place, flags, 0o700), "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
