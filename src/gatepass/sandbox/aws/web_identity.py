"""AssumeRoleWithWebIdentity: its parameters, the token, and whether a role trusts its bearer.

Not checked: session policies, which are taken and ignored, and what the claims say beyond `sub`
(`StringLike` on `sub` and `StringEquals` on `aud` are all that these trust policies have).
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from .. import jose, subject
from .account import ROLES, Provider, Role

#: A session's length where nobody asks for another, and the shortest; in seconds.
DEFAULT, SHORTEST = 3600, 900

_ARN = re.compile(r"arn:aws:iam::[0-9]{12}:role/[\w+=,.@/-]+", re.ASCII)
_SESSION = re.compile(r"[\w+=,.@-]*", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}")
# Parameter, shortest, longest.
_LENGTHS = (("RoleArn", 20, 2048), ("RoleSessionName", 2, 64), ("WebIdentityToken", 4, 20000))


class Refused(Exception):
    """What STS says instead of a session: HTTP status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Assumed(NamedTuple):
    """Who may be whom: `lifetime` in seconds, `claims` verified."""

    role: Role
    session: str
    lifetime: int
    provider: Provider
    claims: Mapping[str, Any]


def assumed(fields: Mapping[str, str], providers: Sequence[Provider]) -> Assumed:
    """What the request's `fields` ask for, if all of it is right; else Refused.

    Shapes first, then the token, then the role: a wrong token is told from a role that does not
    trust it, as with the real STS, and a role that is missing from one that does not.
    """
    for name, shortest, longest in _LENGTHS:
        _check_length(name, fields.get(name), shortest, longest)
    if not _SESSION.fullmatch(fields["RoleSessionName"]):
        raise _invalid("roleSessionName", r"satisfy regular expression pattern: [\w+=,.@-]*")
    lifetime = _lifetime(fields.get("DurationSeconds"))
    if not _ARN.fullmatch(fields["RoleArn"]):
        raise Refused(400, "ValidationError", "Request ARN is invalid")
    provider, claims = _verified(fields["WebIdentityToken"], providers)
    role = ROLES.get(fields["RoleArn"])
    if role is None or not _trusts(role, provider, claims["sub"]):
        denied = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
        raise Refused(403, "AccessDenied", denied)
    if lifetime > role.longest:
        raise Refused(
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    return Assumed(role, fields["RoleSessionName"], lifetime, provider, claims)


def _trusts(role: Role, provider: Provider, sub: str) -> bool:
    pattern = role.subjects.get(provider.name)
    return pattern is not None and fnmatchcase(sub, pattern)


def _verified(token: str, providers: Sequence[Provider]) -> tuple[Provider, dict[str, Any]]:
    try:
        issuer = jose.parse(token).claims.get("iss")
    except jose.Malformed:
        raise _bad_token("The ID Token provided is not a valid JWT.") from None
    provider = next((known for known in providers if known.issuer.url == issuer), None)
    if provider is None:
        raise _bad_token(f"No OpenIDConnect provider found in your account for {issuer}")
    now = time.time()
    try:
        claims = subject.verify(
            token,
            trusted={provider.issuer.url: provider.issuer.published},
            audience=provider.audience,
            now=now,
        )
    except subject.Expired:
        said = (
            f"Token expired: current date/time {int(now)} must be before the expiration date/time"
        )
        raise Refused(400, "ExpiredTokenException", said) from None
    except subject.Misaddressed:
        raise _bad_token("Incorrect token audience") from None
    except subject.Refused as error:
        raise _bad_token(f"The web identity token is not accepted: {error}") from None
    if any(not isinstance(claims.get(name, 0), int) for name in ("exp", "iat", "nbf")):
        raise _bad_token("The web identity token is not accepted: a time is no integer")
    return provider, claims


def _lifetime(given: str | None) -> int:
    if given is None:
        return DEFAULT
    if not _NUMBER.fullmatch(given):
        raise Refused(400, "MalformedInput", "DurationSeconds is not a number")
    if int(given) < SHORTEST:
        raise _invalid("durationSeconds", f"have value greater than or equal to {SHORTEST}")
    return int(given)


def _check_length(name: str, value: str | None, shortest: int, longest: int) -> None:
    where = name[0].lower() + name[1:]
    if value is None:
        raise _invalid(where, "not be null")
    if len(value) < shortest:
        raise _invalid(where, f"have length greater than or equal to {shortest}")
    if len(value) > longest:
        raise _invalid(where, f"have length less than or equal to {longest}")


def _invalid(where: str, constraint: str) -> Refused:
    message = (
        f"1 validation error detected: Value at '{where}' failed to satisfy constraint: "
        f"Member must {constraint}"
    )
    return Refused(400, "ValidationError", message)


def _bad_token(message: str) -> Refused:
    return Refused(400, "InvalidIdentityToken", message)
