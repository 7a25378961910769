"""Is a subject token what it claims to be? Package Manager's own check, before it trusts one.

Not checked: any claim beyond those named here (Package Manager matches `sub`, `azp`, groups and
roles where it is configured to), the token's age since `iat`, and a revocation at the issuer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from . import jose, keys

#: Seconds by which two clocks may differ.
LEEWAY = 30
# The end of the year 9999: a time after it, or infinity, is a mistake and not a lifetime.
_LAST = 253_402_300_799

#: Who is trusted: the keys that each issuer publishes now, by its URL.
Trusted = Mapping[str, Callable[[], Sequence[keys.Key | keys.PublicKey]]]


class Refused(Exception):
    """The token is not accepted; the message says why and repeats nothing of the token."""


class Expired(Refused):
    """Its time is over, and nothing that is checked before that is wrong with it."""


class Misaddressed(Refused):
    """It is for another audience."""


def verify(
    token: str,
    *,
    trusted: Trusted,
    audience: str | Mapping[str, Collection[str]],
    now: float,
) -> dict[str, Any]:
    """The token's claims, all of the following being so; else Refused.

    Form (RFC 7515 section 7.1), `iss` equal to one of `trusted`, algorithm RS256 or ES256, no
    `crit`, a `kid` for that algorithm which this very issuer publishes, signature, `aud` the one
    `audience` (a list of it alone will do) or one of the issuer's own where it is a mapping from
    issuers, `exp` and where present `nbf` and `iat` by the clock `now`, and a `sub`.
    """
    try:
        parsed = jose.parse(token)
    except jose.Malformed as error:
        raise Refused(str(error)) from None
    claims = parsed.claims
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or issuer not in trusted:
        raise Refused("issuer is not trusted")
    key = _key(parsed.header, trusted[issuer]())
    if not key.verifies(parsed.signing_input, parsed.signature):
        raise Refused("signature is wrong")
    accepted = (audience,) if isinstance(audience, str) else audience.get(issuer, ())
    if not any(claims.get("aud") in (one, [one]) for one in accepted):
        raise Misaddressed("audience is not this server's")
    _check_times(claims, now)
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise Refused("subject is missing")
    return claims


def _key(
    header: dict[str, Any], published: Sequence[keys.Key | keys.PublicKey]
) -> keys.Key | keys.PublicKey:
    algorithm = header.get("alg")
    if algorithm not in keys.ALGORITHMS:
        raise Refused("algorithm is not allowed")
    if "crit" in header:
        raise Refused("critical header is not understood")
    for key in published:
        if key.kid == header.get("kid"):
            if key.algorithm != algorithm:
                raise Refused("algorithm is not the key's")
            return key
    raise Refused("key is unknown")


def _check_times(claims: dict[str, Any], now: float) -> None:
    if "exp" not in claims:
        raise Refused("expiry is missing")
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _LAST:
            raise Refused(f"{name} is not a time")
    if claims["exp"] <= now - LEEWAY:
        raise Expired("token has expired")
    if claims.get("nbf", now) > now + LEEWAY or claims.get("iat", now) > now + LEEWAY:
        raise Refused("token is not valid yet")
