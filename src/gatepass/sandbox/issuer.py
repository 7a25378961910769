"""The OIDC issuer: mints identity tokens, and publishes its metadata and its keys."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping, Sequence

from . import acme, jose, keys
from .faults import Faults
from .messages import Answer, Incoming, as_json, as_text, wrong_method

_DISCOVERY = "/.well-known/openid-configuration"
_JWKS = "/.well-known/jwks"
# GitHub's nbf lies five minutes before its iat.
_NBF_BEFORE_IAT = 300


class Issuer:
    """An issuer with one RS256 and one ES256 key, made when first needed.

    `url` is the `iss` of its tokens. `max_age` goes into the JWKS' Cache-Control, in seconds; None
    leaves that header out.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.max_age: int | None = 300
        self._faults = Faults()
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
        """A signed token for `audience`, by default as GitHub Actions makes it.

        `lifetime` in seconds, from now; negative gives an expired token. `headers` and `claims`
        override the defaults, and a value of None leaves the name out. `headers` cannot change
        how it is signed: a header that says something else makes a token that must be refused.
        ValueError for an algorithm other than RS256 and ES256.
        """
        key = self._key(algorithm)
        now = int(time.time())
        times = {"iat": now, "nbf": now - _NBF_BEFORE_IAT, "exp": now + lifetime}
        own: dict[str, object] = {"jti": str(uuid.uuid4()), "iss": self.url, "aud": audience}
        header: dict[str, object] = {"typ": "JWT", "alg": algorithm, "kid": key.kid}
        return jose.compact(
            _without_none({**header, **(headers or {})}),
            _without_none({**acme.CLAIMS, **own, **times, **claims}),
            key.sign,
        )

    def rotate(self, *, keep_old: bool = True) -> None:
        """Sign with new keys, under new kids; the old ones stay in the JWKS if `keep_old`."""
        fresh = {algorithm: keys.generate(algorithm) for algorithm in keys.ALGORITHMS}
        with self._lock:
            self._retired = [*self._retired, *self._current.values()] if keep_old else []
            self._current = fresh

    def fail_next(self, status: int, *, times: int = 1) -> None:
        """Answer the next `times` requests for metadata or keys with `status` (0: cut them)."""
        self._faults.plan(status, times=times)

    def published(self) -> list[keys.Key]:
        """The keys whose public halves are in the JWKS, the current ones first."""
        with self._lock:
            return [*self._generated().values(), *self._retired]

    def answers(self, path: str) -> bool:
        """Whether `path`, below the issuer's URL, is one of its documents."""
        return path in (_DISCOVERY, _JWKS)

    def answer(self, incoming: Incoming, path: str) -> Answer:
        """Metadata (OpenID Connect Discovery 1.0 section 4) or keys (RFC 7517 section 5)."""
        refused = wrong_method(incoming, "GET", "HEAD") or self._faults.next()
        if refused is not None:
            return refused
        # These are public documents: a credential that comes here was sent to the wrong party.
        note = "an Authorization header came along" if "Authorization" in incoming.headers else ""
        if path == _DISCOVERY:
            return as_json(200, self._metadata(), note=note)
        if path == _JWKS:
            caching = {} if self.max_age is None else {"Cache-Control": f"max-age={self.max_age}"}
            published = {"keys": [key.jwk() for key in self.published()]}
            return as_json(200, published, headers=caching, note=note)
        return as_text(404, "not found")

    def _metadata(self) -> dict[str, object]:
        return {
            "issuer": self.url,
            "jwks_uri": self.url + _JWKS,
            "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"],
            "claims_supported": ["aud", "exp", "iat", "iss", "jti", "nbf", *acme.CLAIMS],
            "id_token_signing_alg_values_supported": list(keys.ALGORITHMS),
            "scopes_supported": ["openid"],
        }

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
