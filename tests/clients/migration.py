"""The page about moving over, taken apart: each row of its tables, and the test that it names.

A module of tests has TESTS: by how a row's first cell begins, the function that runs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from support import ROOT

if TYPE_CHECKING:
    from clients.machines import Both

PAGE = ROOT / "docs" / "migrate.md"
HEADS = ("line", "what happens")
"""What a table's first cell is called."""

_SPAN = re.compile(r"`([^`]+)`")
_ASSIGNMENT = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")
_READER = {"/internal/": "/private/", "your-package": "gatepass-hello"}
"""What stands on the page for something that the sandbox has."""


class Row(NamedTuple):
    """A row of the page: the heading of its part, and its cells as they are written."""

    part: str
    cells: tuple[str, ...]

    @property
    def key(self) -> str:
        """The first cell."""
        return self.cells[0]

    def lines(self, cell: int) -> list[str]:
        """The code in a cell, as the sandbox needs it; `the same` begins with the first one's."""
        text = self.cells[cell]
        found = _SPAN.findall(self.cells[0]) if cell and text.startswith("the same") else []
        found += _SPAN.findall(text)
        for old, new in _READER.items():
            found = [line.replace(old, new) for line in found]
        return found

    def variables(self, cell: int) -> dict[str, str]:
        """Those lines of a cell that set a variable."""
        matches = map(_ASSIGNMENT.fullmatch, self.lines(cell))
        return {match[1]: match[2] for match in matches if match}

    @property
    def old(self) -> list[str]:
        """The old tool's lines."""
        return self.lines(0)

    @property
    def new(self) -> list[str]:
        """The lines with gatepass."""
        return self.lines(1)


Test = Callable[["Both", Row], None]


def rows() -> list[Row]:
    """Every row of every table of the page, in order."""
    found, part = [], ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            part = line.removeprefix("## ")
        elif line.startswith("|") and not re.fullmatch(r"[|-]+", line):
            cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
            if cells[0] not in HEADS:
                found.append(Row(part, cells))
    return found


def matching(part: str, start: str) -> list[Row]:
    """The rows of a part that begin so."""
    return [row for row in rows() if row.part == part and row.key.startswith(start)]


def parameters(part: str, tests: Mapping[str, Test]) -> list[Any]:
    """Each test with its row, whose first cell is its name; a row that isn't there is None."""
    found = []
    for start, test in tests.items():
        row = next(iter(matching(part, start)), None)
        found.append(pytest.param(test, row, id=row.key if row else start))
    return found
