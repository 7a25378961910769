"""A home with menda's files in it, and a registry of CodeArtifact's: what tests of menda need."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from gatepass.exchange import Request
from gatepass.identity import menda
from gatepass.identity.menda import Menda
from gatepass.realm import parse
from gatepass.secret import Secret
from gatepass.settings import Registry
from gatepass.settings.codeartifact import registry_at
from gatepass.transport import Deadline, Transport
from wire import Wire, answer

HOST = "https://api.example.menda.cloud"
INDEX = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com/pypi/private/simple/"
SECRET = "a-clients-secret-that-nobody-may-see"
LOGIN = "their-login"
TRIO = {"MENDA_HOST": HOST, "MENDA_CLIENT_ID": "ci", "MENDA_CLIENT_SECRET": SECRET}

PERSON = f"[default]\nhost = {HOST}\nauth_type = u2m\n"
MACHINE = f"[ci]\nhost = {HOST}\nauth_type = m2m\nclient_id = robot\nclient_secret = {SECRET}\n"


def registry(url: str = INDEX) -> Registry:
    """The registry at this address, which must be CodeArtifact's."""
    address = parse(url)
    assert address
    found = registry_at(address)
    assert found
    return found


def config(home: Path, text: str) -> Path:
    """Write ``~/.menda/mendacfg``."""
    path = home / ".menda" / "mendacfg"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def cache_path(home: Path) -> Path:
    return home / ".menda" / "tokens" / "cache" / ".token"


def cached(
    home: Path,
    section: str = "default",
    *,
    token: str = LOGIN,
    expires_in: object = 3600,
    cached_at: object = "",
    mode: int = 0o600,
    **more: str,
) -> Path:
    """Write the cache with one section, as menda's CLI does; cached now, None leaves a key out."""
    path = cache_path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = {
        "access_token": token,
        "expires_in": expires_in,
        "cached_at": time.time() if cached_at == "" else cached_at,
        **more,
    }
    lines = [f"{name} = {value}" for name, value in fields.items() if value is not None]
    path.write_text("\n".join([f"[{section}]", *lines, ""]), encoding="utf-8")
    path.chmod(mode)
    return path


def detected(env: dict[str, str], found: Registry | None = None) -> Menda:
    """What :func:`menda.detect` finds, which must be able to act."""
    who = menda.detect(env, found or registry())
    assert isinstance(who, Menda)
    return who


LOGGED_IN = answer(200, json.dumps({"access_token": "an-access-token", "expires_in": 3600}))
TOKEN = "eyJ.codeartifact.token"


def given(**members: Any) -> bytes:
    """The answer with a registry token."""
    return answer(200, json.dumps({"token": TOKEN, **members}))


def request(env: dict[str, str]) -> Request:
    """An exchange for whoever these variables are."""
    who = detected(env)
    return Request(registry(), who, lambda: Secret(""), dict, env, Transport(), Deadline(5))


def client(home: Path, server: Wire, **other: str) -> dict[str, str]:
    """The three variables, for this server."""
    own = {"MENDA_HOST": server.url, "MENDA_CLIENT_ID": "ci", "MENDA_CLIENT_SECRET": SECRET}
    return {"HOME": str(home), **own, **other}


def person(home: Path, server: Wire) -> dict[str, str]:
    """A profile with a cached login, for this server."""
    config(home, f"[me]\nhost = {server.url}\n")
    cached(home, "me")
    return {"HOME": str(home), "MENDA_PROFILE_ID": "me"}


def line(heard: str) -> str:
    """A request's first line."""
    return heard.partition("\r\n")[0]
