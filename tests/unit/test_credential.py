"""How long a credential lives, and when it is too old to hand out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.credential import LONGEST_LIFE, UNKNOWN_LIFE, Credential, life_of
from gatepass.secret import Secret


def made(life: float | None, at: float = 1_000_000.0) -> Credential:
    return Credential("u", Secret("s"), at, None if life is None else at + life)


@pytest.mark.parametrize(
    ("life", "age", "fresh"),
    [
        (3600, 0, True),
        (3600, 2699, True),
        (3600, 2700, False),  # 15 minutes left are not more than 15 minutes
        (3600, 2701, False),
        (1800, 899, True),
        (1800, 900, False),  # half of half an hour
        (300, 149, True),
        (300, 150, False),
        (43200, 42299, True),
        (43200, 42300, False),
        (3600, 4000, False),
        (3600, -59, True),
        (3600, -60, True),
        (3600, -61, False),  # the clock was set back
    ],
)
def test_fresh_means_more_than_half_its_life_or_fifteen_minutes(
    life: float, age: float, fresh: bool
) -> None:
    """It is handed out only with more than min(half its life, 15 minutes) left."""
    assert made(life).is_fresh(1_000_000.0 + age) is fresh


def test_what_never_says_when_it_ends_is_fresh() -> None:
    """A credential whose life isn't ours to know is handed out at any time."""
    assert made(None).is_fresh(0.0)
    assert made(None).is_fresh(9e9)


@given(st.floats(1, LONGEST_LIFE), st.floats(-60, 50_000))
def test_what_is_fresh_has_not_expired(life: float, age: float) -> None:
    """Nothing that has expired is ever fresh."""
    credential = made(life)
    if credential.is_fresh(1_000_000.0 + age):
        assert credential.expires_at is not None
        assert credential.expires_at > 1_000_000.0 + age


@pytest.mark.parametrize(
    ("expires_in", "claims", "life"),
    [
        (3600, None, 3600),
        (3600.5, None, 3600.5),
        ("3600", None, 3600),
        (3600, {"iat": 100, "exp": 160}, 3600),  # the reply outranks the token
        (None, {"iat": 100, "exp": 160}, 60),
        (None, {"iat": 100.5, "exp": 160.5}, 60),
        ("soon", {"iat": "100", "exp": "160"}, 60),
        (86400, None, LONGEST_LIFE),
        (None, {"iat": 1, "exp": 900_000}, LONGEST_LIFE),
        (None, None, UNKNOWN_LIFE),
        (None, {}, UNKNOWN_LIFE),
        (None, {"exp": 160}, UNKNOWN_LIFE),
        (None, {"iat": 160, "exp": 160}, UNKNOWN_LIFE),
        (None, {"iat": 160, "exp": 100}, UNKNOWN_LIFE),
        (None, [1, 2], UNKNOWN_LIFE),
        (0, None, UNKNOWN_LIFE),
        (-5, None, UNKNOWN_LIFE),
        (True, None, UNKNOWN_LIFE),
        (math.nan, None, UNKNOWN_LIFE),
        (math.inf, None, UNKNOWN_LIFE),
        (10**400, None, UNKNOWN_LIFE),
        ("9" * 5000, None, UNKNOWN_LIFE),
        ("٣٦٠٠", None, UNKNOWN_LIFE),
        ("36e2", None, UNKNOWN_LIFE),
        ({"a": 1}, None, UNKNOWN_LIFE),
    ],
)
def test_a_life_is_the_replys_else_the_tokens_else_five_minutes(
    expires_in: object, claims: object, life: float
) -> None:
    """expires_in, else exp - iat, capped at 12 hours; anything else means five minutes."""
    assert life_of(expires_in, claims) == life


json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["iat", "exp", "x"]), inner),
)


@given(json_value, json_value)
def test_a_life_is_always_within_its_bounds(expires_in: object, claims: object) -> None:
    """Whatever a server sends, a life is positive, finite and at most 12 hours."""
    assert 0 < life_of(expires_in, claims) <= LONGEST_LIFE
    assert LONGEST_LIFE == 12 * 3600
    assert UNKNOWN_LIFE == 300
