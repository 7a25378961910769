"""Asking the runner's endpoint for a token: one audience, and every way in which it can fail."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.errors import GatepassError, IdentityError
from gatepass.identity import github
from gatepass.identity.github import GitHubActions, _with_audience
from gatepass.sandbox import Sandbox
from gatepass.settings import load
from gatepass.transport import Deadline, Transport


@pytest.fixture
def job(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> GitHubActions:
    """The sandbox's job, whose retries don't wait."""
    monkeypatch.setattr("gatepass.transport._pause", lambda attempt: 0.0)
    env = sandbox.environment("github")
    found = github.detect(env, load(env).registries[0])
    assert isinstance(found, GitHubActions)
    return found


def asked(job: GitHubActions, audience: str = "https://ppm.example.com") -> str:
    return job.subject_token(audience, Transport(), Deadline()).reveal()


@pytest.mark.parametrize(
    "audience", ["https://ppm.example.com", "a b&c=d+e#f?g/%41", "größe", "x" * 500]
)
def test_a_token_for_the_audience(job: GitHubActions, sandbox: Sandbox, audience: str) -> None:
    """The endpoint is asked once, and the token is for exactly the audience that was asked for."""
    claims = jwt.decode(asked(job, audience), options={"verify_signature": False})
    assert claims["aud"] == audience
    assert [(r.party, r.status) for r in sandbox.requests] == [("github", 200)]
    assert claims["iss"] in job.issuers


def test_each_call_asks_anew(job: GitHubActions, sandbox: Sandbox) -> None:
    """Two calls give two tokens: nothing is kept here."""
    assert asked(job) != asked(job)
    assert sandbox.count("github") == 2


def test_the_querys_own_audience_gives_way(sandbox: Sandbox, job: GitHubActions) -> None:
    """An audience that is already in the URL is replaced: the sandbox refuses two."""
    job.request_url += "&audience=other&audience=third"
    claims = jwt.decode(asked(job, "mine"), options={"verify_signature": False})
    assert claims["aud"] == "mine"


word = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(
    st.lists(st.tuples(word.filter(lambda name: name != ""), word), max_size=5),
    word.filter(bool),
)
def test_the_query_is_kept_and_one_audience_added(
    pairs: list[tuple[str, str]], audience: str
) -> None:
    """Whatever the query holds stays, in order, and exactly one audience follows it."""
    from urllib.parse import urlencode

    base = "https://run.example:8443/a/b;c"
    made = _with_audience(f"{base}?{urlencode(pairs)}", audience)
    kept = [(name, value) for name, value in pairs if name != "audience"]
    assert parse_qsl(urlsplit(made).query, keep_blank_values=True) == [
        *kept,
        ("audience", audience),
    ]
    assert made.startswith(base + "?")
    assert made.isascii()
    assert not set(made) & set(" \r\n\t")


def test_a_url_without_a_query_gets_one() -> None:
    """There need not be a query to begin with."""
    assert (
        _with_audience("https://h/x", "https://a/b") == "https://h/x?audience=https%3A%2F%2Fa%2Fb"
    )


@pytest.mark.parametrize("status", [401, 403])
def test_a_right_that_has_ended(job: GitHubActions, sandbox: Sandbox, status: int) -> None:
    """401 and 403 are said at once, with what ends the right to ask."""
    sandbox.github.fail_next(status, body={"message": "token \x1b[1mexpired\n::error::"})
    with pytest.raises(IdentityError) as caught:
        asked(job)
    error = caught.value
    assert error.code == "github-token-endpoint"
    assert f"HTTP {status}" in error.what
    assert error.why == "token ?[1mexpired ::error::"
    assert "id-token: write" in error.do
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_server_that_fails(job: GitHubActions, sandbox: Sandbox, status: int) -> None:
    """Any other status is an error that names the server; the transient ones are tried again."""
    sandbox.github.fail_next(status, times=4)
    with pytest.raises(IdentityError) as caught:
        asked(job)
    assert caught.value.code == "github-token-endpoint"
    assert f"HTTP {status}" in caught.value.what
    assert sandbox.github.server_url in caught.value.do
    assert len(sandbox.requests) == (1 if status == 404 else 4)


def test_a_server_that_fails_once(job: GitHubActions, sandbox: Sandbox) -> None:
    """One bad answer is survived: asking for a token twice does no harm."""
    sandbox.github.fail_next(500)
    assert asked(job)
    assert [r.status for r in sandbox.requests] == [500, 200]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ({"count": 0}, "application/json"),
        ({"value": ""}, "application/json"),
        ({"value": None}, "application/json"),
        ({"value": ["a.b.c"]}, "application/json"),
        ("", "application/json"),
        ('["a.b.c"]', "application/json"),
        ("<html><script>alert(1)</script>", "text/html"),
        ("a.b.c", "text/plain"),
    ],
)
def test_an_answer_without_a_token(
    job: GitHubActions, sandbox: Sandbox, body: dict[str, object] | str, content_type: str
) -> None:
    """200 with anything but a text in `value` is an error, and markup is not repeated."""
    headers = {"Content-Type": content_type} if isinstance(body, str) else None
    sandbox.github.fail_next(200, body=body, headers=headers)
    with pytest.raises(IdentityError) as caught:
        asked(job)
    assert caught.value.code == "github-token-endpoint"
    assert caught.value.why
    assert "<" not in str(caught.value)


def test_the_request_token_is_in_no_error(job: GitHubActions, sandbox: Sandbox) -> None:
    """Whatever fails, the request token stays out of the text."""
    for status in (0, 401, 500):
        sandbox.github.fail_next(status, times=4)
        with pytest.raises(GatepassError) as caught:
            asked(job)
        assert sandbox.github.request_token not in str(caught.value)
        assert sandbox.github.request_token not in repr(caught.value)
