"""A subject token, fetched and verified for one registry: what is presented, and nothing less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gatepass import log, pod
from gatepass.errors import ConfigError
from gatepass.secret import Secret
from gatepass.settings import Environment, Registry, Settings
from gatepass.transport import Deadline, Transport
from gatepass.trust import Expectations, Verdict, verify
from gatepass.trust.issuers import IssuerRule
from gatepass.trust.keys import Cache, KeySource

if TYPE_CHECKING:
    from gatepass.identity import Identity

_STS = ("sts.amazonaws.com", "sts.amazonaws.com.cn")
_DROP_IN = "PACKAGEMANAGER_IDENTITY_TOKEN_FILE"


class Presenter:
    """Fetches and verifies one identity's subject tokens for one registry."""

    def __init__(
        self,
        registry: Registry,
        settings: Settings,
        env: Environment,
        who: Identity,
        cache: Cache,
        transport: Transport,
    ) -> None:
        """Raises ConfigError (audience-sts) for an audience that this registry must not get, and
        IdentityError where a token's file can't be read."""
        self.audience = _audience(registry, who)
        self.claims: Mapping[str, Any] = {}
        """The verified claims of the last token that held."""
        self.shown: dict[str, str] = {}
        """Claims of the last token that held, for ``status``: iss, sub, aud."""
        self._who, self._transport = who, transport
        self._expected = Expectations(
            issuers=IssuerRule(who.issuers, settings.trusted_issuers, _whose(who)),
            audience=None if who.audience_is_unsaid else self.audience,
            never=pod.own_audiences(env),
            hint=_hint(registry, who),
            policy=registry.claims,
            algorithms={name: entry.algorithms for name, entry in settings.issuers.items()},
            signature=settings.verify,
        )
        issuers = settings.issuers
        self._keys = KeySource(
            transport,
            cache,
            lambda issuer: (issuer in issuers and issuers[issuer].jwks) or settings.jwks_file,
            cluster=pod.cluster(env),
        )

    def subject_token(self, deadline: Deadline) -> tuple[Secret, Verdict]:
        """A token and its verified claims. Raises IdentityError, TrustError, TransportError."""
        raw = self._who.subject_token(self.audience, self._transport, deadline)
        verdict = verify(raw, self._expected, self._keys, deadline)
        self.claims = verdict.claims
        self.shown = {name: str(verdict.claims[name]) for name in ("iss", "sub", "aud")}
        note = " (self-named: it proves integrity, not origin)" if verdict.self_named else ""
        log.info("verified", f"token verified, issued by {self.shown['iss']}{note}", **self.shown)
        return raw, verdict


def _audience(registry: Registry, who: Identity) -> str:
    """What the token must be for. An STS token opens AWS: it goes to Package Manager only by the
    replaced tool's own variable, where Posit's operator puts one."""
    audience = registry.expected_audience
    if (
        audience.lower().removeprefix("https://").rstrip("/") in _STS
        and registry.kind == "packagemanager"
        and who.origin != _DROP_IN
    ):
        raise ConfigError(
            "audience-sts",
            f"{registry.url} is to be given a token for {audience}",
            why="whoever holds such a token can take the job's AWS roles",
            do="give Package Manager an audience of its own, and set that in GATEPASS_AUDIENCE",
        )
    return audience


def _whose(who: Identity) -> str:
    """The token, for messages: some labels name it, others where it is from."""
    return who.label if who.label.startswith("the token") else f"the token from {who.label}"


def _hint(registry: Registry, who: Identity) -> str:
    ask = f"ask for a token with this audience where {who.origin} comes from"
    if who.name == "github":
        ask = "look at what answers at ACTIONS_ID_TOKEN_REQUEST_URL: it gave another's token"
    setting = "set GATEPASS_AUDIENCE"
    if registry.source.endswith(".toml") or not registry.is_drop_in:
        setting = f"set audience in config.toml, under [registries.{registry.name}]"
    return f"{ask};\nor, if the registry really expects the other one, {setting}"
