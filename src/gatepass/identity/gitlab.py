"""GitLab CI: tokens in variables that the job's ``id_tokens:`` names, one for each audience.

They are minted when the job starts and never again. Source: docs.gitlab.com, "OpenID Connect (OIDC)
authentication using ID tokens".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatepass import peek
from gatepass.errors import IdentityError
from gatepass.identity.base import Unable
from gatepass.identity.variable import in_variable
from gatepass.secret import Secret
from gatepass.settings.environment import Environment, read
from gatepass.settings.registries import variable_of

if TYPE_CHECKING:
    from gatepass.settings import Registry
    from gatepass.transport import Deadline, Transport

_PUBLIC = "https://gitlab.com"


class GitLabCI:
    """One of the job's tokens, and the GitLab that must have issued it."""

    name = "gitlab"
    label = "GitLab CI"
    can_remint = False
    audience_is_unsaid = False
    presents_token = True
    role_arn = ""

    def __init__(self, origin: str, value: Secret, server: str) -> None:
        self.origin, self.value, self.issuers = origin, value, (server,)

    def fingerprint(self) -> str:
        """The token itself: it belongs to one job."""
        return self.value.reveal()

    def subject_token(self, audience: str, transport: Transport, deadline: Deadline) -> Secret:
        """The job's token; its audience was chosen in the job's YAML, and is checked later."""
        return self.value


def detect(env: Environment, registry: Registry) -> GitLabCI | Unable | None:
    """The job's token for this registry's audience; without one, the first that is there.

    Where to look: ``GATEPASS_ID_TOKEN_<NAME>``, ``GATEPASS_ID_TOKEN``, ``<AUDIENCE>_ID_TOKEN``.
    """
    server = issuer(env)
    if server is None:
        return None
    audience = registry.expected_audience
    names = (
        f"GATEPASS_ID_TOKEN_{variable_of(registry.name)}",
        "GATEPASS_ID_TOKEN",
        by_audience(audience),
    )
    tokens = [(name, token) for name in names if (token := in_variable(env, name))]
    if not tokens:
        return Unable("gitlab", "GitLab CI", _no_token(audience))
    fitting = [pair for pair in tokens if peek.is_for(pair[1].reveal(), audience)]
    name, token = (fitting or tokens)[0]
    return GitLabCI(name, token, server)


def issuer(env: Environment) -> str | None:
    """Who issues this GitLab job's tokens; None where this is no GitLab job."""
    if env.get("GITLAB_CI") != "true":
        return None
    return read(env, "CI_SERVER_URL").rstrip("/") or _PUBLIC


def by_audience(audience: str) -> str:
    """The variable that a token for this audience is conventionally called (as PyPI's and
    sigstore's tools expect it): ``https://a.b`` is ``HTTPS___A_B_ID_TOKEN``."""
    return re.sub(r"[^A-Z0-9_]|^[^A-Z_]", "_", audience.upper()) + "_ID_TOKEN"


def _no_token(audience: str) -> IdentityError:
    return IdentityError(
        "gitlab-no-token",
        f"this GitLab job has no identity token for {audience}",
        why="GitLab makes one only where the job asks for it",
        do=f"add this to the job, then run it again:\n"
        f"id_tokens:\n  GATEPASS_ID_TOKEN:\n    aud: {audience}",
    )
