"""AWS CodeArtifact for whoever has AWS keys already: from the environment, or by boto3's own chain.

The chain (profiles, SSO, assumed roles, processes, containers, instances) is botocore's, and is
loaded only where it is needed: keys that stand in the environment are read without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatepass.exchange.codeartifact import endpoint, username_for

if TYPE_CHECKING:
    from gatepass.credential import Credential
    from gatepass.exchange.base import Request

__all__ = ["endpoint", "exchange", "username_for"]


def exchange(request: Request) -> Credential:
    """The domain's token for the keys that are there.

    A profile that the registry names outranks keys in the environment; AWS_PROFILE doesn't, in
    all AWS SDKs. Raises IdentityError where no keys are to be had, and what
    :mod:`~gatepass.exchange.authorization` raises.
    """
    from gatepass.exchange import chain
    from gatepass.exchange.authorization import authorize
    from gatepass.exchange.environmentkeys import keys_in

    keys = None if request.registry.profile else keys_in(request.env)
    if keys is None:
        keys = chain.keys(request)
    return authorize(request._replace(transport=request.transport.for_aws()), keys)
