"""menda cloud: a client's secret or a person's login becomes a token for CodeArtifact."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence

from . import acme, jose, oauth
from .faults import Faults, spoiled
from .messages import Answer, Incoming, as_json, as_text, wrong_method

TOKEN, REGISTRY = "/api/v1/auth/oauth2/token", "/api/v1/auth/registry/token"
#: Where a client's secret may be: what `secret_in` takes.
PLACES = ("either", "form", "query")

_GRANT = "client_credentials"
_FIELDS = ("grant_type", "client_id", "client_secret")
_BODY_LIMIT = 64 * 1024
_LIFETIME = 3600  # seconds


class Menda:
    """Plays the host `url` as menda-keyring 0.0.2 speaks to it.

    `issue` gives a registry token and when it ends; `listed` the repositories that it is for.
    `lifetime` of access tokens in seconds. `secret_in`: "form" or "query" refuses a secret in the
    other place, with the status `missing`. `permits`: False lets nobody have a registry token, 403.
    `repositories` (None: those of `issue`) and `expiry_as_number` change the answer: how the real
    one spells both is not known.
    It does not check a cached login's device, nor how often anybody asks.
    """

    def __init__(
        self,
        url: str,
        issue: Callable[[], tuple[str, float]],
        listed: Callable[[], Sequence[str]],
        faults: Faults,
    ) -> None:
        self.url = url
        self.client_id = "sandbox-ci"
        self.client_secret = secrets.token_urlsafe(32)
        self.secret_in = PLACES[0]
        self.missing = 400
        self.lifetime = _LIFETIME
        self.permits = True
        self.repositories: Sequence[object] | None = None
        self.expiry_as_number = False
        self._issue = issue
        self._listed = listed
        self._faults = faults
        self._own_faults = {"token": Faults(), "registry": Faults()}
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._live: dict[str, float] = {}

    def login(self, lifetime: float = _LIFETIME) -> str:
        """A person's access token, as `menda auth login` leaves it in its cache; in seconds."""
        return self._access_token(str(acme.PERSON["sub"]), lifetime)

    def revoke_all(self) -> None:
        """Refuse every access token so far, logins included."""
        with self._lock:
            self._live.clear()

    def fail_next(
        self,
        status: int,
        *,
        endpoint: str = "registry",
        times: int = 1,
        body: Mapping[str, object] | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next `times` requests to `endpoint`, "token" or "registry", with `status`.

        0 cuts their connection. ValueError for another endpoint.
        """
        if endpoint not in self._own_faults:
            raise ValueError(f"no endpoint {endpoint!r}; there are token and registry")
        self._own_faults[endpoint].plan(status, times=times, body=body, headers=headers)

    def party(self, path: str) -> str:
        """ "menda", whatever is asked."""
        return "menda"

    def limit(self, path: str) -> int:
        """No request here has a body worth the name."""
        return _BODY_LIMIT

    def answer(self, incoming: Incoming) -> Answer:
        """Route by path; 404 for the rest."""
        return spoiled(lambda: self._answer(incoming), self._faults)

    def _answer(self, incoming: Incoming) -> Answer:
        if incoming.path not in (TOKEN, REGISTRY):
            return as_text(404, "not found")
        refused = wrong_method(incoming, "POST")
        if refused is not None:
            return refused
        if incoming.path == TOKEN:
            return spoiled(lambda: self._token(incoming), self._own_faults["token"])
        return spoiled(lambda: self._registry(incoming), self._own_faults["registry"])

    def _token(self, incoming: Incoming) -> Answer:
        aside = oauth.aside(incoming)
        if "client_secret" in dict(incoming.parameters()):
            # Servers and proxies write queries down.
            aside += ", the secret came in the query"
        try:
            client = self._authenticated(incoming)
        except oauth.Refused as error:
            return oauth.refusal(error, aside)
        answer: dict[str, object] = {
            "access_token": self._access_token(client, self.lifetime),
            "token_type": "Bearer",
            "expires_in": self.lifetime,
        }
        return oauth.granted(answer, f"client {client}{aside}")

    def _authenticated(self, incoming: Incoming) -> str:
        """The client whose secret came (RFC 6749 sections 2.3.1 and 4.4); else Refused."""
        body = oauth.form(incoming) if incoming.body else {}
        query = oauth.once(incoming.parameters())
        if set(body) & set(query):
            raise oauth.Refused("invalid_request", "a field is in the form and in the query")
        fields = {"form": body, "query": query}.get(self.secret_in, {**query, **body})
        try:
            oauth.required(fields, *_FIELDS)
        except oauth.Refused as error:
            raise oauth.Refused(error.code, str(error), self.missing) from None
        if fields["grant_type"] != _GRANT:
            raise oauth.Refused("unsupported_grant_type", f"the grant is {_GRANT}")
        right = hmac.compare_digest(fields["client_secret"].encode(), self.client_secret.encode())
        if fields["client_id"] != self.client_id or not right:
            raise oauth.Refused("invalid_client", "the client is unknown or its secret wrong", 401)
        return self.client_id

    def _registry(self, incoming: Incoming) -> Answer:
        aside = oauth.aside(incoming)
        why = self._refusal(incoming.headers.get("authorizationToken", ""))
        if why is not None:
            return as_json(401, {"message": "Unauthorized"}, note=why + aside)
        if incoming.body:
            return as_json(400, {"message": "Bad Request"}, note="a body came along")
        if not self.permits:
            denied = "User is not authorized to access this resource"
            return as_json(403, {"message": denied}, note="nobody may" + aside)
        token, expires_at = self._issue()
        moment = datetime.datetime.fromtimestamp(int(expires_at), datetime.UTC)
        answer: dict[str, object] = {
            "token": token,
            "expiry": int(expires_at) if self.expiry_as_number else moment.isoformat(),
            "repositories": list(
                self._listed() if self.repositories is None else self.repositories
            ),
        }
        return oauth.granted(answer, f"a registry token{aside}")

    def _refusal(self, header: str) -> str | None:
        """Why the header opens nothing; None if it does."""
        scheme, _, token = header.partition(" ")
        if not header:
            return "no authorizationToken"
        if scheme.lower() != "bearer":
            return "the authorizationToken is no bearer token"
        with self._lock:
            ends = self._live.get(token.strip())
        if ends is None:
            return "not a live token of menda's"
        return "token has expired" if ends <= time.time() else None

    def _access_token(self, subject: str, lifetime: float) -> str:
        now = time.time()
        claims = {"iss": self.url, "sub": subject, "iat": int(now), "exp": int(now + lifetime)}
        header = {"alg": "HS256", "typ": "JWT"}
        token = jose.compact(header, {**claims, "jti": str(uuid.uuid4())}, self._sign)
        with self._lock:
            self._live = {key: end for key, end in self._live.items() if end > now}
            self._live[token] = now + lifetime
        return token

    def _sign(self, data: bytes) -> bytes:
        return hmac.new(self._key, data, hashlib.sha256).digest()
