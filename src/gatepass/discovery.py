"""An issuer's metadata (OpenID Connect Discovery 1.0 section 4): where its keys are."""

from __future__ import annotations

from typing import Any

from gatepass.errors import TransportError, TrustError, plain
from gatepass.realm import is_loopback, realm_of
from gatepass.transport import Deadline, Transport

_PATH = "/.well-known/openid-configuration"


def jwks_uri(issuer: str, transport: Transport, deadline: Deadline) -> str:
    """The address of the issuer's key set. Raises what :func:`metadata` and :func:`address` do."""
    return address(metadata(issuer, transport, deadline), "jwks_uri", issuer)


def metadata(issuer: str, transport: Transport, deadline: Deadline) -> dict[str, Any]:
    """The issuer's whole document; of its members, only ``issuer`` is checked.

    Raises TransportError where nothing usable came; TrustError (issuer-metadata) where the
    document names another issuer (compared byte for byte, section 4.3).
    """
    # The slash is taken off for building the address only: `iss` is compared as it is.
    response = transport.send("GET", issuer.removesuffix("/") + _PATH, deadline=deadline)
    document = response.json_object() if response.status == 200 else {}
    if not document:
        raise TransportError(
            "unreachable",
            f"{plain(issuer, 200)} has no metadata (HTTP {response.status})",
            why=response.reason(),
            do=f"check that it is the right issuer, and what answers at its address with\n"
            f"{_PATH} behind it",
        )
    if document.get("issuer") != issuer:
        raise TrustError(
            "issuer-metadata",
            f"the metadata of {plain(issuer, 200)} is somebody else's",
            why=f"it names the issuer {plain(document.get('issuer'), 200)}",
            do="the issuer's own settings are wrong: tell whoever runs it",
        )
    return document


def address(document: dict[str, Any], member: str, issuer: str) -> str:
    """An address that the document names.

    Raises TrustError (issuer-metadata) for one that is neither https nor, for an issuer on this
    machine, on this machine.
    """
    found = str(document.get(member, ""))
    try:
        realm = realm_of(found.partition("?")[0])
        if realm.scheme != "https" and not (
            is_loopback(realm.host) and is_loopback(realm_of(issuer).host)
        ):
            raise ValueError("it is not https")
    except ValueError as error:
        raise TrustError(
            "issuer-metadata",
            f"{plain(issuer, 200)} names no usable address as {member}: {plain(found, 200)}",
            why=str(error),
            do="the issuer's own settings are wrong: tell whoever runs it",
        ) from None
    return found
