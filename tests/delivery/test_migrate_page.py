"""The page about moving over: every row is a test, and every test is a row.

The tests themselves are marked `real`, since the old tools are there for those alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from clients import (
    test_migrate_aws_login,
    test_migrate_aws_login_differences,
    test_migrate_codeartifact,
    test_migrate_codeartifact_differences,
    test_migrate_menda,
    test_migrate_menda_differences,
    test_migrate_posit,
    test_migrate_posit_differences,
)
from clients.migration import PAGE, Row, Test, matching, parameters, rows
from support import ROOT

MODULES = (
    test_migrate_posit,
    test_migrate_posit_differences,
    test_migrate_menda,
    test_migrate_menda_differences,
    test_migrate_codeartifact,
    test_migrate_codeartifact_differences,
    test_migrate_aws_login,
    test_migrate_aws_login_differences,
)
TESTS = [(module.PART, start) for module in MODULES for start in module.TESTS]
PARTS = ("From posit-keyring", "From menda-keyring", "From keyrings.codeartifact")


@pytest.mark.parametrize(("part", "start"), TESTS)
def test_every_test_is_one_row(part: str, start: str) -> None:
    """Its row is on the page, and no other row begins as it does."""
    assert len(matching(part, start)) == 1


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.part}: {row.key}")
def test_every_row_is_one_test(row: Row) -> None:
    """It is run, and by one test."""
    assert (
        len([1 for part, start in TESTS if part == row.part and row in matching(part, start)]) == 1
    )


def test_the_page_has_rows_for_each_tool() -> None:
    """What would not be noticed where the page can't be read any more."""
    parts = {row.part: 0 for row in rows()}
    assert set(parts) == {*PARTS, "From aws codeartifact login"}
    assert len(rows()) == len(TESTS) > 80


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_no_row_is_run_by_nobody(module: object) -> None:
    """Each module runs all of its tests, each under its row's own words."""
    tests: Mapping[str, Test] = module.TESTS  # type: ignore[attr-defined]
    found = parameters(module.PART, tests)  # type: ignore[attr-defined]
    assert [one.values[0] for one in found] == list(tests.values())
    assert all(one.id == one.values[1].key for one in found)
    assert module.pytestmark.name == "real"  # type: ignore[attr-defined]


def test_a_row_gives_its_own_lines() -> None:
    """What is run are the page's own lines, with the sandbox's names in them."""
    cells = ("`A=b` and `pip install --index-url x/internal/y your-package`", "the same, or `C=d`")
    row = Row("From nowhere", cells)
    assert row.old == ["A=b", "pip install --index-url x/private/y gatepass-hello"]
    assert row.new == [*row.old, "C=d"]
    assert (row.variables(0), row.variables(1)) == ({"A": "b"}, {"A": "b", "C": "d"})


def test_every_error_on_the_page_has_its_heading() -> None:
    """A link to a code leads to that code."""
    known = re.findall(r"^## ([a-z-]+)$", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE)
    linked = re.findall(r"\[`([a-z-]+)`\]\(errors\.md#([a-z-]+)\)", PAGE.read_text())
    assert len(linked) > 10
    for code, anchor in linked:
        assert code == anchor
        assert code in known
