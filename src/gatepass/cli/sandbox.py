"""Identity providers and a Package Manager on this machine, to try things on.

With a command: run it inside a platform's environment and end with its status. Without one:
print the environment as `export` lines, and serve until Ctrl-C.

examples:
  gatepass sandbox --as github -- sh -c 'pip download --index-url "$INDEX_URL" gatepass-hello'
  gatepass sandbox --as gitlab --fault exchange=503x2 -- gatepass whoami
  gatepass sandbox --as file > sandbox.env
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import threading

from gatepass import log
from gatepass.errors import UsageError, plain

_PLATFORMS = ("github", "gitlab", "kubernetes", "file")
"""As :mod:`gatepass.sandbox` has them: it loads cryptography, which --help should not wait for."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        "gatepass sandbox [--as PLATFORM] [--tls] [--prefix PATH] [--lifetime S]\n"
        "                        [--fault PARTY=FAULT]... [-- CMD...]"
    )
    parser.add_argument(
        "--as",
        dest="platform",
        choices=_PLATFORMS,
        default="github",
        help="whose environment: a GitHub Actions or GitLab CI job's, a pod's, or one with an "
        "identity token file",
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
    parser.add_argument(
        "--fault",
        dest="faults",
        action="append",
        default=[],
        metavar="PARTY=FAULT",
        help="let a party fail, as often as given: exchange=503x2, index=slow=5, issuer=rotate; "
        "docs/sandbox.md has them all",
    )
    parser.add_argument("command", nargs="*", metavar="CMD", help="what to run, after --")


def run(options: argparse.Namespace) -> int:
    from gatepass.sandbox import Sandbox, clean

    try:
        sandbox = Sandbox(
            tls=options.tls,
            prefix=options.prefix,
            lifetime=options.lifetime,
            faults=options.faults,
        )
    except ValueError as error:
        raise UsageError("usage", f"gatepass sandbox: {error}", do="gatepass sandbox --help") from (
            None
        )
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
        # What ends a service must not leave the private folder behind.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        threading.Event().wait()
    return 0


def _command(command: list[str], env: dict[str, str]) -> int:
    """Run it to its end. Ctrl-C reaches it from the terminal; we wait for what it makes of it."""
    # Not SIG_IGN, which the command would inherit; and set before it starts, which takes a moment.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        status = subprocess.call(command, env=env)
    except OSError as error:
        log.say(f"gatepass sandbox: {plain(command[0])}: {error.strerror}")
        return 127 if isinstance(error, FileNotFoundError) else 126
    return 128 - status if status < 0 else status
