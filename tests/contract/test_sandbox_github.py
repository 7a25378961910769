"""The token endpoint gives a job a token for the audience it asks for, and refuses bad requests."""

from __future__ import annotations

from collections.abc import Iterator

import jwt
import pytest
import requests

from gatepass.sandbox import Sandbox

TIMEOUT = 10


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def ask(
    sandbox: Sandbox, suffix: str, *, token: str | None = None, scheme: str = "bearer"
) -> requests.Response:
    token = sandbox.github.request_token if token is None else token
    headers = {"Authorization": f"{scheme} {token}"}
    return requests.get(sandbox.github.request_url + suffix, headers=headers, timeout=TIMEOUT)


def claims_of(answer: requests.Response) -> dict[str, object]:
    token = answer.json()["value"]
    claims: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_a_percent_encoded_audience_arrives_decoded(shared: Sandbox) -> None:
    answer = ask(shared, "&audience=https%3A%2F%2Fppm.test%2Fa%26b%2Bc")
    assert claims_of(answer)["aud"] == "https://ppm.test/a&b+c"
    assert shared.requests[-1].note == "audience https://ppm.test/a&b+c"


def test_the_answer_has_githubs_shape_and_a_token_for_five_minutes(shared: Sandbox) -> None:
    answer = ask(shared, "&audience=a")
    assert set(answer.json()) == {"count", "value"}
    assert answer.headers["Cache-Control"] == "no-store"
    claims = jwt.decode(answer.json()["value"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 300
    assert claims["iss"] == shared.issuer.url


def test_the_default_audience_is_the_owner(shared: Sandbox) -> None:
    assert claims_of(ask(shared, ""))["aud"] == shared.github.server_url + "/acme"


@pytest.mark.parametrize("scheme", ["bearer", "Bearer", "BEARER"])
def test_the_scheme_counts_in_any_case(shared: Sandbox, scheme: str) -> None:
    assert ask(shared, "", scheme=scheme).status_code == 200


@pytest.mark.parametrize("scheme", ["Basic", "token", "bearer:"])
def test_other_schemes_are_refused(shared: Sandbox, scheme: str) -> None:
    assert ask(shared, "", scheme=scheme).status_code == 401


@pytest.mark.parametrize("change", [str.upper, lambda t: t[:-1], lambda t: t + "x", lambda t: ""])
def test_only_the_very_token_opens(shared: Sandbox, change: object) -> None:
    assert callable(change)
    answer = ask(shared, "&audience=a", token=change(shared.github.request_token))
    assert answer.status_code == 401
    assert "value" not in answer.text


def test_no_token_at_all_is_refused(shared: Sandbox) -> None:
    assert requests.get(shared.github.request_url, timeout=TIMEOUT).status_code == 401


@pytest.mark.parametrize(
    "suffix",
    [
        "&audience=a&audience=a",
        "&audience=",
        "&api-version=2.0",
        "&audience=https://ppm.test/?x=1&y=2",
        "?audience=a",
    ],
)
def test_queries_that_clients_get_wrong_are_refused(shared: Sandbox, suffix: str) -> None:
    assert ask(shared, suffix).status_code == 400


@pytest.mark.parametrize("query", ["", "?audience=a", "?api-version=1.0&audience=a"])
def test_the_api_version_must_still_be_there(shared: Sandbox, query: str) -> None:
    url = shared.github.request_url.partition("?")[0] + query
    headers = {"Authorization": f"bearer {shared.github.request_token}"}
    assert requests.get(url, headers=headers, timeout=TIMEOUT).status_code == 400


def test_only_get_is_answered(shared: Sandbox) -> None:
    headers = {"Authorization": f"bearer {shared.github.request_token}"}
    answer = requests.post(shared.github.request_url, headers=headers, timeout=TIMEOUT)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


def test_planned_failures_carry_their_body_and_headers(shared: Sandbox) -> None:
    shared.github.fail_next(429, body={"message": "slow"}, headers={"Retry-After": "1"})
    shared.github.fail_next(502, body="bad gateway")
    first, second, third = (ask(shared, "") for _ in range(3))
    assert (first.status_code, first.json()) == (429, {"message": "slow"})
    assert first.headers["Retry-After"] == "1"
    assert (second.status_code, second.text) == (502, "bad gateway")
    assert third.status_code == 200


def test_the_request_token_is_new_at_each_start(shared: Sandbox) -> None:
    with Sandbox() as other:
        assert other.github.request_token != shared.github.request_token
        assert ask(other, "", token=shared.github.request_token).status_code == 401
