"""Package Manager's own login, as pak and posit-keyring do it.

Forms to ``/__api__/device`` and ``/__api__/device_access``; Package Manager adds its own client
towards its provider, so the ID token is for a client that we never learn.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from gatepass import peek
from gatepass.errors import TrustError
from gatepass.login import device, pkce
from gatepass.login.device import Invitation, Tokens

if TYPE_CHECKING:
    from typing import Any

    from gatepass.settings import Registry
    from gatepass.transport import Deadline, Response, Transport

_LARGEST = 16 * 1024
"""Characters of an ID token, as for every subject token."""
_LEEWAY = 60.0
"""Seconds that two clocks may differ."""
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_DO = "run it again; if it lasts, tell whoever runs the server"


class PackageManagerFlow:
    """One login at a registry's own address; satisfies :class:`gatepass.login.device.Flow`."""

    def __init__(self, registry: Registry, transport: Transport) -> None:
        self.name = registry.url
        self._http = registry.realm.scheme == "http"
        self._transport = transport
        self._proof = pkce.new()

    def begin(self, deadline: Deadline) -> Invitation:
        """Ask for a code. Raises IdentityError and TransportError, as the protocol says."""
        response = self._transport.send(
            "POST",
            f"{self.name}/__api__/device",
            headers=lambda: {"Accept": "application/json"},
            form=lambda: {
                "code_challenge_method": pkce.METHOD,
                "code_challenge": self._proof.challenge,
            },
            deadline=deadline,
            allow_http=self._http,
        )
        return device.invitation(response, self.name)

    def poll(self, invitation: Invitation, deadline: Deadline) -> Response:
        """One request; the server may hold it until the person is done. Raises TransportError."""
        return self._transport.send(
            "POST",
            f"{self.name}/__api__/device_access",
            headers=lambda: {"Accept": "application/json"},
            form=lambda: {
                "device_code": invitation.device_code.reveal(),
                "code_verifier": self._proof.verifier.reveal(),
            },
            deadline=deadline,
            attempts=1,
            allow_http=self._http,
        )

    def tokens(self, told: dict[str, Any]) -> Tokens:
        """The ID token of the last answer; there are no refresh tokens here.

        It is for a client that we don't know, and goes back to where it came from, so only its
        form, its size and its end are checked. Raises TrustError and IdentityError.
        """
        token = device.id_token(told, self.name)
        _check(token.reveal(), time.time())
        return Tokens(token)


def _check(token: str, now: float) -> None:
    if len(token) > _LARGEST:
        raise TrustError(
            "token-too-large", f"the login's ID token has more than {_LARGEST} characters", do=_DO
        )
    if not _FORM.fullmatch(token):
        raise TrustError(
            "not-a-jwt",
            "what the login gave is not a signed JWT",
            why="it isn't three parts of base64url with dots between",
            do=_DO,
        )
    ends = peek.claims(token).get("exp")
    if isinstance(ends, bool) or not isinstance(ends, int | float):
        raise TrustError("claim-missing", "the login's ID token has no `exp`", do=_DO)
    if not ends > now - _LEEWAY:
        raise TrustError(
            "token-expired",
            "the ID token that the login gave has expired",
            do="check this machine's clock; if it is right, tell whoever runs the server",
        )
