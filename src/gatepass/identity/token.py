"""``PACKAGEMANAGER_TOKEN``: a ready-made API token. Nothing is exchanged, nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatepass.secret import Secret
from gatepass.settings.environment import Environment, read

if TYPE_CHECKING:
    from gatepass.settings import Registry
    from gatepass.transport import Deadline, Transport

_VARIABLE = "PACKAGEMANAGER_TOKEN"


class ReadyToken:
    """The API token. :mod:`gatepass.resolve` uses it as it is: it is no subject token."""

    name = "token"
    label = _VARIABLE
    origin = _VARIABLE
    can_remint = False
    issuers: tuple[str, ...] = ()
    audience_is_unsaid = True
    presents_token = False
    role_arn = ""

    def __init__(self, secret: Secret) -> None:
        self.secret = secret

    def fingerprint(self) -> str:
        return self.secret.reveal()

    def subject_token(self, audience: str, transport: Transport, deadline: Deadline) -> Secret:
        raise AssertionError("PACKAGEMANAGER_TOKEN is a credential, and is never exchanged")


def detect(env: Environment, registry: Registry) -> ReadyToken | None:
    """A candidate for the registry at PACKAGEMANAGER_ADDRESS, and for no other."""
    value = read(env, _VARIABLE) if registry.is_drop_in else ""
    return ReadyToken(Secret(value)) if value else None
