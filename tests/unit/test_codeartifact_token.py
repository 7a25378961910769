"""A domain's token for AWS keys: what is sent, and what of the answer is taken."""

from __future__ import annotations

import calendar
import time
from types import SimpleNamespace
from typing import Any

import pytest

from awswire import (
    KEY_ID,
    PASS,
    SECRET_KEY,
    SESSION,
    SUBJECT,
    Who,
    granted,
    keys,
    request,
)
from gatepass import transport
from gatepass.credential import LONGEST_LIFE, UNKNOWN_LIFE, Credential
from gatepass.errors import ExchangeError, TransportError
from gatepass.exchange import authorization, codeartifact
from gatepass.exchange.authorization import authorize
from gatepass.exchange.sigv4 import Keys, signed
from gatepass.secret import Secret
from gatepass.settings.values import Domain
from wire import Script, Wire, answer, wire

MINE = Keys(KEY_ID, Secret(SECRET_KEY), Secret(SESSION))
USERS = MINE._replace(access_key_id="AKIAEXAMPLEEXAMPLE12", session_token=None)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)


def authorized(*scripts: Script, with_keys: Keys = MINE, **options: Any) -> tuple[Credential, Wire]:
    with wire(*scripts) as server:
        return authorize(request(server.url, **options), with_keys), server


def headers_of(heard: bytes) -> dict[str, str]:
    lines = heard.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def test_what_is_sent_is_signed_for_the_domain() -> None:
    """A POST without a body; all is in the query, and the signature is of just that request."""
    _, server = authorized(granted())
    heard = server.heard[0]
    query = b"domain=acme&domain-owner=111122223333&duration=0"
    assert heard.startswith(b"POST /v1/authorization-token?" + query + b" HTTP/1.1\r\n")
    assert heard.endswith(b"\r\n\r\n")
    sent = headers_of(heard)
    assert sent["content-length"] == "0"
    assert sent["host"] == f"127.0.0.1:{server.port}"
    moment = time.strptime(sent["x-amz-date"], "%Y%m%dT%H%M%SZ")
    again = signed(
        MINE,
        "POST",
        sent["host"],
        "/v1/authorization-token",
        [("domain", "acme"), ("domain-owner", "111122223333"), ("duration", "0")],
        region="eu-west-1",
        service="codeartifact",
        now=calendar.timegm(moment),
    )
    assert {name: sent[name.lower()] for name in again} == again


def test_a_users_keys_send_no_session() -> None:
    """Without a session token there is no header for one, and the token lives an hour."""
    _, server = authorized(granted(), with_keys=USERS)
    assert b"&duration=3600 " in server.heard[0]
    assert "x-amz-security-token" not in headers_of(server.heard[0])


@pytest.mark.parametrize("with_keys", [MINE, USERS])
@pytest.mark.parametrize("duration", [0, 900, 43200])
def test_the_registrys_duration_outranks_both(with_keys: Keys, duration: int) -> None:
    """What the config says is asked for, also the 0 that only sessions have."""
    _, server = authorized(granted(), with_keys=with_keys, duration=duration)
    assert f"&duration={duration} ".encode() in server.heard[0]


def test_another_domain_is_another_query_and_another_signature() -> None:
    """Owner and region belong to the domain, not to the keys."""
    other = Domain("tools-2", "444455556666", "us-east-2")
    _, server = authorized(granted(), aws=other)
    assert b"?domain=tools-2&domain-owner=444455556666&" in server.heard[0]
    assert "/us-east-2/codeartifact/aws4_request" in headers_of(server.heard[0])["authorization"]


def test_a_path_of_the_endpoint_is_signed_too() -> None:
    """The signature holds for the path that is really asked for."""
    with wire(granted()) as server:
        authorize(request(server.url, env={"AWS_ENDPOINT_URL": server.url + "/aws/x"}), MINE)
        with_path = headers_of(server.heard[0])["authorization"]
        authorize(request(server.url), MINE)
    assert server.heard[0].startswith(b"POST /aws/x/v1/authorization-token?")
    assert headers_of(server.heard[1])["authorization"] != with_path


def test_the_credential() -> None:
    """User `aws`, the token, and the time that AWS says, by this machine's clock."""
    before = time.time()
    found, _ = authorized(granted(left=1800))
    assert (found.username, found.secret) == ("aws", Secret(PASS))
    assert before <= found.obtained_at <= time.time()
    assert found.expires_at is not None
    assert 1790 < found.expires_at - found.obtained_at <= 1800


@pytest.mark.parametrize(
    ("expiration", "life"),
    [
        (None, UNKNOWN_LIFE),
        ("2099-01-01T00:00:00Z", UNKNOWN_LIFE),
        (True, UNKNOWN_LIFE),
        (0, UNKNOWN_LIFE),
        (-5, UNKNOWN_LIFE),
        (1e300, UNKNOWN_LIFE),
        (4102444800, LONGEST_LIFE),
        (4102444800.123, LONGEST_LIFE),
        ([1], UNKNOWN_LIFE),
    ],
)
def test_a_life_that_cant_be_is_short(expiration: Any, life: float) -> None:
    """Unknown means 5 minutes, and nothing is kept for more than 12 hours."""
    found, _ = authorized(granted(expiration=expiration))
    assert found.expires_at is not None
    assert round(found.expires_at - found.obtained_at, 3) == life


@pytest.mark.parametrize("token", [None, "", 5, ["x"], {"a": "b"}])
def test_an_answer_without_a_token(token: Any) -> None:
    """Whatever answered, it was not CodeArtifact."""
    with pytest.raises(ExchangeError) as caught:
        authorized(granted(token))
    assert caught.value.code == "codeartifact-no-token"


@pytest.mark.parametrize("token", ["two\nlines", 'quo"te', "a b", "x" * 8193])
def test_a_token_that_could_inject_anything(token: str) -> None:
    """It would stand in netrc files and headers."""
    with pytest.raises(ExchangeError) as caught:
        authorized(granted(token))
    assert caught.value.code == "unusable-secret"
    assert token[:20] not in str(caught.value)


def test_each_attempt_is_signed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS takes a signature for five minutes, and a retry may come later."""
    clock = iter([1e9, 1e9 + 400, 1e9 + 800, 1e9 + 900])
    times = SimpleNamespace(time=lambda: next(clock))
    monkeypatch.setattr(authorization, "time", times)
    _, server = authorized(answer(503), answer(500), granted())
    assert [headers_of(one)["x-amz-date"] for one in server.heard] == [
        "20010909T014640Z",
        "20010909T015320Z",
        "20010909T020000Z",
    ]
    assert len({headers_of(one)["authorization"] for one in server.heard}) == 3


def test_a_lost_reply_is_tried_again() -> None:
    """A second token does no harm: nothing is used up by asking."""
    found, server = authorized(b"", granted())
    assert found.secret == Secret(PASS)
    assert len(server.heard) == 2


def test_the_web_identity_way_is_two_posts() -> None:
    """STS' keys sign the second; the subject token goes to STS alone."""
    with wire(keys(), granted()) as server:
        found = codeartifact.exchange(request(server.url))
        assert found.secret == Secret(PASS)
        assert len(server.heard) == 2
    assert SUBJECT.encode() in server.heard[0]
    assert SUBJECT.encode() not in server.heard[1]
    assert headers_of(server.heard[1])["x-amz-security-token"] == SESSION
    assert f"Credential={KEY_ID}/" in headers_of(server.heard[1])["authorization"]


def test_the_keys_end_with_the_exchange() -> None:
    """What comes back, and so what is stored, is the domain's token and nothing of AWS' keys."""
    with wire(keys(), granted()) as server:
        found = codeartifact.exchange(request(server.url))
    revealed = [str(part) for part in found] + [found.secret.reveal()]
    for secret in (KEY_ID, SECRET_KEY, SESSION, SUBJECT):
        assert not any(secret in part for part in revealed)


def test_a_failing_second_step_leaves_the_first_alone() -> None:
    """CodeArtifact's trouble makes nobody assume the role again."""
    with wire(keys(), answer(503)) as server:
        with pytest.raises(ExchangeError) as caught:
            codeartifact.exchange(request(server.url))
        assert caught.value.code == "codeartifact-failed"
        assert len([one for one in server.heard if SUBJECT.encode() in one]) == 1


def test_no_redirect_takes_the_signature_elsewhere() -> None:
    """As everywhere: a secret goes to the address that was named."""
    with pytest.raises(TransportError) as caught:
        authorized(answer(307, "", "Location: https://elsewhere.test/"))
    assert caught.value.code == "redirect-refused"


def test_the_identity_changes_nothing_of_the_second_step() -> None:
    """Whoever has keys asks in the same way."""
    _, one = authorized(granted(), who=Who(name="aws", role_arn=""))
    _, two = authorized(granted())
    assert one.heard[0].split(b" HTTP")[0] == two.heard[0].split(b" HTTP")[0]
