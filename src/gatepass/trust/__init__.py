"""Is the token what it claims? Fail closed, in this order: form, algorithm, issuer, key,
signature, times, audience, claims policy.

What it protects is the user: from sending the wrong token to the wrong party, and from learning
only at the registry that something is wrong. The registry verifies for itself.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple, NewType

from gatepass.errors import TrustError, plain
from gatepass.secret import Secret
from gatepass.settings import Claim
from gatepass.transport import Deadline
from gatepass.trust import claims as rules
from gatepass.trust import jws
from gatepass.trust.issuers import IssuerRule
from gatepass.trust.keys import KeySource

LEEWAY = 60.0
"""Seconds that two clocks may differ: GitHub's has been seen some seconds ahead."""

VerifiedClaims = NewType("VerifiedClaims", dict[str, Any])


class Expectations(NamedTuple):
    """What a token must be. ``audience`` None: unsaid, any one that isn't in ``never``;
    ``algorithms``: by issuer, empty for all that are allowed; ``hint``: what to do when the
    audience is wrong; ``signature``: False skips the keys and the signature, and only those."""

    issuers: IssuerRule
    audience: str | None
    never: frozenset[str]
    hint: str
    policy: tuple[Claim, ...]
    algorithms: dict[str, tuple[str, ...]]
    signature: bool = True


class Verdict(NamedTuple):
    """The claims that held, and whether only the token itself names its issuer."""

    claims: VerifiedClaims
    self_named: bool


def verify(raw: Secret, expected: Expectations, keys: KeySource, deadline: Deadline) -> Verdict:
    """The verified claims of a token; TrustError, with its own code, for each thing that is wrong.

    It does not check revocation, nor that the token was not used before.
    """
    who = expected.issuers.label
    token = jws.parse(raw, who)
    self_named = expected.issuers.check(token.issuer)
    if expected.policy and self_named:
        raise TrustError(
            "policy-needs-issuer",
            "a claims policy can't be held by a token that names its own issuer",
            why=f"anybody can run an issuer like {plain(token.issuer, 200)} and claim anything",
            do="name the issuer in GATEPASS_TRUSTED_ISSUERS, or trusted_issuers in config.toml",
        )
    if expected.policy and not expected.signature:
        raise TrustError(
            "policy-needs-signature",
            "GATEPASS_VERIFY=off, and this registry has a claims policy",
            why="a policy on claims that nobody verified holds nothing",
            do="unset GATEPASS_VERIFY, or remove `claims` from the registry in config.toml",
        )
    _check_algorithm(token, expected.algorithms.get(token.issuer, ()), who)
    rules.check_types(token.claims, who)
    if expected.signature:
        _check_signature(token, keys, deadline, who)
    _check_times(token, who)
    rules.check_audience(token.claims, expected.audience, expected.never, who, expected.hint)
    rules.check_policy(token.claims, expected.policy, who)
    return Verdict(VerifiedClaims(token.claims), self_named)


def _check_algorithm(token: jws.UnverifiedToken, allowed: tuple[str, ...], who: str) -> None:
    if allowed and token.algorithm not in allowed:
        raise TrustError(
            "token-algorithm",
            f"{who} is signed with {token.algorithm}",
            why=f"config.toml allows this issuer {', '.join(allowed)}",
            do="correct `algorithms` of the issuer in config.toml, if the issuer changed",
        )


def _check_signature(
    token: jws.UnverifiedToken, keys: KeySource, deadline: Deadline, who: str
) -> None:
    from gatepass.trust.library import jwt

    options: Any = {
        "verify_signature": True,
        "enforce_minimum_key_length": True,
        # Every claim is checked here or in _check_times, with an error of its own.
        **dict.fromkeys(
            ("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss", "verify_sub"),
            False,
        ),
    }
    for key in keys.keys_for(token, deadline):
        try:
            public = jwt.PyJWK(key, algorithm=token.algorithm)
            seen = jwt.decode(
                token.raw.reveal(), public, algorithms=[token.algorithm], options=options
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        if seen == token.claims:
            return
    raise TrustError(
        "bad-signature",
        f"{who} has a signature that is not by the keys of {plain(token.issuer, 200)}",
        why="it was changed on its way, or somebody else made it",
        do="get a new token; if it happens again, find out where this one comes from",
    )


def _check_times(token: jws.UnverifiedToken, who: str) -> None:
    """RFC 7519 sections 4.1.4 to 4.1.6, by PyJWT, on a payload whose types were checked."""
    from gatepass.trust.library import jwt

    times: Any = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat"), True)
    times["verify_signature"] = False
    do = "check this machine's clock; if it is right, get a new token"
    try:
        jwt.decode(token.raw.reveal(), options=times, leeway=LEEWAY)
    except jwt.ExpiredSignatureError:
        ago = _span(time.time() - token.claims["exp"])
        why = f"it ended {ago} ago by this machine's clock"
        raise TrustError("token-expired", f"{who} has expired", why=why, do=do) from None
    except jwt.ImmatureSignatureError:
        begins = max(token.claims["iat"], token.claims.get("nbf", 0))
        why = f"it begins in {_span(begins - time.time())} by this machine's clock"
        raise TrustError("token-not-yet", f"{who} is from the future", why=why, do=do) from None


def _span(seconds: float) -> str:
    """``90 s``, ``12 min`` or ``5 h``: in its largest unit, but for the first of each."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"
