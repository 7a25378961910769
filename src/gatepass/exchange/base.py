"""What every way of exchange is given, and what it has to have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from gatepass.credential import Credential
    from gatepass.identity import Identity
    from gatepass.secret import Secret
    from gatepass.settings import Environment, Registry
    from gatepass.transport import Deadline, Transport


class Request(NamedTuple):
    """One exchange.

    ``mint`` gives a verified subject token, a new one for each attempt where ``who.can_remint``;
    ``claims`` gives the verified claims of the last one. Both are of no use to an identity that
    presents none (``aws``, ``menda``). ``keeps``: whether anything of it may rest on this machine.
    """

    registry: Registry
    who: Identity
    mint: Callable[[], Secret]
    claims: Callable[[], Mapping[str, Any]]
    env: Environment
    transport: Transport
    deadline: Deadline
    keeps: bool = True


class Way(Protocol):
    """A module of this package: how one kind of identity becomes one registry's credential."""

    def username_for(self, asked: str | None) -> str | None:
        """The user name to answer with; None: leave it to the next backend."""
        ...

    def endpoint(self, registry: Registry, env: Environment) -> str:
        """The exchange's address, or addresses with a space between: part of the store's key.

        Raises ConfigError (aws-endpoint) for a variable that names none.
        """
        ...

    def exchange(self, request: Request) -> Credential:
        """A credential. Raises ExchangeError, TransportError, and what ``mint`` raises; ConfigError
        for a role or an address that can't be one, IdentityError where AWS' or menda cloud's keys
        can't be had."""
        ...
