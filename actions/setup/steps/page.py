"""The step's summary: who we are, which registries gave us a pass and until when; or the error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gatepass.errors import GatepassError, plain

SHOWN = (
    "iss",
    "sub",
    "aud",
    "repository",
    "repository_id",
    "repository_owner_id",
    "ref",
    "environment",
    "event_name",
    "job_workflow_ref",
    "runner_environment",
)
"""Claims that trust policies are written about. None is secret: they stand in every token."""


def table(head: tuple[str, ...], rows: Iterable[Iterable[object]]) -> str:
    """A table; nothing in a cell can end it, link anywhere or mention anybody."""
    lines = [head, ("---",) * len(head), *(map(cell, row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def cell(text: object) -> str:
    """Text that somebody else wrote, a branch's name say: no character in it means anything."""
    return re.sub(r"[^A-Za-z0-9 ]", lambda found: f"&#{ord(found[0])};", plain(text)) or "&#45;"


def claims(verified: Mapping[str, Any]) -> str:
    """Who we are, folded away; empty where no token was verified."""
    rows = [(name, verified[name]) for name in SHOWN if verified.get(name)]
    if not rows:
        return ""
    body = table(("claim", "value"), rows)
    return f"\n<details><summary>Who this job is</summary>\n\n{body}\n</details>\n"


def block(error: GatepassError) -> str:
    """The error as it is. Its lines are indented or begin with a word: none closes the fence."""
    return f"\n```text\n{error}\n```\n"
