"""The token exchange (RFC 8693): a subject token comes in, a Package Manager token goes out."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from . import oauth, subject
from .issuer import Issuer
from .messages import Answer, Incoming, wrong_method
from .outside import Outside
from .passes import Passes

_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_SUBJECT_TYPE = "urn:ietf:params:oauth:token-type:id_token"
_ISSUED_TYPE = "urn:ietf:params:oauth:token-type:access_token"
_FIELDS = ("grant_type", "subject_token", "subject_token_type")


class Exchange:
    """The endpoint; it trusts the issuers of `federation`, each for the one audience.

    An issuer with clients of its own, as people's has, is trusted for those instead.

    `lifetime` in seconds. `include_expires_in`: whether the answer says it. `refuse_replay`:
    whether a subject token with a `jti` works once only. It does not authenticate the client, and
    ignores fields it does not know (RFC 6749 section 3.2) beyond refusing them twice.
    """

    def __init__(
        self,
        federation: Sequence[Issuer | Outside],
        passes: Passes,
        audience: str,
        lifetime: int,
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
        aside = oauth.aside(incoming)
        try:
            claims = self._verified(_fields(incoming)["subject_token"])
        except oauth.Refused as error:
            return oauth.refusal(error, aside)
        success: dict[str, object] = {
            "access_token": self._passes.short_lived(claims["sub"], self._lifetime),
            "issued_token_type": _ISSUED_TYPE,
            "token_type": "Bearer",
        }
        if self.include_expires_in:
            success["expires_in"] = self._lifetime
        who = f"subject {claims['sub']}, issuer {claims['iss']}"
        return oauth.granted(success, f"{who}{aside}")

    def _verified(self, token: str) -> dict[str, Any]:
        federation = list(self._federation)
        try:
            claims = subject.verify(
                token,
                trusted={issuer.url: issuer.published for issuer in federation},
                audience={i.url: i.clients or (self._audience,) for i in federation},
                now=time.time(),
            )
        except subject.Refused as error:
            raise oauth.Refused("invalid_grant", str(error)) from None
        jti = claims.get("jti")
        if isinstance(jti, str):
            with self._lock:
                used = jti in self._used
                self._used.add(jti)
            if used and self.refuse_replay:
                raise oauth.Refused("invalid_grant", "token was already used")
        return claims


def _fields(incoming: Incoming) -> dict[str, str]:
    """The form's fields, each there once and each right but for the token itself."""
    fields = oauth.form(incoming)
    oauth.required(fields, *_FIELDS)
    if fields["grant_type"] != _GRANT:
        raise oauth.Refused("unsupported_grant_type", "only a token exchange is supported")
    if fields["subject_token_type"] != _SUBJECT_TYPE:
        raise oauth.Refused("invalid_request", "the subject_token_type is not supported")
    return fields
