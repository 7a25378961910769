"""CodeArtifact's repositories: two domains at their hosts, and at a VPC endpoint by path."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from .. import upload
from ..distributions import built_in
from ..faults import Faults, spoiled
from ..messages import Answer, Incoming, as_json, as_text, wrong_method
from ..repository import Repository
from .account import DOMAINS, Domain
from .tokens import Tokens

USER = "aws"
#: The repository that is read, and the one that takes uploads; each domain has both.
PRIVATE, LOCAL = "private", "local"

_BODY_LIMIT = 1024 * 1024
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="CodeArtifact"'}
_NPM = {
    "name": "hello",
    "dist-tags": {"latest": "1.0.0"},
    "versions": {"1.0.0": {"name": "hello", "version": "1.0.0"}},
}
_AT_HOST = {host: domain for domain in DOMAINS for host in (domain.host, domain.dual_stack_host)}
_BY_LABEL = {domain.label: domain for domain in DOMAINS}


class Repositories:
    """The origin of all domains. Which one is asked, the Host header says, else the path.

    `any_user`: whether another user name than "aws" will do, off at first. `refused_status`: what
    becomes of a bad token, 401 at first; 404 is what clients were seen to get. Who sends none
    always gets a 401. Not checked: what a role may read or publish.
    """

    def __init__(self, tokens: Tokens, index_faults: Faults) -> None:
        self.any_user = False
        self.refused_status = 401
        self._tokens = tokens
        self._faults = index_faults
        self._repositories = {
            (domain, name): Repository("", built_in() if name == PRIVATE else ())
            for domain in DOMAINS
            for name in (PRIVATE, LOCAL)
        }

    def party(self, path: str) -> str:
        """ "upload" for the place where files are sent to, "index" for all the rest."""
        _, below = _split(path)
        return "upload" if below == ["pypi", LOCAL] else "index"

    def limit(self, path: str) -> int:
        """64 MiB for an upload, 1 MiB for the rest."""
        return upload.LIMIT if self.party(path) == "upload" else _BODY_LIMIT

    def answer(self, incoming: Incoming) -> Answer:
        """Who asks comes first, then what; 404 for a host and a path that are nobody's."""
        queues = [self._faults] if self.party(incoming.path) == "index" else []
        return spoiled(lambda: self._answer(incoming), *queues)

    def _answer(self, incoming: Incoming) -> Answer:
        label, below = _split(incoming.path)
        host = incoming.headers.get("Host", "").lower().partition(":")[0].removesuffix(".")
        domain = _AT_HOST.get(host)
        if domain is not None and label:
            return as_text(404, "not found: only a VPC endpoint has the domain in its paths")
        domain = domain or _BY_LABEL.get(label)
        if domain is None:
            return as_text(404, "not found: no such domain")
        refusal = self._refused(incoming, domain, bearer=below[:1] == ["npm"])
        if refusal is not None:
            return refusal
        base = f"/d/{label}" if label else ""
        match below:
            case ["pypi", name] if name == LOCAL:
                return upload.answer(incoming, self._repositories[domain, LOCAL])
            case ["pypi", name, *rest] if (domain, name) in self._repositories:
                repository = self._repositories[domain, name].at(f"/pypi{base}/{name}")
                path = "/".join(rest)
                refused = wrong_method(incoming, "GET", "HEAD")
                return refused or repository.answer(path, incoming.headers)
            case ["npm", name, "hello"] if name == PRIVATE:
                return wrong_method(incoming, "GET", "HEAD") or as_json(200, _NPM)
        return as_text(404, "not found")

    def _refused(self, incoming: Incoming, domain: Domain, *, bearer: bool) -> Answer | None:
        """None for a good token: Basic for the user, or Bearer where the format has that."""
        given = incoming.headers.get("Authorization", "")
        if not given:
            return _unauthorized(401, "no credential")
        scheme, _, value = given.partition(" ")
        token: str | None = None
        if bearer and scheme.lower() == "bearer":
            token = value.strip()
        elif scheme.lower() == "basic":
            token = self._password(value.strip())
        why = "user is not aws, or not a Basic credential"
        if token is not None:
            found = self._tokens.refusal(token, domain)
            if found is None:
                return None
            why = found
        return _unauthorized(self.refused_status, why)

    def _password(self, encoded: str) -> str | None:
        try:
            pair = base64.b64decode(encoded, validate=True).decode()
        except ValueError:
            return None
        user, _, password = pair.partition(":")  # the first colon: RFC 7617 section 2
        return password if user == USER or self.any_user else None


def _unauthorized(status: int, note: str) -> Answer:
    headers = _CHALLENGE if status == 401 else {}
    text = "Unauthorized" if status == 401 else "not found"
    return as_text(status, text, headers=headers, note=note)


def _split(path: str) -> tuple[str, Sequence[str]]:
    """The domain that a VPC endpoint's path names ("" for others), and the path without it.

    /pypi/d/acme-111122223333/private/simple/ becomes that label and pypi, private, simple.
    """
    match path.strip("/").split("/"):
        case [form, "d", label, *rest] if rest:
            return label, [form, *rest]
        case below:
            return "", below
