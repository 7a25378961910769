"""GetAuthorizationToken: for whom, for which domain, for how long; and what can go wrong there."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator

import pytest
import requests

from awsclient import (
    ACME,
    TIMEOUT,
    Signer,
    authorize,
    caller,
    content,
    exception,
    session,
    sts,
    sts_error,
    user,
    web_identity,
)
from gatepass.sandbox import Sandbox

TOOLS = {"domain": "tools", "domain-owner": "444455556666"}
IDP_ERROR = (400, "IDPCommunicationError")


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """One for all tests that change nothing."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """One whose tables and faults a test may change."""
    with Sandbox() as running:
        yield running


def life(answer: requests.Response) -> float:
    """How many seconds from now the token lives."""
    assert answer.status_code == 200, answer.text
    return float(answer.json()["expiration"]) - time.time()


def test_a_token_looks_like_a_real_one(shared: Sandbox) -> None:
    """An encrypted JWT (RFC 7516), between 1,000 and 2,000 characters, another each time."""
    tokens = [authorize(shared, user(shared)).json()["authorizationToken"] for _ in range(2)]
    assert tokens[0] != tokens[1]
    header, *rest = tokens[0].split(".")
    assert (len(rest), 1000 < len(tokens[0]) < 2000) == (4, True)
    known = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    assert (known["alg"], known["enc"]) == ("A128GCMKW", "A128GCM")
    assert set(tokens) <= set(shared.aws.secrets())


@pytest.mark.parametrize(
    ("duration", "seconds"), [(None, 43200), ("900", 900), ("3600", 3600), ("43200", 43200)]
)
def test_a_token_lives_as_long_as_was_asked_for(
    shared: Sandbox, duration: str | None, seconds: int
) -> None:
    """Twelve hours where nothing is asked for, also for a session that ends before."""
    asked = {**ACME, **({"duration": duration} if duration else {})}
    for keys in (user(shared), session(shared)):
        assert abs(life(authorize(shared, keys, asked)) - seconds) < 5


@pytest.mark.parametrize("seconds", [900, 3600])
def test_zero_is_the_sessions_own_end(shared: Sandbox, seconds: int) -> None:
    """To the second that STS named."""
    keys = session(shared, DurationSeconds=str(seconds))
    answer = authorize(shared, keys, {**ACME, "duration": "0"})
    assert abs(life(answer) - seconds) < 5


@pytest.mark.parametrize(
    "change",
    [
        {"duration": "1"},
        {"duration": "899"},
        {"duration": "43201"},
        {"duration": "-1"},
        {"duration": "long"},
        {"duration": ""},
        {"domain": "Acme"},
        {"domain": "a"},
        {"domain": "acme-"},
        {"domain-owner": "acme"},
        {"domain-owner": "1111222233334"},
    ],
)
def test_what_is_asked_for_must_be_right(shared: Sandbox, change: dict[str, str]) -> None:
    """Durations and names, in a request that is signed as it should be."""
    answer = authorize(shared, session(shared), {**ACME, **change})
    assert exception(answer) == (400, "ValidationException")
    assert answer.json()["reason"] == "FIELD_VALIDATION_FAILED"


def test_a_user_has_no_end_that_zero_could_mean(shared: Sandbox) -> None:
    """0 is for temporary credentials."""
    answer = authorize(shared, user(shared), {**ACME, "duration": "0"})
    assert exception(answer) == (400, "ValidationException")


def test_the_domain_must_be_said_and_its_owner_need_not(shared: Sandbox) -> None:
    """Who says no owner means the own account."""
    assert exception(authorize(shared, user(shared), {})) == (400, "ValidationException")
    assert authorize(shared, user(shared), {"domain": "acme"}).status_code == 200
    role = shared.aws.other_role_arn
    keys = session(shared, RoleArn=role)
    assert authorize(shared, keys, {"domain": "tools"}).status_code == 200
    answer = authorize(shared, keys, {"domain": "acme"})
    assert exception(answer) == (404, "ResourceNotFoundException")
    assert (answer.json()["resourceId"], answer.json()["resourceType"]) == ("acme", "domain")


def test_a_parameter_that_comes_twice_is_wrong(shared: Sandbox) -> None:
    """Even if it says the same and both are signed."""
    url, query = shared.aws.codeartifact_url + "/v1/authorization-token", "domain=acme&domain=acme"
    headers = Signer(user(shared)).headers("POST", url, query, b"")
    answer = requests.post(f"{url}?{query}", headers=headers, timeout=TIMEOUT)
    assert exception(answer) == (400, "ValidationException")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/authorization-token"), ("POST", "/")])
def test_there_is_no_other_operation(shared: Sandbox, method: str, path: str) -> None:
    """A path has its one method."""
    answer = requests.request(method, shared.aws.codeartifact_url + path, timeout=TIMEOUT)
    assert exception(answer) == (404, "UnknownOperationException")


def test_each_role_has_its_domain(shared: Sandbox) -> None:
    """The other one is denied, by name; so is the user's."""
    assert authorize(shared, session(shared)).status_code == 200
    other = session(shared, RoleArn=shared.aws.other_role_arn)
    assert authorize(shared, other, TOOLS).status_code == 200
    for keys, asked in ((session(shared), TOOLS), (other, ACME), (user(shared), TOOLS)):
        answer = authorize(shared, keys, asked)
        assert exception(answer) == (403, "AccessDeniedException")
    assert answer.json()["message"] == (
        "User: arn:aws:iam::111122223333:user/octavia is not authorized to perform:"
        " codeartifact:GetAuthorizationToken on resource:"
        " arn:aws:codeartifact:eu-west-1:444455556666:domain/tools"
    )


def test_the_grants_can_be_changed(sandbox: Sandbox) -> None:
    """For roles and users, while it runs; and each sandbox has a table of its own."""
    sandbox.aws.grants[sandbox.aws.role_arn] = {"tools"}
    keys = session(sandbox)
    assert exception(authorize(sandbox, keys)) == (403, "AccessDeniedException")
    assert authorize(sandbox, keys, TOOLS).status_code == 200
    with Sandbox() as other:
        assert authorize(other, session(other)).status_code == 200


def test_the_second_permission_can_be_missing(sandbox: Sandbox) -> None:
    """sts:GetServiceBearerToken, which everybody forgets."""
    sandbox.aws.codeartifact.bearer_allowed = False
    answer = authorize(sandbox, session(sandbox))
    assert exception(answer) == (403, "AccessDeniedException")
    assert "sts:GetServiceBearerToken" in answer.json()["message"]


def test_the_journal_knows_who_got_what(shared: Sandbox) -> None:
    """Domain, seconds and user; not the token."""
    answer = authorize(shared, user(shared), {**ACME, "duration": "900"})
    request = shared.requests[-1]
    assert (request.party, request.path) == ("codeartifact", "/v1/authorization-token")
    assert request.note.startswith("acme-111122223333, 900 s, to arn:aws:iam::")
    assert answer.json()["authorizationToken"] not in request.note


@pytest.mark.parametrize("party", ["sts", "codeartifact"])
def test_the_usual_faults_happen(sandbox: Sandbox, party: str) -> None:
    """As often as they say, to the one service and not to the other."""
    keys = session(sandbox)

    def ask(service: str) -> int:
        if service == "sts":
            return caller(sandbox, Signer(keys, service="sts")).status_code
        return authorize(sandbox, keys).status_code

    sandbox.fault(f"{party}=503x2")
    other = "codeartifact" if party == "sts" else "sts"
    assert ask(other) == 200
    assert [ask(party) for _ in range(3)] == [503, 503, 200]
    sandbox.fault(f"{party}=drop")
    with pytest.raises(requests.ConnectionError):
        ask(party)
    assert sandbox.count(party, 0) == 1


def test_sts_can_fail_as_only_sts_does(sandbox: Sandbox) -> None:
    """Both kinds are a 400 that a second try may mend, and are counted like all others."""
    sandbox.fault("sts=idp-errorx2")
    sandbox.fault("sts=no-key")
    answers = [sts(sandbox, web_identity(sandbox)) for _ in range(4)]
    errors = [sts_error(answer) for answer in answers[:3]]
    assert [error[:2] for error in errors] == [IDP_ERROR, IDP_ERROR, (400, "InvalidIdentityToken")]
    assert errors[2][2].startswith("Couldn't retrieve verification key from your identity provider")
    assert content(answers[3], "Credentials")
    assert [r.note for r in sandbox.requests if r.status == 400] == [
        *("planned: idp-error", "planned: idp-error", "planned: no-key"),
    ]


@pytest.mark.parametrize("text", ["codeartifact=idp-error", "exchange=no-key", "sts=rotate"])
def test_what_is_no_fault_of_a_party_is_refused(text: str) -> None:
    """STS' own kinds are its own, and it has no keys to rotate."""
    with pytest.raises(ValueError, match="is no fault"):
        Sandbox(faults=[text])


def test_failures_can_be_planned_for_either_service(sandbox: Sandbox) -> None:
    """By default for the API; nobody else can be meant."""
    sandbox.aws.fail_next(429, body={"message": "slow down", "retryAfterSeconds": 1})
    sandbox.aws.fail_next(403, service="sts", body="<x/>", headers={"Content-Type": "text/xml"})
    assert authorize(sandbox, user(sandbox)).json()["message"] == "slow down"
    assert authorize(sandbox, user(sandbox)).status_code == 200
    answer = sts(sandbox, web_identity(sandbox))
    assert (answer.status_code, answer.text) == (403, "<x/>")
    assert sts(sandbox, web_identity(sandbox)).status_code == 200
    with pytest.raises(ValueError, match="no service 's3'; there are sts and codeartifact"):
        sandbox.aws.fail_next(500, service="s3")


def test_faults_hit_the_repositories_of_both_kinds() -> None:
    """ "index" is whichever index is asked next."""
    with Sandbox(faults=["index=503x2"]) as sandbox:
        auth = ("aws", sandbox.aws.token())
        url = sandbox.aws.loopback_index_url
        statuses = [
            requests.get(where, auth=auth, timeout=TIMEOUT).status_code
            for where in (url, sandbox.public_index_url, url)
        ]
        assert statuses == [503, 503, 200]
