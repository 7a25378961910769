"""Passes for tests: a folder as `gatepass exec` makes it, and registries to put there."""

from __future__ import annotations

import time
from pathlib import Path

from gatepass.credential import Credential
from gatepass.secret import Secret
from gatepass.settings import Registry, load
from gatepass.store import passes
from gatepass.store.folder import Folder

PPM = "https://ppm.example.com"
AWS = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
DUAL = "https://acme-111122223333.codeartifact.eu-west-1.on.aws"
SECRET = "made-up.secret"


def registry(url: str = PPM, name: str = "prod") -> Registry:
    """A registry as the settings make it."""
    found = load({"GATEPASS_REGISTRIES": f"{name}={url}"}).named(name)
    assert found is not None
    return found


def credential(
    secret: str = SECRET, life: float | None = 3600.0, user: str = "__token__"
) -> Credential:
    """One that was got just now."""
    now = time.time()
    return Credential(user, Secret(secret), now, None if life is None else now + life)


def folder_with(path: Path, *held: tuple[Registry, Credential]) -> Folder:
    """A private folder with these passes."""
    path.mkdir(mode=0o700)
    folder = Folder(str(path))
    for one, its in held:
        passes.write(folder, one, its)
    return folder
