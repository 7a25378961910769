"""Which AWS role belongs to which identity. A role is only ever presented with its own token.

``GATEPASS_ROLE_ARN``, or the registry's ``role_arn``, names the job's. ``AWS_ROLE_ARN`` names the
role of whatever it was set for: a cluster injects it into every pod beside that pod's own token,
a CI runner's pod among them, and there it is the runner's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gatepass.errors import IdentityError
from gatepass.identity.base import Detector, Identity, Unable
from gatepass.settings.environment import Environment, in_ci, read

if TYPE_CHECKING:
    from gatepass.settings import Registry


def of_the_job(env: Environment, registry: Registry) -> str:
    """The role that was named for us; empty where none was."""
    return registry.role_arn or read(env, "GATEPASS_ROLE_ARN")


def of_the_pod(env: Environment, registry: Registry) -> str:
    """The role for a pod's projected token: the one that was named for us, else the pod's own."""
    return of_the_job(env, registry) or read(env, "AWS_ROLE_ARN")


def of_the_file(env: Environment, registry: Registry, *, injected: bool) -> str:
    """The role for AWS_WEB_IDENTITY_TOKEN_FILE. In a CI job an injected token is the runner's, and
    the role that was named for us is the job's: they are not put together."""
    if injected and in_ci(env):
        return read(env, "AWS_ROLE_ARN")
    return of_the_pod(env, registry)


def missing(label: str, registry: Registry) -> IdentityError:
    """The error of an identity that AWS could know, if only we knew the role to ask for."""
    return IdentityError(
        "no-role",
        f"{label} could speak for {registry.url}, and no AWS role is known for it",
        why="AWS gives a job's identity nothing but a role that trusts it",
        do="set GATEPASS_ROLE_ARN=arn:aws:iam::<account>:role/<name>, or role_arn for this\n"
        "registry in config.toml. AWS_ROLE_ARN is not it: a cluster sets that for its pods",
    )


class WithRole:
    """A detector whose candidate needs an AWS role, and can't act without one."""

    def __init__(
        self, detector: Detector, pick: Callable[[Environment, Registry], str] = of_the_job
    ) -> None:
        self._detector, self._pick = detector, pick

    def detect(self, env: Environment, registry: Registry) -> Identity | Unable | None:
        """The candidate with its role; why it can't act; or None: not here."""
        found = self._detector.detect(env, registry)
        if found is None or isinstance(found, Unable):
            return found
        arn = self._pick(env, registry)
        if not arn:
            return Unable(found.name, found.label, missing(found.label, registry))
        found.role_arn = arn
        return found
