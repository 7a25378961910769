"""AWS CodeArtifact for whoever has a subject token: a role's keys, and for them the domain's token.

Two POSTs and no AWS SDK. The keys live as long as this call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatepass.exchange.endpoints import endpoints

if TYPE_CHECKING:
    from gatepass.credential import Credential
    from gatepass.exchange.base import Request
    from gatepass.settings import Environment, Registry

USERNAME = "aws"


def username_for(asked: str | None) -> str:
    """The name that was asked for, else ``aws``: CodeArtifact looks at the token alone."""
    return asked or USERNAME


def endpoint(registry: Registry, env: Environment) -> str:
    """STS' address and CodeArtifact's, with a space between."""
    return str(endpoints(registry, env))


def exchange(request: Request) -> Credential:
    """The domain's token for a subject token. Raises what :mod:`~gatepass.exchange.sts` and
    :mod:`~gatepass.exchange.authorization` raise."""
    from gatepass.exchange.authorization import authorize  # not on the warm path, which only asks
    from gatepass.exchange.sts import assume  # the two above

    request = request._replace(transport=request.transport.for_aws())
    return authorize(request, assume(request))
