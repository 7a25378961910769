"""A role's keys for a subject token: what is sent, what is taken, and what is tried again."""

from __future__ import annotations

import re
import threading
import time
from urllib.parse import parse_qs

import pytest

from awswire import (
    KEY_ID,
    ROLE,
    SECRET_KEY,
    SESSION,
    SUBJECT,
    Who,
    keys,
    request,
    shows_no_secret,
    sts_error,
)
from gatepass import transport
from gatepass.errors import ExchangeError, TransportError
from gatepass.exchange import sts
from gatepass.exchange.sigv4 import Keys
from gatepass.secret import Secret
from wire import Script, Wire, answer, wire

LOST = b""
"""The connection closes after the request was read: nobody knows what became of it."""

NO_KEY = "Couldn't retrieve verification key from your identity provider, please reference"
REPLAYED = [
    ("IDPCommunicationError", "An error occurred while communicating with the provider", 400),
    ("InvalidIdentityToken", NO_KEY, 400),
    ("ThrottlingException", "Rate exceeded", 400),
    ("Throttling", "Rate exceeded", 400),
]


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, in seconds; none is really waited for."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    return made


def assumed(*scripts: Script, who: Who | None = None, **options: object) -> tuple[Keys, Wire]:
    with wire(*scripts) as server:
        return sts.assume(request(server.url, who, **options)), server  # type: ignore[arg-type]


def tokens(server: Wire) -> list[str]:
    """The subject token of each request that came."""
    return [field(one, "WebIdentityToken") for one in server.heard]


def field(heard: bytes, name: str) -> str:
    return parse_qs(heard.partition(b"\r\n\r\n")[2].decode())[name][0]


def test_what_is_sent_is_what_boto3_sends() -> None:
    """One form POST to the root, signed by nobody, with the five fields of the API reference."""
    _, server = assumed(keys())
    head, _, body = server.heard[0].decode().partition("\r\n\r\n")
    assert head.startswith("POST / HTTP/1.1\r\n")
    assert "authorization" not in head.lower()
    assert "Content-Type: application/x-www-form-urlencoded" in head
    assert parse_qs(body) == {
        "Action": ["AssumeRoleWithWebIdentity"],
        "Version": ["2011-06-15"],
        "RoleArn": [ROLE],
        "RoleSessionName": ["acme-widgets-1234567890"],
        "WebIdentityToken": [SUBJECT + "1"],
    }


def test_the_keys_come_back() -> None:
    """Key, secret and session token."""
    found, _ = assumed(keys("2030-01-02T03:04:05Z"))
    assert found == Keys(KEY_ID, Secret(SECRET_KEY), Secret(SESSION))


@pytest.mark.parametrize("text", ["", "soon", "2030-13-01T00:00:00Z"])
def test_an_end_that_is_no_date_does_not_matter(text: str) -> None:
    """The keys serve all the same: CodeArtifact says how long its token lives."""
    found, _ = assumed(keys(text))
    assert found.access_key_id == KEY_ID


def test_a_path_of_the_endpoint_is_kept() -> None:
    """An endpoint of one's own may lie below a path."""
    with wire(keys()) as server:
        sts.assume(request(server.url, env={"AWS_ENDPOINT_URL_STS": server.url + "/sts/"}))
    assert server.heard[0].startswith(b"POST /sts/ HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"AccessKeyId": ""},
        {"SecretAccessKey": ""},
        {"SessionToken": ""},
        {"AccessKeyId": "short"},
        {"AccessKeyId": "ASIAEXAMPLE EXAMPLE1"},
        {"AccessKeyId": "ASIAEXAMPLEÄÄÄÄÄÄ"},
        {"SecretAccessKey": "two\nlines"},
        {"SessionToken": "two\r\nHost: elsewhere"},
        {"SessionToken": "x" * 16385},
    ],
)
def test_keys_that_could_inject_anything_are_none(changes: dict[str, str]) -> None:
    """They would stand in headers; and half of a set of keys opens nothing."""
    with pytest.raises(ExchangeError) as caught:
        assumed(keys(**changes))
    assert caught.value.code == "sts-no-keys"
    assert shows_no_secret(str(caught.value))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><p>Sign in</p>",
        b'{"AccessKeyId": "ASIAEXAMPLEEXAMPLE12"}',
        b"\xff<a/>",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY k "ASIAEXAMPLEEXAMPLE12">]><a><Credentials><AccessKeyId>&k;'
        b"</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
        b"</Credentials></a>",
    ],
)
def test_whatever_else_answers_gives_no_keys(body: bytes) -> None:
    """A page, JSON, broken XML, XML with entities of its own: an error, and no second try."""
    with wire(answer(200, body)) as server:
        with pytest.raises(ExchangeError) as caught:
            sts.assume(request(server.url))
        assert len(server.heard) == 1
    assert caught.value.code == "sts-no-keys"
    assert server.url in caught.value.what


@pytest.mark.parametrize("error", REPLAYED, ids=lambda error: f"{error[0]}-{error[1][:8]}")
@pytest.mark.parametrize("can_remint", [True, False])
def test_what_passes_is_tried_three_times(
    error: tuple[str, str, int], can_remint: bool, pauses: list[float]
) -> None:
    """Also with a token that can't be had anew: nothing was used up. Each try mints one."""
    who = Who(can_remint=can_remint)
    found, server = assumed(sts_error(*error), sts_error(*error), keys(), who=who)
    assert found.access_key_id == KEY_ID
    assert tokens(server) == [SUBJECT + "1", SUBJECT + "2", SUBJECT + "3"]
    with wire(sts_error(*error)) as server:
        with pytest.raises(ExchangeError):
            sts.assume(request(server.url, who))
        assert len(server.heard) == 3
    assert len(pauses) == 4
    assert all(0 <= pause <= 2 for pause in pauses)


@pytest.mark.parametrize(
    ("code", "message", "status"),
    [
        ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403),
        ("InvalidIdentityToken", "No OpenIDConnect provider found in your account for x", 400),
        ("InvalidIdentityToken", "Incorrect token audience", 400),
        ("ExpiredTokenException", "Token expired", 400),
        ("IDPRejectedClaim", "no", 403),
        ("RegionDisabledException", "STS is not activated in this region", 403),
        ("ValidationError", "1 validation error detected", 400),
        ("PackedPolicyTooLarge", "Packed size of session tags", 400),
        ("MalformedPolicyDocument", "no", 400),
        ("SomethingNew", "no", 400),
    ],
)
def test_a_refusal_is_not_tried_again(
    code: str, message: str, status: int, pauses: list[float]
) -> None:
    """A denial is no accident, and people wait for the answer."""
    with wire(sts_error(code, message, status), keys()) as server:
        with pytest.raises(ExchangeError):
            sts.assume(request(server.url))
        assert len(server.heard) == 1
    assert pauses == []


@pytest.mark.parametrize(("can_remint", "requests"), [(True, 2), (False, 1)])
def test_a_lost_reply_is_tried_again_only_with_a_new_token(can_remint: bool, requests: int) -> None:
    """STS may have taken the token already, and its issuer may count."""
    with wire(LOST, keys()) as server:
        asked = request(server.url, Who(can_remint=can_remint))
        if can_remint:
            assert sts.assume(asked).access_key_id == KEY_ID
        else:
            with pytest.raises(TransportError):
                sts.assume(asked)
        assert len(server.heard) == requests


@pytest.mark.parametrize(("status", "again"), [(500, False), (503, True), (429, True)])
def test_the_transport_tries_again_by_status(status: int, again: bool) -> None:
    """With a token that can't be had anew: only where the request wasn't worked on."""
    with wire(answer(status), keys()) as server:
        asked = request(server.url, Who(can_remint=False))
        if again:
            assert sts.assume(asked).access_key_id == KEY_ID
        else:
            with pytest.raises(ExchangeError):
                sts.assume(asked)
        assert len(server.heard) == 1 + again


def test_a_busy_sts_is_not_asked_twelve_times() -> None:
    """What the transport tried four times is not tried again around it."""
    with wire(sts_error("Throttling", "Rate exceeded", 429)) as server:
        with pytest.raises(ExchangeError) as caught:
            sts.assume(request(server.url))
        assert len(server.heard) == 4
    assert caught.value.code == "sts-failed"


def test_no_try_begins_that_would_pass_the_deadline(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    """The answer that there is tells more than a deadline that passed."""
    monkeypatch.setattr(sts.random, "uniform", lambda low, high: high)
    with wire(sts_error(*REPLAYED[0]), keys()) as server:
        with pytest.raises(ExchangeError) as caught:
            sts.assume(request(server.url, seconds=0.9))
        assert len(server.heard) == 1
    assert caught.value.code == "sts-idp-unreachable"
    assert pauses == []


def test_a_silent_sts_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """However it hangs, the whole exchange has its seconds."""
    monkeypatch.setattr(transport, "READ", 30)
    with wire(b"") as server:
        server.scripts = (server.hang,)
        with pytest.raises(TransportError) as caught:
            sts.assume(request(server.url, seconds=0.3))
    assert caught.value.code == "deadline-passed"
    assert threading.active_count() < 50


def test_minting_errors_go_through() -> None:
    """What the platform says when it gives no token is the user's answer."""
    with wire(keys()) as server:

        def broken() -> Secret:
            raise ExchangeError("mint", "no token today")

        with pytest.raises(ExchangeError, match="no token today"):
            sts.assume(request(server.url)._replace(mint=broken))
        assert server.heard == []


def test_retries_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    """With GATEPASS_LOG=info a second try is no secret, and its line shows none."""
    from gatepass import log

    log.configure("info")
    assumed(sts_error(*REPLAYED[0]), keys())
    said = capsys.readouterr().err
    assert re.search(r"IDPCommunicationError; again in \d\.\d s", said)
    assert shows_no_secret(said)
