"""Identity providers, Package Manager, AWS and menda cloud on this machine, to try things on.

With a command: run it inside a platform's environment and end with its status. Without one:
print the environment as `export` lines, and serve until Ctrl-C.

examples:
  gatepass sandbox --as github -- sh -c 'pip download --index-url "$INDEX_URL" gatepass-hello'
  gatepass sandbox --as gitlab --fault exchange=503x2 -- gatepass whoami
  gatepass sandbox --as file > sandbox.env
  gatepass sandbox --as laptop --person approve -- gatepass login
  gatepass sandbox --as aws -- sh -c 'gatepass get "$CODEARTIFACT_INDEX_URL"'
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

_PLATFORMS = ("github", "gitlab", "kubernetes", "file", "aws", "laptop", "menda")
"""As :mod:`gatepass.sandbox` has them: it loads cryptography, which --help should not wait for."""

_NEED_AWS = {"aws", "menda"}
"""Platforms that make sense only where AWS' names lead to the sandbox."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        "gatepass sandbox [--as PLATFORM] [--tls] [--aws] [--prefix PATH]\n"
        "                        [--lifetime S] [--fault PARTY=FAULT]...\n"
        "                        [--person approve|deny|never] [-- CMD...]"
    )
    parser.add_argument(
        "--as",
        dest="platform",
        choices=_PLATFORMS,
        default="github",
        help="whose environment: a GitHub Actions or GitLab CI job's, a pod's, one with an "
        "identity token file, one with keys of AWS, a person's laptop, or one with a client's "
        "secret for menda cloud",
    )
    parser.add_argument(
        "--person",
        choices=("approve", "deny", "never"),
        default="never",
        help="who answers a login: the sandbox, or nobody until you open the page that the login "
        "names (default: %(default)s)",
    )
    parser.add_argument("--tls", action="store_true", help="https, with a CA of its own")
    parser.add_argument(
        "--aws",
        action="store_true",
        help="lead AWS' host names to an STS and a CodeArtifact of its own, through a proxy; "
        "with --tls",
    )
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
    """Raises UsageError for options that make no sandbox. Without a command it ends by a signal."""
    from gatepass.sandbox import Sandbox, clean

    try:
        if options.lifetime <= 0:
            raise ValueError(f"--lifetime is a number of seconds above 0, not {options.lifetime}")
        sandbox = Sandbox(
            tls=options.tls,
            aws=options.aws or options.platform in _NEED_AWS,
            prefix=options.prefix,
            lifetime=options.lifetime,
            faults=options.faults,
        )
    except ValueError as error:
        raise UsageError("usage", f"gatepass sandbox: {error}", do="gatepass sandbox --help") from (
            None
        )
    with sandbox:
        if options.person == "approve":
            sandbox.person.approves()
        elif options.person == "deny":
            sandbox.person.denies()
        else:
            sandbox.person.never()
        if options.platform == "laptop":
            log.say(f"gatepass sandbox: {_whose_turn(sandbox.idp.page_url, options.person)}")
        added = {
            **sandbox.environment(options.platform),
            # Not the platform's: where things are, for whoever plays with them.
            "INDEX_URL": sandbox.index_url,
            "PUBLIC_INDEX_URL": sandbox.public_index_url,
            "UPLOAD_URL": sandbox.upload_url,
        }
        if sandbox.has_aws_names:
            added["CODEARTIFACT_INDEX_URL"] = sandbox.aws.index_url
            added["CODEARTIFACT_UPLOAD_URL"] = sandbox.aws.upload_url
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


def _whose_turn(page: str, person: str) -> str:
    """Who answers when a login asks."""
    if person == "never":
        return f"a login waits for you: open the page that it names, {page}"
    return f"the sandbox plays the person, who will {person} each login"


def _command(command: list[str], env: dict[str, str]) -> int:
    """Run it to its end. Ctrl-C reaches it from the terminal; we wait for what it makes of it."""
    # Not SIG_IGN, which the command would inherit; and set before it starts, which takes a moment.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        status = subprocess.call(command, env=env)
    except OSError as error:
        is_absent = isinstance(error, FileNotFoundError)
        why = "there is no such command" if is_absent else error.strerror
        log.say(f"gatepass sandbox: {plain(command[0])}: {why}")
        log.say("  do:  name a program on PATH, or its path; sh -c '...' runs a shell's own line")
        return 127 if is_absent else 126
    return 128 - status if status < 0 else status
