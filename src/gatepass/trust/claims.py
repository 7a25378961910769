"""What a token says: types, audience, and the user's own policy. Times are PyJWT's to check."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from gatepass.errors import TrustError, plain
from gatepass.settings import Claim

_LATEST = 253402300799
"""Epoch seconds of the end of the year 9999: a date beyond is no date."""

_ASK = "get a new token from the platform that issued it"


def check_types(claims: dict[str, Any], who: str = "the token") -> None:
    """The required claims are there with the right types (RFC 7519 section 4.1).

    ``exp``, ``iat`` and, where present, ``nbf`` are numbers; ``sub`` is a text; ``aud`` is a text
    or a list of texts. ``who``: whose token, for messages. Raises TrustError (claim-missing,
    claim-type).
    """
    for name in ("exp", "iat", "sub", "aud"):
        if name not in claims:
            raise TrustError("claim-missing", f"{who} has no `{name}`", do=_ASK)
    for name in ("exp", "iat", "nbf"):
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong_type(who, name, "a number of seconds")
        if not 0 <= value <= _LATEST:  # nan compares false
            raise _wrong_type(who, name, "a date")
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise _wrong_type(who, "sub", "a text")
    audiences(claims, who)


def audiences(claims: dict[str, Any], who: str = "the token") -> tuple[str, ...]:
    """``aud`` as a tuple, whichever of its two forms it has; TrustError (claim-type) for others."""
    audience = claims.get("aud")
    listed = audience if isinstance(audience, list) else [audience]
    if not listed or not all(isinstance(one, str) and one for one in listed):
        raise _wrong_type(who, "aud", "a text or a list of texts")
    return tuple(listed)


def check_audience(
    claims: dict[str, Any], expected: str | None, never: Iterable[str], who: str, hint: str
) -> None:
    """The token is for ``expected`` and nobody else.

    ``expected`` None: any single audience but those in ``never`` and a Kubernetes API server's.
    ``who`` and ``hint`` are for the message: whose token, and what else may be wrong. Raises
    TrustError (audience-several, audience-mismatch, audience-api-server).
    """
    found = audiences(claims, who)
    if len(set(found)) > 1:
        raise TrustError(
            "audience-several",
            f"{who} is for {len(found)} parties at once: {plain(', '.join(found), 200)}",
            why="each of them could use it with the others",
            do="ask for a token with exactly one audience",
        )
    if found[0] in set(never) or _is_api_server(found[0]):
        raise TrustError(
            "audience-api-server",
            f"{who} is for the Kubernetes API server ({plain(found[0], 200)})",
            why="it would let whoever receives it act in the cluster as this pod",
            do="mount a projected service account token whose `audience` is the registry's",
        )
    if expected is not None and found[0] != expected:
        raise TrustError(
            "audience-mismatch",
            f"{who} is for {plain(found[0], 200)}",
            why=f"the audience must be {expected}",
            do=hint,
        )


def check_policy(claims: dict[str, Any], policy: Iterable[Claim], who: str = "the token") -> None:
    """Every rule holds: the claim is a text, and equals the rule's or matches it as a whole.

    Raises TrustError (claims-policy), showing the claim's value: claims are no secrets.
    """
    for rule in policy:
        value = claims.get(rule.name)
        held = isinstance(value, str) and (
            re.fullmatch(rule.text, value) is not None if rule.is_pattern else value == rule.text
        )
        if not held:
            raise TrustError(
                "claims-policy",
                f"{who} says that `{plain(rule.name, 60)}` is {plain(value, 200)!r}",
                why=f"the claims policy in config.toml wants {plain(rule.text, 200)!r}",
                do="run the job from where the policy allows it, or change the policy",
            )


def _is_api_server(audience: str) -> bool:
    host = audience.removeprefix("https://").partition("/")[0].partition(":")[0].rstrip(".")
    return host == "kubernetes" or host.startswith("kubernetes.default")


def _wrong_type(who: str, name: str, what: str) -> TrustError:
    return TrustError("claim-type", f"{who} has a `{name}` that is not {what}", do=_ASK)
