"""Make this machine's tools ask gatepass for a registry's passwords.

A keyring command is put on the path for pip and uv, which passes everything else on to the one that
was there; the tools' own files get the settings that they need. --undo puts every file back.

examples:
  gatepass setup https://ppm.example.com
  gatepass setup work=https://ppm.example.com --index internal/latest
  gatepass setup work --tool r --tool twine --upload upload/pypi/local
  gatepass setup --undo
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from gatepass import log
from gatepass.errors import ConfigError, GatepassError, UsageError
from gatepass.settings import Registry, Settings, load
from gatepass.settings.environment import in_ci
from gatepass.setup import TOOLS


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target",
        metavar="[NAME=]URL",
        nargs="?",
        help="the registry's address, or the name of one in config.toml",
    )
    parser.add_argument(
        "--tool",
        dest="tools",
        action="append",
        choices=TOOLS,
        help="set up this one; may be repeated (default: pip and uv, as far as they are here)",
    )
    parser.add_argument(
        "--index",
        metavar="PATH",
        nargs="?",
        const="",
        help="make the index at this path pip's and uv's default, in PyPI's place: internal/latest "
        "for URL/internal/latest/simple/ (without PATH: `index` in config.toml)",
    )
    parser.add_argument("--extra-index", metavar="PATH", help="add one beside those that there are")
    parser.add_argument("--upload", metavar="PATH", help="where twine uploads to")
    parser.add_argument("--bin", metavar="DIR", default="", help="the keyring command's folder")
    parser.add_argument("--no-login", action="store_true", help="don't log in at its end")
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would change, and change nothing"
    )
    parser.add_argument("--undo", action="store_true", help="put every file back as it was")
    parser.add_argument(
        "--force", action="store_true", help="with --undo: also those that were edited since"
    )


def run(options: argparse.Namespace) -> int:
    """Raises UsageError, ConfigError for a file that can't be changed, and what a login raises."""
    if options.undo:
        _check_undo(options)
        return _undo(options)
    if not options.target:
        raise UsageError(
            "usage",
            "gatepass setup: the registry's address is missing",
            why="a word behind --index is the index's path" if options.index else "",
            do="gatepass setup https://host, then the options",
        )
    from gatepass.setup.apply import apply
    from gatepass.setup.journal import Journal
    from gatepass.setup.places import check_owner, places
    from gatepass.setup.plan import plan, tools_here
    from gatepass.setup.wish import wish

    tools = tuple(options.tools or tools_here(os.environ))
    _check(options, tools)

    where = places(os.environ, options.bin)
    check_owner([where.state])  # before the plan: it starts the keyring command that it finds
    wanted = wish(
        os.environ,
        options.target,
        index=options.index,
        extra=options.extra_index,
        upload=options.upload,
    )
    todo = plan(wanted, tools, os.environ, where)
    check_owner(os.path.realpath(one.path) if one.follow else one.path for one in todo.changes)
    name = wanted.registry.name
    log.say(f"gatepass: {name} is {wanted.registry.url}")
    if options.dry_run:
        for change in todo.changes:
            print(change.diff(), end="")
    else:
        apply(todo.changes, Journal(where.state))
    for change in todo.changes:
        verb = "new" if change.before.is_absent else "changed"
        log.say(f"  {'would be ' * options.dry_run}{verb}: {change.path}")
    if not todo.changes:
        log.say("  nothing to change: all of it is set up already")
    for text in todo.says:
        log.say(f"  {text}")
    for text in todo.warnings:
        log.warning("setup", text)
    if options.dry_run or options.no_login:
        return 0
    settings = load(os.environ)
    return _login(settings.named(name) or wanted.registry, settings)


def _check(options: argparse.Namespace, tools: tuple[str, ...]) -> None:
    """UsageError for an option that none of the tools listens to."""
    if options.force:
        raise _wrong("--force is for --undo", "a file that is set up is never overwritten blindly")
    if options.upload is not None and "twine" not in tools:
        raise _wrong("--upload is for --tool twine", "no other tool is told where to upload to")
    for option, given in (("--extra-index", options.extra_index), ("--bin", options.bin)):
        if given and not {"pip", "uv"} & set(tools):
            raise _wrong(f"{option} is for pip and uv", f"and here is only {', '.join(tools)}")


def _check_undo(options: argparse.Namespace) -> None:
    """UsageError for what --undo has no use for: it knows itself what was changed."""
    if options.target is not None:
        raise _wrong("--undo takes no address", "it puts everything back, of every registry")
    given = {
        "--tool": options.tools,
        "--index": options.index,
        "--extra-index": options.extra_index,
        "--upload": options.upload,
        "--bin": options.bin or None,
    }
    for option, value in given.items():
        if value is not None:
            raise _wrong(f"{option} is not for --undo", "it puts everything back, as it was")


def _wrong(what: str, why: str) -> UsageError:
    return UsageError("usage", f"gatepass setup: {what}", why=why, do="gatepass setup --help")


def _login(registry: Registry, settings: Settings) -> int:
    """Log in, where that is how this registry is reached and a person is here to do it."""
    from gatepass import identity

    try:
        if identity.choose(os.environ, registry).name != "login":
            return 0  # a token, a job or AWS speaks for us
    except GatepassError as error:
        log.say("  next: " + (error.do or error.what).replace("\n", "\n        "))
        return 0
    is_here = all(one is not None and one.isatty() for one in (sys.stdin, sys.stderr))
    if in_ci(os.environ) or not is_here:
        log.say(f"  next: gatepass login {registry.name}")
        return 0
    from gatepass.cli.login import sign_in_now
    from gatepass.logins import Logins

    held = Logins(registry, settings, os.environ).held()
    if any(login.ends_in(time.time()) > 0 for login in held):
        log.say("  you are logged in already: `gatepass status` shows until when")
        return 0
    return sign_in_now(registry, settings)


def _undo(options: argparse.Namespace) -> int:
    from gatepass.setup.apply import undo
    from gatepass.setup.journal import Journal
    from gatepass.setup.places import check_owner, places

    state = places(os.environ).state
    check_owner([state])
    journal = Journal(state)
    if options.dry_run:
        for path in dict.fromkeys(step.path for step in reversed(journal.steps)):
            log.say(f"  would be put back: {path}")
        return 0
    try:
        done = undo(journal, force=options.force)
    except OSError as error:
        raise ConfigError(
            "setup-failed",
            f"the journal in {state} can't be written: {error.strerror}",
            why="what was put back is as it was; the journal still has the rest",
            do="mend that, then gatepass setup --undo",
        ) from None
    if not done.restored and not done.left:
        log.say("gatepass: nothing to undo")
    for path in done.restored:
        log.say(f"  as it was: {path}")
    for path, reason in done.left:
        log.say(f"  left alone: {path}: {reason} (--force puts it back)")
    return 1 if done.left else 0
