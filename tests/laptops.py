"""A laptop at the sandbox, inside this process: its person reads what is written to a text."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gatepass import identity, resolve, signin
from gatepass.credential import Credential
from gatepass.errors import GatepassError
from gatepass.identity.login import PersonsLogin
from gatepass.login.person import Person, nobody
from gatepass.sandbox import Sandbox
from gatepass.secret import Secret
from gatepass.settings import Registry, load
from gatepass.store import Store, open_store, system
from gatepass.store.tokens import TokensFile


class FakeKeyring:
    """As gatepass.store.system.SystemKeyring; what is longer than `largest` it can't hold."""

    def __init__(self, largest: int = 10_000) -> None:
        self.held: dict[str, Secret] = {}
        self.largest = largest

    def get(self, name: str) -> Secret | None:
        return self.held.get(name)

    def put(self, name: str, secret: Secret) -> bool:
        if len(secret.reveal()) > self.largest:
            return False
        self.held[name] = secret
        return True

    def remove(self, name: str) -> bool:
        return self.held.pop(name, None) is not None


class Laptop:
    """`person_is_here` can be changed; `screen` is what they saw."""

    def __init__(
        self, sandbox: Sandbox, folder: Path, patch: pytest.MonkeyPatch, **env: str
    ) -> None:
        self.sandbox, self.person_is_here = sandbox, True
        self.file = TokensFile(str(folder / "tokens.toml"))
        self.env = {
            "PACKAGEMANAGER_ADDRESS": sandbox.address,
            "PACKAGEMANAGER_SSO_TOKEN_FILE": self.file.path,
            "GATEPASS_STORE_DIR": str(folder / "store"),
            **env,
        }
        self._terminal = io.StringIO()
        self.knew: list[bool] = []
        self.ring = FakeKeyring()
        patch.setattr(signin, "reach", self._reach)
        patch.setattr(system, "open_system", lambda env: self.ring)

    def with_provider(self) -> None:
        """Name the sandbox's provider for people."""
        self.env["GATEPASS_LOGIN_ISSUER"] = self.sandbox.idp.url
        self.env["GATEPASS_LOGIN_CLIENT_ID"] = self.sandbox.idp.client_id

    def _reach(self, env: Mapping[str, str], registry: Registry, *, is_known: bool) -> Person:
        self.knew.append(is_known)
        if not self.person_is_here:
            raise nobody(registry, "this test has nobody")
        return Person(self._terminal, has_browser=False)

    @property
    def screen(self) -> str:
        return self._terminal.getvalue()

    @property
    def parties(self) -> list[str]:
        """Who was asked since the last look, in order; nobody saw what was for another."""
        seen = self.sandbox.requests[self._looked :]
        self._looked += len(seen)
        for request in seen:
            assert "somebody else" not in request.note
            assert "came along" not in request.note
        return [request.party for request in seen]

    _looked = 0

    def registry(self) -> Registry:
        (registry,) = load(self.env).registries
        return registry

    def who(self, registry: Registry) -> PersonsLogin:
        found = identity.choose(self.env, registry._replace(identity="login"))
        assert isinstance(found, PersonsLogin)
        return found

    @property
    def store(self) -> Store:
        return open_store(self.env, load(self.env))

    def _given(self, changes: dict[str, Any]) -> tuple[Any, ...]:
        settings = load(self.env)
        registry = self.registry()._replace(**changes)
        who = self.who(registry)
        resolve.check_policy(registry, who)
        where = resolve.store_key(registry, settings, who, self.env)
        return registry, settings, self.env, who, self.store, where

    def get(self, *, remember: bool = False, **changes: Any) -> Credential:
        """What a client would be given."""
        return signin.credential(*self._given(changes), remember=remember)

    def fails(self, code: str, *, remember: bool = False, **changes: Any) -> GatepassError:
        """A call that ends in this error."""
        with pytest.raises(GatepassError) as caught:
            self.get(remember=remember, **changes)
        assert caught.value.code == code
        return caught.value

    def sign_in(self, **changes: Any) -> signin.SignedIn:
        return signin.sign_in(*self._given(changes))

    @property
    def key(self) -> str:
        return str(self._given({})[-1])

    def keep(self, *, lasts: float) -> Secret:
        """Put a token into tokens.toml that ends so many seconds from now."""
        from forge import claims, token

        now = int(time.time())
        kept = Secret(token(claims(iat=now - 3600, exp=now + int(lasts), sub="me")))
        self.file.put(self.sandbox.address, kept)
        return kept
