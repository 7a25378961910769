"""A sandbox whose identity token file holds whatever a test puts there."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import forge
from gatepass import credential_for
from gatepass.errors import GatepassError
from gatepass.sandbox import Sandbox


class Published:
    """One entry of the issuer's key set, whatever it is."""

    def __init__(self, jwk: object) -> None:
        self._jwk = jwk

    def jwk(self) -> object:
        return self._jwk


class Forgery:
    """The journey from a token file to the registry, in this process."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.file = sandbox, folder / "token"
        self.env = {
            "PACKAGEMANAGER_ADDRESS": sandbox.address,
            "PACKAGEMANAGER_IDENTITY_TOKEN_FILE": str(self.file),
            "GATEPASS_TRUSTED_ISSUERS": sandbox.issuer.url,
            "GATEPASS_STORE_DIR": str(folder / "store"),
            "HOME": str(folder),
        }

    def claims(self, **changes: object) -> dict[str, Any]:
        """Claims that the sandbox's Package Manager would take, with changes."""
        issuer, audience = self.sandbox.issuer.url, self.sandbox.address
        return forge.claims(**{"iss": issuer, "aud": audience, **changes})

    def sign(self, body: object = None, header: object = None, **more: object) -> str:
        """A token by the issuer's own RS256 key; texts for body and header are used as they are."""
        key = self.sandbox.issuer.published()[0]
        if not isinstance(header, str):
            header = {"kid": key.kid, **(header or {}), **more}  # type: ignore[dict-item]
        return forge.token(
            self.claims() if body is None else body,  # type: ignore[arg-type]
            sign=key.sign,
            header=header,
        )

    @contextmanager
    def publishing(self, *jwks: object) -> Iterator[None]:
        """The issuer's key set holds exactly these entries."""
        issuer = self.sandbox.issuer
        issuer.published = lambda: [Published(jwk) for jwk in jwks]  # type: ignore[method-assign,return-value,misc,assignment]
        try:
            yield
        finally:
            del issuer.published

    def present(self, token: str | bytes, **env: str | None) -> str:
        """``ok`` or the error's code; a refusal has sent nothing to the registry, not one byte."""
        self.file.write_bytes(token.encode() if isinstance(token, str) else token)
        return self.ask(**env)

    def ask(self, **env: str | None) -> str:
        """As :meth:`present`, with the token file as it is; a value of None unsets a variable."""
        full: Mapping[str, str | None] = {**self.env, **env}
        before = len(self.exchanges())
        self.error: GatepassError | None = None
        try:
            found = credential_for(
                self.sandbox.index_url, env={n: v for n, v in full.items() if v is not None}
            )
        except GatepassError as error:
            self.error = error
            if len(self.exchanges()) != before:
                return f"reached the registry: {error.code}"
            return error.code
        assert found is not None
        return "ok"

    def exchanges(self) -> list[object]:
        """Every request that the exchange answered, with whatever status."""
        return [request for request in self.sandbox.requests if request.party == "exchange"]


def key_set(folder: Path, *keys: object) -> str:
    """A file with a key set, for GATEPASS_JWKS_FILE."""
    path = folder / "jwks.json"
    path.write_text(json.dumps({"keys": keys}))
    return os.fspath(path)


def now(shift: float = 0) -> int:
    """Epoch seconds from now."""
    return int(time.time() + shift)
