"""AWS as a script: requests for the ways of exchange, and answers of STS and CodeArtifact."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from gatepass.exchange import Request
from gatepass.realm import realm_of
from gatepass.secret import Secret
from gatepass.settings import Registry
from gatepass.settings.values import Domain
from gatepass.transport import Deadline, Transport
from wire import answer

ROLE = "arn:aws:iam::111122223333:role/ci-read"
DOMAIN = Domain("acme", "111122223333", "eu-west-1")
HOST = "acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
SUBJECT = f"eyJ{'h' * 40}.eyJ{'p' * 300}.{'s' * 342}"
"""No two tokens of :func:`request` are the same: they begin like this one, and end in a number."""

KEY_ID, SECRET_KEY = "ASIAEXAMPLEEXAMPLE12", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION = "IQoJb3JpZ2luX2VjE" + "x/y+z=" * 60
PASS = "eyJ2ZXIiOjEsImlzdSI6MTYwMDAwMDAwMH0.the-pass"

GITHUB = {
    "iss": "https://token.actions.githubusercontent.com",
    "aud": "sts.amazonaws.com",
    "sub": "repo:acme/widgets:ref:refs/heads/main",
    "repository": "acme/widgets",
    "run_id": "1234567890",
}


@dataclass
class Who:
    """An identity; whose token is minted is for the request to say."""

    name: str = "github"
    label: str = "GitHub Actions"
    origin: str = "ACTIONS_ID_TOKEN_REQUEST_URL"
    can_remint: bool = True
    role_arn: str = ROLE
    issuers: tuple[str, ...] = ()
    audience_is_unsaid: bool = False
    presents_token: bool = True


def registry(**changes: Any) -> Registry:
    url = f"https://{HOST}"
    made = Registry("acme", url, realm_of(url), "codeartifact", "its host", aws=DOMAIN)
    return made._replace(**changes)


def request(
    url: str,
    who: Who | None = None,
    *,
    env: Mapping[str, str] | None = None,
    claims: Mapping[str, Any] | None = None,
    seconds: float = 20,
    **of_registry: Any,
) -> Request:
    """A request to one server that plays both of AWS' services at ``url``."""
    minted: list[Secret] = []

    def mint() -> Secret:
        minted.append(Secret(f"{SUBJECT}{len(minted) + 1}"))
        return minted[-1]

    def verified() -> Mapping[str, Any]:
        assert minted, "claims are those of a token that was minted"
        return GITHUB if claims is None else claims

    env = {"AWS_ENDPOINT_URL": url, **(env or {})}
    place = registry(**of_registry)
    return Request(place, who or Who(), mint, verified, env, Transport(), Deadline(seconds))


def keys(expiration: str = "2099-01-01T00:00:00Z", **changes: str) -> bytes:
    """STS' answer with keys; a member of another value, or left out with an empty one."""
    members = {
        "AccessKeyId": KEY_ID,
        "SecretAccessKey": SECRET_KEY,
        "SessionToken": SESSION,
        "Expiration": expiration,
        **changes,
    }
    inside = "".join(f"<{n}>{escape(v)}</{n}>" for n, v in members.items() if v)
    body = (
        '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<AssumeRoleWithWebIdentityResult><Credentials>{inside}</Credentials>"
        "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    )
    return answer(200, body, "Content-Type: text/xml")


def sts_error(code: str, message: str = "words of AWS", status: int = 400) -> bytes:
    body = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
        f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
        "</Error><RequestId>1</RequestId></ErrorResponse>"
    )
    return answer(status, body, "Content-Type: text/xml")


def granted(token: Any = PASS, left: float = 3600, **changes: Any) -> bytes:
    """CodeArtifact's answer: a token with so many seconds left; None leaves a member out."""
    members = {"authorizationToken": token, "expiration": time.time() + left, **changes}
    body = json.dumps({n: v for n, v in members.items() if v is not None})
    return answer(200, body, "Content-Type: application/json")


def refusal(code: str, message: str = "words of AWS", status: int = 403, *headers: str) -> bytes:
    return answer(
        status,
        json.dumps({"message": message}),
        "Content-Type: application/json",
        f"x-amzn-ErrorType: {code}",
        *headers,
    )


SECRETS = (SUBJECT[:60], SUBJECT[-60:], SECRET_KEY, SESSION[:60], SESSION[-60:])


def shows_no_secret(text: str) -> bool:
    """Whether a text has nothing of a subject token, nor of the keys."""
    return not any(secret in text for secret in SECRETS) and "hhhhhhhh" not in text
