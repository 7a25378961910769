"""Package Manager's own device flow: it asks the provider for people in its own client's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import codes, oauth
from .faults import Faults, spoiled
from .idp import Idp
from .messages import Answer, Incoming, as_text, wrong_method
from .styles import PACKAGEMANAGER_CLIENT

AUTHORIZATION, ACCESS = "/__api__/device", "/__api__/device_access"
PATHS = (AUTHORIZATION, ACCESS)


class Device:
    """Both paths of the flow. `provider` gives the provider for people, which it may start.

    `enabled`: False plays a server without a device flow, 404 on both paths. `interval` (None: not
    told) and `expires_in` in seconds. `long_poll`: hold each poll until the person answered, or for
    `hold` seconds at most. It asks for no client id, as nobody sends one.
    """

    def __init__(self, provider: Callable[[], Idp]) -> None:
        self.enabled = True
        self.interval: float | None = 1
        self.expires_in: float = 300
        self.long_poll = False
        self.hold = 25.0
        self._provider = provider
        self._faults = Faults()

    def fail_next(
        self,
        status: int,
        *,
        times: int = 1,
        body: Mapping[str, object] | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next `times` polls with `status` (0: cut them), whatever they ask."""
        self._faults.plan(status, times=times, body=body, headers=headers)

    def answer(self, incoming: Incoming, path: str) -> Answer:
        """200, or 400 with `error` and `error_description`; `path` is one of PATHS."""
        if not self.enabled:
            return as_text(404, "not found: no device flow is configured")
        if path == ACCESS:
            return spoiled(lambda: self._endpoint(self._access, incoming), self._faults)
        return self._endpoint(self._authorization, incoming)

    def _endpoint(
        self, endpoint: Callable[[dict[str, str]], dict[str, object]], incoming: Incoming
    ) -> Answer:
        refused = wrong_method(incoming, "POST")
        if refused is not None:
            return refused
        aside = oauth.aside(incoming)
        try:
            answer = endpoint(oauth.form(incoming))
        except oauth.Refused as error:
            return oauth.refusal(error, aside)
        return oauth.granted(answer, f"client {PACKAGEMANAGER_CLIENT}{aside}")

    def _authorization(self, fields: dict[str, str]) -> dict[str, object]:
        challenge = codes.challenge(fields, needed=True)
        scopes = ("openid",)
        return self._provider().device(
            PACKAGEMANAGER_CLIENT, scopes, challenge, self.interval, self.expires_in
        )

    def _access(self, fields: dict[str, str]) -> dict[str, object]:
        oauth.required(fields, "device_code", "code_verifier")
        idp = self._provider()
        hold = self.hold if self.long_poll else 0.0
        idp.codes.collect(
            fields["device_code"], PACKAGEMANAGER_CLIENT, fields["code_verifier"], hold
        )
        return {"id_token": idp.id_token(PACKAGEMANAGER_CLIENT, int(idp.issuer.now()))}
