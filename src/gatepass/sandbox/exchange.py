"""The token exchange (RFC 8693): a subject token comes in, a Package Manager token goes out."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from . import subject
from .issuer import Issuer
from .messages import Answer, Incoming, as_json, wrong_method
from .passes import Passes

_FORM = "application/x-www-form-urlencoded"
_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_SUBJECT_TYPE = "urn:ietf:params:oauth:token-type:id_token"
_ISSUED_TYPE = "urn:ietf:params:oauth:token-type:access_token"
_FIELDS = ("grant_type", "subject_token", "subject_token_type")
# RFC 6749 section 5.1: an answer with a token in it must not rest in a cache.
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class _Error(Exception):
    """An error answer: `code` from RFC 6749 section 5.2 and a description."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


class Exchange:
    """The endpoint; it trusts the issuers of `federation`, each for the one audience.

    `lifetime` in seconds. `include_expires_in`: whether the answer says it. `refuse_replay`:
    whether a subject token with a `jti` works once only. It does not authenticate the client, and
    ignores fields it does not know (RFC 6749 section 3.2) beyond refusing them twice.
    """

    def __init__(
        self, federation: Sequence[Issuer], passes: Passes, audience: str, lifetime: int
    ) -> None:
        self.include_expires_in = False
        self.refuse_replay = False
        self._federation = federation
        self._passes = passes
        self._audience = audience
        self._lifetime = lifetime
        self._lock = threading.Lock()
        self._used: set[str] = set()

    def answer(self, incoming: Incoming) -> Answer:
        """200 with a token, or 400 with `error` and `error_description`; 405 unless POST."""
        refused = wrong_method(incoming, "POST")
        if refused is not None:
            return refused
        # Nobody authenticates here; what came along was meant for someone else.
        aside = (
            ", an Authorization header came along" if "Authorization" in incoming.headers else ""
        )
        try:
            claims = self._verified(_fields(incoming)["subject_token"])
        except _Error as error:
            body = {"error": error.code, "error_description": str(error)}
            return as_json(400, body, headers=_NO_STORE, note=str(error) + aside)
        success: dict[str, object] = {
            "access_token": self._passes.short_lived(claims["sub"], self._lifetime),
            "issued_token_type": _ISSUED_TYPE,
            "token_type": "Bearer",
        }
        if self.include_expires_in:
            success["expires_in"] = self._lifetime
        who = f"subject {claims['sub']}, issuer {claims['iss']}"
        return as_json(200, success, headers=_NO_STORE, note=f"{who}{aside}")

    def _verified(self, token: str) -> dict[str, Any]:
        try:
            claims = subject.verify(
                token,
                trusted={issuer.url: issuer.published for issuer in self._federation},
                audience=self._audience,
                now=time.time(),
            )
        except subject.Refused as error:
            raise _Error("invalid_grant", str(error)) from None
        jti = claims.get("jti")
        if isinstance(jti, str):
            with self._lock:
                used = jti in self._used
                self._used.add(jti)
            if used and self.refuse_replay:
                raise _Error("invalid_grant", "token was already used")
        return claims


def _fields(incoming: Incoming) -> dict[str, str]:
    """The form's fields, each there once and each right but for the token itself."""
    if incoming.headers.get_content_type() != _FORM:
        raise _Error("invalid_request", f"the content type is not {_FORM}")
    try:
        pairs = parse_qsl(incoming.body.decode("ascii"), True, strict_parsing=bool(incoming.body))
    except ValueError:
        raise _Error("invalid_request", "the body is not a form") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _Error("invalid_request", "a field is repeated")
    for name in _FIELDS:
        if not fields.get(name):
            raise _Error("invalid_request", f"the field {name} is missing")
    if fields["grant_type"] != _GRANT:
        raise _Error("unsupported_grant_type", "only a token exchange is supported")
    if fields["subject_token_type"] != _SUBJECT_TYPE:
        raise _Error("invalid_request", "the subject_token_type is not supported")
    return fields
