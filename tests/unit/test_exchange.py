"""What a registry's reply becomes, and what it never becomes."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

import forge
from gatepass import exchange, peek
from gatepass.credential import LONGEST_LIFE, UNKNOWN_LIFE, Credential
from gatepass.errors import ExchangeError
from gatepass.exchange import packagemanager
from gatepass.exchange.reply import expiry, usable_secret
from gatepass.identity.file import TokenFile
from gatepass.realm import realm_of
from gatepass.secret import Secret
from gatepass.settings import Registry
from gatepass.transport import Deadline, Transport
from wire import answer, wire

SUBJECT = f"eyJ{'h' * 40}.eyJ{'p' * 300}.{'s' * 342}"


def registry(url: str) -> Registry:
    return Registry("prod", url.rstrip("/"), realm_of(url), "packagemanager", "test")


def request(url: str) -> exchange.Request:
    token = Secret(SUBJECT)
    who = TokenFile("GATEPASS_ID_TOKEN", "", token)
    return exchange.Request(registry(url), who, lambda: token, dict, {}, Transport(), Deadline(5))


def exchanged(script: bytes, path: str = "") -> Credential:
    with wire(script) as server:
        return packagemanager.exchange(request(server.url + path))


def refusal(script: bytes) -> ExchangeError:
    with pytest.raises(ExchangeError) as caught:
        exchanged(script)
    error = caught.value
    assert not any(part * 20 in str(error) for part in "hps")
    assert str(error).isprintable() or str(error).replace("\n", "").isprintable()
    return error


def reply(**members: Any) -> bytes:
    return answer(200, json.dumps({"access_token": "opaque", **members}), "Content-Type: text/json")


def life(**members: Any) -> float:
    before = time.time()
    credential = exchanged(reply(**members))
    assert before <= credential.obtained_at <= time.time()
    assert credential.expires_at is not None
    return round(credential.expires_at - credential.obtained_at, 3)


def jwt_with(**claims: Any) -> str:
    return forge.token(json.dumps(claims), sign=lambda data: b"x")


@pytest.mark.parametrize("path", ["", "/", "/pkg", "/pkg/", "/a/b"])
def test_the_endpoint_lies_below_the_address(path: str) -> None:
    """Whatever its prefix, with or without a trailing slash."""
    url = "https://ppm.test" + path
    assert packagemanager.endpoint(registry(url), {}) == url.rstrip("/") + "/__api__/token"


def test_what_is_sent_is_what_the_replaced_tools_send() -> None:
    """Three fields, as rspm, pak and posit-keyring send them; no client authenticates."""
    with wire(reply()) as server:
        packagemanager.exchange(request(server.url + "/pkg"))
    head, _, body = server.heard[0].decode().partition("\r\n\r\n")
    assert head.startswith("POST /pkg/__api__/token HTTP/1.1")
    assert "Accept: application/json" in head
    assert "authorization" not in head.lower()
    urn = "urn%3Aietf%3Aparams%3Aoauth"
    assert body == (
        f"grant_type={urn}%3Agrant-type%3Atoken-exchange&subject_token={SUBJECT}"
        f"&subject_token_type={urn}%3Atoken-type%3Aid_token"
    )


@pytest.mark.parametrize(
    ("asked", "name"),
    [(None, "__token__"), ("", "__token__"), ("__token__", "__token__"), ("me", None), ("x", None)],
)
def test_which_user_names_are_answered(asked: str | None, name: str | None) -> None:
    """Any other name is left to the next backend."""
    assert packagemanager.username_for(asked) == name
    assert exchange.way("packagemanager", "file").username_for(asked) == name


@pytest.mark.parametrize(
    ("members", "seconds"),
    [
        ({"expires_in": 600}, 600),
        ({"expires_in": "600"}, 600),
        ({"expires_in": 0.5}, 0.5),
        ({"expires_in": 10**9}, LONGEST_LIFE),
        ({"expires_in": 43201}, LONGEST_LIFE),
        ({}, UNKNOWN_LIFE),
        *(
            ({"expires_in": odd}, UNKNOWN_LIFE)
            for odd in (0, -5, True, None, "soon", "", [], 10**400, float("inf"), float("nan"))
        ),
        ({"access_token": jwt_with(iat=1000, exp=1700)}, 700),
        ({"access_token": jwt_with(iat=1000, exp=1700), "expires_in": 60}, 60),
        ({"access_token": jwt_with(iat=1000, exp=10**9)}, LONGEST_LIFE),
        ({"access_token": jwt_with(exp=2**40)}, UNKNOWN_LIFE),
        ({"access_token": jwt_with(iat=2000, exp=1000)}, UNKNOWN_LIFE),
        ({"access_token": jwt_with(iat="1", exp=True)}, UNKNOWN_LIFE),
        ({"access_token": jwt_with(iat=1000, exp=10**400)}, UNKNOWN_LIFE),
        ({"access_token": "a.!!.c"}, None),
        ({"access_token": "a.b.c"}, UNKNOWN_LIFE),
        ({"access_token": f"a.{forge.b64('[1]')}.c"}, UNKNOWN_LIFE),
    ],
)
def test_how_long_a_credential_lives(members: dict[str, Any], seconds: float | None) -> None:
    """expires_in from receipt, else exp - iat, 12 hours at most; unknown means five minutes."""
    if seconds is None:
        with pytest.raises(ExchangeError):
            life(**members)
    else:
        assert life(**members) == pytest.approx(seconds)


def test_the_lives_are_the_designs() -> None:
    """Twelve hours and five minutes."""
    assert (LONGEST_LIFE, UNKNOWN_LIFE) == (43200, 300)


@pytest.mark.parametrize("kind", ["Bearer", "N_A", "", None, 5])
def test_the_replys_type_is_ignored(kind: object) -> None:
    """Of the reply only access_token is documented."""
    credential = exchanged(reply(token_type=kind, issued_token_type=5, scope=[]))
    assert (credential.username, credential.secret.reveal()) == ("__token__", "opaque")


@pytest.mark.parametrize(
    "secret",
    [
        *(
            "a\nb",
            "a\r\nb",
            "a\n",
            " leading",
            "a b",
            "a\tb",
            'a"b',
            "a'b",
            "a\\b",
            "a:b",
            "a@b",
            "a%0ab",
        ),
        *("é", "a\0b", "a\x1b[31m", "${X}", "`x`", "a;b", "a#b", "x" * (8 * 1024 + 1)),
    ],
)
def test_a_secret_that_could_inject_is_refused(secret: str) -> None:
    """It will stand in headers, files and on standard output; the error doesn't show it."""
    error = refusal(reply(access_token=secret))
    assert error.code == "unusable-secret"
    assert secret not in str(error)


@pytest.mark.parametrize("secret", ["a", "x" * 8192, "AZaz09._~+/=-", "a.b.c"])
def test_a_secret_that_is_usable_is_used_as_it_is(secret: str) -> None:
    """RFC 6750's b64token, 8 KiB at most."""
    assert exchanged(reply(access_token=secret)).secret.reveal() == secret
    assert usable_secret(secret, "x").reveal() == secret


@pytest.mark.parametrize(
    ("script", "code", "shown"),
    [
        (answer(200, "{}"), "exchange-no-token", "no access_token"),
        (answer(200, ""), "exchange-no-token", "no access_token"),
        (answer(200, '{"access_token":""}'), "exchange-no-token", "access_token"),
        (answer(200, '{"access_token":5}'), "exchange-no-token", "access_token"),
        (answer(200, '["x"]'), "exchange-no-token", "no access_token"),
        (answer(200, "<html>hi", "Content-Type: text/html"), "exchange-no-token", "prefix"),
        (answer(201, '{"access_token":"x"}'), "exchange-no-token", "access_token"),
        (answer(400, '{"error":"invalid_grant","error_description":"no such subject"}'),
         "exchange-refused", "invalid_grant: no such subject"),
        (answer(400, '{"error":"unsupported_grant_type"}'),
         "exchange-refused", "unsupported_grant"),
        (answer(401, "go away"), "exchange-refused", "go away"),
        (answer(403, ""), "exchange-refused", "no reason"),
        (answer(400, "<html>secret page", "Content-Type: text/html"),
         "exchange-refused", "no reason"),
        (answer(404, "x"), "exchange-not-there", "__api__/token"),
        (answer(405, "x"), "exchange-not-there", "HTTP 405"),
        (answer(500, "oops"), "exchange-failed", "oops"),
        (answer(501, "x"), "exchange-failed", "HTTP 501"),
        (answer(400, '{"error":"a\\u001b[2J\\r\\n::warning::b"}'),
         "exchange-refused", "::warning::b"),
        (answer(400, json.dumps({"error": "bad", "error_description": f"token {SUBJECT} is bad"})),
         "exchange-refused", "token **** is bad"),
        (answer(400, f"subject_token={SUBJECT}&x"), "exchange-refused", "****"),
        (answer(200, json.dumps({"token": SUBJECT})), "exchange-no-token", "no access_token"),
        (answer(500, SUBJECT[:400]), "exchange-failed", "****"),
    ],
)  # fmt: skip
def test_what_the_registry_said_is_told(script: bytes, code: str, shown: str) -> None:
    """Under a code for each kind of answer, in one plain line, and never with our token in it."""
    error = refusal(script)
    assert error.code == code
    assert shown in str(error)
    assert not any(line.startswith("::") for line in str(error).splitlines())


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_registry_that_is_busy_has_failed(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """... after the retries: the advice is to run it again, not to change the configuration."""
    monkeypatch.setattr("gatepass.transport._BACKOFF", 0.0)
    error = refusal(answer(status, "busy"))
    assert error.code == "exchange-failed"
    assert "run it again" in error.do


class TestReady:
    """PACKAGEMANAGER_TOKEN as it is."""

    def ready(self, text: str) -> Credential:
        return packagemanager.ready(registry("https://ppm.test"), Secret(text))

    @pytest.mark.parametrize(
        "claims",
        [
            {},
            {"exp": None},
            {"exp": "5"},
            {"exp": True},
            {"exp": False},
            {"exp": 10**400},
            {"exp": 1e300},
            {"exp": float("nan")},
            {"exp": -5},
            {"exp": 253402300800},
        ],
    )
    def test_without_a_date_it_does_not_expire(self, claims: dict[str, Any]) -> None:
        """An administrator's token has no exp; one that is no date says nothing."""
        assert expiry(claims) is None
        credential = self.ready(jwt_with(**claims))
        assert credential.expires_at is None
        assert credential.is_fresh(time.time() + 10**9)

    def test_its_date_is_told(self) -> None:
        """So that `get --json` can say it."""
        until = int(time.time()) + 50
        credential = self.ready(jwt_with(exp=until))
        assert (credential.username, credential.expires_at) == ("__token__", until)

    @pytest.mark.parametrize("exp", [0, 1, 1.5])
    def test_a_token_that_has_expired_is_refused(self, exp: float) -> None:
        """Early, and with what to do, instead of by a 401 that a client hides."""
        with pytest.raises(ExchangeError) as caught:
            self.ready(jwt_with(exp=exp))
        assert caught.value.code == "ready-token-expired"

    @pytest.mark.parametrize("text", ["opaque", "a.b", "a.b.c", "a..c", f"a.{forge.b64('x')}.c"])
    def test_a_token_that_is_no_jwt_is_used(self, text: str) -> None:
        """It is the registry's to judge."""
        assert peek.claims(text) == {}
        assert self.ready(text).secret.reveal() == text

    @pytest.mark.parametrize("text", ["a b", "a\nb", "x" * 9000])
    def test_a_token_that_could_inject_is_refused(self, text: str) -> None:
        """The variable is named, the value not shown."""
        with pytest.raises(ExchangeError) as caught:
            self.ready(text)
        assert caught.value.code == "unusable-secret"
        assert "PACKAGEMANAGER_TOKEN" in caught.value.what
        assert text not in str(caught.value)
