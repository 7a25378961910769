"""Why CodeArtifact gave no token, and what to change so that it will.

Codes from the API reference of GetAuthorizationToken, and from AWS' gateway before it.
"""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from gatepass.errors import ExchangeError

if TYPE_CHECKING:
    from gatepass.exchange.awsreply import Problem
    from gatepass.exchange.base import Request
    from gatepass.settings import Registry
    from gatepass.settings.values import Domain
    from gatepass.transport import Response

_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::(\d{12}):")
_SKEW = 300.0
"""Seconds by which AWS lets a signature's time differ from its own."""

_EXPIRED = ("ExpiredTokenException", "ExpiredToken")
_UNKNOWN = ("UnrecognizedClientException", "InvalidClientTokenId")
_MISMATCH = (
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
    "RequestExpired",
)


def refused(told: Problem, request: Request, response: Response) -> ExchangeError:
    """The error for a refusal of CodeArtifact."""
    domain, why = request.registry.domain, str(told)
    whose = request.who.role_arn or request.who.label
    if told.code == "AccessDeniedException":
        return ExchangeError(
            "codeartifact-access-denied",
            f"AWS does not let {whose} read from the domain {domain.name} ({domain.owner})",
            why=why,
            do=_permissions(told, domain),
        )
    if told.code == "ResourceNotFoundException":
        return ExchangeError(
            "codeartifact-not-found",
            f"there is no domain {domain.name} of the account {domain.owner} in {domain.region}",
            why=why,
            do=_where(request.registry),
        )
    if told.code in _EXPIRED:
        return ExchangeError(
            "codeartifact-keys-expired",
            f"the AWS keys have expired ({whose})",
            why=why,
            do="get new ones: `aws sso login`, or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY\n"
            "and AWS_SESSION_TOKEN anew",
        )
    if told.code in _UNKNOWN:
        return ExchangeError(
            "codeartifact-keys-unknown",
            f"AWS does not know the keys ({whose})",
            why=why,
            do="check AWS_ACCESS_KEY_ID, and that AWS_SESSION_TOKEN belongs to it (unset it for a\n"
            "user's own keys); keys of aws-cn and aws-us-gov serve only there",
        )
    if told.code in _MISMATCH:
        skew, do = _clock(response), "set this machine's clock"
        if not skew:
            do = "check AWS_SECRET_ACCESS_KEY: it doesn't belong to AWS_ACCESS_KEY_ID; or this\n"
            do += "machine's clock is wrong"
        return ExchangeError(
            "codeartifact-signature",
            f"AWS does not take our signature ({whose})",
            why=skew or why,
            do=do,
        )
    if told.is_fault:
        return ExchangeError(
            "codeartifact-failed",
            f"AWS CodeArtifact could not answer (HTTP {told.status})",
            why=why,
            do="run it again; if it lasts, see https://health.aws.amazon.com",
        )
    return ExchangeError(
        "codeartifact-refused",
        f"AWS CodeArtifact gives no token for the domain {domain.name} (HTTP {told.status})",
        why=why or "it gave no reason, and may not be AWS at all",
        do="check `duration` of the registry, and AWS_ENDPOINT_URL_CODEARTIFACT if it is set",
    )


def _permissions(told: Problem, domain: Domain) -> str:
    resource = f"arn:aws:codeartifact:{domain.region}:{domain.owner}:domain/{domain.name}"
    lines = [
        "its own policy needs both, the second being what people forget:",
        '{"Effect": "Allow", "Action": "codeartifact:GetAuthorizationToken",',
        f' "Resource": "{resource}"}}',
        '{"Effect": "Allow", "Action": "sts:GetServiceBearerToken", "Resource": "*",',
        ' "Condition": {"StringEquals": {"sts:AWSServiceName": "codeartifact.amazonaws.com"}}}',
    ]
    principal = _PRINCIPAL.search(told.words)
    if principal is None or principal[1] != domain.owner:
        account = f"account {principal[1]}" if principal else "another account"
        lines.append(f"For {account} the domain's policy must allow the first as well")
    return "\n".join(lines)


def _where(registry: Registry) -> str:
    if registry.source.endswith(".toml"):
        table = f"registries.{registry.name}"
        return f"correct domain, owner and region, or the url, of {table} in config.toml"
    return (
        "check the address: its host says <domain>-<account>.d.codeartifact.<region>.amazonaws.com"
    )


def _clock(response: Response) -> str:
    """By how much AWS' clock differs from ours, where that explains a refusal."""
    try:
        theirs = parsedate_to_datetime(response.headers.get("date", "")).timestamp()
    except (TypeError, ValueError, OverflowError):
        return ""
    ahead = time.time() - theirs
    if abs(ahead) < _SKEW:
        return ""
    return (
        f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} AWS'"
    )
