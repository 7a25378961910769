"""Why STS gave no keys, and what to change so that it will: in AWS, mostly, not here.

Codes from the API reference of AssumeRoleWithWebIdentity. What the messages name of the token are
its verified claims, never the token.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from gatepass.errors import ExchangeError, plain

if TYPE_CHECKING:
    from gatepass.exchange.awsreply import Problem
    from gatepass.exchange.base import Request

# Owner and repository with their numbers: GitHub's form for repositories from July 2026 on.
_IMMUTABLE = re.compile(r"repo:[^/:@]+@\d+/[^/:@]+@\d+(:.*)?")
_FURTHER = re.compile(r"sts:(?:TagSession|SetSourceIdentity)")


class _Token:
    """What a refusal may say of the subject token."""

    def __init__(self, request: Request) -> None:
        claims = request.claims()
        audience = claims.get("aud", "")
        first = audience[0] if isinstance(audience, list) and audience else audience
        self.issuer, self.audience, self.subject = (
            plain(text) for text in (claims.get("iss", ""), first, claims.get("sub", ""))
        )
        self.role = request.who.role_arn
        self.partition, self.account = self.role.split(":")[1], self.role.split(":")[4]

    @property
    def provider(self) -> str:
        """How IAM calls the issuer, and the names of its claims in conditions."""
        return self.issuer.removeprefix("https://")

    def __str__(self) -> str:
        return f"iss {self.issuer}, aud {self.audience}, sub {self.subject}"


def is_providers_fault(told: Problem) -> bool:
    """Whether AWS failed to fetch the issuer's keys: for that one cause it has two codes."""
    return told.code == "IDPCommunicationError" or (
        told.code == "InvalidIdentityToken" and "retrieve verification key" in told.words
    )


def refused(told: Problem, request: Request, address: str) -> ExchangeError:
    """The error for a refusal of STS."""
    token, label, why = _Token(request), request.who.label, str(told)
    if told.code == "AccessDenied":
        return _access_denied(told, token, label)
    if is_providers_fault(told):
        return ExchangeError(
            "sts-idp-unreachable",
            f"AWS could not get the keys of {token.issuer}",
            why=why,
            do="run it again: it mostly passes. If it lasts, AWS must be able to open, from the\n"
            f"internet, {token.issuer}/.well-known/openid-configuration\nand the jwks_uri in it",
        )
    if told.code == "InvalidIdentityToken":
        return _identity_refused(told, token, label)
    if told.code == "ExpiredTokenException":
        return ExchangeError(
            "sts-token-expired",
            f"AWS takes the token of {label} for expired",
            why=why,
            do="get a new token: one that was made when the job began lives as long as its\n"
            "platform says. If it is new, set this machine's clock: here it has not expired",
        )
    if told.code == "IDPRejectedClaim":
        return ExchangeError(
            "sts-claim-rejected",
            f"{token.issuer} does not stand by the token of {label} any more",
            why=why,
            do="get a new token; if that is refused too, ask whoever runs the provider",
        )
    if told.code == "RegionDisabledException":
        return ExchangeError(
            "sts-region-disabled",
            f"the account {token.account} has switched off AWS STS at {address}",
            why=why,
            do="switch it on (IAM, Account settings, STS endpoints), or set AWS_REGION to a\n"
            "region where it is on: keys from any region serve",
        )
    if told.is_fault:
        return ExchangeError(
            "sts-failed",
            f"AWS STS could not answer (HTTP {told.status})",
            why=why,
            do="run it again; if it lasts, see https://health.aws.amazon.com or set AWS_REGION to "
            "another region",
        )
    return ExchangeError(
        "sts-refused",
        f"AWS STS refuses to give {label} the role {token.role} (HTTP {told.status})",
        why=why or f"it gave no reason; is {address} AWS STS?",
        do="check the role's name, and what the token's claims hand on as session tags\n"
        f"(the token: {token})",
    )


def _identity_refused(told: Problem, token: _Token, label: str) -> ExchangeError:
    if "audience" in told.words.lower():
        do = (
            f"add {token.audience} to the audiences of the provider {token.provider}\n"
            f"in IAM (account {token.account}), or set the audience that it has in\n"
            "GATEPASS_AUDIENCE, or audience in config.toml."
        )
    else:
        do = (
            f"create the identity provider in IAM, in the role's account {token.account}:\n"
            f"aws iam create-open-id-connect-provider --url {token.issuer} "
            f"--client-id-list {token.audience}"
        )
    return ExchangeError(
        "sts-identity-refused",
        f"AWS does not know the issuer or the audience of {label}",
        why=str(told),
        do=f"{do}\nIssuers are compared byte for byte; the token: {token}",
    )


def _access_denied(told: Problem, token: _Token, label: str) -> ExchangeError:
    actions = ["sts:AssumeRoleWithWebIdentity", *_FURTHER.findall(told.words)]
    name = token.provider
    provider = f"arn:{token.partition}:iam::{token.account}:oidc-provider/{name}"
    lines = [
        "AWS says the same of a role that isn't there and of one that doesn't trust this token.",
        "Check the role's name; its trust policy needs",
        f'"Action": {json.dumps(actions if len(actions) > 1 else actions[0])},',
        f'"Principal": {{"Federated": {json.dumps(provider)}}},',
        '"Condition": {"StringEquals": {',
        f"  {json.dumps(f'{name}:aud')}: {json.dumps(token.audience)},",
        f"  {json.dumps(f'{name}:sub')}: {json.dumps(token.subject)}}}}}",
    ]
    if _IMMUTABLE.fullmatch(token.subject):
        lines.append(
            "This sub is in GitHub's immutable form, with numbers after each @: a policy for\n"
            "repo:owner/name:... does not match it"
        )
    elif token.subject.startswith("repo:"):
        lines.append(
            "This sub is in GitHub's older form: a policy for repo:owner@1/name@2:... does not\n"
            "match it"
        )
    return ExchangeError(
        "sts-access-denied",
        f"AWS does not give {label} the role {token.role}",
        why=str(told),
        do="\n".join(lines),
    )
