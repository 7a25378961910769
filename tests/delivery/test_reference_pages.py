"""The pages about lifetimes, threats and architecture: what they say is what the code has."""

from __future__ import annotations

import re
from functools import reduce
from importlib import import_module
from typing import Any

import pytest

from delivery.pages import text
from support import ROOT
from unit.test_architecture import LAYERS

UNITS = {"s": 1, "min": 60, "h": 3600, "KiB": 1024, "MiB": 1024**2, "bits": 1, "times": 1}
_ROW = re.compile(r"^\| (.+?) \| (\d+) (\w+) \| `([\w.]+)` \|$", re.MULTILINE)
ROWS = [
    pytest.param(int(m[2]) * UNITS[m[3]], m[4], id=m[4])
    for m in _ROW.finditer(text("docs/lifetimes.md"))
]
THREATS = text("docs/threats.md")
SHOWN = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", THREATS)
_STARTS = re.compile(r"^def (test_\w+)\(", re.MULTILINE)

# Constants that are bounds, and that the page has to name wherever they stand.
_BOUND = re.compile(r"^(_?(?:LONGEST\w*|PATIENCE|ENOUGH|LEEWAY|LARGEST\w*|COOL_DOWN)) = ", re.M)
MODULES = ("credential", "failure", "trust", "trust.jws", "trust.keys", "store.lock")


def constant(name: str) -> Any:
    """A constant by its dotted name below `gatepass`."""
    module, _, last = name.rpartition(".")
    return reduce(getattr, [last], import_module(f"gatepass.{module}"))


@pytest.mark.parametrize(("value", "name"), ROWS)
def test_every_lifetime_is_the_codes(value: int, name: str) -> None:
    """In seconds or bytes, to the last one."""
    assert constant(name) == value


def test_every_row_of_the_lifetimes_is_compared() -> None:
    """A row that names no constant, or has another form, would be compared by nobody."""
    table = [
        line
        for line in text("docs/lifetimes.md").splitlines()
        if line.startswith("| ") and not line.startswith("| what | ")
    ]
    assert len(table) == len(ROWS) > 40


def test_the_bounds_of_the_journey_are_on_the_page() -> None:
    """A new bound in one of its modules gets its row."""
    named = {row.values[1] for row in ROWS}
    for module in MODULES:
        loaded = import_module(f"gatepass.{module}")
        source = (ROOT / str(loaded.__file__)).read_text(encoding="utf-8")
        for found in _BOUND.findall(source):
            assert f"{module}.{found}" in named


@pytest.mark.parametrize(("file", "name"), sorted(set(SHOWN)))
def test_every_threat_names_a_test_that_is_there(file: str, name: str) -> None:
    """By file and function."""
    assert name in _STARTS.findall(text(file))


def test_every_threat_is_shown_by_a_test() -> None:
    """Each row of a table ends with one at least, but where it says that nothing holds."""
    rows = [r for r in THREATS.splitlines() if r.startswith("| ") and not r.startswith("| who ")]
    rows = [row for row in rows if not row.startswith("| what ")]
    assert len(rows) > 25
    for row in rows:
        assert re.search(r"`tests/[\w/]+\.py::\w+` \|$", row), row


def test_the_layers_are_those_of_the_test() -> None:
    """Who may import whom, in the architecture's own picture, lowest first."""
    page = text("docs/architecture.md")
    (picture,) = re.findall(r"^```text\n(layer 7.*?)^```$", page, re.MULTILINE | re.DOTALL)
    drawn = [set(line.split()[2:]) for line in picture.splitlines()]
    assert drawn[::-1] == [set().union(*layer) for layer in LAYERS]


def test_every_file_of_the_house_is_in_its_list() -> None:
    """The parts that the architecture explains are the parts that there are."""
    page = text("docs/architecture.md")
    explained = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    parts = {part for layer in LAYERS for group in layer for part in group}
    assert explained <= parts | {"sandbox"}
    assert {"identity", "trust", "exchange", "store", "resolve", "child", "renewal"} <= explained
