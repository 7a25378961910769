"""An identity provider and a Package Manager on this machine, to try things on.

With a command: run it inside a platform's environment and end with its status. Without one:
print the environment as `export` lines, and serve until Ctrl-C.

examples:
  gatepass sandbox --as github -- sh -c 'pip download --index-url "$INDEX_URL" gatepass-hello'
  gatepass sandbox --as file > sandbox.env
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import threading

from gatepass import log
from gatepass.errors import UsageError, plain

_PLATFORMS = ("github", "file")
"""As :mod:`gatepass.sandbox` has them: it loads cryptography, which --help should not wait for."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        "gatepass sandbox [--as PLATFORM] [--tls] [--prefix PATH] [--lifetime S] [-- CMD...]"
    )
    parser.add_argument(
        "--as",
        dest="platform",
        choices=_PLATFORMS,
        default="github",
        help="whose environment: a GitHub Actions job's, or one with an identity token file",
    )
    parser.add_argument("--tls", action="store_true", help="https, with a CA of its own")
    parser.add_argument("--prefix", default="", help="put Package Manager under a path, like /pkg")
    parser.add_argument(
        "--lifetime",
        type=int,
        default=3600,
        metavar="S",
        help="seconds that its tokens live (default: %(default)s)",
    )
    parser.add_argument("command", nargs="*", metavar="CMD", help="what to run, after --")


def run(options: argparse.Namespace) -> int:
    from gatepass.sandbox import Sandbox, clean

    try:
        sandbox = Sandbox(tls=options.tls, prefix=options.prefix, lifetime=options.lifetime)
    except ValueError as error:
        raise UsageError("usage", f"--prefix: {error}", do="gatepass sandbox --help") from None
    with sandbox:
        added = {
            **sandbox.environment(options.platform),
            # Not the platform's: where things are, for whoever plays with them.
            "INDEX_URL": sandbox.index_url,
            "PUBLIC_INDEX_URL": sandbox.public_index_url,
            "UPLOAD_URL": sandbox.upload_url,
        }
        if options.command:
            return _command(options.command, {**clean(os.environ), **added})
        for name, value in added.items():
            print(f"export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        log.say("gatepass sandbox: serving until Ctrl-C")
        threading.Event().wait()
    return 0


def _command(command: list[str], env: dict[str, str]) -> int:
    """Run it to its end. Ctrl-C reaches it from the terminal; we wait for what it makes of it."""
    try:
        child = subprocess.Popen(command, env=env)
    except OSError as error:
        log.say(f"gatepass sandbox: {plain(command[0])}: {error.strerror}")
        return 127 if isinstance(error, FileNotFoundError) else 126
    while True:
        try:
            status = child.wait()
            return 128 - status if status < 0 else status
        except KeyboardInterrupt:
            continue
