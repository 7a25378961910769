"""The credentials that a command is started with, all of them got before it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gatepass import identity
from gatepass.child.fence import Used
from gatepass.credential import Credential
from gatepass.errors import GatepassError
from gatepass.resolve import credential_at, record_of
from gatepass.settings import Environment, Registry, Settings
from gatepass.settings.environment import read
from gatepass.store import open_store
from gatepass.store.passes import VARIABLE


class Held(NamedTuple):
    """A registry and its credential."""

    registry: Registry
    credential: Credential


def credentials(served: Sequence[Registry], settings: Settings, env: Environment) -> list[Held]:
    """One for each registry. Raises the first failure, which `gatepass status` then shows."""
    held = []
    for registry in served:
        try:
            held.append(Held(registry, credential(registry, settings, env)))
        except GatepassError as error:
            open_store(env, settings).note("last-error", record_of(error, registry.url))
            raise
    return held


def credential(
    registry: Registry, settings: Settings, env: Environment, *, after: float | None = None
) -> Credential:
    """A registry's credential, stored or new; ``after`` as with :func:`credential_at`. Raises
    GatepassError."""
    found = credential_at(registry, settings, env, after=after)
    if found is None:  # only a user name that was asked for makes it so
        raise AssertionError("a registry of ours has nothing for nobody in particular")
    return found


def renewed(
    registry: Registry, settings: Settings, env: Environment, after: float | None = None
) -> Credential:
    """Like :func:`credential`, while the command runs: nobody is asked to log in meanwhile.

    A login is renewed in silence, or goes on being used until it ends.
    """
    if not read(env, VARIABLE) and identity.choose(env, registry).name == "login":
        registry, env = registry._replace(identity="login"), {**env, "CI": "true"}
    return credential(registry, settings, env, after=after)


def used(served: Sequence[Registry], env: Environment) -> list[Used]:
    """The identities that the credentials were got with; none inside of another `gatepass exec`,
    whose passes serve."""
    if read(env, VARIABLE):
        return []
    found = (identity.choose(env, registry) for registry in served)
    return [Used(one.name, one.origin) for one in found]
