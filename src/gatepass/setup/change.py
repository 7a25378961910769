"""One change of one file: planned, shown as a diff, made, and taken back."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from typing import NamedTuple

from gatepass.errors import ConfigError, plain
from gatepass.setup import snapshot
from gatepass.setup.snapshot import Snapshot
from gatepass.setup.text import Text, Unclear, decode

PRIVATE, COMMAND = 0o600, 0o755
"""The mode of a new file: a configuration may come to hold a password."""

# What a diff must not show: passwords in addresses, a user alone that may be a token (not the two
# that say "a token follows"), and what keys hold that are named for secrets.
_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^/\s]+@")
_LONE_USER = re.compile(r"(://)(?!(?:__token__|aws)@)[^/\s:@]+:?@")
_SECRET_KEY = re.compile(
    r"^([ +-]\s*[\w.\"'-]*(?:password|passwd|token|secret|credential|(?:pat|auth)(?![a-z])"
    r"|(?:api|access|private)[-_]?key)[\w\"'-]*\s*[=:]\s*)\S.*$",
    re.IGNORECASE,
)


class Change(NamedTuple):
    """``follow``: the path may be a link, whose target is what changes."""

    path: str
    before: Snapshot
    after: Snapshot
    follow: bool = True

    def diff(self) -> str:
        """A unified diff; passwords in it are masked. One line for what isn't text."""
        name = self.path.lstrip("/")
        old = "/dev/null" if self.before.is_absent else f"a/{name}"
        if self.before.link is not None:
            return f"--- {old} (a link to {plain(self.before.link)})\n+++ b/{name}\n"
        before, after = (_lines(one.data) for one in (self.before, self.after))
        if before is None or after is None:
            size = len(self.after.data or b"")
            return f"--- {old}\n+++ b/{name}\nBinary file of {size} bytes\n"
        lines = difflib.unified_diff(before, after, old, f"b/{name}")
        return "".join(map(_masked, lines))


class Editor(NamedTuple):
    """How one kind of file is changed, for :func:`edited`."""

    edit: Callable[[Text], str]
    by_hand: str
    """What to write by hand where the file can't be edited."""


def edited(path: str, editor: Editor, *, mode: int = PRIVATE) -> list[Change]:
    """The change of one text file; empty where it already says what it should.

    Raises ConfigError (setup-file) where the file can't be read, or not be edited with certainty.
    """
    before = read(path)
    text = decode(before.data)
    try:
        body = editor.edit(text)
    except Unclear as error:
        raise ConfigError(
            "setup-file",
            f"{plain(path)} can't be changed with certainty: nothing was changed",
            why=str(error),
            do=f"write it by hand, then run this again:\n{editor.by_hand}",
        ) from None
    after = text.encode(body)
    if after == before.data:
        return []
    return [Change(path, before, Snapshot(after, mode if before.is_absent else before.mode))]


def read(path: str, *, follow: bool = True) -> Snapshot:
    """:func:`gatepass.setup.snapshot.take`. Raises ConfigError (setup-file), also where what is
    there may not be written to."""
    try:
        found = snapshot.take(path, follow=follow)
    except OSError as error:
        raise ConfigError(
            "setup-file",
            f"{plain(path)} can't be read: {error.strerror}",
            do="make it a file that you can read and write, or move it away",
        ) from None
    if found.data is not None and not os.access(path, os.W_OK):
        raise ConfigError(
            "setup-file",
            f"{plain(path)} is read-only",
            why="whoever made it so (a dotfiles manager, say) would lose the change",
            do="change it at its source, or make it writable",
        )
    return found


def _lines(data: bytes | None) -> list[str] | None:
    """A file's lines for a diff, each ended; None for what isn't text."""
    if data is not None and b"\0" in data:
        return None
    lines = decode(data).body.splitlines()
    return [f"{plain_line(line)}\n" for line in lines]


def plain_line(line: str) -> str:
    """A line with its white space, and without what could move a terminal's cursor."""
    return "".join(char if char.isprintable() or char == "\t" else "?" for char in line)


def _masked(line: str) -> str:
    if line.startswith(("---", "+++", "@@")):
        return line
    end = line[len(line.rstrip("\n")) :]
    line = _SECRET_KEY.sub(r"\1****", line.rstrip("\n"))
    return _LONE_USER.sub(r"\1****@", _PASSWORD.sub(r"\1****@", line)) + end
