"""RFC 8628: what a server may tell a device, and asking it until the person has answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatepass.errors import GatepassError, IdentityError, TransportError
from gatepass.login import device
from gatepass.login.device import Invitation
from gatepass.secret import Secret
from gatepass.transport import Deadline, Response

SERVER = "https://ppm.example.com"
TOLD: dict[str, Any] = {
    "device_code": "the-device-code",
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://idp.example.com/activate",
    "verification_uri_complete": "https://idp.example.com/activate?user_code=ABCD-EFGH",
    "expires_in": 600,
    "interval": 7,
}
LOST = TransportError("unreachable", "no answer", why="the connection broke")


def response(status: int = 200, **body: Any) -> Response:
    return Response(status, {}, json.dumps(body).encode() if body else b"")


def invited(**changes: Any) -> Invitation:
    told = {name: value for name, value in {**TOLD, **changes}.items() if value != "absent"}
    return device.invitation(response(**told), SERVER)


class Server:
    """Answers polls from a list, at its own time; the last answer is given for ever."""

    name = SERVER

    def __init__(self, *answers: Response | TransportError, holds: float = 0.0) -> None:
        self.answers, self.holds = list(answers), holds
        self.now, self.slept, self.polls = 1000.0, [], 0
        self.slept: list[float]
        self.left: list[float] = []

    def begin(self, deadline: Deadline) -> Invitation:
        raise AssertionError

    def poll(self, invitation: Invitation, deadline: Deadline) -> Response:
        assert invitation.device_code == Secret("the-device-code")
        self.polls += 1
        self.left.append(deadline.left())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, TransportError):
            self.now += self.holds
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def finish(self, **changes: Any) -> dict[str, Any]:
        return device.finish(self, invited(**changes), clock=lambda: self.now, sleep=self.sleep)

    def fails(self, **changes: Any) -> GatepassError:
        with pytest.raises(IdentityError) as caught:
            self.finish(**changes)
        return caught.value


def pending(error: str = "authorization_pending", status: int = 400) -> Response:
    return response(status, error=error, error_description="not yet")


DONE = response(id_token="x.y.z")


def test_what_the_server_says_is_taken() -> None:
    """Every member of section 3.2."""
    assert invited() == Invitation(
        Secret("the-device-code"),
        "ABCD-EFGH",
        "https://idp.example.com/activate",
        "https://idp.example.com/activate?user_code=ABCD-EFGH",
        600.0,
        7.0,
    )
    assert "the-device-code" not in repr(invited())


@pytest.mark.parametrize("value", ["absent", None, True, "soon", -1, [], float("nan")])
def test_what_it_does_not_say_has_defaults(value: Any) -> None:
    """Five seconds between polls, as section 3.2 says; five minutes of life, as others take."""
    plain = invited(interval=value, expires_in=value, verification_uri_complete="absent")
    assert (plain.interval, plain.expires_in, plain.complete) == (5.0, 300.0, "")


def test_numbers_in_quotes_and_numbers_without_measure() -> None:
    """Some servers quote numbers; half an hour is the longest that anybody waits."""
    assert invited(interval="3", expires_in="60").interval == 3.0
    assert invited(expires_in=1e9, interval=1e9)[-2:] == (1800.0, 1800.0)
    assert invited(verification_uri="absent", verification_url="https://g.example/d").address


@pytest.mark.parametrize(
    "changes",
    [
        {"device_code": "absent"},
        {"device_code": 5},
        {"user_code": ""},
        {"user_code": "AB\x1b[2J"},
        {"user_code": "A" * 65},
        {"user_code": "a\nb"},
        {"verification_uri": "absent"},
        {"verification_uri": "http://idp.example.com/activate"},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "file:///etc/passwd"},
        {"verification_uri": "https://idp.example.com@evil.test/"},
        {"verification_uri": "https://idp.example.com/\x07"},
        {"verification_uri": 'https://idp.example.com/"'},
        {"verification_uri": "https://idp.example.com/`id`"},
        {"verification_uri": "https://idp.example.com/ -x"},
        {"verification_uri": "https://idp.example.com/\u202e"},
        {"verification_uri": "https://idp.example.com/" + "a" * 2048},
        {"verification_uri": ["https://idp.example.com/"]},
        {"verification_uri_complete": "http://idp.example.com/activate?user_code=X"},
        {"verification_uri_complete": 7},
    ],
)
def test_what_cannot_be_shown_or_opened_is_refused(changes: dict[str, Any]) -> None:
    """No code, or an address that leads elsewhere or could be taken for more: nobody is asked."""
    with pytest.raises(IdentityError) as caught:
        invited(**changes)
    assert caught.value.code == "login-bad-answer"
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)


def test_http_is_for_this_machine() -> None:
    """A provider on loopback may show its page there."""
    address = "http://127.0.0.1:8080/device"
    assert invited(verification_uri=address).address == address


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (404, {}, "login-not-offered"),
        (405, {}, "login-not-offered"),
        (400, {"error": "unsupported_grant_type"}, "login-not-offered"),
        (400, {"error": "invalid_client"}, "login-refused"),
        (401, {"error": "invalid_client"}, "login-refused"),
        (500, {}, "login-refused"),
    ],
)
def test_a_server_that_begins_no_login(status: int, body: dict[str, str], code: str) -> None:
    """No such flow is an error of its own, so that another provider can be asked."""
    with pytest.raises(IdentityError) as caught:
        device.invitation(response(status, **body), SERVER)
    assert caught.value.code == code
    assert SERVER in caught.value.what


def test_the_person_said_yes() -> None:
    """The first poll goes out at once, the next ones after the interval."""
    server = Server(pending(), pending(), DONE)
    assert server.finish() == {"id_token": "x.y.z"}
    assert server.slept == [7.0, 7.0]


def test_slow_down_is_for_good() -> None:
    """Each one adds five seconds to all pauses that follow (section 3.5)."""
    server = Server(pending(), pending("slow_down"), pending(), pending("slow_down", 429), DONE)
    server.finish()
    assert server.slept == [7.0, 12.0, 12.0, 17.0]


def test_no_server_is_asked_without_a_pause() -> None:
    """An interval of nothing is still a tenth of a second."""
    server = Server(pending(), DONE)
    server.finish(interval=0)
    assert server.slept == [0.1]


@pytest.mark.parametrize(
    ("answer", "code", "why"),
    [
        (pending("access_denied"), "login-denied", "access_denied: not yet"),
        (pending("access_denied", 403), "login-denied", "access_denied: not yet"),
        (pending("authorization_declined"), "login-denied", "authorization_declined: not yet"),
        (pending("expired_token"), "login-expired", "expired_token: not yet"),
        (pending("invalid_grant"), "login-refused", "invalid_grant: not yet"),
        (response(401), "login-refused", "it gave no reason"),
        (response(200, error="bad_verification_code"), "login-refused", "it gave no reason"),
    ],
)
def test_what_ends_a_login(answer: Response, code: str, why: str) -> None:
    """Each end has a code of its own, and the server's words."""
    server = Server(pending(), answer)
    error = server.fails()
    assert (error.code, error.why, server.polls) == (code, why, 2)


def test_the_end_is_hard() -> None:
    """When the code's life is over nobody asks any more, whatever the server still says."""
    server = Server(pending())
    error = server.fails(expires_in=20, interval=7)
    assert (error.code, server.now) == ("login-expired", 1020.0)
    assert server.slept == [7.0, 7.0, 6.0]
    assert server.left == [20.0, 13.0, 6.0]


def test_a_lost_poll_is_sent_again_with_growing_pauses() -> None:
    """Twice as long each time (section 3.5), an hour never; an answer puts that right."""
    server = Server(LOST, LOST, LOST, pending(), LOST, DONE)
    server.finish(interval=5)
    assert server.slept == [10.0, 20.0, 40.0, 5.0, 10.0]
    server = Server(*[LOST] * 6, DONE)
    server.finish(interval=5)
    assert max(server.slept) == 60.0
    server = Server(LOST, DONE)
    server.finish(interval=90)
    assert server.slept == [90.0]


@pytest.mark.parametrize("status", [500, 502, 503, 408, 429])
def test_a_server_in_trouble_is_a_lost_poll(status: int) -> None:
    """So are answers without a word of the protocol that say: later."""
    server = Server(response(status), response(status), DONE)
    server.finish(interval=5)
    assert server.slept == [10.0, 20.0]


def test_a_poll_that_the_server_held_is_simply_sent_again() -> None:
    """Package Manager may answer only when the person is done: a timeout there is no trouble."""
    server = Server(LOST, LOST, LOST, DONE, holds=15.0)
    server.finish(interval=5)
    assert server.slept == [5.0, 5.0, 5.0]


def test_an_end_in_trouble_says_which() -> None:
    """Where the server was away to the end, that is the reason that is shown."""
    error = Server(LOST).fails(expires_in=30, interval=5)
    assert (error.code, error.why) == ("login-expired", "the connection broke")
    assert Server(response(503)).fails(expires_in=30).why == "HTTP 503"


def test_a_login_without_an_id_token() -> None:
    """An access token alone is of no use here."""
    for told in ({}, {"id_token": ""}, {"id_token": 5}):
        with pytest.raises(IdentityError) as caught:
            device.id_token(told, SERVER)
        assert caught.value.code == "login-no-id-token"
    assert device.id_token({"id_token": "t"}, SERVER) == Secret("t")
