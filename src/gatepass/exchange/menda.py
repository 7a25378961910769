"""menda cloud: a client's secret or a person's login becomes a token for CodeArtifact.

Two requests, spelt as menda-keyring 0.0.2 (``auth.py``) spells them:
``POST {host}/api/v1/auth/oauth2/token`` with client credentials, unless a token is cached, and
``POST {host}/api/v1/auth/registry/token`` with the header ``authorizationToken: Bearer ...``. But
the secret is in the body, as RFC 6749 section 2.3.1 has it, and only where the server takes it
from nowhere else in the query.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, cast

from gatepass import log, peek
from gatepass.credential import Credential, life_of
from gatepass.errors import ExchangeError, plain
from gatepass.exchange import mendareply
from gatepass.exchange.codeartifact import USERNAME, username_for
from gatepass.exchange.reply import usable_secret
from gatepass.secret import Secret

if TYPE_CHECKING:
    from gatepass.exchange.base import Request
    from gatepass.identity.menda import Client, Menda
    from gatepass.settings import Environment, Registry
    from gatepass.transport import Response

__all__ = ["endpoint", "exchange", "username_for"]

_LOGIN, _REGISTRY = "/api/v1/auth/oauth2/token", "/api/v1/auth/registry/token"

_NOT_IN_BODY = frozenset({400, 401, 403, 415, 422})
"""Statuses that a server may answer with that looks for the secret in the query alone: what it
wants is missing, nobody is logged in, or it takes no form."""

_READ = frozenset({"unauthorized_client", "invalid_scope"})
"""Errors of RFC 6749 section 5.2 by which a server shows that it knows who asks."""

_REFUSED = frozenset({401, 403})


def endpoint(registry: Registry, env: Environment) -> str:
    """What the environment says of the host; the identity's fingerprint has the host itself."""
    return env.get("MENDA_HOST", "").strip()


def exchange(request: Request) -> Credential:
    """A CodeArtifact token for a client or a login, for a registry of CodeArtifact's alone.

    Raises ExchangeError with the server's own words, and TransportError. It does not verify the
    token: that is CodeArtifact's, and opaque.
    """
    who, registry = cast("Menda", request.who), request.registry
    domain = registry.domain  # before anything is asked: the tokens are for CodeArtifact alone
    token, life = who.login or who.cache.look(time.time()).token, 0.0
    was_cached = token is not None
    if token is None:
        token, life = _log_in(request, who)
    response = _ask(request, who, token)
    if response.status in _REFUSED and was_cached and who.client:
        log.info("menda-again", f"{who.host} no longer takes the cached token: one more login")
        if request.keeps:
            who.cache.forget(token)
        token, life = _log_in(request, who)
        response = _ask(request, who, token)
    if request.keeps and life and response.status not in _REFUSED:
        who.cache.keep(token, life, time.time())
    received = time.time()
    reply = response.json_object() if response.status < 300 else {}
    given = reply.get("token")
    if not isinstance(given, str) or not given:
        raise _no_registry_token(who, response, token)
    secret = usable_secret(given, who.host)
    listed = mendareply.places(reply.get("repositories"))
    if listed and not mendareply.is_listed(registry, domain, listed):
        raise _not_listed(who, registry, listed)
    return Credential(
        USERNAME, secret, received, received + mendareply.life(reply.get("expiry"), received, given)
    )


def _ask(request: Request, who: Menda, token: Secret) -> Response:
    return request.transport.send(
        "POST",
        who.host + _REGISTRY,
        headers=lambda: {
            "authorizationToken": f"Bearer {token.reveal()}",
            "Content-Type": "application/json",  # of no body: as the server is used to
        },
        deadline=request.deadline,
    )


def _log_in(request: Request, who: Menda) -> tuple[Secret, float]:
    """An access token for the client, and the seconds that it lives."""
    client = who.client
    if client is None:
        raise AssertionError("a person logs in by `menda auth login`")
    fields = {
        "grant_type": "client_credentials",
        "client_id": client.id,
        "client_secret": client.secret.reveal(),
    }
    send, deadline = request.transport.send, request.deadline
    response = send("POST", who.host + _LOGIN, form=lambda: fields, deadline=deadline)
    if response.status in _NOT_IN_BODY and not _is_read(response):
        log.info("menda-query", f"{who.host} takes no secret in the body: it goes in the query")
        second = send("POST", who.host + _LOGIN, query=fields, deadline=deadline)
        if second.status in _REFUSED or response.status not in _REFUSED or second.status < 300:
            response = second  # else the first says more: the client was looked at, and refused
    reply = response.json_object() if response.status < 300 else {}
    given = reply.get("access_token")
    if not isinstance(given, str) or not given:
        raise _no_access_token(who, client, response)
    token = usable_secret(given, who.host)
    return token, life_of(reply.get("expires_in"), peek.claims(given))


def _is_read(response: Response) -> bool:
    """Whether the server has understood who asks; its error may be of any type."""
    error = response.json_object().get("error")
    return isinstance(error, str) and error in _READ


def _no_access_token(who: Menda, client: Client, response: Response) -> ExchangeError:
    told = _told(response, client.secret)
    if response.status in _NOT_IN_BODY:
        return ExchangeError(
            "menda-client-refused",
            f"menda cloud does not take the client {plain(client.id, 60)}: "
            f"oauth2/token returned HTTP {response.status}",
            why=told or "it gave no reason",
            do=f"check the client's id and secret, and that {who.host} is where it was made\n"
            f"(they were read from {who.source})",
        )
    return _failed(who, "oauth2/token", "access_token", response, told)


def _no_registry_token(who: Menda, response: Response, token: Secret) -> ExchangeError:
    told = _told(response, token)
    if response.status in _REFUSED:
        by = f"the client {plain(who.client.id, 60)}" if who.client else "your login"
        return ExchangeError(
            "menda-registry-refused",
            f"menda cloud gives {by} no registry token: "
            f"registry/token returned HTTP {response.status}",
            why=told or "it gave no reason",
            do="ask whoever runs your menda cloud whether this client may use the registry"
            if who.client
            else "run `menda auth login` again; if that does not help, ask whoever runs your\n"
            "menda cloud whether you may use the registry",
        )
    return _failed(who, "registry/token", "token", response, told)


def _failed(who: Menda, path: str, member: str, response: Response, told: str) -> ExchangeError:
    status = response.status
    if status < 300:
        return ExchangeError(
            "menda-no-token",
            f"{who.host} answered, and gave no token",
            why=f"the answer of {path} has no {member}",
            do=f"check that the host is menda cloud's own API ({who.source})",
        )
    if status in (404, 405):
        return ExchangeError(
            "menda-not-there",
            f"{who.host} is no menda cloud: {path} returned HTTP {status}",
            why=told,
            do=f"correct the host: it ends where /api/v1 begins ({who.source})",
        )
    return ExchangeError(
        "menda-failed",
        f"{who.host} could not answer: {path} returned HTTP {status}",
        why=told,
        do="run it again; if it lasts, ask whoever runs your menda cloud",
    )


def _not_listed(who: Menda, registry: Registry, listed: list[mendareply.Place]) -> ExchangeError:
    hosts = list(dict.fromkeys(place.text for place in listed))
    more = f" and {len(hosts) - 5} more" if len(hosts) > 5 else ""
    return ExchangeError(
        "menda-not-listed",
        f"{registry.realm.host} is not among the repositories that menda cloud's token is for",
        why=f"it is for {plain(', '.join(hosts[:5]))}{more}",
        do="correct the index's address, or ask whoever runs your menda cloud for access to it",
    )


def _told(response: Response, secret: Secret) -> str:
    """The server's words without the secret, however short it is, and however it is written."""
    from urllib.parse import quote, quote_plus

    text = secret.reveal()
    body = response.body.decode("utf-8", "replace")
    shapes = {text, quote(text), quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1]}
    for shape in sorted(shapes, key=len, reverse=True):
        body = body.replace(shape, "****")
    return response._replace(body=body.encode()).reason()
