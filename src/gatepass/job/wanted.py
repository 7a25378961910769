"""What a job asks for: the template's variables, checked, and what they become."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from gatepass.child import places
from gatepass.child.places import Place
from gatepass.cli.target import no_registry
from gatepass.errors import UsageError, plain
from gatepass.realm import realm_of
from gatepass.settings import Registry, Settings, load
from gatepass.settings.environment import choice, read

PREFIX = "GATEPASS_SETUP_"
"""How the names of the template's own variables begin; those of gatepass itself are its own."""


class Wanted(NamedTuple):
    """``variables``: what the job's shell gets for gatepass itself; the ``settings`` that come of
    them; the ``registries`` that it is about, the one that ``audience`` is for first; ``checks``:
    one exchange for each of these now; ``skips``: no identity is no failure."""

    variables: dict[str, str]
    settings: Settings
    registries: tuple[Registry, ...]
    install: Place | None
    upload: Place | None
    checks: bool
    skips: bool


def wanted(env: Mapping[str, str], folder: str) -> Wanted:
    """Read the job's variables; ``folder``: a private one, which lasts as long as the job.

    Raises ConfigError and UsageError. No network: nothing is asked whether it answers.
    """
    checks = (choice(env, f"{PREFIX}CHECK", ("true", "false")) or "true") == "true"
    skips = choice(env, f"{PREFIX}ON_NO_IDENTITY", ("fail", "skip")) == "skip"
    variables: dict[str, str] = {}
    if not read(env, "GATEPASS_STORE_DIR"):
        variables["GATEPASS_STORE_DIR"] = os.path.join(folder, "store")
    config = read(env, "GATEPASS_CONFIG")
    if config and not os.path.isabs(config):  # the tools may be started elsewhere, and so may we
        project = read(env, "CI_PROJECT_DIR")
        variables["GATEPASS_CONFIG"] = os.path.abspath(os.path.join(project, config))
    settings = load({**env, **variables})
    first = _named(env, settings)[:1]
    if first:
        variables |= _audience(env, first[0])
        settings = load({**env, **variables})
    registries = _named(env, settings)
    if not read(env, "GATEPASS_REGISTRIES"):
        registries += settings.registries
    if not registries:
        raise no_registry()
    index, upload = read(env, f"{PREFIX}INDEX"), read(env, f"{PREFIX}PUBLISH")
    try:
        install = places.index(index, (*registries, *settings.registries)) if index else None
        to = places.upload(upload, settings) if upload else None
    except UsageError as error:  # it speaks of a command line's options
        raise UsageError(
            error.code,
            error.what.replace("--", "the input ", 1),
            why=error.why,
            do="correct it where the template is included; docs/gitlab.md has all inputs",
        ) from None

    led_to = (place.registry for place in (install, to) if place)
    asked = (*registries, *(one for one in led_to if one in settings.registries))
    once = tuple({one.realm: one for one in asked}.values())
    return Wanted(variables, settings, once, install, to, checks, skips)


def _named(env: Mapping[str, str], settings: Settings) -> tuple[Registry, ...]:
    """The registries that a variable names, in its order: each may have another name in the
    configuration. The first is the one that the template's one audience is for."""
    words = read(env, "GATEPASS_REGISTRIES").split()
    if not words:
        return tuple(one for one in settings.registries if one.is_drop_in)
    known = {one.realm: one for one in settings.registries}
    return tuple(known[realm_of(word.partition("=")[2])] for word in words)


def _audience(env: Mapping[str, str], first: Registry) -> dict[str, str]:
    """What makes gatepass expect the audience that the job's token was asked for, where that isn't
    the registry's own. GATEPASS_AUDIENCE speaks for the Package Manager at PACKAGEMANAGER_ADDRESS,
    and where that isn't set for CodeArtifact."""
    asked = read(env, f"{PREFIX}AUDIENCE")
    if not asked or first.audience or asked == first.expected_audience:
        return {}
    address = read(env, "PACKAGEMANAGER_ADDRESS").rstrip("/")
    if address and address != first.url:
        raise UsageError(
            "usage",
            f"the input audience is {plain(asked, 100)}, and there are two registries that it "
            "could be for",
            why=f"{first.name} is {first.url}, PACKAGEMANAGER_ADDRESS another one",
            do="give each its own audience in a configuration file (the input config)",
        )
    at = {"PACKAGEMANAGER_ADDRESS": first.url} if first.kind == "packagemanager" else {}
    return {"GATEPASS_AUDIENCE": asked, **at}
