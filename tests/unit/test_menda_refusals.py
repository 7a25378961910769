"""menda cloud's refusals: which request it was, whose words are shown, and no secret among them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatepass import transport
from gatepass.errors import GatepassError
from gatepass.exchange import menda as way
from mendahome import (
    LOGGED_IN,
    LOGIN,
    MACHINE,
    SECRET,
    cache_path,
    cached,
    client,
    config,
    given,
    line,
    person,
    request,
)
from wire import Script, answer, wire


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)


def refused(
    home: Path, *scripts: Script, is_person: bool = False, secret: str = SECRET
) -> GatepassError:
    """The error; no secret is in it, nor what the servers were told to echo of it."""
    with wire(*scripts) as server:
        own = {"MENDA_CLIENT_SECRET": secret}
        env = person(home, server) if is_person else client(home, server, **own)
        with pytest.raises(GatepassError) as caught:
            way.exchange(request(env))
    assert secret not in str(caught.value)
    assert LOGIN not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("status", [404, 409, 500, 503])
def test_what_is_no_refusal_puts_no_secret_in_a_query(home: Path, status: int) -> None:
    """A server that fails, or isn't one of menda's, says nothing about where it reads."""
    with wire(answer(status, "{}")) as server:
        with pytest.raises(GatepassError) as caught:
            way.exchange(request(client(home, server)))
        assert {line(one.decode()) for one in server.heard} == {
            "POST /api/v1/auth/oauth2/token HTTP/1.1"
        }
    assert caught.value.code == ("menda-not-there" if status == 404 else "menda-failed")


@pytest.mark.parametrize("error", ["unauthorized_client", "invalid_scope"])
def test_a_server_that_knows_the_client_has_read_the_body(home: Path, error: str) -> None:
    """Its refusal stands: it is not asked again in the query."""
    with wire(answer(400, json.dumps({"error": error}))) as server:
        with pytest.raises(GatepassError) as caught:
            way.exchange(request(client(home, server)))
        assert len(server.heard) == 1
    assert (caught.value.code, caught.value.why) == ("menda-client-refused", error)


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ((400, "no secret"), (401, "wrong secret"), (401, "wrong secret")),
        ((401, "wrong secret"), (400, "no secret"), (401, "wrong secret")),
        ((422, "no secret"), (422, "not here either"), (422, "not here either")),
        ((401, "wrong secret"), (500, "oops"), (401, "wrong secret")),
    ],
)
def test_a_refusal_of_both(
    home: Path, first: tuple[int, str], second: tuple[int, str], shown: tuple[int, str]
) -> None:
    """The one that looked at the client is told, in menda-keyring's words and the server's own."""
    scripts = (answer(status, json.dumps({"message": text})) for status, text in (first, second))
    error = refused(home, *scripts)
    assert error.code == "menda-client-refused"
    assert error.what.endswith(f"the client ci: oauth2/token returned HTTP {shown[0]}")
    assert error.why == shown[1]
    assert "MENDA_CLIENT_SECRET" in error.do


@pytest.mark.parametrize("secret", ["short%&", "it has spaces", 'quo"te\\', SECRET])
@pytest.mark.parametrize("shape", ["plain", "json", "form", "query"])
def test_an_echoed_secret_is_not_shown(home: Path, secret: str, shape: str) -> None:
    """However short it is, and however the server wrote it."""
    from urllib.parse import quote, quote_plus

    text = {
        "plain": secret,
        "json": json.dumps({"message": f"no: {secret}"}),
        "form": f"no: client_secret={quote_plus(secret)}",
        "query": f"no: client_secret={quote(secret)}",
    }[shape]
    error = refused(home, answer(400, text), secret=secret)
    assert quote(secret) not in str(error)
    assert quote_plus(secret) not in str(error)
    assert "****" in error.why


@pytest.mark.parametrize("at", [0, 1])
def test_no_secret_follows_a_redirect(home: Path, at: int) -> None:
    """menda-keyring's header does, to any host."""
    with wire(LOGGED_IN) as other:
        moved = answer(307, "", f"Location: {other.url}/elsewhere")
        scripts = [LOGGED_IN, given()]
        scripts[at] = moved
        assert refused(home, *scripts).code == "redirect-refused"
        assert other.heard == []


def test_a_new_token_that_is_refused_is_not_kept(home: Path) -> None:
    """It was fetched a moment ago: there is no third try."""
    with wire(answer(401), LOGGED_IN, answer(403, "not for you")) as server:
        config(home, MACHINE.replace("https://api.example.menda.cloud", server.url))
        cached(home, "ci", token="revoked")
        with pytest.raises(GatepassError) as caught:
            way.exchange(request({"HOME": str(home), "MENDA_PROFILE_ID": "ci"}))
        assert len(server.heard) == 3
    error = caught.value
    assert (error.code, error.why) == ("menda-registry-refused", "not for you")
    assert error.what.endswith(
        "gives the client robot no registry token: registry/token returned HTTP 403"
    )
    assert "token" not in cache_path(home).read_text()


def test_a_persons_login_that_is_refused(home: Path) -> None:
    """They are told to log in again; what menda's CLI keeps is not ours to delete."""
    error = refused(home, answer(401, '{"message": "Unauthorized"}'), is_person=True)
    assert (error.code, error.why) == ("menda-registry-refused", "Unauthorized")
    assert error.what == (
        "menda cloud gives your login no registry token: registry/token returned HTTP 401"
    )
    assert "`menda auth login`" in error.do
    assert LOGIN in cache_path(home).read_text()


@pytest.mark.parametrize(
    ("scripts", "code", "words"),
    [
        ((answer(200, "<html>"),), "menda-no-token", "oauth2/token has no access_token"),
        ((answer(200, '{"access_token": 1}'),), "menda-no-token", "oauth2/token"),
        ((LOGGED_IN, answer(200, "[]")), "menda-no-token", "registry/token has no token"),
        ((LOGGED_IN, answer(404)), "menda-not-there", "registry/token returned HTTP 404"),
        ((LOGGED_IN, answer(502, "bad luck")), "menda-failed", "bad luck"),
        ((LOGGED_IN, answer(400, "odd")), "menda-failed", "registry/token returned HTTP 400"),
        ((answer(200, '{"access_token": "a\\r\\nb"}'),), "unusable-secret", "no token has"),
        ((LOGGED_IN, given(token="a b")), "unusable-secret", "no token has"),
    ],
)
def test_answers_that_are_no_token(
    home: Path, scripts: tuple[bytes, ...], code: str, words: str
) -> None:
    """Each says which of the two requests it was, and what to look at."""
    error = refused(home, *scripts)
    assert error.code == code
    assert words in f"{error.what} {error.why}"
    assert error.do
