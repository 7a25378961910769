"""A file's bytes as text that can be edited and turned back: mark, newlines and odd bytes stay."""

from __future__ import annotations

import codecs
from typing import NamedTuple


class Unclear(Exception):
    """The file can't be edited with certainty; the text fits after "because"."""


class Text(NamedTuple):
    """``body``: without a byte order mark; bytes that aren't UTF-8 are lone surrogates in it."""

    mark: bytes
    body: str

    @property
    def newline(self) -> str:
        """What the file's first line ends with; ``\\n`` where there is none."""
        end = self.body.find("\n")
        return "\r\n" if end > 0 and self.body[end - 1] == "\r" else "\n"

    def encode(self, body: str) -> bytes:
        """The bytes of another body in the same file."""
        return self.mark + body.encode("utf-8", "surrogateescape")


def decode(data: bytes | None) -> Text:
    """The text of a file; an empty one where there is no file."""
    data = data or b""
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    return Text(mark, data[len(mark) :].decode("utf-8", "surrogateescape"))


def ended(body: str, newline: str) -> str:
    """A body whose last line is ended, so that another one can follow."""
    return body if not body or body.endswith(("\n", "\r")) else body + newline
