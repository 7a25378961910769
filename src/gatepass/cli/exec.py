"""Run a command with access to registries: it, and nothing after it, has passes for them.

The passes lie in a private folder, and go when the command ends; the variables that could be
exchanged for more are kept from it. Ends with the command's status.

examples:
  gatepass exec -- pip install --index-url https://ppm.example.com/internal/latest/simple/ NAME
  gatepass exec --registry prod --index prod -- uv sync
  gatepass exec --publish https://ppm.example.com/upload/pypi/local -- twine upload dist/*
  gatepass exec --for netrc -- Rscript -e 'install.packages("NAME")'
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from gatepass import log
from gatepass.child import environment, fence, passwords, process
from gatepass.child.contents import Contents
from gatepass.child.folder import PassFolder, make
from gatepass.child.renewal import Renewal
from gatepass.child.serving import credentials, renewed, used
from gatepass.cli import serve
from gatepass.credential import Credential
from gatepass.errors import UsageError
from gatepass.settings import Registry, load

_NAME = "gatepass.exe" if sys.platform == "win32" else "gatepass"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        "gatepass exec [--registry NAME|URL]... [--index PATH|URL|NAME]\n"
        "                     [--publish [NAME=]URL] [--for TOOL]... [--keep VAR]...\n"
        "                     [--drop VAR]... -- CMD..."
    )
    serve.arguments(parser)
    parser.add_argument(
        "--for",
        dest="tools",
        action="append",
        choices=("netrc", *passwords.TOOLS),
        default=[],
        help="netrc: private files for curl, Go and R; the others: a password in a variable, for "
        "where gatepass isn't installed beside them",
    )
    for name, what in (("keep", "pass this variable on"), ("drop", "keep it from the command")):
        parser.add_argument(
            f"--{name}", action="append", default=[], metavar="VAR", help=f"{what}; may be repeated"
        )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD", help="what to run")


def run(options: argparse.Namespace) -> int:
    words = options.command[options.command[:1] == ["--"] :]
    if not words:
        raise UsageError("usage", "gatepass exec: no command", do="gatepass exec [options] -- CMD")
    try:
        if is_ours(words[0]):  # it needs what the others must not have
            return process.become(process.find(words[0], os.environ), words, os.environ)
        with process.ends_when_told():
            return _run(options, words)
    except process.CannotRun as error:
        log.say(str(error))
        return error.status
    except KeyboardInterrupt:  # before the command was there
        return process.same_end(-signal.SIGINT)


def is_ours(word: str) -> bool:
    """Whether a command is gatepass itself: by its bare name, which PATH resolves, or another way
    to write our own path. A file of that name in a checkout is not."""
    if word == "gatepass":
        return True
    own = os.path.join(os.path.dirname(sys.executable), _NAME)
    try:
        return os.path.isabs(word) and os.path.samefile(word, own)
    except OSError:
        return False


def _run(options: argparse.Namespace, words: Sequence[str]) -> int:
    settings, env = load(os.environ), dict(os.environ)
    asked = serve.asked(options, settings)
    fence.check(options.keep, options.drop)
    if words[0] != "keyring":  # ours will be there
        process.find(words[0], env)
    held = credentials(asked.served, settings, env)
    given = fence.fenced(env, used(asked.served, env), keep=options.keep, drop=options.drop)
    given = environment.tools(given, asked.served, index=asked.install, upload=asked.upload)
    given |= passwords.for_tools(options.tools, held, given, asked.upload)

    def filled(folder: PassFolder) -> Contents:
        return Contents(folder, given, held, with_netrc="netrc" in options.tools)

    def get(registry: Registry, after: float) -> Credential:
        return renewed(registry, settings, env, after)

    if os.getpid() == 1:  # the command then reaps what it leaves, and hears its signals itself
        with make(env, settings) as folder:  # which stays, unless the command can't be run
            inside = filled(folder).seen_from(given)
            return process.become(process.find(words[0], inside), words, inside)
    with process.held_back() as mask, make(env, settings) as folder:
        contents = filled(folder)
        inside = contents.seen_from(given)
        with Renewal(held, get, contents.write):
            code = process.run(process.find(words[0], inside), words, inside, mask)
    return process.same_end(code)
