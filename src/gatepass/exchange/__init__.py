"""Registry kinds: how a subject token becomes a credential. One kind a file, one line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from gatepass.exchange import packagemanager

if TYPE_CHECKING:
    from gatepass.credential import Credential
    from gatepass.secret import Secret
    from gatepass.settings import Registry
    from gatepass.transport import Deadline, Transport


class Kind(Protocol):
    """A module of this package."""

    def username_for(self, asked: str | None) -> str | None:
        """The user name to answer with; None: leave it to the next backend."""
        ...

    def endpoint(self, registry: Registry) -> str:
        """The exchange's address: part of the store's key."""
        ...

    def exchange(
        self,
        registry: Registry,
        mint: Callable[[], Secret],
        transport: Transport,
        deadline: Deadline,
        *,
        can_remint: bool,
    ) -> Credential: ...

    def ready(self, registry: Registry, secret: Secret) -> Credential:
        """A ready-made secret as a credential."""
        ...


_KINDS: dict[str, Kind] = {"packagemanager": packagemanager}


def kind(name: str) -> Kind:
    """The kind of that name; settings let no other one through."""
    return _KINDS[name]
