"""The table of decisions names tests that are there, for every line of it."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from design import AUDIENCE, IDENTITY, Row
from design_trust import TRUST
from support import ROOT

ROWS = [*IDENTITY, *AUDIENCE, *TRUST]
LATER = {"doctor"}
"""What isn't built yet."""


@cache
def names_in(path: str) -> frozenset[str]:
    """The tests of a file: ``name``, or ``Class::name``."""
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    found = set()
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {
            prefix + member.name
            for member in members
            if isinstance(member, ast.FunctionDef) and member.name.startswith("test_")
        }
    return frozenset(found)


@pytest.mark.parametrize("line", ROWS, ids=lambda line: line.says[:40])
def test_a_decision_is_held_by_tests_that_exist(line: Row) -> None:
    """No line is empty, and each test that one names is in its file; later is later."""
    if line.later:
        assert line.later in LATER
        assert line.held_by == ()
        return
    assert line.held_by
    assert len(set(line.held_by)) == len(line.held_by)
    for name in line.held_by:
        path, _, test = name.partition("::")
        assert test in names_in(path), name


def test_every_line_is_said_once_and_in_a_sentence() -> None:
    """One decision a line, in words of its own."""
    said = [line.says for line in ROWS]
    assert len(set(said)) == len(said)
    assert all(text.endswith(".") and text[0].isupper() for text in said)


def test_most_of_it_is_held_already() -> None:
    """What is left for later stays a small part."""
    assert len(ROWS) > 60
    assert sum(bool(line.later) for line in ROWS) < len(ROWS) / 6


@pytest.mark.parametrize("name", ["test_nobody", "TestX::test_y", "names_in", ""])
def test_a_test_that_is_not_there_is_noticed(name: str) -> None:
    """The check itself can fail."""
    assert name not in names_in("unit/test_design_table.py")
    with pytest.raises(AssertionError):
        test_a_decision_is_held_by_tests_that_exist(
            Row("X.", (f"unit/test_design_table.py::{name}",))
        )
