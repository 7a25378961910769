"""An OIDC issuer: mints identity tokens, and publishes its metadata and its keys."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping, Sequence

from . import jose, keys
from .faults import Faults, spoiled
from .messages import Answer, Incoming, as_json, as_text, wrong_method
from .styles import Style

DISCOVERY = "/.well-known/openid-configuration"


class Issuer:
    """An issuer with one RS256 and one ES256 key, made when first needed.

    `url` is the `iss` of its tokens. `max_age` goes into the JWKS' Cache-Control, in seconds; None
    leaves that header out. `skew`: by how many seconds its clock is ahead. `clients`: whom its
    tokens are for, if not whatever a registry asks for. `shared` are faults planned for its
    documents elsewhere.
    """

    def __init__(self, url: str, style: Style, *shared: Faults) -> None:
        self.url = url
        self.max_age: int | None = style.max_age
        self.skew = 0.0
        self.clients = style.clients
        self._style = style
        self._faults = Faults()
        self._queues = (self._faults, *shared)
        self._lock = threading.Lock()
        self._current: dict[str, keys.Key] = {}
        self._retired: list[keys.Key] = []

    def mint(
        self,
        audience: str | Sequence[str] | None,
        *,
        algorithm: str = "RS256",
        lifetime: int = 300,
        headers: Mapping[str, object] | None = None,
        **claims: object,
    ) -> str:
        """A signed token for `audience`, by default as the issuer's platform makes it.

        `lifetime` in seconds, from now; negative gives an expired token. `headers` and `claims`
        override the defaults, and a value of None leaves the name out. `headers` cannot change
        how it is signed: a header that says something else makes a token that must be refused.
        ValueError for an algorithm other than RS256 and ES256.
        """
        key = self._key(algorithm)
        now = int(self.now())
        times = {"iat": now, "nbf": now - self._style.nbf_before_iat, "exp": now + lifetime}
        if isinstance(audience, str) and self._style.audience_is_list:
            audience = [audience]
        own: dict[str, object] = {"jti": str(uuid.uuid4()), "iss": self.url, "aud": audience}
        header = {**self._style.header, "alg": algorithm, "kid": key.kid}
        return jose.compact(
            _without_none({**header, **(headers or {})}),
            _without_none({**self._style.claims, **own, **times, **claims}),
            key.sign,
        )

    def now(self) -> float:
        """Seconds since the epoch by the issuer's own clock."""
        return time.time() + self.skew

    def rotate(self, *, keep_old: bool = True) -> None:
        """Sign with new keys, under new kids; the old ones stay in the JWKS if `keep_old`."""
        with self._lock:
            self._retired = [*self._retired, *self._current.values()] if keep_old else []
            self._current = {}

    def fail_next(self, status: int, *, times: int = 1) -> None:
        """Answer the next `times` requests for metadata or keys with `status` (0: cut them)."""
        self._faults.plan(status, times=times)

    def published(self) -> list[keys.Key]:
        """The keys whose public halves are in the JWKS, the current ones first."""
        with self._lock:
            return [*self._generated().values(), *self._retired]

    def answers(self, path: str) -> bool:
        """Whether `path`, below the issuer's URL, is one of its documents."""
        return path in (DISCOVERY, self._style.keys_path)

    def answer(self, incoming: Incoming, path: str) -> Answer:
        """Metadata or keys, for everybody, at `path` below the issuer's URL."""
        return wrong_method(incoming, "GET", "HEAD") or spoiled(
            lambda: self._document(incoming, path), *self._queues
        )

    def _document(self, incoming: Incoming, path: str) -> Answer:
        # These are public documents: a credential that comes here was sent to the wrong party.
        note = "an Authorization header came along" if "Authorization" in incoming.headers else ""
        if path == DISCOVERY:
            return self.metadata(self.url + self._style.keys_path, note=note)
        if path == self._style.keys_path:
            return self.key_set(note=note)
        return as_text(404, "not found")

    def metadata(self, jwks_uri: str, *, note: str = "") -> Answer:
        """OpenID Connect Discovery 1.0 section 4."""
        claims = ["aud", "exp", "iat", "iss", "jti", "nbf", *self._style.claims]
        metadata = {
            "issuer": self.url,
            "jwks_uri": jwks_uri,
            "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"],
            "claims_supported": claims,
            "id_token_signing_alg_values_supported": list(keys.ALGORITHMS),
            "scopes_supported": ["openid"],
        }
        endpoints = {name: self.url + path for name, path in self._style.endpoints.items()}
        return as_json(200, {**metadata, **endpoints, **self._style.metadata}, note=note)

    def key_set(self, *, note: str = "") -> Answer:
        """RFC 7517 section 5."""
        caching = {} if self.max_age is None else {"Cache-Control": f"max-age={self.max_age}"}
        published = {"keys": [key.jwk() for key in self.published()]}
        return as_json(200, published, headers=caching, note=note)

    def _key(self, algorithm: str) -> keys.Key:
        if algorithm not in keys.ALGORITHMS:
            known = ", ".join(keys.ALGORITHMS)
            raise ValueError(f"no algorithm {algorithm!r}; there are {known}")
        with self._lock:
            return self._generated()[algorithm]

    def _generated(self) -> dict[str, keys.Key]:
        """The current keys, made now if nobody has needed them; the caller holds the lock."""
        if not self._current:
            self._current = {algorithm: keys.generate(algorithm) for algorithm in keys.ALGORITHMS}
        return self._current


def _without_none(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}
