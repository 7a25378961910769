"""Starting what people need: their identity provider, and menda cloud."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from .doors import Doors
from .faults import Faults
from .idp import Idp
from .menda import Menda
from .person import Person

if TYPE_CHECKING:
    from .aws import AWS

_REGISTRY_TOKEN = 12 * 3600  # seconds, CodeArtifact's own maximum


def start_idp(
    doors: Doors, person: Person, faults: Mapping[str, Faults], closing: ExitStack
) -> Idp:
    """A running provider, whose codes `person` hears of."""
    server, origin = doors.open("idp", closing)
    idp = Idp(origin, person, faults["idp"], faults["issuer"])
    # Before its server stops: a poll that is held must not outlive the sandbox.
    closing.callback(idp.codes.stop)
    server.start(idp)
    return idp


def start_menda(
    doors: Doors, aws: Callable[[], AWS], faults: Mapping[str, Faults], closing: ExitStack
) -> Menda:
    """A running menda cloud, whose registry tokens open the repositories of acme's at `aws`."""
    server, origin = doors.open("menda", closing)

    def issue() -> tuple[str, float]:
        return aws().token(lifetime=_REGISTRY_TOKEN), time.time() + _REGISTRY_TOKEN

    def listed() -> list[str]:
        return [aws().index_url.removesuffix("simple/"), aws().upload_url]

    menda = Menda(origin, issue, listed, faults["menda"])
    server.start(menda)
    return menda
