"""``AWS_WEB_IDENTITY_TOKEN_FILE``: a token for AWS, as its SDKs read it.

Where the user set it, it is a token file like others. Where a cluster injected it (EKS does, into
every pod), it is the pod's own identity, and comes in that one's place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatepass import pod
from gatepass.identity import role
from gatepass.identity.base import Unable
from gatepass.identity.file import TokenFile
from gatepass.identity.kubernetes import Pod
from gatepass.secret import Secret
from gatepass.settings.environment import Environment, read

if TYPE_CHECKING:
    from gatepass.settings import Registry

_VARIABLE = "AWS_WEB_IDENTITY_TOKEN_FILE"
_INJECTED = ("/var/run/secrets/", "/run/secrets/eks.amazonaws.com/")


def detect(env: Environment, registry: Registry) -> TokenFile | Unable | None:
    """The file that the user named; None where a cluster did."""
    path = read(env, _VARIABLE)
    if not path or path.startswith(_INJECTED):
        return None
    found = TokenFile(_VARIABLE, path, Secret(""), audience_is_unsaid=registry.audience is None)
    found.role_arn = role.of_the_file(env, registry, injected=False)
    return (
        found
        if found.role_arn
        else Unable("file", found.label, role.missing(found.label, registry))
    )


def detect_injected(env: Environment, registry: Registry) -> Pod | Unable | None:
    """The pod whose cluster injected the file; None outside of one."""
    path = read(env, _VARIABLE)
    if not path.startswith(_INJECTED):
        return None
    found = Pod(
        _VARIABLE,
        path,
        registry.expected_audience,
        pod.own_issuer(env),
        audience_is_unsaid=registry.audience is None,
    )
    found.role_arn = role.of_the_file(env, registry, injected=True)
    return (
        found
        if found.role_arn
        else Unable("kubernetes", found.label, role.missing(found.label, registry))
    )
