"""Which identity speaks for a registry: the first candidate of its kind's list.

A platform is one file of this package and one line below. Nothing here touches the network.
"""

from __future__ import annotations

from typing import NamedTuple

from gatepass.errors import GatepassError, IdentityError
from gatepass.identity import file, github, gitlab, kubernetes, token
from gatepass.identity.base import Detector, Identity, Unable
from gatepass.settings import Environment, Registry
from gatepass.settings.environment import in_ci, not_supported_yet

__all__ = ["Found", "Identity", "Unable", "choose", "find"]

# What was said outranks what was found; two of _CI at once are an error that asks.
_CI: dict[str, Detector] = {"github": github, "gitlab": gitlab}
_ORDER: dict[str, dict[str, Detector]] = {
    "packagemanager": {
        "file": file,
        "token": token,
        **_CI,
        "kubernetes": kubernetes,
    },
}


class Found(NamedTuple):
    """All that is there: ``candidates`` in their order, ``unable`` with their reasons."""

    candidates: tuple[Identity, ...]
    unable: tuple[Unable, ...]


def find(env: Environment, registry: Registry) -> Found:
    """Every identity that is present, the winner first; a broken variable counts as unable."""
    found: list[Identity | Unable | None] = []
    for name, detector in _ORDER[registry.kind].items():
        try:
            found.append(detector.detect(env, registry))
        except GatepassError as error:  # it may be no candidate's turn: `choose` decides that
            found.append(Unable(name, "what it reads is broken", error))
    return Found(
        tuple(one for one in found if one is not None and not isinstance(one, Unable)),
        tuple(one for one in found if isinstance(one, Unable)),
    )


def choose(env: Environment, registry: Registry) -> Identity:
    """The identity for this registry: the one that was chosen, else the first candidate.

    Raises IdentityError: none is there (with the reason of a platform that can't act), the chosen
    one isn't, or two CI platforms are and nobody chose. Another candidate is never tried instead.
    """
    if registry.identity != "auto":
        return _chosen(env, registry)
    unable: list[Unable] = []
    platforms: list[Identity] = []
    for name, detector in _ORDER[registry.kind].items():
        if platforms and name not in _CI:
            break  # what comes later can't win, and isn't judged
        found = detector.detect(env, registry)
        if isinstance(found, Unable):
            unable.append(found)
        elif found is not None and name in _CI:
            platforms.append(found)
        elif found is not None:
            return found
    if len(platforms) > 1:
        names = " and ".join(platform.name for platform in platforms)
        raise IdentityError(
            "two-platforms",
            f"this job could be two: {names}",
            why="the variables of both CI platforms are set",
            do=f"set GATEPASS_IDENTITY to one of them, say {platforms[0].name}",
        )
    if platforms:
        return platforms[0]
    raise unable[0].error if unable else _nobody(env, registry)


def _chosen(env: Environment, registry: Registry) -> Identity:
    name = registry.identity
    detector = _ORDER[registry.kind].get(name)
    if detector is None:
        raise not_supported_yet(f"the identity {name!r}", f"identity {name!r} for this registry")
    found = detector.detect(env, registry)
    if isinstance(found, Unable):
        raise found.error
    if found is None:
        raise IdentityError(
            "identity-absent",
            f"the identity {name!r} was chosen, and it is not here",
            why=_MISSING[name],
            do="set that, or unset GATEPASS_IDENTITY (or `identity` in config.toml)",
        )
    return found


_MISSING = {
    "github": "neither ACTIONS_ID_TOKEN_REQUEST_URL nor GITHUB_ACTIONS is set",
    "gitlab": "GITLAB_CI is not `true`",
    "kubernetes": "neither GATEPASS_KUBERNETES_TOKEN_FILE nor /var/run/secrets/gatepass is there, "
    "and KUBERNETES_SERVICE_HOST isn't set",
    "file": "none of PACKAGEMANAGER_IDENTITY_TOKEN_FILE, GATEPASS_ID_TOKEN, "
    "GATEPASS_ID_TOKEN_<NAME> and GATEPASS_ID_TOKEN_FILE is set",
    "token": "PACKAGEMANAGER_TOKEN isn't set, or this is not PACKAGEMANAGER_ADDRESS, "
    "for which alone it speaks",
}


def _nobody(env: Environment, registry: Registry) -> GatepassError:
    if in_ci(env):
        do = (
            "GitHub Actions: add `permissions: id-token: write` to the job;\n"
            "GitLab CI: add `id_tokens:` with GATEPASS_ID_TOKEN to the job;\n"
            "elsewhere: put an OIDC token for this audience into a file and name it in\n"
            "PACKAGEMANAGER_IDENTITY_TOKEN_FILE, or pass it in GATEPASS_ID_TOKEN"
        )
    else:
        do = (
            "put an OIDC token into a file and name it in PACKAGEMANAGER_IDENTITY_TOKEN_FILE,\n"
            "or set PACKAGEMANAGER_TOKEN; `gatepass whoami` shows what is there"
        )
    return IdentityError(
        "no-identity",
        f"nothing here says who we are, so {registry.url} gives us nothing",
        why="no CI job's identity, no token file and no token variable was found",
        do=do,
    )
