"""What CodeArtifact refuses, in our words: which permission, which key, which clock."""

from __future__ import annotations

import email.utils
import json
import time
from typing import Any

import pytest

from awswire import KEY_ID, SECRET_KEY, SESSION, Who, refusal, request, shows_no_secret, sts_error
from gatepass import transport
from gatepass.errors import ExchangeError
from gatepass.exchange.authorization import authorize
from gatepass.exchange.sigv4 import Keys
from gatepass.secret import Secret
from wire import answer, wire

KEYS = Keys(KEY_ID, Secret(SECRET_KEY), Secret(SESSION))
USER = "User: arn:aws:sts::111122223333:assumed-role/ci-read/acme-widgets-1234567890"
NOT_ALLOWED = (
    f"{USER} is not authorized to perform: codeartifact:GetAuthorizationToken on resource: "
    "arn:aws:codeartifact:eu-west-1:111122223333:domain/acme"
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)


def refused(script: bytes, who: Who | None = None, **options: Any) -> ExchangeError:
    """The error for an answer of CodeArtifact. None shows a key, nor more than plain lines."""
    with wire(script) as server, pytest.raises(ExchangeError) as caught:
        authorize(request(server.url, who, **options), KEYS)
    assert shows_no_secret(str(caught.value))
    assert all(line.isprintable() for line in str(caught.value).splitlines())
    return caught.value


@pytest.mark.parametrize(
    ("code", "status", "ours", "remedy"),
    [
        ("AccessDeniedException", 403, "codeartifact-access-denied", "sts:GetServiceBearerToken"),
        ("ResourceNotFoundException", 404, "codeartifact-not-found", "check the address"),
        ("ThrottlingException", 429, "codeartifact-failed", "run it again"),
        ("ThrottlingException", 400, "codeartifact-failed", "run it again"),
        ("ValidationException", 400, "codeartifact-refused", "`duration`"),
        ("InternalServerException", 500, "codeartifact-failed", "run it again"),
        ("UnrecognizedClientException", 403, "codeartifact-keys-unknown", "AWS_SESSION_TOKEN"),
        ("InvalidClientTokenId", 403, "codeartifact-keys-unknown", "AWS_ACCESS_KEY_ID"),
        ("InvalidSignatureException", 403, "codeartifact-signature", "AWS_SECRET_ACCESS_KEY"),
        ("SignatureDoesNotMatch", 403, "codeartifact-signature", "clock"),
        ("ExpiredTokenException", 403, "codeartifact-keys-expired", "aws sso login"),
        ("ExpiredToken", 400, "codeartifact-keys-expired", "AWS_SESSION_TOKEN"),
        ("MissingAuthenticationTokenException", 403, "codeartifact-refused", "ENDPOINT"),
        ("SomethingNewException", 418, "codeartifact-refused", "ENDPOINT"),
    ],
)
def test_each_refusal_says_what_to_change(code: str, status: int, ours: str, remedy: str) -> None:
    """The service's codes and its gateway's, each with AWS' own words and with what to do."""
    error = refused(refusal(code, "words of AWS", status))
    assert error.code == ours
    assert error.why == f"{code}: words of AWS"
    assert remedy in error.do


@pytest.mark.parametrize(
    "script",
    [
        refusal("AccessDeniedException:http://internal.amazon.com/coral/", "m"),
        refusal("com.amazon.coral.service#AccessDeniedException", "m"),
        answer(403, '{"__type": "com.amazon#AccessDeniedException", "Message": "m"}'),
        answer(403, '{"code": "AccessDeniedException", "errorMessage": "m"}'),
        sts_error("AccessDeniedException", "m", 403),
    ],
)
def test_codes_are_read_in_every_form(script: bytes) -> None:
    """A header with a URL after it, a shape's full name, a member of the body; XML, too."""
    error = refused(script)
    assert error.code == "codeartifact-access-denied"
    assert error.why == "AccessDeniedException: m"


def test_a_denial_shows_both_permissions() -> None:
    """Ready to be pasted; in the same account no other policy is needed."""
    error = refused(refusal("AccessDeniedException", NOT_ALLOWED))
    assert "the role arn:" not in error.what
    assert "arn:aws:iam::111122223333:role/ci-read" in error.what
    assert error.why == f"AccessDeniedException: {NOT_ALLOWED}"
    first, second = error.do.splitlines()[1:3], error.do.splitlines()[3:5]
    assert json.loads("".join(first)) == {
        "Effect": "Allow",
        "Action": "codeartifact:GetAuthorizationToken",
        "Resource": "arn:aws:codeartifact:eu-west-1:111122223333:domain/acme",
    }
    assert json.loads("".join(second)) == {
        "Effect": "Allow",
        "Action": "sts:GetServiceBearerToken",
        "Resource": "*",
        "Condition": {"StringEquals": {"sts:AWSServiceName": "codeartifact.amazonaws.com"}},
    }
    assert "domain's policy" not in error.do


@pytest.mark.parametrize(
    ("words", "account"),
    [
        (NOT_ALLOWED.replace("sts::111122223333", "sts::999988887777"), "account 999988887777"),
        ("User: arn:aws:iam::999988887777:user/jane is not ...", "account 999988887777"),
        ("no words", "another account"),
    ],
)
def test_across_accounts_the_domain_has_to_allow_it_too(words: str, account: str) -> None:
    """Two policies are needed then, and AWS' words don't say so."""
    error = refused(refusal("AccessDeniedException", words))
    assert f"For {account} the domain's policy must allow" in error.do


def test_a_missing_domain_names_where_it_comes_from() -> None:
    """The host, or the table of the config."""
    script = refusal("ResourceNotFoundException", "Domain not found", 404)
    error = refused(script)
    assert error.what == "there is no domain acme of the account 111122223333 in eu-west-1"
    assert "its host says" in error.do
    error = refused(script, source="/etc/gatepass/config.toml", name="team")
    assert "registries.team in config.toml" in error.do


@pytest.mark.parametrize(
    ("ahead", "said"),
    [(1000, "1000 s ahead of AWS'"), (-1000, "1000 s behind AWS'"), (200, ""), (-200, "")],
)
def test_a_wrong_clock_is_named(ahead: float, said: str) -> None:
    """By the date of the answer: people look for it last."""
    date = email.utils.formatdate(time.time() - ahead, usegmt=True)
    error = refused(refusal("InvalidSignatureException", "m", 403, f"Date: {date}"))
    assert ("clock" in error.why) == bool(said)
    if said:
        assert abs(float(error.why.split(" is ")[1].split()[0]) - abs(ahead)) < 5
        assert error.why.endswith(said.partition(" s ")[2])
        assert error.do == "set this machine's clock"


@pytest.mark.parametrize("date", ["soon", "Mon, 01 Jan 0001 00:00:00 -0000", ""])
def test_a_date_that_is_none_says_nothing_of_the_clock(date: str) -> None:
    """Then AWS' words stand, and both causes."""
    error = refused(refusal("RequestTimeTooSkewed", "words", 403, f"Date: {date}"))
    assert error.code == "codeartifact-signature"


def test_what_is_quoted_of_the_request_is_hidden() -> None:
    """AWS explains a wrong signature by the whole request, session token and all."""
    quoted = f"The Canonical String should have been 'POST x-amz-security-token:{SESSION}'"
    error = refused(refusal("InvalidSignatureException", quoted))
    assert "****" in error.why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("Blocked by policy", "Blocked by policy"),
        ("<html>Blocked</html>", "it gave no reason, and may not be AWS at all"),
        ("", "it gave no reason, and may not be AWS at all"),
    ],
)
def test_what_is_not_aws_says_so(body: str, why: str) -> None:
    """A proxy's refusal isn't taken for CodeArtifact's."""
    error = refused(answer(403, body))
    assert (error.code, error.why) == ("codeartifact-refused", why)


def test_whose_keys_they_are_is_said() -> None:
    """Without a role, the identity by its name for people."""
    who = Who(name="aws", label="this machine's AWS credentials", role_arn="")
    error = refused(refusal("ExpiredTokenException"), who)
    assert error.what == "the AWS keys have expired (this machine's AWS credentials)"
