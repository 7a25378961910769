"""Print a registry's user name and password as variables, for tools that take them in no other way.

Whoever reads the variables has the password, for as long as it lives: `gatepass exec` needs none.
In the format `github` they are masked, then written to GITHUB_ENV, for the job's next steps.

examples:
  gatepass env --format sh --output registry.sh
  gatepass env --format dotenv --output registry.env
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from gatepass import files, log
from gatepass.child.passwords import everything
from gatepass.child.serving import credentials
from gatepass.child.spelling import FORMATS, masks, spelled
from gatepass.cli import serve
from gatepass.cli.output import Undelivered
from gatepass.errors import ConfigError, UsageError, plain
from gatepass.settings import load
from gatepass.settings.environment import read
from gatepass.store.folder import Folder


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", required=True, choices=FORMATS, help="who reads them")
    serve.arguments(parser)
    parser.add_argument(
        "--output",
        metavar="FILE",
        default="",
        help="write them to this file, which only you can read, instead of standard output",
    )
    parser.add_argument("--show", action="store_true", help="print them, even to a terminal")


def run(options: argparse.Namespace) -> int:
    env, settings = os.environ, load(os.environ)
    asked = serve.asked(options, settings)
    target = _target(options)
    held = credentials(asked.served, settings, env)
    text = spelled(everything(held, asked.install, asked.upload), options.format)
    hidden = masks([word for one in held for word in _words(one.credential.secret.reveal())])
    if options.format == "github":
        sys.stdout.write(hidden)
        sys.stdout.flush()  # before anything that could show what is masked
        _write(_append, target, text)
        return 0
    if env.get("GITHUB_ACTIONS") == "true":
        log.say(hidden.rstrip())  # standard output may be captured, or the log itself
    if target:
        _write(_replace, target, text)
    else:
        sys.stdout.write(text)
    return 0


def _target(options: argparse.Namespace) -> str:
    """The file to write to; empty for standard output. UsageError, ConfigError, Undelivered."""
    if sys.stdout is None:
        raise Undelivered(9, "it is closed")
    if options.format == "github":
        path = read(os.environ, "GITHUB_ENV")
        if not path:
            raise ConfigError(
                "no-github-env",
                "GITHUB_ENV isn't set, so there is no job to write variables for",
                do="run it in a step of GitHub Actions or Forgejo, or choose another --format",
            )
        return path
    if not options.output and not options.show and sys.stdout.isatty():
        raise UsageError(
            "usage",
            "gatepass env: standard output is a terminal, and a password would stay on it",
            do="send it somewhere (> FILE, --output FILE), or say --show",
        )
    return os.path.abspath(options.output) if options.output else ""


def _words(secret: str) -> set[str]:
    from urllib.parse import quote

    return {secret, quote(secret, safe="")}  # the latter stands in addresses


def _append(path: str, text: str) -> None:
    """Add lines to a file, whose last one may lack its end: a step's `printf A=b` made it."""
    try:
        with files.opened(path) as file:
            file.seek(-1, os.SEEK_END)
            is_whole = file.read(1) == b"\n"
    except OSError:  # there is none, it is empty, or it can only be written
        is_whole = True
    files.append(path, text if is_whole else f"\n{text}")


def _replace(path: str, text: str) -> None:
    Folder(os.path.dirname(path)).write(os.path.basename(path), text.encode())


def _write(how: Callable[[str, str], None], path: str, text: str) -> None:
    try:
        how(path, text)
    except OSError as error:
        raise ConfigError(
            "env-file",
            f"{plain(path)} can't be written: {error.strerror}",
            do="name a file in a folder that is there and is yours",
        ) from None
