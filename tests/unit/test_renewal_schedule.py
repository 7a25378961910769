"""When `gatepass watch` asks again: moments, pauses and the state of one credential."""

from __future__ import annotations

import random
import re

import pytest

from gatepass.credential import Credential
from gatepass.errors import GatepassError, TransportError
from gatepass.renewal import failures, schedule
from gatepass.renewal.failures import Chance, chance
from gatepass.renewal.lease import Lease
from gatepass.secret import Secret
from support import ROOT
from watching import HOUR, START, registry


def credential(life: float | None = HOUR, at: float = START) -> Credential:
    return Credential("__token__", Secret("s"), at, None if life is None else at + life)


@pytest.mark.parametrize(("draw", "part"), [(0.0, 1 / 2), (1.0, 2 / 3), (0.5, 7 / 12)])
def test_renewal_is_between_half_and_two_thirds_of_life(draw: float, part: float) -> None:
    """An hour's token is asked for anew after 30 to 40 minutes."""
    assert schedule.renew_at(credential(), START, draw) == pytest.approx(START + HOUR * part)


def test_renewal_is_never_at_once() -> None:
    """A token that is past that point, or that lives for seconds, is left alone for 30 s."""
    assert schedule.renew_at(credential(), START + 3000, 0.5) == START + 3030
    assert schedule.renew_at(credential(20), START, 0.5) == START + 30


def test_a_credential_without_an_end_is_looked_at_again() -> None:
    """Nothing says when it ends: half an hour to 40 minutes later it is asked for all the same."""
    assert schedule.renew_at(credential(None), START, 0) == START + schedule.AGAIN / 2


def test_a_thousand_pods_do_not_come_together() -> None:
    """Of a thousand that started in one second, no ten seconds see more than forty come back."""
    chance_of = random.Random(7)  # noqa: S311 - the same pods each time
    moments = [schedule.renew_at(credential(), START, chance_of.random()) for _ in range(1000)]
    tens = [int(moment // 10) for moment in moments]
    assert max(tens.count(ten) for ten in set(tens)) < 40


@pytest.mark.parametrize("draw", [0.0, 0.5, 1.0])
def test_pauses_grow_to_two_minutes(draw: float) -> None:
    """Seconds while nothing is there, never below 30 s while the present one serves; at least half
    of two minutes in the long run, and no more than all of them."""
    waiting = [schedule.pause(n, draw, has_credential=False) for n in range(1, 2000)]
    serving = [schedule.pause(n, draw, has_credential=True) for n in range(1, 2000)]
    assert 1 <= waiting[0] <= 2
    assert waiting == sorted(waiting)
    assert serving == sorted(serving)
    assert min(serving) >= 30
    assert 60 <= waiting[-1] == serving[-1] <= 120


def test_every_code_that_can_pass_is_one_of_ours() -> None:
    """A code that nobody raises any more would be a hole in the list, and nobody would see it."""
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^## (\S+)$", page, re.MULTILINE))
    assert headings >= failures._LATER | failures._SOON
    assert not failures._LATER & failures._SOON


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("unreachable", Chance.LATER),
        ("exchange-failed", Chance.LATER),
        ("no-thread", Chance.LATER),
        ("token-file-missing", Chance.SOON),
        ("insecure-address", Chance.NEVER),
        ("exchange-refused", Chance.NEVER),
        ("internal", Chance.NEVER),
    ],
)
def test_what_can_pass(code: str, expected: Chance) -> None:
    """An outage passes, a file comes, a mistake stays."""
    assert chance(GatepassError(code, "x")) is expected


def lease(draw: float = 0.0) -> Lease:
    return Lease(registry(), START, lambda: draw)


def test_a_lease_begins_due_and_empty() -> None:
    """It asks at once, and has nothing."""
    new = lease()
    assert (new.due, new.credential, new.ever, new.left(START)) == (START, None, False, 0)


def test_a_lease_renews_retries_and_recovers() -> None:
    """Success sets the next moment; failures in a row are counted from the first; success ends
    the count."""
    one = lease()
    one.succeeded(credential(), START)
    assert (one.due, one.left(START + 60)) == (START + 1800, 3540)
    error = TransportError("unreachable", "x")
    one.failed(error, START + 1800)
    one.failed(error, START + 1830)
    assert (one.failures, one.failing, one.error) == (2, START + 1800, error)
    assert one.due == START + 1830 + 60
    one.succeeded(credential(at=START + 1900), START + 1900)
    assert (one.failures, one.error, one.due) == (0, None, START + 1900 + 1800)


def test_a_lease_lets_go_what_has_ended_once() -> None:
    """At its end the credential is gone; an outage's own pause stays as it is."""
    one = lease()
    one.succeeded(credential(), START)
    one.failed(TransportError("unreachable", "x"), START + 3590)
    due = one.due
    assert not one.ended(START + 3599)
    assert one.ended(START + 3600)
    assert not one.ended(START + 3601)
    assert (one.credential, one.ever, one.due) == (None, True, due)


def test_a_clock_that_jumps_makes_a_lease_due() -> None:
    """A machine that slept past the end asks at once; a clock that was set back, too."""
    one = lease()
    one.succeeded(credential(), START)
    assert one.ended(START + 9000)
    assert one.due == START + 1800  # long past: now
    two = lease()
    two.succeeded(credential(), START)
    two.clock_went_back(START - 86400)
    assert two.due == START - 86400


def test_a_credential_that_ends_as_it_comes_is_no_loop() -> None:
    """A registry whose clock is behind gives what has ended: the next is asked for 30 s later."""
    one = lease()
    one.succeeded(credential(20), START)
    one.due = START + 600
    assert one.ended(START + 21)
    assert one.due == START + 30


def test_a_credential_without_an_end_does_not_end() -> None:
    """Nothing says when: it is good until something newer is there."""
    one = lease()
    one.succeeded(credential(None), START)
    assert one.left(START + 1e9) == float("inf")
    assert not one.ended(START + 1e9)


def test_a_retry_is_not_later_than_the_patience_lasts() -> None:
    """At the start the last try is made when the minute is over, not some time after it."""
    one = lease(draw=1.0)
    for _ in range(6):
        one.failed(TransportError("unreachable", "x"), START + 50, START + 60)
    assert one.due == START + 60
