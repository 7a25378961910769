"""What every identity is: a source of subject tokens that can act, or the reason why it can't."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gatepass.secret import Secret

if TYPE_CHECKING:
    from gatepass.errors import GatepassError
    from gatepass.settings import Environment, Registry
    from gatepass.transport import Deadline, Transport


class Identity(Protocol):
    """A candidate: it exists only if it can act, which it knows without asking the network.

    ``name``: what GATEPASS_IDENTITY calls it; ``label``: for people; ``origin``: the variable or
    place that made it a candidate; ``can_remint``: whether each call of :meth:`subject_token`
    gives a new token; ``issuers``: who may have issued it, byte for byte, an entry that ends in
    ``/*`` standing for exactly one more path segment, empty where the token names its own;
    ``audience_is_unsaid``: the replaced tool's users never had to say an audience here;
    ``presents_token``: whether :meth:`subject_token` gives one at all: ``aws``, ``menda``,
    ``token`` and ``login`` get their credential in other ways; ``role_arn``: the AWS role that
    belongs to it, empty for other registries than CodeArtifact.
    """

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def origin(self) -> str: ...
    @property
    def can_remint(self) -> bool: ...
    @property
    def issuers(self) -> tuple[str, ...]:
        """Raises IdentityError where only the token's file tells them, and that can't be read."""
        ...

    @property
    def audience_is_unsaid(self) -> bool: ...
    @property
    def presents_token(self) -> bool: ...

    role_arn: str

    def fingerprint(self) -> str:
        """What only this identity's holder has, for the store's key. No network; may read files.

        Raises IdentityError where a file that it needs can't be read.
        """
        ...

    def subject_token(self, audience: str, transport: Transport, deadline: Deadline) -> Secret:
        """A subject token for ``audience`` where the platform can choose it; not yet verified.

        Raises IdentityError or TransportError.
        """
        ...


class Unable(NamedTuple):
    """A platform that was detected and cannot act; its error is shown if nothing else can."""

    name: str
    label: str
    error: GatepassError


class Detector(Protocol):
    """A module of this package: one platform."""

    def detect(self, env: Environment, registry: Registry) -> Identity | Unable | None:
        """The candidate, why there is none although this is the place, or None: not here."""
        ...


class Place(NamedTuple):
    """A second place in the order for a module that has one already."""

    detect: Callable[[Environment, Registry], Identity | Unable | None]
