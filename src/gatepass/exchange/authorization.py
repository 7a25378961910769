"""AWS CodeArtifact's GetAuthorizationToken: a domain's token for AWS keys.

One signed POST with everything in its query. The token opens every repository of the domain that
the keys' principal may read, in every format.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gatepass.credential import Credential, life_of
from gatepass.errors import ExchangeError
from gatepass.exchange import awsreply
from gatepass.exchange.authorizationrefusal import refused
from gatepass.exchange.codeartifact import USERNAME
from gatepass.exchange.endpoints import endpoints
from gatepass.exchange.reply import usable_secret
from gatepass.exchange.sigv4 import Keys, query_string, signed

if TYPE_CHECKING:
    from gatepass.exchange.base import Request

_PATH = "/v1/authorization-token"
_UNTIL_MORNING = 3600
"""Seconds, where the keys have no end of their own: a token can't be called back."""

_FARTHEST = 1e12
"""Epoch seconds that can be a date."""


def authorize(request: Request, keys: Keys) -> Credential:
    """The domain's token. It lives as long as AWS says, or 5 minutes where that can't be read.

    ``duration``: what the registry says; else 0 for keys with a session, so that the token ends
    with it (by default it would outlive it by up to 12 hours); else an hour. Raises IdentityError
    for keys that can't be any, ExchangeError with AWS' own words, TransportError where nothing
    came back.
    """
    registry = request.registry
    keys.check()
    domain, at = registry.domain, endpoints(registry, request.env).codeartifact
    duration = registry.duration
    if duration is None:
        duration = 0 if keys.session_token else _UNTIL_MORNING
    query = (("domain", domain.name), ("domain-owner", domain.owner), ("duration", str(duration)))
    path = at.prefix + _PATH
    response = request.transport.send(
        "POST",
        f"{at.origin}{path}?{query_string(query)}",
        headers=lambda: signed(
            keys,
            "POST",
            at.origin.partition("://")[2],
            path,
            query,
            region=domain.region,
            service="codeartifact",
            now=time.time(),
        ),
        deadline=request.deadline,
    )
    received = time.time()
    if response.status != 200:
        raise refused(awsreply.problem(response, response.sent), request, response)
    reply = response.json_object()
    token, expiration = reply.get("authorizationToken"), reply.get("expiration")
    if not isinstance(token, str) or not token:
        raise ExchangeError(
            "codeartifact-no-token",
            f"{at} answered, and gave no token",
            why="its answer has no authorizationToken",
            do="check AWS_ENDPOINT_URL_CODEARTIFACT and AWS_ENDPOINT_URL, and whether a proxy\n"
            "answers instead",
        )
    left = None
    if isinstance(expiration, int | float) and 0 < expiration < _FARTHEST:  # no float holds any int
        left = expiration - received
    life = life_of(left, None)
    return Credential(USERNAME, usable_secret(token, str(at)), received, received + life)
