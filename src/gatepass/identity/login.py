"""A person's login: what they logged in with before, or will if they can be reached.

Here only whether it may speak is said; :mod:`gatepass.signin` does the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatepass.errors import IdentityError
from gatepass.identity.base import Unable
from gatepass.secret import Secret
from gatepass.settings.environment import Environment, in_ci, read

if TYPE_CHECKING:
    from gatepass.settings import Login, Registry
    from gatepass.transport import Deadline, Transport

_FILE = "PACKAGEMANAGER_SSO_TOKEN_FILE"


class PersonsLogin:
    """A login at Package Manager's own provider (``provider`` None) or at another one's."""

    name = "login"
    label = "your login"
    can_remint = False
    audience_is_unsaid = False
    presents_token = False

    def __init__(self, origin: str, provider: Login | None, role_arn: str = "") -> None:
        self.origin, self.provider, self.role_arn = origin, provider, role_arn

    @property
    def issuers(self) -> tuple[str, ...]:
        return (self.provider.issuer,) if self.provider else ()

    def fingerprint(self) -> str:
        """Whoever may read the private folder is the person who logged in."""
        return f"{self.provider.issuer} {self.provider.client_id}" if self.provider else ""

    def subject_token(self, audience: str, transport: Transport, deadline: Deadline) -> Secret:
        raise AssertionError("a login's token is got by gatepass.signin")


def detect(env: Environment, registry: Registry) -> PersonsLogin | Unable | None:
    """A candidate outside of CI and pods; inside of them only where it was asked for by name."""
    named = bool(read(env, _FILE)) and registry.kind == "packagemanager"
    chosen = registry.identity == "login"
    if (in_ci(env) or read(env, "KUBERNETES_SERVICE_HOST")) and not (named or chosen):
        return None
    if registry.kind == "codeartifact" and registry.login is None:
        return Unable("login", "your login", _no_provider()) if chosen else None
    if registry.login:
        return PersonsLogin("GATEPASS_LOGIN_ISSUER", registry.login)
    return PersonsLogin(_FILE if named else registry.source, None)


def _no_provider() -> IdentityError:
    return IdentityError(
        "login-no-provider",
        "there is nobody to log in with for AWS CodeArtifact",
        why="it has no login of its own; an OpenID provider that AWS trusts can stand in",
        do="set GATEPASS_LOGIN_ISSUER and GATEPASS_LOGIN_CLIENT_ID, or choose\n"
        "GATEPASS_IDENTITY=aws",
    )
