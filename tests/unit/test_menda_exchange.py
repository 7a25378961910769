"""menda cloud's two requests, byte for byte, and which of them is spared."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gatepass import exchange, transport
from gatepass.credential import UNKNOWN_LIFE, Credential
from gatepass.exchange import menda as way
from gatepass.identity import menda
from mendahome import (
    LOGGED_IN,
    MACHINE,
    SECRET,
    TOKEN,
    cache_path,
    cached,
    client,
    config,
    given,
    line,
    person,
    registry,
    request,
)
from wire import Script, answer, wire


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)


def exchanged(home: Path, *scripts: Script) -> tuple[Credential, list[str]]:
    """What a client got, and its requests."""
    with wire(*scripts) as server:
        credential = way.exchange(request(client(home, server)))
        return credential, [heard.decode() for heard in server.heard]


def test_two_requests_as_menda_keyring_sends_them(home: Path) -> None:
    """But with the secret in the body: the query has nothing."""
    before = time.time()
    credential, (login, ask) = exchanged(home, LOGGED_IN, given())
    assert (credential.username, credential.secret.reveal()) == ("aws", TOKEN)
    assert before <= credential.obtained_at <= time.time()
    assert credential.expires_at == credential.obtained_at + UNKNOWN_LIFE
    head, _, body = login.partition("\r\n\r\n")
    assert line(head) == "POST /api/v1/auth/oauth2/token HTTP/1.1"
    assert "Content-Type: application/x-www-form-urlencoded" in head
    assert body == f"grant_type=client_credentials&client_id=ci&client_secret={SECRET}"
    head, _, body = ask.partition("\r\n\r\n")
    assert line(head) == "POST /api/v1/auth/registry/token HTTP/1.1"
    assert "authorizationToken: Bearer an-access-token\r\n" in head
    assert "Content-Type: application/json" in head
    assert "Content-Length: 0" in head
    assert "\r\nAuthorization:" not in head
    assert body == ""


@pytest.mark.parametrize("status", [400, 401, 403, 415, 422])
def test_a_server_that_wants_the_secret_in_the_query(home: Path, status: int) -> None:
    """It gets it there, once, as menda-keyring sends it, after it refused the body; each time."""
    for _ in range(2):
        cache_path(home).unlink(missing_ok=True)
        credential, heard = exchanged(home, answer(status, "{}"), LOGGED_IN, given())
        assert credential.secret.reveal() == TOKEN
        assert [line(one) for one in heard] == [
            "POST /api/v1/auth/oauth2/token HTTP/1.1",
            "POST /api/v1/auth/oauth2/token?grant_type=client_credentials&client_id=ci"
            f"&client_secret={SECRET} HTTP/1.1",
            "POST /api/v1/auth/registry/token HTTP/1.1",
        ]
        assert heard[1].endswith("\r\n\r\n")
        assert "Content-Length: 0" in heard[1]


def test_no_secret_in_a_log(
    home: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even in urllib3's debug lines, which pip -vvv may print; they say where, and no more."""
    caplog.set_level("DEBUG")
    exchanged(home, answer(400, "{}"), LOGGED_IN, given())
    assert "POST /api/v1/auth/oauth2/token HTTP" in caplog.text
    assert SECRET not in caplog.text
    assert "an-access-token" not in caplog.text


def test_a_login_is_kept_and_used(home: Path) -> None:
    """The next exchange is one request; another client's, or at another host, is two."""
    with wire(LOGGED_IN, given()) as server:
        env = client(home, server)
        for _ in range(2):
            way.exchange(request(env))
        assert [line(one.decode()).split()[1][-14:] for one in server.heard] == [
            "h/oauth2/token",
            "registry/token",
            "registry/token",
        ]
    for other in ({"MENDA_CLIENT_SECRET": "x"}, {"MENDA_CLIENT_ID": "y"}):
        with wire(LOGGED_IN, given()) as server:
            way.exchange(request(client(home, server, **other)))
            assert len(server.heard) == 2


def test_gatepass_store_off_keeps_no_login(home: Path) -> None:
    """Nothing of ours is on the disk then."""
    with wire(LOGGED_IN, given()) as server:
        way.exchange(request(client(home, server))._replace(keeps=False))
    assert not (home / ".menda").exists()


def test_whoever_keeps_nothing_changes_nothing(home: Path) -> None:
    """A cached token that is refused stays where it is, too: the file is somebody else's."""
    with wire(answer(401), LOGGED_IN, given()) as server:
        config(home, MACHINE.replace("https://api.example.menda.cloud", server.url))
        before = cached(home, "ci", token="revoked").read_bytes()
        asked = request({"HOME": str(home), "MENDA_PROFILE_ID": "ci"})
        way.exchange(asked._replace(keeps=False))
    assert cache_path(home).read_bytes() == before


@pytest.mark.parametrize("status", [401, 403])
def test_a_cached_token_that_is_refused(home: Path, status: int) -> None:
    """A client logs in anew, once; the new token takes the old one's place."""
    with wire(answer(status), LOGGED_IN, given()) as server:
        config(home, MACHINE.replace("https://api.example.menda.cloud", server.url))
        cached(home, "ci", token="revoked")
        way.exchange(request({"HOME": str(home), "MENDA_PROFILE_ID": "ci"}))
        assert b"Bearer revoked" in server.heard[0]
        assert b"Bearer an-access-token" in server.heard[2]
    assert "an-access-token" in cache_path(home).read_text()
    assert "revoked" not in cache_path(home).read_text()


def test_a_persons_login_is_one_request(home: Path) -> None:
    """With the token that `menda auth login` left."""
    with wire(given()) as server:
        assert way.exchange(request(person(home, server))).secret.reveal() == TOKEN
        assert b"authorizationToken: Bearer their-login\r\n" in server.heard[0]
        assert len(server.heard) == 1


def test_user_names() -> None:
    """CodeArtifact looks at none: whoever asked for one gets that, else `aws`."""
    assert [way.username_for(name) for name in (None, "", "aws", "me")] == [
        "aws",
        "aws",
        "aws",
        "me",
    ]
    assert exchange.way("codeartifact", "menda").username_for("x") == "x"


def test_the_endpoint_is_what_the_environment_says() -> None:
    """A profile's host is in the identity's fingerprint."""
    assert way.endpoint(registry(), {"MENDA_HOST": " https://h "}) == "https://h"
    assert way.endpoint(registry(), {}) == ""


def test_it_is_never_asked_for_another_registry(home: Path) -> None:
    """Its token is for CodeArtifact: without a domain nothing is sent."""
    with wire(LOGGED_IN) as server:
        asked = request(client(home, server))
        with pytest.raises(AssertionError):
            way.exchange(asked._replace(registry=asked.registry._replace(aws=None)))
        assert server.heard == []
    assert menda.detect({}, registry()) is None
