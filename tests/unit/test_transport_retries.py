"""Retries: after what, how often, how long between, and never what must not arrive twice."""

from __future__ import annotations

import email.utils
import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from gatepass import transport
from gatepass.errors import TransportError
from gatepass.realm import realm_of
from gatepass.transport import Deadline, Response, Transport
from support import free_port
from wire import answer, post, wire

ALL = {408, 425, 429, 500, 502, 503, 504}
UNTOUCHED = {429, 502, 503, 504}
LOST = b""
"""The connection closes after the request was read: nobody knows what became of it."""


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, in seconds; none is really waited for."""
    made: list[float] = []
    monkeypatch.setattr(transport.time, "sleep", made.append)
    return made


@pytest.mark.parametrize("status", sorted(ALL | {400, 401, 403, 404, 405, 409, 501, 505, 511}))
@pytest.mark.parametrize("twice", [True, False])
def test_which_statuses_are_tried_again(status: int, twice: bool, pauses: list[float]) -> None:
    """Where twice is safe the transient ones; else only those that say it wasn't worked on."""
    with wire(answer(status), answer(200)) as server:
        response = post(server.url, twice_is_safe=twice)
    again = status in (ALL if twice else UNTOUCHED)
    assert response.status == (200 if again else status)
    assert len(server.heard) == (2 if again else 1)
    assert len(pauses) == len(server.heard) - 1


def test_the_last_answer_is_given_after_four_attempts(pauses: list[float]) -> None:
    """The caller sees the status, with the server's own words, instead of an error of ours."""
    with wire(*[answer(503, f"no {n}") for n in range(1, 9)]) as server:
        response = post(server.url)
    assert (response.status, response.reason()) == (503, "no 4")
    assert (len(server.heard), len(pauses)) == (4, 3)


@pytest.mark.parametrize("twice", [True, False])
def test_a_failed_connection_is_always_tried_again(twice: bool, pauses: list[float]) -> None:
    """Nothing was sent, so nothing can arrive twice."""
    with pytest.raises(TransportError):
        post(f"http://127.0.0.1:{free_port()}", twice_is_safe=twice)
    assert len(pauses) == 3


def test_a_lost_reply_is_tried_again_only_where_twice_is_safe(pauses: list[float]) -> None:
    """The server may have used the token up: it is never sent again by itself."""
    with wire(LOST, answer(200)) as server:
        assert post(server.url).status == 200
        assert len(server.heard) == 2
    for lost in (LOST, answer(200, "{", length=9), b"HTTP/1.1 200 OK\r\nContent-Length: 9"):
        with wire(lost, answer(200)) as server:
            with pytest.raises(TransportError) as caught:
                post(server.url, twice_is_safe=False)
            assert caught.value.code == "unreachable"
            assert len(server.heard) == 1


def test_silence_is_tried_again_only_where_twice_is_safe(
    pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read timeout says nothing about what the server did."""
    monkeypatch.setattr(transport, "READ", 0.2)
    for twice, requests in ((True, 2), (False, 1)):
        with wire(b"") as server:
            server.scripts = (server.hang, answer(200))
            if twice:
                assert post(server.url).status == 200
            else:
                with pytest.raises(TransportError):
                    post(server.url, twice_is_safe=False)
            assert len(server.heard) == requests


def test_headers_and_form_are_made_anew_for_each_attempt(pauses: list[float]) -> None:
    """So that each attempt can carry a new token."""
    made: list[str] = []

    def fresh(name: str) -> Callable[[], dict[str, str]]:
        def make() -> dict[str, str]:
            made.append(name)
            return {name: f"{name}-{len(made)}"}

        return make

    with wire(answer(503), LOST, answer(200)) as server:
        Transport().send(
            "POST", server.url, headers=fresh("H"), form=fresh("F"), deadline=Deadline(5)
        )
    assert made == ["F", "H"] * 3
    for number, request in enumerate(server.heard):
        assert f"F=F-{2 * number + 1}".encode() in request
        assert f"H: H-{2 * number + 2}".encode() in request


def test_pauses_are_random_within_growing_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Full jitter: from nothing to 0.5, 1, 2 and at most 4 seconds."""
    asked: list[tuple[float, float]] = []
    monkeypatch.setattr(random, "uniform", lambda a, b: asked.append((a, b)) or b)  # type: ignore[func-returns-value]
    assert [transport._pause(n) for n in (1, 2, 3, 4, 9)] == [0.5, 1, 2, 4, 4]
    assert {low for low, _ in asked} == {0}


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("3", 3, 3),
        (" 3 ", 3, 3),
        ("0", 0, 0),
        ("-3", 0, 0),
        ("1.5", 0, 0),
        ("³", 0, 0),
        ("soon", 0, 0),
        ("", 0, 0),
        ("9" * 400, 999_999_999, 999_999_999),
        ("Mon, 01 Jan 0001 00:00:00 -0000", 0, 0),
        ("Fri, 99 Dec 9999 99:99:99 GMT", 0, 0),
        ("Fri, 31 Dec 9999 23:59:59 -9999", 0, 1e12),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, low: float, high: float) -> None:
    """Seconds or a date (RFC 9110 section 10.2.3); nonsense counts as nothing."""
    assert low <= transport._retry_after({"retry-after": value}) <= high
    assert transport._retry_after({}) == 0


def test_retry_after_as_a_date_is_from_now() -> None:
    """A date that has passed is no wait."""
    for shift, low, high in ((1000, 900, 1000), (-1000, 0, 0)):
        date = email.utils.formatdate(time.time() + shift, usegmt=True)
        assert low <= transport._retry_after({"retry-after": date}) <= high


def test_retry_after_is_a_lower_bound(pauses: list[float]) -> None:
    """The server's wish is kept, also where our own pause would be shorter."""
    with wire(answer(429, "", "Retry-After: 3"), answer(200)) as server:
        assert post(server.url, 20).status == 200
    assert pauses == [3]


@pytest.mark.parametrize("wish", ["5", "999999999", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_wish_that_goes_past_the_deadline_ends_it_at_once(wish: str, pauses: list[float]) -> None:
    """Waiting would only make the failure later: the answer is given as it is."""
    with wire(answer(503, "busy", f"Retry-After: {wish}"), answer(200)) as server:
        assert post(server.url, 4).status == 503
    assert (len(server.heard), pauses) == (1, [])


def test_no_retry_starts_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error is given as soon as the next pause wouldn't fit."""
    monkeypatch.setattr(random, "uniform", lambda a, b: b)
    began = time.monotonic()
    with pytest.raises(TransportError):
        post(f"http://127.0.0.1:{free_port()}", 0.4)
    assert time.monotonic() - began < 0.4


def test_an_error_of_the_form_is_not_tried_again() -> None:
    """What minting a token raises goes to the caller as it is."""

    def broken() -> dict[str, str]:
        raise KeyError("mint")

    with wire(answer(200)) as server:
        with pytest.raises(KeyError):
            Transport().send("POST", server.url, form=broken, deadline=Deadline(5))
        assert server.heard == []


def test_redirects_and_large_answers_are_not_tried_again(pauses: list[float]) -> None:
    """They would come again."""
    for script in (answer(302, "", "Location: /x"), answer(200, b"x" * 300_000)):
        with wire(script) as server:
            with pytest.raises(TransportError):
                post(server.url)
            assert len(server.heard) == 1


def reason(body: Any, kind: str = "application/json", sent: str = "") -> str:
    from gatepass.secret import Secret

    data = body if isinstance(body, bytes) else str(body).encode()
    return Response(400, {"content-type": kind}, data, (Secret(sent),)).reason()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            '{"error":"invalid_grant","error_description":"no such subject"}',
            "invalid_grant: no such subject",
        ),
        ('{"error":"x"}', "x"),
        ('{"message":"m"}', "m"),
        ('{"error":{"code":1}}', "{'code': 1}"),
        ('{"other":"x"}', '{"other":"x"}'),
        ("first line\nsecond line", "first line"),
        ("\n\n  first\r\nsecond", "first"),
        ("\x1b[31mred\x07\u202e", "?[31mred??"),
        ('{"error":"a\\r\\n::add-mask::b\\u001b[2J"}', "a ::add-mask::b?[2J"),
        ("x" * 5000, "x" * 297 + "..."),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("", ""),
    ],
)
def test_a_servers_own_words_are_shown_plainly(body: Any, told: str) -> None:
    """RFC 6749's members, else the first line; one line, no control characters, 300 at most."""
    assert reason(body) == told


def test_of_a_success_nothing_is_shown() -> None:
    """What came may be the very secret that was asked for, under another name."""
    for status, told in ((200, ""), (201, ""), (400, "the-pass")):
        assert Response(status, {}, b'{"message": "the-pass"}').reason() == told


def test_a_page_is_not_shown() -> None:
    """HTML says nothing to a person in a terminal."""
    assert reason("<html>502 Bad Gateway</html>", "text/html; charset=utf-8") == ""


TOKEN = f"eyJ{'h' * 40}.eyJ{'p' * 900}.{'s' * 342}"


@pytest.mark.parametrize(
    "echo",
    [
        TOKEN,
        f"token {TOKEN} is bad",
        f"subject_token={TOKEN}&x",
        f"x-{TOKEN}-y",
        f'"{TOKEN}"',
        TOKEN[:250],
        TOKEN[-400:],
        TOKEN.replace(".", " . "),
    ],
)
def test_what_was_sent_is_never_repeated(echo: str) -> None:
    """A server may quote the token, whole or in parts: our text does not, as CI logs are public."""
    for body in (echo, json.dumps({"error": "bad", "error_description": echo})):
        shown = reason(body, sent=TOKEN)
        assert "****" in shown
        assert not any(part * 20 in shown for part in "hps")


def test_words_that_were_not_sent_stay() -> None:
    """Only what repeats a part of what was sent is hidden."""
    told = "https://login.example.com/realms/corporate-production is not a trusted-issuer-of-ours"
    assert reason(told, sent=TOKEN) == told
    assert reason("bad token " + TOKEN, sent=TOKEN) == "bad token ****"


def test_a_failures_text_is_scrubbed_too() -> None:
    """A status line may quote what was sent as well as a body may."""
    import http.client

    from gatepass.failure import failure
    from gatepass.secret import Secret

    told = failure(realm_of("https://a"), http.client.BadStatusLine(TOKEN), [Secret(TOKEN)])
    assert "****" in told.error.why
    assert "hhhh" not in told.error.why
