"""Any OpenID provider's login: the device flow by discovery, and silent renewal.

We are a public client: a client id, no secret, PKCE (RFC 7636) beside the device code. The ID
token is not verified here, that is :mod:`gatepass.trust`'s work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gatepass import discovery
from gatepass.login import device, pkce
from gatepass.login.device import Invitation, Tokens
from gatepass.secret import Secret

if TYPE_CHECKING:
    from gatepass.settings import Login
    from gatepass.transport import Deadline, Response, Transport

_DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
_JSON = {"Accept": "application/json"}


class Endpoints(NamedTuple):
    """Of one provider: where a login begins (empty: it has no device flow), and where it ends."""

    device: str
    token: str


def endpoints(provider: Login, transport: Transport, deadline: Deadline) -> Endpoints:
    """What the provider's metadata names, https (or on this machine, like the provider itself).

    Raises TransportError; TrustError (issuer-metadata) for another's document or a bad address.
    """
    document = discovery.metadata(provider.issuer, transport, deadline)
    begins = ""
    if document.get("device_authorization_endpoint"):
        begins = discovery.address(document, "device_authorization_endpoint", provider.issuer)
    return Endpoints(begins, discovery.address(document, "token_endpoint", provider.issuer))


class ProviderFlow:
    """One login at a provider; satisfies :class:`gatepass.login.device.Flow`.

    ``renewable``: ask for a refresh token too, because there is a place to keep it.
    """

    def __init__(self, provider: Login, transport: Transport, *, renewable: bool) -> None:
        self.name = provider.issuer
        self._provider, self._transport, self._renewable = provider, transport, renewable
        self._proof = pkce.new()
        self._endpoints = Endpoints("", "")

    def begin(self, deadline: Deadline) -> Invitation:
        """Ask for a code. Raises IdentityError and TransportError, as the protocol says; TrustError
        (issuer-metadata), as :func:`endpoints` does."""
        self._endpoints = endpoints(self._provider, self._transport, deadline)
        if not self._endpoints.device:
            raise device.not_offered(
                self.name, "its metadata names no device_authorization_endpoint"
            )
        response = self._authorize(
            "openid offline_access" if self._renewable else "openid", deadline
        )
        # Not every provider gives every client a refresh token; the login doesn't need one.
        if self._renewable and response.json_object().get("error") == "invalid_scope":
            response = self._authorize("openid", deadline)
        return device.invitation(response, self.name)

    def _authorize(self, scope: str, deadline: Deadline) -> Response:
        return self._transport.send(
            "POST",
            self._endpoints.device,
            headers=lambda: _JSON,
            form=lambda: {
                "client_id": self._provider.client_id,
                "scope": scope,
                "code_challenge_method": pkce.METHOD,
                "code_challenge": self._proof.challenge,
            },
            deadline=deadline,
        )

    def poll(self, invitation: Invitation, deadline: Deadline) -> Response:
        """One request. Raises TransportError where its fate is unknown."""
        return self._transport.send(
            "POST",
            self._endpoints.token,
            headers=lambda: _JSON,
            form=lambda: {
                "grant_type": _DEVICE_CODE,
                "device_code": invitation.device_code.reveal(),
                "client_id": self._provider.client_id,
                "code_verifier": self._proof.verifier.reveal(),
            },
            deadline=deadline,
            attempts=1,
        )

    def tokens(self, told: dict[str, Any]) -> Tokens:
        """The ID token of the last answer, and a refresh token if there is one."""
        return Tokens(device.id_token(told, self.name), _refresh_token(told))


def renew(
    provider: Login, refresh_token: Secret, transport: Transport, deadline: Deadline
) -> Tokens | None:
    """A new ID token without the person (RFC 6749 section 6; OpenID Connect Core section 12).

    None: the refresh token is no good any more. It is sent once only: a provider that replaces it
    may take a second use for a thief's, and end the login. Raises IdentityError (login-refused,
    login-no-id-token), TransportError, TrustError.
    """
    response = transport.send(
        "POST",
        endpoints(provider, transport, deadline).token,
        headers=lambda: _JSON,
        form=lambda: {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token.reveal(),
            "client_id": provider.client_id,
        },
        deadline=deadline,
        attempts=1,
    )
    told = response.json_object()
    if told.get("error") == "invalid_grant":
        return None
    if response.status != 200 or told.get("error"):
        raise device.refused(provider.issuer, response)
    return Tokens(device.id_token(told, provider.issuer), _refresh_token(told))


def _refresh_token(told: dict[str, Any]) -> Secret | None:
    token = told.get("refresh_token")
    return Secret(token) if isinstance(token, str) and token else None
