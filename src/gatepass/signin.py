"""A person's login becomes a credential: stored, renewed in silence, or asked for.

However many processes need it at once, one asks the person; the others wait for what comes of it,
a no included. Nothing here is printed on standard output.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from gatepass import exchange, log, peek
from gatepass.errors import GatepassError, IdentityError
from gatepass.login.person import Person, reach
from gatepass.logins import Logins, Notes, name_in, name_of
from gatepass.resolve import FORGET, record_of

if TYPE_CHECKING:
    from gatepass.credential import Credential
    from gatepass.identity.login import PersonsLogin
    from gatepass.login.device import Invitation, Tokens
    from gatepass.login.oidc import ProviderFlow
    from gatepass.login.packagemanager import PackageManagerFlow
    from gatepass.settings import Environment, Login, Registry, Settings
    from gatepass.store import Store
    from gatepass.transport import Transport

_TO_THE_END = 60.0
"""Seconds of life with which a login is still handed out where nobody can be asked for another."""


class SignedIn(NamedTuple):
    """A login: its credential, ``who`` it is as far as anything says, the ``place`` it rests in
    (empty: this process alone)."""

    credential: Credential
    who: str
    place: str


def credential(
    registry: Registry,
    settings: Settings,
    env: Environment,
    who: PersonsLogin,
    store: Store,
    where: str,
    *,
    remember: bool = False,
) -> Credential:
    """The registry's credential by a login: the stored one, else a new one.

    ``where``: the store's key. ``remember``: answer with a failure of the last seconds instead of
    asking the person once more. Raises IdentityError (no-person at once where nobody can be
    asked; login-*), TrustError, TransportError, ExchangeError.
    """
    journey = _Journey(registry, settings, env, who, store, where)
    held = journey.stored()
    if held is not None:
        log.info("from-store", f"{registry.url}: a stored login serves, no request was made")
        return held
    return journey.once(remember=remember).credential


def sign_in(
    registry: Registry,
    settings: Settings,
    env: Environment,
    who: PersonsLogin,
    store: Store,
    where: str,
) -> SignedIn:
    """Log in now, even if a login is stored. Raises as :func:`credential` does."""
    return _Journey(registry, settings, env, who, store, where).once(anew=True)


class _Journey:
    """One call."""

    def __init__(
        self,
        registry: Registry,
        settings: Settings,
        env: Environment,
        who: PersonsLogin,
        store: Store,
        where: str,
    ) -> None:
        self.registry, self.settings, self.env = registry, settings, env
        self.who, self.store, self.where = who, store, where
        self.logins = Logins(registry, settings, env)
        self.notes = Notes(store, where)

    def stored(self) -> Credential | None:
        """A login's credential with enough life left, without any request."""
        now = time.time()
        for held in self.logins.held():
            if held.credential.is_fresh(now):
                return held.credential
        return self.store.get(self.where, now)

    def once(self, *, remember: bool = False, anew: bool = False) -> SignedIn:
        """Log in under the key's lock, so that one process asks the person. ``anew``: whatever is
        stored."""

        def look() -> Credential | GatepassError | None:
            # Each look of a waiter costs as little as it can: there may be minutes of them.
            failure = self.notes.failure(FORGET if remember else 0.0)
            return failure or (self.stored() if self.notes.is_done else None)

        with self.store.alone(self.where, look, self.notes.left) as found:
            if isinstance(found, GatepassError):
                raise found
            if found is None and not anew:
                found = self.stored()  # R, or another spelling of us, may just have logged in
            if found is not None:
                log.info("from-store", f"{self.registry.url}: another process has just logged in")
                return SignedIn(found, name_in(found), "")
            try:
                return self._work(anew)
            except GatepassError as error:
                if error.code != "no-person":  # the next one may be at a terminal
                    self.notes.fail(record_of(error, self.registry.url))
                raise

    def _work(self, anew: bool) -> SignedIn:
        renewed = None if anew else self._renewed()
        if renewed is not None:
            return renewed
        held = self.logins.held()
        try:
            known = bool(held) or self.notes.is_known
            person = reach(self.env, self.registry, is_known=known)
        except IdentityError:
            left = {one.ends_in(time.time()): one for one in held}
            if anew or max(left, default=0.0) < _TO_THE_END:
                raise
            last = left[max(left)]
            log.warning(
                "login-ends",
                f"the login to {self.registry.url} ends in {max(left) / 60:.0f} min, and nobody "
                "can be asked for another",
            )
            return SignedIn(last.credential, name_in(last.credential), last.place)
        try:
            return self._asked(person, anew)
        finally:
            person.close()

    def _asked(self, person: Person, anew: bool) -> SignedIn:
        from gatepass.failure import WHOLE
        from gatepass.login import device, prompt
        from gatepass.transport import Transport

        transport = Transport()
        flow, invited, provider = self._begun(transport)
        self.notes.ask(invited.expires_in + WHOLE)
        try:
            with prompt.shown(person, self.registry, invited):
                told = device.finish(flow, invited)
            signed = self._exchanged(flow.tokens(told), provider, transport)
        finally:
            self.notes.ask(0.0)
        if not anew:
            prompt.done(person, f"logged in{f' as {signed.who}' if signed.who else ''}")
        return signed

    def _begun(
        self, transport: Transport
    ) -> tuple[PackageManagerFlow | ProviderFlow, Invitation, Login | None]:
        """The login that was begun: Package Manager's own where it has one, else the provider's."""
        from gatepass.login.oidc import ProviderFlow
        from gatepass.login.packagemanager import PackageManagerFlow
        from gatepass.transport import Deadline

        provider = self.who.provider
        if self.logins.is_shared:
            own = PackageManagerFlow(self.registry, transport)
            try:
                return own, own.begin(Deadline()), None
            except IdentityError as error:
                if error.code != "login-not-offered" or provider is None:
                    raise
                log.info("no-own-login", f"{error.what}: {provider.issuer} is asked instead")
        if provider is None:
            raise AssertionError("only Package Manager has a login of its own")
        flow = ProviderFlow(provider, transport, renewable=self.logins.keeps_refresh_tokens)
        return flow, flow.begin(Deadline()), provider

    def _renewed(self) -> SignedIn | None:
        """A login that a refresh token renewed; None where there is none, or it is over."""
        provider = self.who.provider
        token = self.logins.refresh_token(provider) if provider else None
        if provider is None or token is None:
            return None
        from gatepass.login import oidc
        from gatepass.transport import Deadline, Transport

        transport = Transport()
        try:
            tokens = oidc.renew(provider, token, transport, Deadline())
        except IdentityError as error:
            log.info("not-renewed", f"{error.what}: {error.why}")
            return None  # whoever can be asked is asked
        if tokens is None:
            self.logins.keep_refresh_token(provider, None)
            return None
        if tokens.refresh_token is None:  # the old one goes on being good
            tokens = tokens._replace(refresh_token=token)
        return self._exchanged(tokens, provider, transport)

    def _exchanged(self, tokens: Tokens, provider: Login | None, transport: Transport) -> SignedIn:
        """The credential for a login's ID token, kept. ``provider`` None: the registry's own."""
        from gatepass.transport import Deadline

        if provider is not None:  # first of all: where it was replaced, the old one is no good
            self.logins.keep_refresh_token(provider, tokens.refresh_token)
        deadline, claims = Deadline(), peek.claims(tokens.id_token.reveal())
        if provider is not None:
            from gatepass import idtoken  # loads jwt

            claims = dict(
                idtoken.verified(
                    tokens.id_token,
                    provider,
                    self.registry,
                    self.settings,
                    self.env,
                    self.store.key_sets(),
                    transport,
                    deadline,
                )
            )
        request = exchange.Request(
            registry=self.registry,
            who=self.who,
            mint=lambda: tokens.id_token,
            claims=lambda: claims,
            env=self.env,
            transport=transport,
            deadline=deadline,
            keeps=self.settings.store != "off",
        )
        found = exchange.way(self.registry.kind, self.who.name).exchange(request)
        place = self.logins.keep(found.secret)
        if not place:
            about = {name: str(claims.get(name, "")) for name in ("iss", "sub", "aud")}
            about |= {"registry": self.registry.name, "url": self.registry.url}
            self.store.put(self.where, found, {**about, "identity": self.who.name})
            place = self.store.folder.path if self.store.folder else ""
        self.notes.done()
        who = name_in(found) or name_of(claims)
        log.info("logged-in", f"{self.registry.url}: logged in as {who or '?'}", place=place)
        return SignedIn(found, who, place)
