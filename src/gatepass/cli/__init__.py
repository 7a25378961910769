"""The command line. Standard output is data; everything that is said goes to standard error.

One command a file; only the chosen one is loaded.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from gatepass import __version__, log
from gatepass.cli.output import Output, Undelivered, lost
from gatepass.errors import GatepassError, UsageError, internal, plain
from gatepass.settings.environment import nearest

COMMANDS = {
    "get": "print the secret for a registry",
    "exec": "run a command with access: it has passes, but no longer the job's identity",
    "env": "print user name and password as variables, for tools that take nothing else",
    "watch": "keep files with credentials fresh, for as long as a pod lives",
    "setup": "make this machine's tools ask gatepass: keyring command, pip, uv, and others",
    "login": "log in to a registry now, in a browser",
    "logout": "forget a login",
    "status": "what is stored, for which registry, until when; the last error",
    "whoami": "every identity that is here, which one wins and why, its verified claims",
    "sandbox": "identity providers, Package Manager, AWS and menda cloud, to try things on",
    "demo": "the whole story in the sandbox, with a real pip install at its end",
}

_SILENT = ("exec", "watch")
"""They write nothing to standard output, so that their status doesn't depend on it."""

_INTERRUPTED = 130
"""What a shell gives a command that Ctrl-C ended (128 and SIGINT)."""


class _Help(argparse.RawDescriptionHelpFormatter):
    """A fixed width: to ask the terminal for its own, argparse loads shutil for every command."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=96)


class _Parser(argparse.ArgumentParser):
    """argparse, whose complaints are errors like all others, with a suggestion."""

    def error(self, message: str) -> NoReturn:
        words = message.partition("unrecognized arguments: ")[2].split()
        known = tuple(option for action in self._actions for option in action.option_strings)
        guess = next((n for n in (nearest(word, known) for word in words) if n), "")
        raise UsageError(
            "usage",
            f"{self.prog}: {plain(message)}",
            why=f"did you mean {guess!r}?" if guess else "",
            do=f"{self.prog} --help",
        )

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        if sys.stdout is not None:
            sys.stdout.flush()
        super().exit(status, message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Exit status: 0 done; 1 no credential; 2 wrong usage; 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # claims may have any character
    output = sys.stdout
    if output is not None:
        sys.stdout = Output(output)
    try:
        status = _run(words)
        return status if words[:1] and words[0] in _SILENT else _delivered() or status
    except GatepassError as error:
        log.say(str(error))
        return error.exit_status
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has gone; Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Undelivered as error:
        log.say(str(lost(error)))
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        log.say(str(internal(error)))
        return 1
    finally:
        sys.stdout = output


def _delivered() -> int:
    """0 where standard output took everything; a script that reads nothing must not go on.

    Raises Undelivered and BrokenPipeError.
    """
    if sys.stdout is None:
        raise Undelivered(9, "it is closed")
    sys.stdout.flush()  # a reader that has gone shows here, and not in Python's own end
    return 0


def _run(words: list[str]) -> int:
    name = words[0] if words else "--help"
    if name in ("-h", "--help", "help"):
        if not words:
            log.say(overview())
            return UsageError.exit_status
        print(overview())
        return 0
    if name in ("-V", "--version"):
        print(f"gatepass {__version__}")
        return 0
    if name not in COMMANDS:
        guess = nearest(name, tuple(COMMANDS))
        raise UsageError(
            "usage",
            f"gatepass has no command {plain(name, 60)!r}",
            why=f"did you mean {guess!r}?" if guess else "",
            do="gatepass --help",
        )
    command = import_module(f"gatepass.cli.{name}")
    parser = _Parser(
        prog=f"gatepass {name}",
        description=command.__doc__,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    command.arguments(parser)
    status: int = command.run(parser.parse_args(words[1:]))
    return status


def overview() -> str:
    """What ``gatepass --help`` prints."""
    lines = [
        "gatepass: trade the identity your job already has for a pass to the registry",
        "",
        "usage: gatepass COMMAND [options]",
        "",
        *(f"  {name:<9} {what}" for name, what in COMMANDS.items()),
        "",
        "gatepass COMMAND --help explains one of them. Exit status: 0 done, 1 no credential",
        "(the reason is on standard error), 2 wrong usage.",
    ]
    return "\n".join(lines)
