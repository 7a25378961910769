"""menda cloud as menda-keyring 0.0.2 speaks to it: a secret or a login, then a registry token."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests

from devices import TIMEOUT, refused
from gatepass.sandbox import Sandbox

TOKEN, REGISTRY = "/api/v1/auth/oauth2/token", "/api/v1/auth/registry/token"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def fields(sandbox: Sandbox, **other: str) -> dict[str, str]:
    own = {"client_id": sandbox.menda.client_id, "client_secret": sandbox.menda.client_secret}
    return {"grant_type": "client_credentials", **own, **other}


def ask(sandbox: Sandbox, place: str = "form", **other: str) -> requests.Response:
    """The token endpoint, with the fields in the form or in the query."""
    words: dict[str, Any] = {"data" if place == "form" else "params": fields(sandbox, **other)}
    return requests.post(sandbox.menda.url + TOKEN, timeout=TIMEOUT, **words)


def registry(sandbox: Sandbox, token: str | None, **words: Any) -> requests.Response:
    headers = {} if token is None else {"authorizationToken": token}
    url = sandbox.menda.url + REGISTRY
    return requests.post(url, headers=headers, timeout=TIMEOUT, **words)


def index(sandbox: Sandbox, token: str) -> int:
    url = sandbox.aws.loopback_index_url
    return requests.get(url, auth=("aws", token), timeout=TIMEOUT).status_code


@pytest.mark.parametrize("place", ["form", "query"])
def test_a_clients_secret_opens_codeartifact(sandbox: Sandbox, place: str) -> None:
    """Two requests, and acme's repositories are open; a secret in a query is noted."""
    answer = ask(sandbox, place)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "token_type", "expires_in"}
    assert answer.json()["expires_in"] == 3600
    assert answer.headers["Cache-Control"] == "no-store"
    given = registry(sandbox, f"Bearer {answer.json()['access_token']}")
    assert given.status_code == 200
    assert index(sandbox, given.json()["token"]) == 200
    first, second, last = sandbox.requests
    aside = ", the secret came in the query" if place == "query" else ""
    assert (first.party, first.note) == ("menda", f"client {sandbox.menda.client_id}{aside}")
    assert (second.party, second.note, last.party) == ("menda", "a registry token", "index")


def test_a_persons_login_opens_it_too(sandbox: Sandbox) -> None:
    """The cached token of a device flow that menda's own tool ran."""
    token = sandbox.menda.login()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == "00u5150octavia"
    assert claims["exp"] - claims["iat"] == 3600
    assert registry(sandbox, f"Bearer {token}").status_code == 200


def test_the_registry_answer(sandbox: Sandbox) -> None:
    """Token, when it ends, and what it is for: acme's two repositories, half a day."""
    given = registry(sandbox, f"bearer {sandbox.menda.login()}").json()
    assert set(given) == {"token", "expiry", "repositories"}
    ends = datetime.datetime.fromisoformat(given["expiry"]).timestamp()
    assert abs(ends - time.time() - 12 * 3600) < 60
    root = f"https://{sandbox.aws.host}/pypi"
    assert given["repositories"] == [f"{root}/private/", f"{root}/local/"]


def test_how_the_answer_is_spelled_is_the_tests_to_say(sandbox: Sandbox) -> None:
    """The real spelling of both is not known."""
    sandbox.menda.expiry_as_number = True
    sandbox.menda.repositories = [{"name": "private"}]
    given = registry(sandbox, f"Bearer {sandbox.menda.login()}").json()
    assert abs(given["expiry"] - time.time() - 12 * 3600) < 60
    assert given["repositories"] == [{"name": "private"}]


@pytest.mark.parametrize("refusing", [400, 422])
@pytest.mark.parametrize(("place", "other"), [("form", "query"), ("query", "form")])
def test_a_server_may_want_the_secret_in_one_place(
    sandbox: Sandbox, place: str, other: str, refusing: int
) -> None:
    """In the other it is missing, whatever status that server has for it; and noted anyway."""
    sandbox.menda.secret_in = place
    sandbox.menda.missing = refusing
    assert ask(sandbox, place).status_code == 200
    refused(ask(sandbox, other), "invalid_request", refusing)
    assert sandbox.requests[-1].note.endswith("the secret came in the query") == (other == "query")


@pytest.mark.parametrize("place", ["form", "query"])
@pytest.mark.parametrize(
    ("other", "code", "status"),
    [
        ({"client_id": "other"}, "invalid_client", 401),
        ({"client_secret": "wrong"}, "invalid_client", 401),
        ({"client_secret": "schlüssel"}, "invalid_client", 401),
        ({"client_id": ""}, "invalid_request", 400),
        ({"client_secret": ""}, "invalid_request", 400),
        ({"grant_type": ""}, "invalid_request", 400),
        ({"grant_type": "password"}, "unsupported_grant_type", 400),
    ],
)
def test_a_client_that_is_refused(
    sandbox: Sandbox, place: str, other: dict[str, str], code: str, status: int
) -> None:
    """Wrong, missing, or another grant; in either place, and nothing of it is repeated."""
    answer = ask(sandbox, place, **other)
    refused(answer, code, status)
    for secret in (sandbox.menda.client_secret, "schlüssel"):
        assert secret not in answer.text + str(sandbox.requests)


def test_a_field_comes_once(sandbox: Sandbox) -> None:
    """Not twice in one place, nor in both."""
    url, own = sandbox.menda.url + TOKEN, fields(sandbox)
    both = requests.post(url, data=own, params={"client_id": own["client_id"]}, timeout=TIMEOUT)
    refused(both, "invalid_request")
    for word in ("data", "params"):
        twice: dict[str, Any] = {word: [*own.items(), ("client_id", "x")]}
        answer = requests.post(url, timeout=TIMEOUT, **twice)
        assert refused(answer, "invalid_request") == "a field is repeated"
    refused(requests.post(url, json=own, timeout=TIMEOUT), "invalid_request")


def test_the_secret_is_the_tests_to_say(sandbox: Sandbox) -> None:
    """Also one that INI files, forms and URLs each treat in a way of their own."""
    sandbox.menda.client_secret = "a%b+c d&e=ü"
    for place in ("form", "query"):
        assert ask(sandbox, place).status_code == 200
    assert ask(sandbox, client_secret="a%b c d&e=ü").status_code == 401


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (None, "no authorizationToken"),
        ("Basic x", "the authorizationToken is no bearer token"),
        ("{token}", "the authorizationToken is no bearer token"),
        ("Bearer x", "not a live token of menda's"),
        ("Bearer {token}x", "not a live token of menda's"),
        ("Bearer {other}", "not a live token of menda's"),
        ("Bearer {old}", "token has expired"),
    ],
)
def test_who_gets_no_registry_token(sandbox: Sandbox, header: str | None, why: str) -> None:
    """401 without a live token of menda's own, in that very header."""
    tokens = {
        "token": sandbox.menda.login(),
        "other": sandbox.issuer.mint("a"),
        "old": sandbox.menda.login(lifetime=-1),
    }
    answer = registry(sandbox, header and header.format(**tokens))
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert sandbox.requests[-1].note == why


def test_the_header_is_not_authorization(sandbox: Sandbox) -> None:
    """A token in the usual header is somebody else's, and noted as that."""
    headers = {"Authorization": f"Bearer {sandbox.menda.login()}"}
    url = sandbox.menda.url + REGISTRY
    assert requests.post(url, headers=headers, timeout=TIMEOUT).status_code == 401
    assert sandbox.requests[-1].note == "no authorizationToken, an Authorization header came along"


def test_the_registry_request_has_no_body(sandbox: Sandbox) -> None:
    """Nothing of the form belongs there."""
    answer = registry(sandbox, f"Bearer {sandbox.menda.login()}", data=fields(sandbox))
    assert (answer.status_code, answer.json()) == (400, {"message": "Bad Request"})


def test_access_tokens_expire_and_are_revoked(sandbox: Sandbox) -> None:
    """Neither an old nor a revoked one is worth a registry token; a new one is."""
    sandbox.menda.lifetime = 0
    short = ask(sandbox).json()
    assert short["expires_in"] == 0
    assert registry(sandbox, f"Bearer {short['access_token']}").status_code == 401
    token = sandbox.menda.login()
    sandbox.menda.revoke_all()
    assert registry(sandbox, f"Bearer {token}").status_code == 401
    assert registry(sandbox, f"Bearer {sandbox.menda.login()}").status_code == 200


def test_who_may_not_use_the_registry(sandbox: Sandbox) -> None:
    """403 for a good token without the right to it."""
    sandbox.menda.permits = False
    answer = registry(sandbox, f"Bearer {sandbox.menda.login()}")
    assert answer.status_code == 403
    assert "not authorized" in answer.json()["message"]


def test_a_revoked_registry_token_opens_nothing(sandbox: Sandbox) -> None:
    """It is CodeArtifact's: revoked there, it is over."""
    token = registry(sandbox, f"Bearer {sandbox.menda.login()}").json()["token"]
    sandbox.aws.revoke_all()
    assert index(sandbox, token) == 401


def test_faults_and_planned_failures(sandbox: Sandbox) -> None:
    """`menda=...` happens to whatever is asked next, `fail_next` to one endpoint."""
    sandbox.fault("menda=503")
    assert ask(sandbox).status_code == 503
    token = ask(sandbox).json()["access_token"]
    sandbox.menda.fail_next(500)
    sandbox.menda.fail_next(429, endpoint="token", headers={"Retry-After": "1"})
    assert ask(sandbox).headers["Retry-After"] == "1"
    assert [registry(sandbox, f"Bearer {token}").status_code for _ in range(2)] == [500, 200]
    with pytest.raises(ValueError, match="no endpoint 'login'; there are token and registry"):
        sandbox.menda.fail_next(500, endpoint="login")


def test_everything_else_is_not_there(sandbox: Sandbox) -> None:
    """404 beside the two paths, 405 for another method, all of it menda's in the journal."""
    url = sandbox.menda.url
    assert requests.get(url + "/", timeout=TIMEOUT).status_code == 404
    for path in (TOKEN, REGISTRY):
        assert requests.get(url + path, timeout=TIMEOUT).status_code == 405
    assert {r.party for r in sandbox.requests} == {"menda"}
