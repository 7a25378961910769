"""What a GitHub runner understands: commands on standard output, and the files that it reads.

Sources: docs.github.com, "Workflow commands"; actions/toolkit ``core/src/command.ts`` (escaping),
``core/src/file-command.ts`` (delimiters). Standard library only: it runs before gatepass is there.
"""

from __future__ import annotations

import os
import secrets
import sys


def start() -> None:
    """Make standard output what the runner reads: UTF-8, line by line, whatever is printed."""
    if sys.stdout is not None:
        sys.stdout.reconfigure(  # type: ignore[union-attr]
            encoding="utf-8", errors="backslashreplace", line_buffering=True
        )


def say(text: str) -> None:
    """A line of the log. Never a command: the runner takes a line that begins with :: for one,
    and ##[ anywhere in it, whoever wrote that."""
    print("\n".join(f"gatepass: {line}" for line in text.replace("##[", "# #[").splitlines()))


def annotate(level: str, title: str, text: str) -> None:
    """An annotation: ``level`` is error, warning or notice; the text may have several lines."""
    print(f"::{level} title={_property(title)}::{_data(text)}")


def mask(secret: str) -> None:
    """From now on the runner replaces this text in the log."""
    if secret:
        print(f"::add-mask::{_data(secret)}")


def output(name: str, value: str) -> None:
    """An output of the step."""
    _append("GITHUB_OUTPUT", _named(name, value))


def variable(name: str, value: str) -> None:
    """A variable of every later step."""
    _append("GITHUB_ENV", _named(name, value))


def path(folder: str) -> None:
    """A folder that comes first on the PATH of every later step."""
    _append("GITHUB_PATH", folder + "\n")


def summary(markdown: str) -> None:
    """A piece of the step's summary; lost where the runner has none (an old GHES)."""
    if os.environ.get("GITHUB_STEP_SUMMARY"):
        _append("GITHUB_STEP_SUMMARY", markdown)


def _named(name: str, value: str) -> str:
    """Name and value between delimiters that nobody can guess, so that no value adds another."""
    end = f"gatepass-{secrets.token_hex(16)}"
    return f"{name}<<{end}\n{value}\n{end}\n"


def _append(file: str, text: str) -> None:
    with open(os.environ[file], "a", encoding="utf-8", newline="\n") as stream:
        stream.write(text)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
