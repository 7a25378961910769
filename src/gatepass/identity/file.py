"""A token that somebody else fetched: in a file, or in a variable.

``PACKAGEMANAGER_IDENTITY_TOKEN_FILE`` is the replaced tool's own; the others are ours. Who
issued it is written in the token alone, unless GATEPASS_TRUSTED_ISSUERS says more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatepass import files, peek
from gatepass.errors import IdentityError, plain
from gatepass.identity import gitlab
from gatepass.identity.base import Unable
from gatepass.identity.variable import LARGEST, in_variable
from gatepass.secret import Secret
from gatepass.settings.environment import Environment, read
from gatepass.settings.registries import variable_of

if TYPE_CHECKING:
    from gatepass.settings import Registry
    from gatepass.transport import Deadline, Transport

_DROP_IN = "PACKAGEMANAGER_IDENTITY_TOKEN_FILE"

_WRITE = "write the identity token there before this step"
_OTHER = "check that it is the right file: an identity token is a line of some 2,000 characters"


class TokenFile:
    """A token in the file ``path``, or, where that is empty, in the variable ``origin``."""

    name = "file"
    can_remint = False
    presents_token = True
    role_arn = ""

    def __init__(
        self,
        origin: str,
        path: str,
        value: Secret,
        *,
        audience_is_unsaid: bool = False,
        issuers: tuple[str, ...] = (),
    ) -> None:
        self.origin, self.path, self.value = origin, path, value
        self.audience_is_unsaid, self.issuers = audience_is_unsaid, issuers

    @property
    def label(self) -> str:
        return f"the token in {self.origin}"

    def fingerprint(self) -> str:
        """The token itself: another token is another identity."""
        return self._read().reveal()

    def subject_token(self, audience: str, transport: Transport, deadline: Deadline) -> Secret:
        """What the file holds now: it is read anew each time, since its owner may replace it.

        ``audience`` can't be chosen here; it is checked later like every token's.
        """
        return self._read()

    def _read(self) -> Secret:
        if not self.path:
            return self.value
        try:
            data = files.read(self.path, LARGEST + 1)
        except FileNotFoundError:
            raise self._error("token-file-missing", "and there is no such file") from None
        except IsADirectoryError:
            do = "name the token's file in it"
            raise self._error("token-file-folder", "which is a folder", do) from None
        except OSError as error:
            reason = f"which can't be read: {error.strerror}"
            do = "let this user read it"
            raise self._error("token-file-unreadable", reason, do) from None
        if not data.strip():
            raise self._error("token-file-empty", "which is empty")
        if len(data) > LARGEST:
            reason = f"which has more than {LARGEST} bytes"
            raise self._error("token-file-too-large", reason, _OTHER)
        try:
            return Secret(data.decode("ascii").strip())
        except UnicodeDecodeError:
            reason = "which holds no JWT: it is not plain ASCII"
            raise self._error("not-a-jwt", reason, _OTHER) from None

    def _error(self, code: str, what: str, do: str = _WRITE) -> IdentityError:
        return IdentityError(
            code,
            f"{self.origin} names {plain(self.path)}, {what}",
            do=f"{do}, or unset {self.origin}",
        )


def detect(env: Environment, registry: Registry) -> TokenFile | Unable | None:
    """The first of the variables that is set.

    Their order: ``GATEPASS_ID_TOKEN_<NAME>``, which names this registry; the replaced tool's
    file; ``GATEPASS_ID_TOKEN``; ``GATEPASS_ID_TOKEN_FILE``. One that is set to nothing is
    remembered: it is how a CI system passes a token that it failed to make.
    """
    named = f"GATEPASS_ID_TOKEN_{variable_of(registry.name)}"
    server = gitlab.issuer(env)
    issuers = (server,) if server else ()  # in a GitLab job, what was passed must be by that GitLab
    token = in_variable(env, named)
    if token:
        return TokenFile(named, "", token, issuers=issuers)
    drop_in = (_DROP_IN,) if registry.kind == "packagemanager" else ()
    path = read(env, _DROP_IN) if drop_in else ""
    if path:
        # Its users never said an audience; but only the one address was theirs.
        unsaid = registry.is_drop_in and registry.audience is None
        return TokenFile(_DROP_IN, path, Secret(""), audience_is_unsaid=unsaid)
    token = in_variable(env, "GATEPASS_ID_TOKEN")
    if token and not (server and _gitlab_has_a_better_one(env, registry, token)):
        return TokenFile("GATEPASS_ID_TOKEN", "", token, issuers=issuers)
    path = read(env, "GATEPASS_ID_TOKEN_FILE")
    if path:
        return TokenFile("GATEPASS_ID_TOKEN_FILE", path, Secret(""), issuers=issuers)
    if token:
        return None
    names = (*drop_in, named, "GATEPASS_ID_TOKEN", "GATEPASS_ID_TOKEN_FILE")
    empty = [name for name in names if name in env]
    return Unable("file", empty[0], _empty(empty[0])) if empty else None


def _gitlab_has_a_better_one(env: Environment, registry: Registry, token: Secret) -> bool:
    """Whether GATEPASS_ID_TOKEN is for another registry, and the job has one for this."""
    audience = registry.expected_audience
    if "aud" not in peek.claims(token.reveal()):
        return False  # it is no token at all: whoever passed it must hear of that
    other = in_variable(env, gitlab.by_audience(audience))
    return other is not None and not peek.is_for(token.reveal(), audience)


def _empty(name: str) -> IdentityError:
    return IdentityError(
        "token-variable-empty",
        f"{name} is set, and empty",
        why="the step that should have made the token made none",
        do=f"look at where {name} comes from, or unset it",
    )
