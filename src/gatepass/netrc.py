"""The netrc format: one machine's entry put in, all the rest kept as it stands.

It knows hosts alone: neither scheme nor port nor path, so whatever reads it sends the secret to
any server of that host. Sources: curl's docs/libcurl ``CURLOPT_NETRC``, Python's ``netrc``, Go's
``cmd/go/internal/auth``: of several entries for a host curl and Go take the first one, Python the
last.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping

from gatepass import files
from gatepass.secret import Secret

_LARGEST = 1024 * 1024
"""Bytes of a user's file that are read: real ones have a page."""

_WORD = re.compile(r'"(?:\\.|[^"\\])*"|(?:\\.|[^\s\\])+', re.DOTALL)
_END_OF_MACRO = re.compile(r"\n[ \t]*\r?\n")
_WITH_A_VALUE = ("login", "user", "account", "password")


def path(env: Mapping[str, str]) -> str:
    """The file that tools read: what ``NETRC`` names, else the one in the home; empty where there
    is no home. It may not be there."""
    home = env.get("USERPROFILE" if sys.platform == "win32" else "HOME", "")
    name = "_netrc" if sys.platform == "win32" else ".netrc"
    return env.get("NETRC", "") or (os.path.join(home, name) if home else "")


def read(path: str, *, follow: bool = True) -> str:
    """A file's text; empty where there is none. OSError where it can't be read.

    ``follow``: the path may be a link. Bytes that are no UTF-8 come back as they were when the text
    is encoded with ``surrogateescape``.
    """
    if not path:
        return ""
    try:
        data = files.read(path, _LARGEST + 1, follow=follow)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    if len(data) > _LARGEST:
        raise OSError(27, f"it has more than {_LARGEST} bytes", path)
    return data.decode("utf-8", "surrogateescape")


def with_machine(text: str, host: str, login: str, password: Secret) -> str:
    """The text with this machine's entry in front, in the place of all that it had for that host.

    In front: a file that ends in ``default``, or in something that a reader stumbles over, serves
    all the same. Neither ``login`` nor ``password`` may hold white space: no registry's does.
    """
    entry = f"machine {host} login {login} password {password.reveal()}\n"
    return entry + without_machine(text, host)


def without_machine(text: str, host: str) -> str:
    """The text without any entry for the host; comments, macros and other machines stay."""
    kept, at = [], 0
    for start, end, machine in _entries(text):
        if machine.lower() == host.lower():
            kept.append(text[at:start])
            at = end + 1 if text[end : end + 1] == "\n" else end
    return "".join([*kept, text[at:]])


def machines(text: str) -> list[str]:
    """The hosts that have entries, in their order."""
    return [machine for _, _, machine in _entries(text) if machine]


def _entries(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and host of each entry; ``default`` has an empty host."""
    start, end, machine = -1, 0, ""
    at = 0
    while found := _WORD.search(text, at):
        word, at = found[0], found.end()
        if word.startswith("#"):  # a comment; a value that begins so is never looked at here
            at = _end_of_line(text, found.start())
            continue
        if word in ("machine", "default", "macdef"):
            if start >= 0:
                yield start, end, machine
            start, machine = found.start(), ""
        if word == "macdef":
            start = -1
            blank = _END_OF_MACRO.search(text, at)
            at = blank.end() if blank else len(text)
        elif word == "machine" or word in _WITH_A_VALUE:
            value = _WORD.search(text, at)
            at = value.end() if value else len(text)
            if word == "machine" and value:
                machine = _plain(value[0])
        end = at
    if start >= 0:
        yield start, end, machine


def _plain(word: str) -> str:
    if len(word) > 1 and word.startswith('"') and word.endswith('"'):
        word = word[1:-1]
    return re.sub(r"\\(.)", r"\1", word)


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
