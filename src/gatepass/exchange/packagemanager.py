"""Posit Package Manager: token exchange (RFC 8693), as rspm, pak and posit-keyring do it.

``POST {address}/__api__/token`` with the subject token as an ID token. Of the reply only
``access_token`` is relied on; Package Manager's other members are not documented.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gatepass import peek
from gatepass.credential import Credential, life_of
from gatepass.errors import ExchangeError
from gatepass.exchange.reply import expiry, usable_secret
from gatepass.secret import Secret

if TYPE_CHECKING:
    from gatepass.exchange.base import Request
    from gatepass.settings import Environment, Registry
    from gatepass.transport import Response

USERNAME = "__token__"

_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a type's name


def username_for(asked: str | None) -> str | None:
    """``__token__``, for whoever asked for it or for nobody in particular; None for others."""
    return USERNAME if asked in (None, "", USERNAME) else None


def endpoint(registry: Registry, env: Environment) -> str:
    """Where subject tokens for this registry go, and nowhere else."""
    return registry.url + "/__api__/token"


def exchange(request: Request) -> Credential:
    """A Package Manager token for a subject token.

    Raises ExchangeError with the server's own words, TransportError where it didn't answer, and
    what minting the subject token raises. It does not verify the token that it got: only the
    server can (HS256).
    """
    registry = request.registry
    response = request.transport.send(
        "POST",
        endpoint(registry, request.env),
        headers=lambda: {"Accept": "application/json"},
        form=lambda: {
            "grant_type": _GRANT,
            "subject_token": request.mint().reveal(),
            "subject_token_type": _ID_TOKEN,
        },
        deadline=request.deadline,
        twice_is_safe=request.who.can_remint,
        allow_http=registry.realm.scheme == "http",
    )
    received = time.time()
    reply = response.json_object() if response.status == 200 else {}
    token = reply.get("access_token")
    if not isinstance(token, str) or not token:
        raise _refused(registry, response)
    secret = usable_secret(token, registry.url)
    life = life_of(reply.get("expires_in"), peek.claims(token))
    return Credential(USERNAME, secret, received, received + life)


def ready(registry: Registry, secret: Secret) -> Credential:
    """PACKAGEMANAGER_TOKEN as a credential. Raises ExchangeError where it has plainly expired."""
    now = time.time()
    secret = usable_secret(secret.reveal(), "PACKAGEMANAGER_TOKEN")
    expires = expiry(peek.claims(secret.reveal()))
    if expires is not None and expires <= now:
        raise ExchangeError(
            "ready-token-expired",
            "PACKAGEMANAGER_TOKEN has expired",
            why="the time in its `exp` has passed",
            do="make a new one with `rspm create token`, or unset it to use the job's identity",
        )
    return Credential(USERNAME, secret, now, expires)


def _refused(registry: Registry, response: Response) -> ExchangeError:
    told = response.reason()
    if response.status < 300:
        return ExchangeError(
            "exchange-no-token",
            f"{registry.url} answered, and gave no token",
            why=told or "its answer has no access_token",
            do="check that the address is Package Manager's own, with its path prefix if any",
        )
    if response.status in (404, 405):
        return ExchangeError(
            "exchange-not-there",
            f"{registry.url}/__api__/token does not exist (HTTP {response.status})",
            why=told,
            do="check the address: it ends where /__api__ begins, before any repository's name",
        )
    if response.status >= 500 or response.status == 429:
        return ExchangeError(
            "exchange-failed",
            f"{registry.url} could not exchange the token (HTTP {response.status})",
            why=told,
            do="run it again; if it lasts, ask whoever runs the server",
        )
    return ExchangeError(
        "exchange-refused",
        f"{registry.url} does not take this identity (HTTP {response.status})",
        why=told or "it gave no reason",
        do="compare `gatepass whoami` with the server's [IdentityFederation] section:\n"
        "Issuer, Audience and Subject must be the token's, and Scope must give a right",
    )
