"""Every part of a signature counts: what is wrong in any is refused, and told from the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from awsclient import (
    ACME,
    TIMEOUT,
    Keys,
    Signer,
    authorize,
    caller,
    exception,
    query_of,
    session,
    sts_error,
    user,
)
from gatepass.sandbox import Sandbox

UNKNOWN = (403, "UnrecognizedClientException")
MISMATCH = (403, "InvalidSignatureException")
INCOMPLETE = (400, "IncompleteSignatureException")
MISSING = (403, "MissingAuthenticationTokenException")
# How STS names the same.
OF_STS = {
    UNKNOWN: (403, "InvalidClientTokenId"),
    MISMATCH: (403, "SignatureDoesNotMatch"),
    INCOMPLETE: (400, "IncompleteSignature"),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """One for all tests that change nothing."""
    with Sandbox() as sandbox:
        yield sandbox


def other_secret(keys: Keys) -> Signer:
    """The first character of a key's secret is another."""
    return Signer(keys._replace(secret=changed(keys.secret)))


def changed(text: str) -> str:
    """The same with another first character."""
    return ("A" if text[0] != "A" else "B") + text[1:]


@pytest.mark.parametrize("who", ["user", "session"])
def test_a_genuine_signature_is_recognised(shared: Sandbox, who: str) -> None:
    """A user's without a token, a session's with its own."""
    keys = user(shared) if who == "user" else session(shared)
    assert authorize(shared, keys).status_code == 200
    assert caller(shared, Signer(keys, service="sts")).status_code == 200


@pytest.mark.parametrize("ago", [-290, 290])
def test_clocks_may_differ_by_five_minutes(shared: Sandbox, ago: float) -> None:
    """A little less than that, in either direction, will do."""
    assert authorize(shared, Signer(user(shared), ago=ago)).status_code == 200


Make = Callable[[Keys], Signer]
WRONG: list[tuple[str, Make, tuple[int, str]]] = [
    ("wrong secret", other_secret, MISMATCH),
    ("unknown key", lambda keys: Signer(keys._replace(id="ASIAAAAAAAAAAAAAAAAA")), UNKNOWN),
    ("no token", lambda keys: Signer(keys, token=""), UNKNOWN),
    ("another token", lambda keys: Signer(keys, token=changed(keys.token)), UNKNOWN),
    ("stale", lambda keys: Signer(keys, ago=310), MISMATCH),
    ("of the future", lambda keys: Signer(keys, ago=-310), MISMATCH),
    ("wrong region", lambda keys: Signer(keys, region="us-east-1"), MISMATCH),
    ("wrong service", lambda keys: Signer(keys, service="s3"), MISMATCH),
    ("wrong end", lambda keys: Signer(keys, end="aws3_request"), MISMATCH),
    ("another day", lambda keys: Signer(keys, scope_date="20200102"), MISMATCH),
    ("a longer scope", lambda keys: Signer(keys, end="aws4_request/x"), INCOMPLETE),
    ("host unsigned", lambda keys: Signer(keys, unsigned=("host",)), MISMATCH),
    ("date unsigned", lambda keys: Signer(keys, unsigned=("x-amz-date",)), MISMATCH),
    (
        "token unsigned",
        lambda keys: Signer(keys, unsigned=("x-amz-security-token",)),
        MISMATCH,
    ),
]
wrong = pytest.mark.parametrize(
    ("make", "expected"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG]
)


@wrong
def test_a_wrong_part_is_refused(shared: Sandbox, make: Make, expected: tuple[int, str]) -> None:
    """By CodeArtifact, with the code of what is wrong."""
    answer = authorize(shared, make(session(shared)))
    assert exception(answer) == expected
    assert shared.requests[-1].note.startswith(expected[1])


@wrong
def test_sts_refuses_the_same(shared: Sandbox, make: Make, expected: tuple[int, str]) -> None:
    """In its own words."""
    signer = make(session(shared))
    service = "sts" if signer.service == "codeartifact" else signer.service
    answer = caller(shared, signer._replace(service=service))
    assert sts_error(answer)[:2] == OF_STS[expected]


def test_a_stray_token_is_refused(shared: Sandbox) -> None:
    """A user has none, and somebody else's is not taken for it."""
    token = session(shared).token
    assert exception(authorize(shared, Signer(user(shared), token=token))) == UNKNOWN


def test_one_sessions_token_is_not_anothers(shared: Sandbox) -> None:
    """Even if both are good."""
    one, other = session(shared), session(shared)
    assert exception(authorize(shared, Signer(one, token=other.token))) == UNKNOWN


@pytest.mark.parametrize(
    "sent",
    [
        query_of({**ACME, "domain": "tools"}),
        query_of({**ACME, "duration": "43200"}),
        query_of({"domain": "acme"}),
        query_of(ACME) + "&domain-owner=444455556666",
        query_of(ACME) + "&x",
    ],
)
def test_a_query_that_was_changed_is_refused(shared: Sandbox, sent: str) -> None:
    """Another value, one more, one less, one twice."""
    assert exception(authorize(shared, user(shared), sent=sent)) == MISMATCH


@pytest.mark.parametrize(
    "sent", ["domain-owner=111122223333&domain=acme", "d%6fmain=acme&domain-owner=111122223333"]
)
def test_another_spelling_of_the_same_query_is_the_same(shared: Sandbox, sent: str) -> None:
    """The order and the quoting on the wire do not count."""
    assert authorize(shared, user(shared), sent=sent).status_code == 200


def test_a_body_that_was_changed_is_refused(shared: Sandbox) -> None:
    """It was signed as empty."""
    assert exception(authorize(shared, user(shared), body=b"x")) == MISMATCH


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Authorization": "Bearer x"}, INCOMPLETE),
        ({"Authorization": "AWS4-HMAC-SHA256 x"}, INCOMPLETE),
        ({"x-amz-date": "today"}, INCOMPLETE),
        ({"x-amz-date": "20261340T000000Z"}, MISMATCH),
        ({"X-Amz-Other": "not signed"}, MISMATCH),
    ],
)
def test_headers_are_held_against_what_was_signed(
    shared: Sandbox, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    """Those that were put in the place of the signed ones, or beside them."""
    assert exception(authorize(shared, user(shared), **headers)) == expected


def rewritten(sandbox: Sandbox, change: Callable[[str], str], **more: Any) -> requests.Response:
    """A request whose Authorization header was changed after the signing."""
    url, query = sandbox.aws.codeartifact_url + "/v1/authorization-token", query_of(ACME)
    signed = Signer(user(sandbox)).headers("POST", url, query, b"")
    signed["Authorization"] = change(signed["Authorization"])
    return requests.post(f"{url}?{query}", headers={**signed, **more}, timeout=TIMEOUT)


def test_signed_headers_are_in_order_and_there(shared: Sandbox) -> None:
    """A list in disorder is incomplete; a header that did not come can't have been signed."""
    swapped = "host;x-amz-date", "x-amz-date;host"
    assert exception(rewritten(shared, lambda text: text.replace(*swapped))) == INCOMPLETE
    strange = "host;x-amz-date", "host;x-amz-date;x-amz-other"
    assert exception(rewritten(shared, lambda text: text.replace(*strange))) == MISMATCH


def test_a_date_that_is_none_is_incomplete(shared: Sandbox) -> None:
    """In the scope too, so that both agree."""
    signed = Signer(user(shared), scope_date="20261340")
    answer = authorize(shared, signed, **{"x-amz-date": "20261340T000000Z"})
    assert exception(answer) == INCOMPLETE


def test_without_a_signature_nobody_is_anybody(shared: Sandbox) -> None:
    """At either service; also where the query says that it is signed."""
    url = shared.aws.codeartifact_url + "/v1/authorization-token?domain=acme"
    assert exception(requests.post(url, timeout=TIMEOUT)) == MISSING
    url += "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00"
    assert exception(requests.post(url, timeout=TIMEOUT)) == MISSING
    fields = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
    answer = requests.post(shared.aws.sts_url, fields, timeout=TIMEOUT)
    assert sts_error(answer)[:2] == (403, "MissingAuthenticationToken")


def test_a_session_that_has_ended_is_over() -> None:
    """It is told from one that never was; a user's keys go on."""
    with Sandbox() as sandbox:
        keys = session(sandbox)
        sandbox.aws.end_sessions()
        assert exception(authorize(sandbox, keys)) == (403, "ExpiredTokenException")
        answer = caller(sandbox, Signer(keys, service="sts"))
        assert sts_error(answer)[:2] == (403, "ExpiredToken")
        assert exception(authorize(sandbox, other_secret(keys))) == MISMATCH
        assert authorize(sandbox, user(sandbox)).status_code == 200
        assert authorize(sandbox, session(sandbox)).status_code == 200
