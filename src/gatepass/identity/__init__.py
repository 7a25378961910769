"""Which identity speaks for a registry: the first candidate of its kind's list.

A platform is one file of this package and one line below. Nothing here touches the network.
"""

from __future__ import annotations

from typing import NamedTuple

from gatepass.errors import GatepassError, IdentityError
from gatepass.identity import (
    aws,
    file,
    github,
    gitlab,
    kubernetes,
    login,
    menda,
    role,
    token,
    webidentity,
)
from gatepass.identity.base import Detector, Identity, Place, Unable
from gatepass.settings import Environment, Registry
from gatepass.settings.environment import in_ci

__all__ = ["Found", "Identity", "Unable", "choose", "find"]

# What was said outranks what was found; two of _CI at once are an error that asks. An identity
# that may stand in two places has a word for the place after its name.
_CI = ("github", "gitlab")
# What the machine has that a job runs on, whoever may send it jobs.
_OF_THE_MACHINE = ("kubernetes", "kubernetes/injected", "menda/configured", "aws/configured")
_ORDER: dict[str, dict[str, Detector]] = {
    "packagemanager": {
        "file": file,
        "token": token,
        "github": github,
        "gitlab": gitlab,
        "kubernetes": kubernetes,
        "login": login,
    },
    "codeartifact": {
        "menda": menda,
        "aws": aws,
        "file/aws": webidentity,
        "file": role.WithRole(file),
        "github": role.WithRole(github),
        "gitlab": role.WithRole(gitlab),
        "kubernetes": role.WithRole(kubernetes, role.of_the_pod),
        "kubernetes/injected": Place(webidentity.detect_injected),
        "menda/configured": Place(menda.detect_configured),
        "aws/configured": Place(aws.detect_configured),
        "login": role.WithRole(login),
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
            found.append(Unable(_name_of(name), "what it reads is broken", error))
    return Found(
        tuple(one for one in found if one is not None and not isinstance(one, Unable)),
        tuple(one for one in found if isinstance(one, Unable)),
    )


def choose(env: Environment, registry: Registry) -> Identity:
    """The identity for this registry: the one that was chosen, else the first candidate.

    Raises IdentityError: none is there (with the reason of a platform that can't act), the chosen
    one isn't, or two CI platforms are and nobody chose. Another candidate is never tried instead.
    Raises ConfigError where a variable that counts has a value that can't be used.

    Where a role was named for a CI job whose own identity can't speak (a fork's pull request, say),
    the machine's identities don't stand in: somebody meant the job, and nothing else.
    """
    if registry.identity != "auto":
        return _chosen(env, registry)
    role_is_the_jobs = bool(role.of_the_job(env, registry))  # Package Manager has none
    unable: list[Unable] = []
    platforms: list[Identity] = []
    for name, detector in _ORDER[registry.kind].items():
        if platforms and name not in _CI:
            break  # what comes later can't win, and isn't judged
        if name == "login" and unable:
            break  # what was meant to speak is broken: nobody would see the login that came of it
        if name in _OF_THE_MACHINE and role_is_the_jobs and any(o.name in _CI for o in unable):
            break
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
    detectors = [one for place, one in _ORDER[registry.kind].items() if _name_of(place) == name]
    if not detectors:
        raise IdentityError(
            "identity-of-others",
            f"the identity {name!r} was chosen, and {registry.url} can't be given it",
            why=f"a registry of the kind {registry.kind} takes: "
            + ", ".join(dict.fromkeys(map(_name_of, _ORDER[registry.kind]))),
            do=f"set `identity` for registries.{registry.name} in config.toml, or unset "
            "GATEPASS_IDENTITY",
        )
    unable: list[Unable] = []
    for detector in detectors:
        found = detector.detect(env, registry)
        if isinstance(found, Unable):
            unable.append(found)
        elif found is not None:
            return found
    if unable:
        raise unable[0].error
    raise IdentityError(
        "identity-absent",
        f"the identity {name!r} was chosen, and it is not here",
        why=_MISSING[name],
        do="set that, or unset GATEPASS_IDENTITY (or `identity` in config.toml)",
    )


def _name_of(place: str) -> str:
    return place.partition("/")[0]


_MISSING = {
    "github": "neither ACTIONS_ID_TOKEN_REQUEST_URL nor GITHUB_ACTIONS is set",
    "gitlab": "GITLAB_CI is not `true`",
    "kubernetes": "neither GATEPASS_KUBERNETES_TOKEN_FILE nor /var/run/secrets/gatepass is there, "
    "and KUBERNETES_SERVICE_HOST isn't set",
    "file": "none of PACKAGEMANAGER_IDENTITY_TOKEN_FILE (for CodeArtifact, "
    "AWS_WEB_IDENTITY_TOKEN_FILE), GATEPASS_ID_TOKEN, GATEPASS_ID_TOKEN_<NAME> and "
    "GATEPASS_ID_TOKEN_FILE is set",
    "token": "PACKAGEMANAGER_TOKEN isn't set, or this is not PACKAGEMANAGER_ADDRESS, "
    "for which alone it speaks",
    "aws": "neither AWS_ACCESS_KEY_ID nor AWS_PROFILE is set, no profile in ~/.aws leads to keys, "
    "and this is no container or instance with a role",
    "menda": "neither MENDA_HOST, MENDA_CLIENT_ID and MENDA_CLIENT_SECRET nor MENDA_PROFILE_ID is "
    "set, and there is no ~/.menda/mendacfg",
}


def _nobody(env: Environment, registry: Registry) -> GatepassError:
    if registry.kind == "codeartifact":
        do = (
            "a CI job or pod: let it have an identity token for "
            f"{registry.expected_audience}, and set GATEPASS_ROLE_ARN;\n"
            "a laptop: set AWS_PROFILE, or GATEPASS_LOGIN_ISSUER and GATEPASS_LOGIN_CLIENT_ID;\n"
            "menda cloud: set MENDA_HOST, MENDA_CLIENT_ID and MENDA_CLIENT_SECRET"
        )
    elif in_ci(env):
        do = (
            "GitHub Actions: add `permissions: id-token: write` to the job;\n"
            "GitLab CI: add `id_tokens:` with GATEPASS_ID_TOKEN to the job;\n"
            "elsewhere: put an OIDC token for this audience into a file and name it in\n"
            "PACKAGEMANAGER_IDENTITY_TOKEN_FILE, or pass it in GATEPASS_ID_TOKEN"
        )
    else:  # a pod, where no login starts
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
