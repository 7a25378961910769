"""What the provider for people answers a device: an authorization, then tokens, then new ones."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from . import codes, oauth
from .logins import Login

if TYPE_CHECKING:
    from .idp import Idp

#: Seconds between two polls where nobody says otherwise (RFC 8628 section 3.2).
DEFAULT_INTERVAL = 5.0

_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_REFRESH = "refresh_token"
_SCOPES = ("openid", "offline_access", "profile", "email")


def authorize(idp: Idp, fields: dict[str, str]) -> dict[str, object]:
    """RFC 8628 section 3.1, with PKCE if the client wants it; Refused for what is wrong."""
    _identify(idp, fields)
    scopes = _scopes(fields.get("scope", ""), _SCOPES)
    challenge = codes.challenge(fields, needed=False)
    return idp.device(idp.client_id, scopes, challenge, idp.interval, idp.expires_in)


def tokens(idp: Idp, fields: dict[str, str]) -> dict[str, object]:
    """The grants device_code and refresh_token; Refused for anything else or for what is wrong."""
    oauth.required(fields, "grant_type")
    _identify(idp, fields)
    if fields["grant_type"] == _DEVICE:
        return _collected(idp, fields)
    if fields["grant_type"] == _REFRESH:
        return _renewed(idp, fields)
    raise oauth.Refused("unsupported_grant_type", f"the grants are {_DEVICE} and {_REFRESH}")


def _collected(idp: Idp, fields: dict[str, str]) -> dict[str, object]:
    """RFC 8628 section 3.4; a refresh token comes with `offline_access` alone."""
    oauth.required(fields, "device_code")
    verifier = fields.get("code_verifier", "")
    code = idp.codes.collect(fields["device_code"], idp.client_id, verifier)
    login = Login(idp.client_id, code.scopes, int(idp.issuer.now()))
    refresh = idp.logins.token(login) if "offline_access" in code.scopes else ""
    return _answer(idp, login, login.scopes, refresh)


def _renewed(idp: Idp, fields: dict[str, str]) -> dict[str, object]:
    """RFC 6749 section 6: the same scopes, or fewer of them."""
    oauth.required(fields, _REFRESH)
    token = fields[_REFRESH]
    login = idp.logins.known(token, idp.client_id)
    scopes = _scopes(fields["scope"], login.scopes) if "scope" in fields else login.scopes
    if idp.rotates:
        token = idp.logins.replace(token, idp.client_id)
    return _answer(idp, login, scopes, token)


def _answer(idp: Idp, login: Login, scopes: tuple[str, ...], refresh: str) -> dict[str, object]:
    answer: dict[str, object] = {
        "access_token": secrets.token_urlsafe(32),  # opens nothing: there is no userinfo here
        "token_type": "Bearer",
        "expires_in": idp.id_token_lifetime,
        "scope": " ".join(scopes),
    }
    if "openid" in scopes:
        answer["id_token"] = idp.id_token(login.client, login.at)
    return {**answer, "refresh_token": refresh} if refresh else answer


def _identify(idp: Idp, fields: dict[str, str]) -> None:
    """A public client says who it is and proves nothing (RFC 6749 section 3.2.1)."""
    oauth.required(fields, "client_id")
    if fields["client_id"] != idp.client_id:
        raise oauth.Refused("invalid_client", "the client is unknown", 401)


def _scopes(text: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(text.split()))
    if not set(wanted) <= set(allowed):
        raise oauth.Refused("invalid_scope", f"the scopes are {' '.join(allowed)}")
    return wanted
