"""A GitHub Enterprise Server: the endpoint that gives a job its token, and the issuer behind it."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping

from . import acme
from .faults import Faults, spoiled
from .issuer import Issuer
from .messages import Answer, Incoming, as_json, as_text, wrong_method
from .styles import GITHUB

_ISSUER = "/_services/token"
_MINT = "/_apis/pipelines/1/idtoken"
_VERSION = "2.0"
_LIFETIME = 300  # seconds, as on GitHub
_BODY_LIMIT = 64 * 1024


class GitHub:
    """Plays the origin `server_url`; `request_url` and `request_token` are what a job is given.

    It does not check: what kind of client asks, whether the job may ask (`id-token: write`; take
    the two variables out of the environment for that), how often, or from where.
    """

    def __init__(self, server_url: str, faults: Faults, issuer_faults: Faults) -> None:
        self.server_url = server_url
        self.request_url = f"{server_url}{_MINT}?api-version={_VERSION}"
        self.request_token = secrets.token_urlsafe(48)
        self.issuer = Issuer(server_url + _ISSUER, GITHUB, issuer_faults)
        self._faults = faults

    def fail_next(
        self,
        status: int,
        *,
        times: int = 1,
        body: Mapping[str, object] | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next `times` requests for a token with `status` (0: cut them)."""
        self._faults.plan(status, times=times, body=body, headers=headers)

    def party(self, path: str) -> str:
        """ "issuer" for what lies below the issuer's URL, else "github"."""
        return "issuer" if path.startswith(_ISSUER + "/") else "github"

    def limit(self, path: str) -> int:
        """No request here has a body worth the name."""
        return _BODY_LIMIT

    def answer(self, incoming: Incoming) -> Answer:
        """Route: issuer's documents, the token endpoint, 404 for the rest."""
        if self.party(incoming.path) == "issuer":
            return self.issuer.answer(incoming, incoming.path.removeprefix(_ISSUER))
        if incoming.path == _MINT:
            return self._id_token(incoming)
        return as_text(404, "not found")

    def _id_token(self, incoming: Incoming) -> Answer:
        return wrong_method(incoming, "GET") or spoiled(
            lambda: self._minted(incoming), self._faults
        )

    def _minted(self, incoming: Incoming) -> Answer:
        refused = self._unauthorized(incoming) or _bad_query(incoming)
        if refused is not None:
            return refused
        audience = dict(incoming.parameters()).get("audience", f"{self.server_url}/{acme.OWNER}")
        token = self.issuer.mint(audience, lifetime=_LIFETIME)
        answer = {"count": len(token), "value": token}
        no_store = {"Cache-Control": "no-store"}
        return as_json(200, answer, headers=no_store, note=f"audience {audience}")

    def _unauthorized(self, incoming: Incoming) -> Answer | None:
        """The scheme counts in any case (RFC 9110 section 11.1), the token exactly."""
        scheme, _, token = incoming.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(token.strip().encode(), self.request_token.encode())
        if scheme.lower() == "bearer" and right:
            return None
        return as_text(401, "the request token is missing or wrong")


def _bad_query(incoming: Incoming) -> Answer | None:
    """Clients add an audience to a URL that has a query already, and get that wrong."""
    pairs = incoming.parameters()
    names = [name for name, _ in pairs]
    if names.count("api-version") != 1 or dict(pairs)["api-version"] != _VERSION:
        return as_text(400, "the api-version is missing, repeated or unknown")
    if names.count("audience") > 1:
        return as_text(400, "there is more than one audience")
    if dict(pairs).get("audience") == "":
        return as_text(400, "the audience is empty")
    if unknown := set(names) - {"api-version", "audience"}:
        # Most likely an audience with an "&" that was not percent-encoded.
        return as_text(400, f"{len(unknown)} unknown parameters: is the audience encoded?")
    return None
