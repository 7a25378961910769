"""STS gives a session for a genuine token whose bearer the role trusts, and for nothing else."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from awsclient import (
    AUDIENCE,
    TIMEOUT,
    Keys,
    Signer,
    caller,
    content,
    session,
    sts,
    sts_error,
    user,
    web_identity,
)
from gatepass.sandbox import Sandbox
from gatepass.sandbox.issuer import Issuer
from gatepass.sandbox.styles import GITHUB


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """One for all tests that change nothing."""
    with Sandbox() as sandbox:
        yield sandbox


TOKENS: dict[str, Callable[[Sandbox], str]] = {
    "github": lambda sandbox: sandbox.issuer.mint(AUDIENCE),
    "github-es256": lambda sandbox: sandbox.issuer.mint(AUDIENCE, algorithm="ES256"),
    "gitlab": lambda sandbox: sandbox.gitlab.issuer.mint(AUDIENCE),
    "kubernetes": lambda sandbox: (sandbox.kubernetes.token_dir / "sts").read_text(),
}


@pytest.mark.parametrize("kind", sorted(TOKENS))
def test_a_job_becomes_its_role(shared: Sandbox, kind: str) -> None:
    """A token of each issuer earns a session, which then says who it is."""
    token = TOKENS[kind](shared)
    answer = sts(shared, web_identity(shared, token))
    assert answer.status_code == 200
    claims = jwt.decode(token, options={"verify_signature": False})
    result = content(answer, "AssumeRoleWithWebIdentityResult")
    assert result["SubjectFromWebIdentityToken"] == claims["sub"]
    assert result["Audience"] == AUDIENCE
    issuer = claims["iss"].partition("://")[2]
    assert result["Provider"] == f"arn:aws:iam::111122223333:oidc-provider/{issuer}"
    arn = "arn:aws:sts::111122223333:assumed-role/ci-read/acme-widgets"
    assert content(answer, "AssumedRoleUser")["Arn"] == arn
    keys = content(answer, "Credentials")
    assert re.fullmatch("ASIA[A-Z2-7]{16}", keys["AccessKeyId"])
    assert len(keys["SecretAccessKey"]) == 40
    assert keys["SessionToken"].endswith("=")
    ends = time.strptime(keys["Expiration"], "%Y-%m-%dT%H:%M:%SZ")
    began = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert 3598 <= calendar.timegm(ends) - began <= 3601
    signer = Signer(
        Keys(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]), service="sts"
    )
    me = content(caller(shared, signer), "GetCallerIdentityResult")
    unique = content(answer, "AssumedRoleUser")["AssumedRoleId"]
    assert me == {"Arn": arn, "UserId": unique, "Account": "111122223333"}


def test_a_user_is_itself(shared: Sandbox) -> None:
    """An IAM user's keys have no token, and no end."""
    answer = caller(shared, Signer(user(shared), service="sts"))
    assert answer.status_code == 200
    me = content(answer, "GetCallerIdentityResult")
    assert me["Arn"] == "arn:aws:iam::111122223333:user/octavia"


def test_the_journal_says_who_became_whom_and_no_secret(shared: Sandbox) -> None:
    """Role, session, subject and provider; a credential that came along is noticed."""
    keys = session(shared)
    request = shared.requests[-1]
    assert (request.party, request.method, request.path, request.status) == (
        *("sts", "POST", "/", 200),
    )
    assert request.note == (
        "arn:aws:sts::111122223333:assumed-role/ci-read/acme-widgets"
        " for repo:acme/widgets:ref:refs/heads/main of github"
    )
    assert sts(shared, web_identity(shared), Authorization="Basic eDp5").status_code == 200
    assert shared.requests[-1].note.endswith(", an Authorization header came along")
    assert {keys.secret, keys.token} <= set(shared.aws.secrets())
    assert not [s for s in shared.aws.secrets() for r in shared.requests if s in r.note + r.path]


def foreign(sandbox: Sandbox) -> str:
    """The right claims under a stranger's key, which claims to be the issuer's."""
    genuine = sandbox.issuer.mint(AUDIENCE)
    kid = jwt.get_unverified_header(genuine)["kid"]
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(genuine, options={"verify_signature": False})
    return jwt.encode(claims, key, "RS256", headers={"kid": kid})


def of_an_unknown_issuer(sandbox: Sandbox) -> str:
    """Genuine, and IAM has never heard of who signed it."""
    return Issuer("https://idp.example", GITHUB).mint(AUDIENCE)


@pytest.mark.parametrize(
    ("make", "code", "why"),
    [
        (foreign, "InvalidIdentityToken", "signature is wrong"),
        (
            of_an_unknown_issuer,
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://idp.example",
        ),
        (
            lambda s: s.issuer.mint(s.address),
            "InvalidIdentityToken",
            "Incorrect token audience",
        ),
        (
            lambda s: s.issuer.mint(["sts.amazonaws.com", "x"]),
            "InvalidIdentityToken",
            "Incorrect token audience",
        ),
        (lambda s: s.issuer.mint(AUDIENCE, lifetime=-40), "ExpiredTokenException", "Token expired"),
        (lambda s: s.issuer.mint(AUDIENCE, exp=None), "InvalidIdentityToken", "expiry is missing"),
        (
            lambda s: s.issuer.mint(AUDIENCE, iat=time.time()),
            "InvalidIdentityToken",
            "a time is no integer",
        ),
        (lambda s: s.issuer.mint(AUDIENCE, sub=None), "InvalidIdentityToken", "subject is missing"),
        (lambda s: s.issuer.mint(AUDIENCE, iss=None), "InvalidIdentityToken", "account for None"),
        (lambda s: "abcd", "InvalidIdentityToken", "not a valid JWT"),
    ],
)
def test_a_bad_token_earns_nothing(
    shared: Sandbox, make: Callable[[Sandbox], str], code: str, why: str
) -> None:
    """Forged, foreign, for somebody else, expired, or no token at all."""
    token = make(shared)
    answer = sts(shared, web_identity(shared, token))
    status, said, message = sts_error(answer)
    assert (status, said) == (400, code)
    assert why in message
    assert token not in answer.text
    assert shared.requests[-1].note.startswith(code)


def test_a_key_that_was_dropped_no_longer_counts(shared: Sandbox) -> None:
    """STS knows the keys that an issuer publishes now."""
    token = shared.gitlab.issuer.mint(AUDIENCE)
    shared.gitlab.issuer.rotate(keep_old=False)
    assert sts_error(sts(shared, web_identity(shared, token)))[1] == "InvalidIdentityToken"


DENIED = (403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


@pytest.mark.parametrize(
    "sub",
    ["repo:acme-evil/widgets:ref:refs/heads/main", "repo:evil/acme", "x-repo:acme/widgets", "*"],
)
def test_a_role_looks_at_the_subject(shared: Sandbox, sub: str) -> None:
    """A genuine token of another organisation's job is denied."""
    token = shared.issuer.mint(AUDIENCE, sub=sub)
    assert sts_error(sts(shared, web_identity(shared, token))) == DENIED


def test_a_role_looks_at_the_issuer(shared: Sandbox) -> None:
    """A subject that is right for GitHub is nobody at GitLab; a runner's role is the cluster's."""
    sub = "repo:acme/widgets:ref:refs/heads/main"
    token = shared.gitlab.issuer.mint(AUDIENCE, sub=sub)
    assert sts_error(sts(shared, web_identity(shared, token))) == DENIED
    runner = {"RoleArn": shared.aws.runner_role_arn}
    assert sts_error(sts(shared, web_identity(shared, **runner))) == DENIED
    pod = (shared.kubernetes.token_dir / "sts").read_text()
    assert sts(shared, web_identity(shared, pod, **runner)).status_code == 200


def test_a_role_that_is_not_there_is_like_one_that_does_not_trust(shared: Sandbox) -> None:
    """One text for all, so that nobody learns which roles there are."""
    fields = web_identity(shared, RoleArn="arn:aws:iam::111122223333:role/nobody-at-all")
    assert sts_error(sts(shared, fields)) == DENIED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"RoleSessionName": "repo:acme/widgets"}, "ValidationError"),
        ({"RoleSessionName": "a"}, "ValidationError"),
        ({"RoleSessionName": "a" * 65}, "ValidationError"),
        ({"RoleSessionName": "jöb"}, "ValidationError"),
        ({"RoleArn": "arn:aws:iam::1"}, "ValidationError"),
        ({"RoleArn": "arn:aws:iam::111122223333:user/octavia"}, "ValidationError"),
        ({"RoleArn": "arn:aws:iam::111122223333:role/" + "x" * 2048}, "ValidationError"),
        ({"WebIdentityToken": "abc"}, "ValidationError"),
        ({"WebIdentityToken": "x" * 20001}, "ValidationError"),
        ({"DurationSeconds": "899"}, "ValidationError"),
        ({"DurationSeconds": "3601"}, "ValidationError"),
        ({"DurationSeconds": "long"}, "MalformedInput"),
        ({"Action": "AssumeRole"}, "InvalidAction"),
        ({"Action": ""}, "MissingAction"),
        ({"Version": "2011-06-14"}, "InvalidAction"),
    ],
)
def test_what_is_asked_for_must_be_right(
    shared: Sandbox, change: dict[str, str], code: str
) -> None:
    """Names, lengths, durations, action and version."""
    assert sts_error(sts(shared, web_identity(shared, **change)))[:2] == (400, code)


@pytest.mark.parametrize("name", ["RoleArn", "RoleSessionName", "WebIdentityToken"])
def test_no_parameter_may_be_missing_or_come_twice(shared: Sandbox, name: str) -> None:
    """Each is needed, once."""
    fields = web_identity(shared)
    twice = urlencode([*fields.items(), (name, fields[name])])
    assert sts_error(sts(shared, twice))[:2] == (400, "MalformedInput")
    del fields[name]
    status, code, message = sts_error(sts(shared, fields))
    assert (status, code) == (400, "ValidationError")
    assert message.endswith("Member must not be null")


@pytest.mark.parametrize(("role", "seconds"), [("role_arn", 900), ("other_role_arn", 7200)])
def test_a_session_lasts_as_long_as_was_asked_for(shared: Sandbox, role: str, seconds: int) -> None:
    """From a quarter of an hour to the role's own longest."""
    change = {"RoleArn": getattr(shared.aws, role), "DurationSeconds": str(seconds)}
    answer = sts(shared, web_identity(shared, **change))
    ends = time.strptime(content(answer, "Credentials")["Expiration"], "%Y-%m-%dT%H:%M:%SZ")
    began = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert abs(calendar.timegm(ends) - began - seconds) <= 2


def test_only_a_form_that_is_posted_is_heard(shared: Sandbox) -> None:
    """No GET, no other path, no JSON."""
    fields = web_identity(shared)
    url = shared.aws.sts_url
    answer = requests.get(url, fields, timeout=TIMEOUT)
    assert sts_error(answer)[:2] == (400, "InvalidAction")
    assert sts_error(requests.post(url + "/x", fields, timeout=TIMEOUT))[1] == "InvalidAction"
    assert sts_error(requests.post(url, json=fields, timeout=TIMEOUT))[1] == "MalformedInput"
    assert sts_error(sts(shared, b"\xff=1"))[1] == "MalformedInput"
    assert sts_error(sts(shared, ""))[1] == "MissingAction"


def test_a_provider_with_a_client_id_of_its_own() -> None:
    """People's: its tokens are for its own client, and for nobody else; it may start late."""
    with Sandbox() as sandbox:
        assert sts(sandbox, web_identity(sandbox)).status_code == 200
        idp = sandbox.idp.issuer
        assert session(sandbox, idp.mint("gatepass")).token
        token = idp.mint(AUDIENCE)
        assert sts_error(sts(sandbox, web_identity(sandbox, token)))[1] == "InvalidIdentityToken"
        token = sandbox.issuer.mint("gatepass")
        assert sts_error(sts(sandbox, web_identity(sandbox, token)))[1] == "InvalidIdentityToken"
