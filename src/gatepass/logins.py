"""Where a person's logins rest: Package Manager's tokens.toml, the system keyring, or neither.

The file is shared with rspm, pak and posit-keyring. GATEPASS_STORE=system keeps logins in the
system keyring instead, and what that can't hold still goes to the file; ``off`` keeps none.
Refresh tokens are kept in the system keyring or not at all, so only where that was chosen.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gatepass import log, peek
from gatepass.credential import Credential
from gatepass.errors import ExchangeError, GatepassError, plain
from gatepass.exchange.packagemanager import USERNAME
from gatepass.exchange.reply import expiry, usable_secret
from gatepass.settings.environment import read
from gatepass.store import tokens

if TYPE_CHECKING:
    from gatepass.secret import Secret
    from gatepass.settings import Environment, Login, Registry, Settings
    from gatepass.store import Store
    from gatepass.store.system import SystemKeyring

KEYRING = "the system keyring"

_LONGEST = 3600.0
"""Seconds that a note may make others wait, whatever it says: more than any login may take."""

_CLOCK = 1.0
"""Seconds that a clock may be set back between two looks at it."""


class Held(NamedTuple):
    """A login's token, and where it rests, for people."""

    credential: Credential
    place: str

    def ends_in(self, now: float) -> float:
        """Seconds; those of a token without an end are without end too."""
        ends = self.credential.expires_at
        return float("inf") if ends is None else ends - now


class Logins:
    """One registry's login. Nothing here raises an error: what can't be read isn't there."""

    def __init__(self, registry: Registry, settings: Settings, env: Environment) -> None:
        self.is_shared = registry.kind == "packagemanager" and not registry.claims
        """Whether the token is one that others may have put there: Package Manager's own, where
        no claims policy asks whose it is."""
        self._registry, self._settings, self._env = registry, settings, env
        self._file = tokens.TokensFile(tokens.path(env))
        self._opened: list[SystemKeyring | None] = []

    def held(self) -> list[Held]:
        """The registry's own tokens, the chosen place first; expired ones too."""
        if not self.is_shared:
            return []
        found = []
        system = self._system()
        if system and (token := system.get(self._name)):
            found.append((token, KEYRING))
        if token := self._file.get(self._registry.realm):
            found.append((token, self._file.path))
        return [Held(one, place) for token, place in found if (one := _credential(token, place))]

    def keep(self, token: Secret) -> str:
        """Keep a token of Package Manager's; the place, empty where none took it, or where its
        end isn't in it: whoever reads it there would believe that it has none."""
        if not self.is_shared or self._settings.store == "off" or _ends(token) is None:
            return ""
        system = self._system()
        if system and system.put(self._name, token):
            self._file.remove(self._registry.realm)  # else an old one would stay behind
            return KEYRING
        # The file's other readers look for the address as it was written, to the letter.
        written = read(self._env, "PACKAGEMANAGER_ADDRESS") if self._registry.is_drop_in else ""
        return self._file.path if self._file.put(written or self._registry.url, token) else ""

    @property
    def keeps_refresh_tokens(self) -> bool:
        """Whether there is a place for a refresh token."""
        return self._system() is not None

    def refresh_token(self, provider: Login) -> Secret | None:
        """What renews the login at this provider without its person; for this registry alone."""
        system = self._system()
        return system.get(self._renewal(provider)) if system else None

    def keep_refresh_token(self, provider: Login, token: Secret | None) -> None:
        """Keep it, or forget the old one where there is no new one."""
        system = self._system()
        if system is None:
            return
        if token is None:
            system.remove(self._renewal(provider))
        elif not system.put(self._renewal(provider), token):
            log.info("refresh-token", "the refresh token is not kept: the keyring can't hold it")

    def forget(self, provider: Login | None) -> list[str]:
        """Forget the login everywhere; what was forgotten, for people."""
        gone = []
        if self._file.remove(self._registry.realm):
            gone.append(f"the token in {self._file.path}")
        system = self._system()
        if system and system.remove(self._name):
            gone.append(f"the token in {KEYRING}")
        if system and provider and system.remove(self._renewal(provider)):
            gone.append(f"the refresh token in {KEYRING}")
        return gone

    @property
    def _name(self) -> str:
        return str(self._registry.realm)

    def _renewal(self, provider: Login) -> str:
        return f"{self._registry.realm} by {provider.issuer} as {provider.client_id}"

    def _system(self) -> SystemKeyring | None:
        if self._settings.store != "system":
            return None
        if not self._opened:
            from gatepass.store.system import open_system  # loads keyring

            self._opened.append(open_system(self._env))
        return self._opened[0]


class Notes:
    """What processes tell each other about one login, in the private folder; all of it may be
    lost. ``login-…`` has epoch seconds: until when a person is being asked, and when a login last
    came of it; ``failure-…`` is the last one."""

    def __init__(self, store: Store, where: str) -> None:
        self._store, self._where = store, where
        self._began = time.time()

    def ask(self, seconds: float) -> None:
        """A person is being asked, for at most so long; 0: no longer."""
        self._store.note(
            f"login-{self._where}",
            {"until": time.time() + seconds if seconds else 0.0, "done": self._told("done")},
        )

    def done(self) -> None:
        """A login has just succeeded."""
        self._store.note(f"login-{self._where}", {"until": 0.0, "done": time.time()})

    def fail(self, record: dict[str, Any]) -> None:
        """A login has just failed; ``record``: as :func:`gatepass.resolve.record_of` makes it."""
        self._store.note(f"failure-{self._where}", record)

    def forget(self) -> None:
        """After a logout, nobody has logged in before."""
        self._store.note(f"login-{self._where}", {"until": 0.0, "done": 0.0})

    def left(self) -> float:
        """Seconds for which a person may still be answering another process."""
        return min(self._told("until") - time.time(), _LONGEST)

    @property
    def is_known(self) -> bool:
        """Whether there was a login before."""
        return self._told("done") > 0

    @property
    def is_done(self) -> bool:
        """Whether a login succeeded since this object was made."""
        return self._told("done") >= self._began

    def failure(self, age: float) -> GatepassError | None:
        """What ended a login since this object was made, or at most ``age`` seconds ago."""
        record = self._store.recall(f"failure-{self._where}")
        try:
            moment, now = float(record["time"]) if record else 0.0, time.time() + _CLOCK
            # One of the future, after the clock was set back, would fail every login until then.
            if record and (self._began <= moment <= now or 0 <= now - moment < age + _CLOCK):
                what, why, do = (str(record[name]) for name in ("what", "why", "do"))
                return GatepassError(str(record["code"]), what, why=why, do=do)
        except (KeyError, TypeError, ValueError):
            pass  # half of a record is none
        return None

    def _told(self, name: str) -> float:
        value = (self._store.recall(f"login-{self._where}") or {}).get(name)
        return float(value) if isinstance(value, int | float) else 0.0


def name_in(found: Credential) -> str:
    """Whom a credential names, for people; empty where it names nobody."""
    return name_of(peek.claims(found.secret.reveal()))


def name_of(claims: Mapping[str, Any]) -> str:
    """Whom claims name, for people."""
    names = (claims.get(name) for name in ("email", "preferred_username", "sub"))
    return next((plain(name, 100) for name in names if isinstance(name, str) and name), "")


def _ends(token: Secret) -> float | None:
    return expiry(peek.claims(token.reveal()))


def _credential(token: Secret, place: str) -> Credential | None:
    """A kept token with its own times. Without ``exp`` it doesn't end: such are API tokens."""
    try:
        usable_secret(token.reveal(), place)
    except ExchangeError as error:
        log.warning("login", f"{error.what}: {error.why}")
        return None
    said, now = peek.claims(token.reveal()), time.time()
    issued = said.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float) or not issued >= 0:
        issued = 0.0
    # The server's clock may be ahead of ours: that is no reason to ask the person again. And JSON
    # knows numbers of any length, which compare with a float and don't become one.
    return Credential(USERNAME, token, now if issued > now else float(issued), expiry(said))
