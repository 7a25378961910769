"""A login's ID token from an OpenID provider: verified like any subject token, for our client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gatepass import log, pod
from gatepass.trust import Expectations, verify
from gatepass.trust.issuers import IssuerRule
from gatepass.trust.keys import Cache, KeySource

if TYPE_CHECKING:
    from gatepass.secret import Secret
    from gatepass.settings import Environment, Login, Registry, Settings
    from gatepass.transport import Deadline, Transport


def verified(
    raw: Secret,
    provider: Login,
    registry: Registry,
    settings: Settings,
    env: Environment,
    cache: Cache,
    transport: Transport,
    deadline: Deadline,
) -> Mapping[str, Any]:
    """The claims of a provider's ID token (OpenID Connect Core section 3.1.3.7).

    Issued by this provider alone, whatever other issuers are trusted, for our client id alone,
    and within the registry's claims policy. Raises TrustError. There is no nonce to check: a
    device flow has no browser of ours to protect.
    """
    issuers = settings.issuers
    expected = Expectations(
        issuers=IssuerRule((provider.issuer,), (), "the login's ID token"),
        audience=provider.client_id,
        never=pod.own_audiences(env),
        hint="set GATEPASS_LOGIN_CLIENT_ID to the id under which the provider knows gatepass",
        policy=registry.claims,
        algorithms={name: entry.algorithms for name, entry in issuers.items()},
        signature=settings.verify,
    )
    keys = KeySource(
        transport,
        cache,
        lambda issuer: (issuer in issuers and issuers[issuer].jwks) or settings.jwks_file,
    )
    claims = verify(raw, expected, keys, deadline).claims
    shown = {name: str(claims[name]) for name in ("iss", "sub", "aud")}
    log.info("verified", f"token verified, issued by {shown['iss']}", **shown)
    return claims
