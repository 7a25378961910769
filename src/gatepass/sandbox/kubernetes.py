"""A Kubernetes cluster: its API server's key documents, and the tokens of one pod in it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from . import acme, subject
from .faults import Faults, spoiled
from .issuer import DISCOVERY, Issuer
from .messages import Answer, Incoming, as_json, as_text, wrong_method
from .projected import Projected
from .styles import KUBERNETES_IO, KUBERNETES_KEYS

#: The issuer of a cluster whose API server is reachable from inside only, and the API's audience.
PRIVATE_ISSUER = "https://kubernetes.default.svc.cluster.local"
#: What the API server's certificate is for.
API_NAMES = ("127.0.0.1", "localhost", "kubernetes.default.svc")
STS = "sts.amazonaws.com"

_BODY_LIMIT = 64 * 1024
_LIFETIME = 3600  # seconds, the default of a projected token
# The API's own tokens live for a year where they were asked for 3607 s, so that old clients which
# never read the file again go on working; `warnafter` says when they should have.
_OWN_LIFETIME, _OWN_WARNING = 365 * 24 * 3600, 3607


class Kubernetes:
    """A pod's view of its cluster, whose API server is at `api` (https, by a CA of its own).

    The API server gives its documents to the pod's own token alone. It does not check that the
    pod still exists, and knows neither TokenReview nor TokenRequest.
    """

    def __init__(
        self,
        api: str,
        issuer: Issuer,
        authority: bytes,
        folder: Path,
        audience: str,
        faults: Faults,
    ) -> None:
        self.api = api
        self.issuer = issuer
        self._authority = authority.decode("ascii")
        self._folder = folder
        self._faults = faults
        self._lock = threading.RLock()
        self._wanted: dict[str, tuple[str, int, dict[str, Any]]] = {
            "ppm": (audience, _LIFETIME, {}),
            "sts": (STS, _LIFETIME, {}),
        }
        self._tokens: dict[str, str] = {}
        self._volumes: tuple[Projected, Projected] | None = None

    @property
    def api_dir(self) -> Path:
        """What every pod finds under /var/run/secrets: token, ca.crt, namespace.

        The token is for the API server and nobody else.
        """
        return self._mounted()[0].folder

    @property
    def token_dir(self) -> Path:
        """Projected tokens: `ppm` for Package Manager's audience, `sts` for AWS, and the added."""
        return self._mounted()[1].folder

    def rotate_tokens(self) -> None:
        """Fresh tokens everywhere, as a kubelet puts them there at 80 % of the old ones' lives."""
        with self._lock:
            own, others = self._mounted()
            self._refresh(own, others)

    def project(
        self, name: str, audience: str, *, lifetime: int = _LIFETIME, **claims: object
    ) -> Path:
        """Add the file `name` with a token for `audience` to token_dir, or replace that one.

        `lifetime` in seconds; `claims` as for the issuer's `mint`. The token is made anew by
        `rotate_tokens`, the others are left as they are now. ValueError for a name that is none.
        """
        if not name or name.startswith("..") or "/" in name or "\\" in name:
            raise ValueError(f"{name!r} is no file name for a token")
        with self._lock:
            _, others = self._mounted()
            self._wanted[name] = (audience, lifetime, claims)
            self._tokens[name] = self._mint(name)
            others.swap(self._tokens)
            return others.folder / name

    def _mounted(self) -> tuple[Projected, Projected]:
        """Both volumes, made when first asked for: their tokens need keys, which take a while."""
        with self._lock:
            if self._volumes is None:
                self._volumes = (
                    Projected(self._folder / "serviceaccount"),
                    Projected(self._folder / "tokens"),
                )
                self._refresh(*self._volumes)
            return self._volumes

    def _refresh(self, own: Projected, others: Projected) -> None:
        now = int(self.issuer.now())
        bound: dict[str, Any] = {
            "iat": now,
            "nbf": now,
            "exp": now + _OWN_LIFETIME,
            "kubernetes.io": {**KUBERNETES_IO, "warnafter": now + _OWN_WARNING},
        }
        token = self.issuer.mint(PRIVATE_ISSUER, **bound)
        own.swap({"token": token, "ca.crt": self._authority, "namespace": acme.NAMESPACE})
        self._tokens = {name: self._mint(name) for name in self._wanted}
        others.swap(self._tokens)

    def _mint(self, name: str) -> str:
        audience, lifetime, claims = self._wanted[name]
        return self.issuer.mint(audience, lifetime=lifetime, **claims)

    def party(self, path: str) -> str:
        """ "kubernetes", whatever is asked: these documents are not public."""
        return "kubernetes"

    def limit(self, path: str) -> int:
        """No request here has a body worth the name."""
        return _BODY_LIMIT

    def answer(self, incoming: Incoming) -> Answer:
        """Metadata and keys of the issuer, to the pod; 401 to everybody else."""
        return spoiled(lambda: self._answer(incoming), self._faults)

    def _answer(self, incoming: Incoming) -> Answer:
        refusal = self._refusal(incoming.headers.get("Authorization", ""))
        if refusal is not None:
            return _unauthorized(refusal)
        if incoming.path not in (DISCOVERY, KUBERNETES_KEYS):
            return as_text(404, "404 page not found")
        refused = wrong_method(incoming, "GET", "HEAD")
        if refused is not None:
            return refused
        if incoming.path == DISCOVERY:
            return self.issuer.metadata(self.api + KUBERNETES_KEYS)
        return self.issuer.key_set()

    def _refusal(self, authorization: str) -> str | None:
        """Why this is not the pod's own token; None if it is."""
        scheme, _, token = authorization.partition(" ")
        if not authorization:
            return "no token"
        if scheme.lower() != "bearer":
            return "somebody else's credential: not a bearer token"
        trusted = {self.issuer.url: self.issuer.published}
        try:
            claims = subject.verify(
                token.strip(), trusted=trusted, audience=PRIVATE_ISSUER, now=self.issuer.now()
            )
        except subject.Refused as error:
            return f"somebody else's token: {error}"
        bound = claims.get("kubernetes.io")
        pod = bound.get("pod") if isinstance(bound, dict) else None
        return None if pod == KUBERNETES_IO["pod"] else "somebody else's token: another pod's"


def _unauthorized(note: str) -> Answer:
    """As the API server words it."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    }
    return as_json(401, body, note=note)
