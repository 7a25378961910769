"""The URL corpus: which service strings are ours, which only look so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from gatepass.realm import parse, realm_of

CORPUS = Path(__file__).with_name("urls.txt")


class Case(NamedTuple):
    registry: str
    service: str
    ours: bool


def corpus() -> list[Case]:
    """Every line of the corpus, with the registry above it."""
    cases, registry = [], ""
    for line in CORPUS.read_text(encoding="ascii").splitlines():
        verdict, _, text = line.partition(" ")
        if verdict == "@":
            registry = json.loads(f'"{text}"')
        elif verdict in ("ours", "not"):
            cases.append(Case(registry, json.loads(text), verdict == "ours"))
        else:
            assert not verdict or verdict.startswith("#"), line
    return cases


@pytest.mark.parametrize("case", corpus(), ids=lambda case: ascii(case.service)[1:-1][:60])
def test_a_service_string_is_ours_or_not(case: Case) -> None:
    """Each string of the corpus gets the verdict that is written beside it."""
    address = parse(case.service)
    assert (address is not None and realm_of(case.registry).covers(address)) is case.ours


def test_the_corpus_holds_no_string_twice() -> None:
    """Two verdicts on one string can't both be right."""
    keys = [case[:2] for case in corpus()]
    assert sorted(keys) == sorted(set(keys))
    assert len(keys) > 200
