"""Who answers a login: the sandbox's person, soon, late, never or with a no; and in which time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from devices import TIMEOUT, Oidc, Ppm, refused
from gatepass.sandbox import Sandbox

Device = Callable[[Sandbox], Any]
flows = pytest.mark.parametrize("flow", [Ppm, Oidc])


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """No interval: the tests poll as fast as they like."""
    with Sandbox() as sandbox:
        sandbox.packagemanager.device.interval = 0
        sandbox.idp.interval = 0
        yield sandbox


@flows
def test_the_person_approves_at_once_unless_told_otherwise(sandbox: Sandbox, flow: Device) -> None:
    """The first poll collects."""
    assert flow(sandbox).poll().status_code == 200


@flows
def test_the_person_hears_of_every_code(sandbox: Sandbox, flow: Device) -> None:
    """`asked` has them in order, in the alphabet of RFC 8628 section 6.1, answered or not."""
    sandbox.person.never()
    codes = [flow(sandbox).told["user_code"] for _ in range(3)]
    assert sandbox.person.asked == codes
    assert len(set(codes)) == 3
    for code in codes:
        first, dash, second = code.partition("-")
        assert (len(first), dash, len(second)) == (4, "-", 4)
        assert set(first + second) <= set("BCDFGHJKLMNPQRSTVWXZ")
    sandbox.person.asked.clear()
    assert sandbox.person.asked == codes


@flows
def test_approval_after_a_number_of_polls(sandbox: Sandbox, flow: Device) -> None:
    """So many polls are fruitless, the next one collects."""
    sandbox.person.approves(after_polls=2)
    device = flow(sandbox)
    for _ in range(2):
        assert refused(device.poll(), "authorization_pending") == "nobody has answered yet"
    assert device.poll().status_code == 200


@flows
def test_approval_after_some_seconds_by_the_providers_clock(sandbox: Sandbox, flow: Device) -> None:
    """The clock is the provider's own, which a test can set ahead."""
    sandbox.person.approves(after=100)
    device = flow(sandbox)
    refused(device.poll(), "authorization_pending")
    sandbox.fault("idp=skew=90")
    refused(device.poll(), "authorization_pending")
    sandbox.fault("idp=skew=101")
    assert device.poll().status_code == 200


def test_real_seconds_pass_too(sandbox: Sandbox) -> None:
    """Without a skewed clock a held poll comes back when the time has come, not before."""
    sandbox.packagemanager.device.long_poll = True
    sandbox.person.approves(after=0.4)
    began = time.monotonic()
    assert Ppm(sandbox).poll().status_code == 200
    assert time.monotonic() - began >= 0.3


@flows
def test_a_no_is_final(sandbox: Sandbox, flow: Device) -> None:
    """access_denied, also for who asks again after the person changed her mind."""
    sandbox.person.denies(after_polls=1)
    device = flow(sandbox)
    refused(device.poll(), "authorization_pending")
    assert refused(device.poll(), "access_denied") == "the person said no"
    sandbox.person.approves()
    refused(device.poll(), "access_denied")


@flows
def test_nobody_answers_until_the_code_expires(sandbox: Sandbox, flow: Device) -> None:
    """Pending for as long as the device was told, expired_token from then on."""
    sandbox.person.never()
    device = flow(sandbox)
    sandbox.fault("idp=skew=299")
    refused(device.poll(), "authorization_pending")
    sandbox.fault("idp=skew=301")
    refused(device.poll(), "expired_token")
    sandbox.person.approves()
    assert refused(device.poll(), "expired_token") == "the device code has expired"


def test_a_held_poll_hears_that_its_code_expired(sandbox: Sandbox) -> None:
    """It ends with expired_token, not with its patience."""
    sandbox.person.never()
    sandbox.packagemanager.device.long_poll = True
    sandbox.packagemanager.device.expires_in = 0.3
    refused(Ppm(sandbox).poll(), "expired_token")


def test_a_change_of_mind_holds_for_codes_that_wait(sandbox: Sandbox) -> None:
    """What was asked before the change is answered by it as well."""
    sandbox.person.never()
    device = Ppm(sandbox)
    refused(device.poll(), "authorization_pending")
    sandbox.person.approves()
    assert device.poll().status_code == 200


@flows
def test_who_polls_too_fast_is_slowed_down(sandbox: Sandbox, flow: Device) -> None:
    """slow_down comes before any answer; the first poll may come at once."""
    sandbox.packagemanager.device.interval = sandbox.idp.interval = 30
    device, hasty = flow(sandbox), flow(sandbox)
    assert device.poll().status_code == 200
    sandbox.person.never()
    refused(hasty.poll(), "authorization_pending")
    assert refused(hasty.poll(), "slow_down") == "the interval is 35 seconds now"


def test_the_interval_grows_with_every_haste(sandbox: Sandbox) -> None:
    """RFC 8628 section 3.5: five seconds more for this and all later polls; and it is held to."""
    sandbox.person.never()
    sandbox.idp.interval = 30
    device = Oidc(sandbox)
    refused(device.poll(), "authorization_pending")
    refused(device.poll(), "slow_down")
    sandbox.fault("idp=skew=34")
    assert refused(device.poll(), "slow_down") == "the interval is 40 seconds now"
    sandbox.fault("idp=skew=75")
    refused(device.poll(), "authorization_pending")
    sandbox.fault("idp=skew=116")
    refused(device.poll(), "authorization_pending")


@flows
def test_an_interval_that_is_not_told_is_five_seconds(sandbox: Sandbox, flow: Device) -> None:
    """RFC 8628 section 3.2."""
    sandbox.packagemanager.device.interval = sandbox.idp.interval = None
    sandbox.person.never()
    device = flow(sandbox)
    assert "interval" not in device.told
    refused(device.poll(), "authorization_pending")
    sandbox.fault("idp=skew=4")
    refused(device.poll(), "slow_down")


def test_two_who_collect_at_once_get_one_token(sandbox: Sandbox) -> None:
    """Of two polls that are held, one gets the token and the other invalid_grant."""
    sandbox.person.never()
    sandbox.packagemanager.device.long_poll = True
    device = Ppm(sandbox)
    answers: list[requests.Response] = []
    held = [threading.Thread(target=lambda: answers.append(device.poll())) for _ in range(2)]
    for thread in held:
        thread.start()
    time.sleep(0.2)
    sandbox.person.approves()
    for thread in held:
        thread.join(TIMEOUT)
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    (loser,) = (answer for answer in answers if answer.status_code == 400)
    refused(loser, "invalid_grant")


def test_the_oldest_codes_are_forgotten(sandbox: Sandbox) -> None:
    """A thousand codes are remembered: who asks for more pushes out the first."""
    codes = sandbox.idp.codes
    first = codes.issue("gatepass", (), "", 0, 300)
    second = codes.issue("gatepass", (), "", 0, 300)
    for _ in range(999):
        codes.issue("gatepass", (), "", 0, 300)
    assert codes.waiting(first.user_code) is None
    assert codes.waiting(second.user_code) is second
