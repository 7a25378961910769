"""What STS refuses, in our words: what to change in AWS, and never the token."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs

import pytest

from awswire import GITHUB, ROLE, SUBJECT, Who, keys, request, shows_no_secret, sts_error
from gatepass.errors import ConfigError, ExchangeError
from gatepass.exchange import sts
from gatepass.exchange.sessionname import session_name
from wire import answer, wire

DENIED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
NO_PROVIDER = "No OpenIDConnect provider found in your account for https://token.actions"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def refused(script: bytes, who: Who | None = None, **claims: Any) -> ExchangeError:
    """The error for an answer of STS. None shows a secret, nor more than plain lines."""
    with wire(script) as server, pytest.raises(ExchangeError) as caught:
        sts.assume(request(server.url, who, claims={**GITHUB, **claims}))
    assert shows_no_secret(str(caught.value))
    assert all(line.isprintable() for line in str(caught.value).splitlines())
    return caught.value


@pytest.mark.parametrize(
    ("code", "message", "status", "ours", "remedy"),
    [
        ("AccessDenied", DENIED, 403, "sts-access-denied", "trust policy needs"),
        ("InvalidIdentityToken", NO_PROVIDER, 400, "sts-identity-refused",
         "create-open-id-connect-provider --url https://token.actions.githubusercontent.com "
         "--client-id-list sts.amazonaws.com"),
        ("InvalidIdentityToken", "Incorrect token audience", 400, "sts-identity-refused",
         "add sts.amazonaws.com to the audiences"),
        ("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider",
         400, "sts-idp-unreachable",
         "https://token.actions.githubusercontent.com/.well-known/openid-configuration"),
        ("IDPCommunicationError", "try again", 400, "sts-idp-unreachable", "run it again"),
        ("ExpiredTokenException", "Token expired: current date", 400, "sts-token-expired", "clock"),
        ("IDPRejectedClaim", "no", 403, "sts-claim-rejected", "get a new token"),
        ("RegionDisabledException", "not activated", 403, "sts-region-disabled", "AWS_REGION"),
        ("ValidationError", "Member must have length", 400, "sts-refused", "the role's name"),
        ("PackedPolicyTooLarge", "Packed size", 400, "sts-refused", "session tags"),
        ("MalformedPolicyDocument", "no", 400, "sts-refused", "session tags"),
        ("ThrottlingException", "Rate exceeded", 400, "sts-failed", "run it again"),
        ("InternalFailure", "oh no", 500, "sts-failed", "run it again"),
    ],
)  # fmt: skip
def test_each_refusal_says_what_to_change(
    code: str, message: str, status: int, ours: str, remedy: str
) -> None:
    """The codes of the API reference, each with AWS' own words and with what to do."""
    error = refused(sts_error(code, message, status))
    assert error.code == ours
    assert error.why == f"{code}: {message}"
    assert remedy in error.do


def test_a_denial_shows_the_trust_policy_that_would_fit() -> None:
    """Provider, audience and subject as they were verified, ready to be compared."""
    error = refused(sts_error("AccessDenied", DENIED, 403))
    assert error.what == f"AWS does not give GitHub Actions the role {ROLE}"
    name = "token.actions.githubusercontent.com"
    assert error.do.splitlines()[2:7] == [
        '"Action": "sts:AssumeRoleWithWebIdentity",',
        f'"Principal": {{"Federated": "arn:aws:iam::111122223333:oidc-provider/{name}"}},',
        '"Condition": {"StringEquals": {',
        f'  "{name}:aud": "sts.amazonaws.com",',
        f'  "{name}:sub": "repo:acme/widgets:ref:refs/heads/main"}}}}',
    ]


@pytest.mark.parametrize(
    ("sub", "said"),
    [
        ("repo:acme@12/widgets@34:ref:refs/heads/main", "immutable form"),
        ("repo:acme@12/widgets@34", "immutable form"),
        ("repo:acme/widgets:pull_request", "older form"),
        ("repo:acme/widgets:ref:refs/heads/a@1/b@2:x", "older form"),
        ("project_path:acme/widgets:ref_type:branch:ref:main", ""),
        ("system:serviceaccount:build:runner", ""),
    ],
)
def test_both_forms_of_githubs_subject_are_explained(sub: str, said: str) -> None:
    """A policy that was written for one form doesn't match the other, and nothing shows why."""
    error = refused(sts_error("AccessDenied", DENIED, 403), sub=sub)
    assert f'"{sub}"' in error.do
    assert (said or "form") in error.do if said else "form" not in error.do


@pytest.mark.parametrize("action", ["sts:TagSession", "sts:SetSourceIdentity"])
def test_further_actions_stand_in_the_policy(action: str) -> None:
    """Claims with tags, or a source identity, need an action of their own."""
    error = refused(sts_error("AccessDenied", f"... is not authorized to perform: {action}", 403))
    assert f'"Action": ["sts:AssumeRoleWithWebIdentity", "{action}"],' in error.do


def test_a_subject_cant_write_our_message() -> None:
    """Claims are quoted as JSON, on one line, whatever they hold."""
    error = refused(
        sts_error("AccessDenied", DENIED, 403), sub='x"}\n::add-mask::\x1b[2J', aud=["one"]
    )
    assert r'"x\"} ::add-mask::?[2J"' in error.do
    assert ':aud": "one",' in error.do


def test_other_partitions_have_providers_of_their_own() -> None:
    """The provider's ARN is in the role's partition and account."""
    who = Who(role_arn="arn:aws-us-gov:iam::999988887777:role/x")
    error = refused(sts_error("AccessDenied", DENIED, 403), who)
    assert "arn:aws-us-gov:iam::999988887777:oidc-provider/" in error.do


@pytest.mark.parametrize(
    ("code", "ours"), [("ValidationError", "sts-refused"), ("AccessDenied", "sts-access-denied")]
)
def test_a_token_that_is_quoted_is_hidden(code: str, ours: str) -> None:
    """Validation quotes values: what of them is the token's stays out of a CI log."""
    error = refused(sts_error(code, f"Value '{SUBJECT}1' at 'webIdentityToken' failed", 400))
    assert error.code == ours
    assert error.why == f"{code}: Value '****' at 'webIdentityToken' failed"


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        ("<html><p>Blocked by proxy</p></html>", "text/html", "it gave no reason; is http"),
        ("Blocked", "text/plain", "Blocked"),
        ("", "text/plain", "it gave no reason; is http"),
        ('{"message": "no route"}', "application/json", "no route"),
        ("<a", "text/xml", "it gave no reason; is http"),
        ("<Error/>", "text/xml", "it gave no reason; is http"),
    ],
)
def test_what_is_not_aws_says_so(body: str, kind: str, why: str) -> None:
    """A proxy's refusal isn't taken for AWS' own."""
    error = refused(answer(403, body, f"Content-Type: {kind}"))
    assert error.code == "sts-refused"
    assert error.why.startswith(why)


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        (GITHUB, "acme-widgets-1234567890"),
        ({"project_path": "group/sub group/app", "job_id": "77", "sub": "x"},
         "group-sub-group-app-77"),
        ({"sub": "system:serviceaccount:build:runner"}, "system-serviceaccount-build-runner"),
        ({"repository": "acme/widgets", "sub": "repo:acme/widgets:ref:x"},
         "repo-acme-widgets-ref-x"),
        ({"repository": "a" * 60, "run_id": 1234567890}, "a" * 53 + "-1234567890"),
        ({"sub": "jane@corp.example"}, "jane@corp.example"),
        ({"sub": "ä€ 日"}, "----"),
        ({"sub": "x"}, "gatepass-x"),
        ({}, "gatepass-"),
    ],
)  # fmt: skip
def test_a_sessions_name_tells_runs_apart(claims: dict[str, Any], name: str) -> None:
    """From the verified claims, in AWS' characters, cut at its beginning."""
    assert session_name({}, claims) == name


def test_the_variable_names_the_session() -> None:
    """AWS_ROLE_SESSION_NAME, as the SDKs read it."""
    assert session_name({"AWS_ROLE_SESSION_NAME": " my=name,+.@-_1 "}, GITHUB) == "my=name,+.@-_1"


@pytest.mark.parametrize("name", ["x", "a" * 65, "a/b", "a:b", "a b", "ä-name", "a\nb"])
def test_an_illegal_name_is_an_error(name: str) -> None:
    """It is the user's own word: it isn't changed in silence."""
    with pytest.raises(ConfigError) as caught:
        session_name({"AWS_ROLE_SESSION_NAME": name}, GITHUB)
    assert caught.value.code == "aws-session-name"
    assert "\n" not in caught.value.what


@pytest.mark.parametrize(
    "role",
    [
        "",
        "ci-read",
        "arn:aws:iam::1111:role/x",
        "arn:aws:iam::111122223333:user/x",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam:eu-west-1:111122223333:role/x",
        "arn:aws:sts::111122223333:assumed-role/x/y",
        "arn:aws:iam::111122223333:role/x\ny",
        "arn:aws:iam::111122223333:role/a b",
        "arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:role/x",
        "arn:azure:iam::111122223333:role/x",
    ],
)
def test_what_is_no_role_is_never_asked_for(role: str) -> None:
    """The error shows it, and nothing was minted or sent."""
    with wire(keys()) as server:
        with pytest.raises(ConfigError) as caught:
            sts.assume(request(server.url, Who(role_arn=role)))
        assert server.heard == []
    assert caught.value.code == "sts-role-malformed"
    assert "\ny" not in caught.value.what


@pytest.mark.parametrize(
    "role",
    [
        "arn:aws:iam::111122223333:role/service-role/team.x+y=z,@_-",
        "arn:aws-cn:iam::111122223333:role/x",
        "arn:aws-us-gov:iam::111122223333:role/x",
    ],
)
def test_every_form_of_a_role_goes_through(role: str) -> None:
    """With a path, of every partition that has roles."""
    with wire(keys()) as server:
        sts.assume(request(server.url, Who(role_arn=role)))
    assert parse_qs(server.heard[0].decode())["RoleArn"] == [role]
