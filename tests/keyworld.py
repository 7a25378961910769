"""An issuer, a cache and a clock for one key source: what answers, what rests, what time it is."""

from __future__ import annotations

import json
from typing import Any

import forge
from gatepass.errors import GatepassError, TransportError
from gatepass.secret import Secret
from gatepass.transport import Deadline, Response
from gatepass.trust import jws
from gatepass.trust.keys import KeySource

DISCOVERY, JWKS = forge.ISSUER + "/.well-known/openid-configuration", forge.ISSUER + "/keys"
CONFIGURED = "https://mirror.example/keys.json"
OLD, NEW = forge.jwk(forge.rsa_key(), kid="old"), forge.jwk(forge.rsa_key(), kid="new")
T0 = 1_000_000.0


class World:
    """A transport, a cache and a clock: what answers, what rests, what time it is."""

    def __init__(self) -> None:
        self.now = T0
        self.cached: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.seconds: list[float] = []
        self.configured = ""
        self.answers: dict[str, Any] = {}
        self.publish(OLD)
        self.answers[DISCOVERY] = Response(
            200, {}, json.dumps({"issuer": forge.ISSUER, "jwks_uri": JWKS}).encode()
        )

    def publish(self, *keys: object, url: str = JWKS, cache: str = "") -> None:
        headers = {"cache-control": cache} if cache else {}
        self.answers[url] = Response(200, headers, json.dumps({"keys": keys}).encode())

    def break_down(self, url: str = JWKS) -> None:
        self.answers[url] = TransportError("unreachable", f"no answer from {url}", why="it broke")

    def send(self, method: str, url: str, *, deadline: Deadline, **others: object) -> Response:
        self.asked.append(url)
        self.seconds.append(deadline.left())
        answer = self.answers[url]
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Response)
        return answer

    def get(self, name: str) -> bytes | None:
        return self.cached.get(name)

    def put(self, name: str, data: bytes) -> None:
        self.cached[name] = data

    def ask(self, kid: str = "old") -> str:
        """The kids found for a token of this kid, or the error's code."""
        source = KeySource(self, self, lambda issuer: self.configured, lambda: self.now)  # type: ignore[arg-type]
        token = jws.parse(Secret(forge.token(kid=kid, sign=lambda data: b"x")))
        try:
            return ",".join(key["kid"] for key in source.keys_for(token, Deadline(30)))
        except GatepassError as error:
            self.error = error
            return error.code

    def requests(self, kid: str = "old") -> int:
        """How many requests one question makes."""
        before = len(self.asked)
        self.ask(kid)
        return len(self.asked) - before
