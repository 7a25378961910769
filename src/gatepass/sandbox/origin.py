"""An origin with an issuer's public documents: GitLab's, or a cluster's public one, or people's."""

from __future__ import annotations

from .faults import Faults, spoiled
from .issuer import Issuer
from .messages import Answer, Incoming, as_text

_BODY_LIMIT = 64 * 1024


class IssuerOrigin:
    """Serves `issuer`, whose URL is the origin's and `path`.

    The journal files what is no document under `name`. `faults` happen to whatever is asked.
    """

    def __init__(self, issuer: Issuer, path: str, name: str, *faults: Faults) -> None:
        self._issuer = issuer
        self._path = path
        self._name = name
        self._faults = faults

    def party(self, path: str) -> str:
        """ "issuer" for the issuer's documents, else the origin's name."""
        return "issuer" if self._issuer.answers(self._below(path)) else self._name

    def limit(self, path: str) -> int:
        """No request here has a body worth the name."""
        return _BODY_LIMIT

    def answer(self, incoming: Incoming) -> Answer:
        """A document of the issuer's, or what `rest` has."""
        return spoiled(lambda: self._answer(incoming), *self._faults)

    def _answer(self, incoming: Incoming) -> Answer:
        below = self._below(incoming.path)
        if self._issuer.answers(below):
            return self._issuer.answer(incoming, below)
        return self.rest(incoming, below)

    def rest(self, incoming: Incoming, below: str) -> Answer:
        """What is no document: 404 here. `below`: the path after the issuer's; empty outside."""
        return as_text(404, "not found")

    def _below(self, path: str) -> str:
        """The path after the issuer's own; empty outside it."""
        return path.removeprefix(self._path) if path.startswith(self._path) else ""
