"""An OpenID provider for people: a device flow, refresh tokens, and a page on which to say yes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import grants, oauth, page
from .codes import Codes
from .faults import Faults, spoiled
from .issuer import Issuer
from .logins import Logins
from .messages import Answer, Incoming, as_text, wrong_method
from .origin import IssuerOrigin
from .person import Person
from .styles import PEOPLE, PUBLIC_CLIENT

_PAGE = "/device"
_AUTHORIZATION = PEOPLE.endpoints["device_authorization_endpoint"]
_TOKEN = PEOPLE.endpoints["token_endpoint"]


class Idp(IssuerOrigin):
    """Plays the origin `url`, which is its issuer's too, for the public client `client_id`.

    `interval` and `expires_in` are what a device is told, in seconds (an interval of None is not
    told, and 5 holds). `rotates`: whether each use of a refresh token replaces it.
    `id_token_lifetime` in seconds. It does not check who sits before the browser, nor a client's
    secret: this client has none.
    """

    def __init__(self, url: str, person: Person, faults: Faults, issuer_faults: Faults) -> None:
        self.url = url
        self.client_id = PUBLIC_CLIENT
        self.issuer = Issuer(url, PEOPLE, issuer_faults)
        self.interval: float | None = 1
        self.expires_in: float = 300
        self.rotates = True
        self.id_token_lifetime = 300
        self.codes = Codes(person, self.issuer.now)
        self.logins = Logins()
        self._token_faults = Faults()
        super().__init__(self.issuer, "", "idp", faults)

    @property
    def page_url(self) -> str:
        """Where a person types the code."""
        return self.url + _PAGE

    def fail_next(
        self,
        status: int,
        *,
        times: int = 1,
        body: Mapping[str, object] | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next `times` requests for tokens with `status` (0: cut them)."""
        self._token_faults.plan(status, times=times, body=body, headers=headers)

    def revoke_all(self) -> None:
        """Refuse every refresh token given so far."""
        self.logins.revoke_all()

    def device(
        self,
        client: str,
        scopes: tuple[str, ...],
        challenge: str,
        interval: float | None,
        expires_in: float,
    ) -> dict[str, object]:
        """Ask the person for `client`, and what to answer the device (RFC 8628 section 3.2)."""
        pace = grants.DEFAULT_INTERVAL if interval is None else interval
        code = self.codes.issue(client, scopes, challenge, pace, expires_in)
        answer: dict[str, object] = {
            "device_code": code.device_code,
            "user_code": code.user_code,
            "verification_uri": self.page_url,
            "verification_uri_complete": f"{self.page_url}?user_code={code.user_code}",
            "expires_in": expires_in,
        }
        return answer if interval is None else {**answer, "interval": interval}

    def id_token(self, client: str, at: int) -> str:
        """The person's ID token for `client` after a login `at` (OpenID Connect Core section 2)."""
        return self.issuer.mint(client, lifetime=self.id_token_lifetime, nbf=None, auth_time=at)

    def rest(self, incoming: Incoming, below: str) -> Answer:
        """Authorizations, tokens, the page; 404 for what else there might be."""
        if below == _AUTHORIZATION:
            return self._endpoint(grants.authorize, incoming)
        if below == _TOKEN:
            return spoiled(lambda: self._endpoint(grants.tokens, incoming), self._token_faults)
        if below == _PAGE:
            return wrong_method(incoming, "GET", "HEAD", "POST") or self._page(incoming)
        return as_text(404, "not found")

    def _endpoint(
        self, grant: Callable[[Idp, dict[str, str]], dict[str, object]], incoming: Incoming
    ) -> Answer:
        refused = wrong_method(incoming, "POST")
        if refused is not None:
            return refused
        aside = oauth.aside(incoming)
        try:
            answer = grant(self, oauth.form(incoming))
        except oauth.Refused as error:
            return oauth.refusal(error, aside)
        return oauth.granted(answer, f"client {self.client_id}{aside}")

    def _page(self, incoming: Incoming) -> Answer:
        if incoming.method != "POST":
            return page.enter(dict(incoming.parameters()).get("user_code", ""))
        try:
            fields = oauth.form(incoming)
        except oauth.Refused as error:
            return as_text(400, str(error))
        typed, decision = fields.get("user_code", ""), fields.get("decision")
        if decision is None:
            code = self.codes.waiting(typed)
            if code is not None:
                return page.confirm(code.user_code, code.client)
        elif decision in page.DECISIONS and self.codes.decide(typed, decision == page.YES):
            return page.done(decision == page.YES)
        return page.enter(typed, wrong=True)
