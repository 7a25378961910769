"""Variables as text, for each who reads them. Values have no line breaks and no control characters:
they are secrets that were checked, user names, and addresses that were parsed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from gatepass.errors import UsageError, plain

FORMATS = ("dotenv", "sh", "powershell", "github")

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./~-]*")
_SINGLE_QUOTES = re.compile("['\u2018-\u201b]")
"""PowerShell takes typographic ones for its own (about_Quoting_Rules; CharTraits.cs,
IsSingleQuote)."""


def spelled(variables: Mapping[str, str], form: str) -> str:
    """One line each, in one of FORMATS.

    ``dotenv``: without quotes, since Docker and GitLab take quotes for a part of the value, and
    others a bare ``$`` or ``#`` for something else: UsageError for a value that would need them.
    ``github``: as the file ``GITHUB_ENV`` takes them (actions/runner, FileCommandManager.cs).
    """
    return "".join(f"{_line(name, value, form)}\n" for name, value in variables.items())


def masks(secrets: list[str]) -> str:
    """Workflow commands that make GitHub's runner hide these. It looks for them on standard output
    and on standard error (actions/runner, ScriptHandler.cs)."""
    return "".join(f"::add-mask::{secret.replace('%', '%25')}\n" for secret in secrets)


def _line(name: str, value: str, form: str) -> str:
    if form == "sh":
        return f"export {name}={shlex.quote(value)}"
    if form == "powershell":
        quoted = _SINGLE_QUOTES.sub(r"\g<0>\g<0>", value)
        return f"$env:{name} = '{quoted}'"
    if form == "dotenv" and not _PLAIN.fullmatch(value):
        raise UsageError(
            "usage",
            f"{name} has characters that readers of dotenv files understand in different ways",
            why=f"its value: {plain(value, 100)}" if "PASSWORD" not in name else "",
            do="gatepass env --format sh, or another one",
        )
    return f"{name}={value}"
