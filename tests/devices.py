"""A device that asks for a login, byte by byte as a test says: no client of ours is in it."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import requests

from gatepass.sandbox import Sandbox

TIMEOUT = 10
VERIFIER = "v" * 43
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
}


def challenge(verifier: str = VERIFIER) -> dict[str, str]:
    """The two PKCE fields for a verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return {"code_challenge": encoded, "code_challenge_method": "S256"}


def post(url: str, fields: dict[str, str] | None, **options: Any) -> requests.Response:
    """One form, without following anything."""
    return requests.post(url, data=fields, timeout=TIMEOUT, allow_redirects=False, **options)


def exchange(sandbox: Sandbox, token: str) -> requests.Response:
    """Present a subject token to Package Manager."""
    return post(sandbox.address + "/__api__/token", {**EXCHANGE, "subject_token": token})


class Ppm:
    """A device at Package Manager's own flow."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        answer = self.authorize(challenge())
        assert answer.status_code == 200, answer.text
        self.told = answer.json()

    def authorize(self, fields: dict[str, str]) -> requests.Response:
        return post(self.sandbox.address + "/__api__/device", fields)

    def poll(self, verifier: str = VERIFIER, **options: Any) -> requests.Response:
        fields = {"device_code": self.told["device_code"], "code_verifier": verifier}
        return post(self.sandbox.address + "/__api__/device_access", fields, **options)


class Oidc:
    """A device at the provider's flow, as the public client; `pkce` adds a challenge."""

    def __init__(
        self, sandbox: Sandbox, scope: str = "openid offline_access", pkce: bool = False
    ) -> None:
        self.sandbox = sandbox
        self.verifier = {"code_verifier": VERIFIER} if pkce else {}
        answer = self.authorize({"scope": scope, **(challenge() if pkce else {})})
        assert answer.status_code == 200, answer.text
        self.told = answer.json()

    def authorize(self, fields: dict[str, str]) -> requests.Response:
        url = self.sandbox.idp.url + "/device_authorization"
        return post(url, {"client_id": "gatepass", **fields})

    def poll(self, **fields: str) -> requests.Response:
        code = {"grant_type": DEVICE_GRANT, "device_code": self.told["device_code"]}
        return tokens(self.sandbox, **{**code, **self.verifier, **fields})

    def refresh(self, token: str, **fields: str) -> requests.Response:
        return tokens(self.sandbox, grant_type="refresh_token", refresh_token=token, **fields)


def tokens(sandbox: Sandbox, **fields: str) -> requests.Response:
    """A request of the public client to the provider's token endpoint."""
    return post(sandbox.idp.url + "/token", {"client_id": "gatepass", **fields})


def refused(answer: requests.Response, code: str, status: int = 400) -> str:
    """The description of an error answer, which is `code` and rests in no cache."""
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return str(answer.json()["error_description"])
