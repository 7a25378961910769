"""The cache of key sets: what is damaged costs a request and nothing else."""

from __future__ import annotations

import json

import pytest

import forge
from keyworld import OLD, T0, World


@pytest.fixture
def world() -> World:
    return World()


def good(**changes: object) -> list[object]:
    record = {"document": {"keys": [OLD]}, "fetched": T0, "asked": T0, "max_age": 600.0}
    return list({**record, **changes}.values())


def test_what_is_cached_serves_another_process(world: World) -> None:
    """The cache's form: the set, when it was fetched and asked for, and for how long it is good."""
    world.cached[forge.ISSUER] = json.dumps(good()).encode()
    assert world.requests() == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"{}",
        b"[]",
        b"[1]",
        b"[" * 100_000,
        b"null",
        *(
            json.dumps(record).encode()
            for record in (
                good(document=None),
                good(document={"keys": 1}),
                good(fetched="x"),
                good(fetched=None),
                good(fetched=float("nan")),
                good(fetched=T0 + 3600, asked=T0 + 3600),
                good(asked="x"),
                good(asked=T0 + 9999),
                good(asked=T0 - 9999),
                good(asked=float("nan")),
                good(max_age="x"),
                good(max_age=None),
                good(max_age=1e308),
                good(max_age=float("inf")),
                good(max_age=float("nan")),
                good(max_age=-1),
                [*good(), 5],
            )
        ),
    ],
)
def test_a_damaged_cache_costs_a_request_and_nothing_else(world: World, data: bytes) -> None:
    """Whatever stands there, the keys are fetched anew and what was damaged is replaced."""
    world.cached[forge.ISSUER] = data
    assert world.ask() == "old"
    assert len(world.asked) == 2
    assert world.requests() == 0
