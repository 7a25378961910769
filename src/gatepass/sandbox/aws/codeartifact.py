"""CodeArtifact's API, of which GetAuthorizationToken and GetRepositoryEndpoint are played."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from ..faults import Faults, spoiled
from ..messages import Answer, Incoming, as_json
from . import answers, signature
from .account import DOMAINS, REGION, Domain
from .keys import Key, Keys
from .tokens import Tokens

#: Where nobody says another one, and the shortest and longest that may be said; in seconds.
DEFAULT, SHORTEST, LONGEST = 43200, 900, 43200

_TOKEN, _ENDPOINT = ("POST", "/v1/authorization-token"), ("GET", "/v1/repository/endpoint")
_BODY_LIMIT = 64 * 1024
_DOMAIN = re.compile(r"[a-z][a-z0-9-]{0,48}[a-z0-9]")
_OWNER = re.compile(r"[0-9]{12}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,99}")
_FORMAT = re.compile("npm|pypi|maven|nuget|generic|ruby|swift|cargo")
_ENDPOINT_TYPE = re.compile("ipv4|dualstack")
_FORMS = {
    "domain": _DOMAIN,
    "domain-owner": _OWNER,
    "duration": _NUMBER,
    "repository": _REPOSITORY,
    "format": _FORMAT,
    "endpointType": _ENDPOINT_TYPE,
}
_SIGNATURE_ERRORS = {
    signature.MISSING: (403, "MissingAuthenticationTokenException"),
    signature.INCOMPLETE: (400, "IncompleteSignatureException"),
    signature.UNKNOWN: (403, "UnrecognizedClientException"),
    signature.ENDED: (403, "ExpiredTokenException"),
    signature.MISMATCH: (403, "InvalidSignatureException"),
}


class _Bad(Exception):
    """The request is signed, and asks for what can't be."""


class CodeArtifact:
    """The endpoint of one region, for requests signed with `keys`.

    `grants`: which domains, by name, each role and user may have tokens for. `bearer_allowed`: off,
    nobody has `sts:GetServiceBearerToken`, the second permission that this call needs. Not played:
    session policies, a domain's own policy, throttling; who may ask for a repository's endpoint.
    """

    def __init__(
        self, keys: Keys, tokens: Tokens, grants: Mapping[str, set[str]], faults: Faults
    ) -> None:
        self.bearer_allowed = True
        self._keys = keys
        self._tokens = tokens
        self._grants = grants
        self._faults = faults

    def party(self, path: str) -> str:
        """ "codeartifact", whatever is asked."""
        return "codeartifact"

    def limit(self, path: str) -> int:
        """No request here has a body worth the name."""
        return _BODY_LIMIT

    def answer(self, incoming: Incoming) -> Answer:
        """200 with a token and its expiry, or with an address; or an error in JSON."""
        return spoiled(lambda: self._answer(incoming), self._faults)

    def _answer(self, incoming: Incoming) -> Answer:
        operation = (incoming.method, incoming.path)
        if operation not in (_TOKEN, _ENDPOINT):
            return answers.exception(404, "UnknownOperationException", "No such operation.")
        now = time.time()
        try:
            key = signature.signer(
                incoming, service="codeartifact", region=REGION, find=self._keys.find, now=now
            )
        except signature.Refused as refused:
            return answers.exception(*_SIGNATURE_ERRORS[refused.kind], str(refused))
        try:
            if operation == _ENDPOINT:
                return self._endpoint(key, _parameters(incoming, "repository", "format"))
            return self._token(key, _parameters(incoming), now)
        except _Bad as bad:
            return answers.exception(
                400, "ValidationException", str(bad), reason="FIELD_VALIDATION_FAILED"
            )

    def _token(self, key: Key, parameters: Mapping[str, str], now: float) -> Answer:
        expires_at = _expiry(parameters.get("duration"), key, now)
        domain = _domain(key, parameters)
        if isinstance(domain, Answer):
            return domain
        denied = self._denied(key, domain)
        if denied:
            return answers.exception(403, "AccessDeniedException", denied)
        body = {
            "authorizationToken": self._tokens.issue(domain, expires_at),
            "expiration": expires_at,
        }
        return as_json(200, body, note=f"{domain.label}, {round(expires_at - now)} s, to {key.arn}")

    def _endpoint(self, key: Key, parameters: Mapping[str, str]) -> Answer:
        """Where a repository of the domain is, whether there is one of that name or not."""
        domain = _domain(key, parameters)
        if isinstance(domain, Answer):
            return domain
        is_dual = parameters.get("endpointType") == "dualstack"
        host = domain.dual_stack_host if is_dual else domain.host
        url = f"https://{host}/{parameters['format']}/{parameters['repository']}/"
        return as_json(200, {"repositoryEndpoint": url}, note=f"{domain.label}, to {key.arn}")

    def _denied(self, key: Key, domain: Domain) -> str:
        action, resource = "codeartifact:GetAuthorizationToken", domain.arn
        if domain.name in self._grants.get(key.principal, ()):
            if self.bearer_allowed:
                return ""
            action, resource = "sts:GetServiceBearerToken", f"arn:aws:sts::{key.account}:*"
        return f"User: {key.arn} is not authorized to perform: {action} on resource: {resource}"


def _domain(key: Key, parameters: Mapping[str, str]) -> Domain | Answer:
    """The domain that is meant, or that there is none."""
    name = parameters["domain"]
    owner = parameters.get("domain-owner", key.account)
    return next((known for known in DOMAINS if known == (name, owner)), None) or answers.exception(
        404,
        "ResourceNotFoundException",
        f"Domain not found. Domain '{name}' owned by account '{owner}' does not exist.",
        resourceId=name,
        resourceType="domain",
    )


def _parameters(incoming: Incoming, *needed: str) -> dict[str, str]:
    """The query's, each there once and of the right form; what is unknown is ignored."""
    pairs = incoming.parameters()
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Bad("a parameter is repeated")
    for name, form in _FORMS.items():
        if name in found and not form.fullmatch(found[name]):
            raise _Bad(f"the {name} is not of the form {form.pattern}")
    for name in ("domain", *needed):
        if name not in found:
            raise _Bad(f"the {name} is missing")
    return found


def _expiry(duration: str | None, key: Key, now: float) -> float:
    """When a token ends: 0 means with the session, and a user has none."""
    seconds = DEFAULT if duration is None else int(duration)
    if seconds == 0:
        if key.expires_at is None:
            raise _Bad("the duration is 0, and these are no temporary credentials")
        return key.expires_at
    if not SHORTEST <= seconds <= LONGEST:
        raise _Bad(f"the duration is neither 0 nor {SHORTEST} to {LONGEST}")
    return round(now + seconds, 3)
