"""The action's inputs, checked, and the variables that gatepass reads instead of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from gatepass import realm
from gatepass.errors import UsageError, plain, plain_address
from gatepass.settings import Registry, Settings, load

_ROLE = re.compile(r"arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}", re.ASCII)
_TOOLS = ("pip", "uv")


class Inputs(NamedTuple):
    """As they were given, without surrounding white space. ``registries``: URLs by name;
    ``default_index`` as `gatepass exec --index` takes it; ``skips``: no identity is no failure."""

    registries: dict[str, str]
    audience: str
    role_arn: str
    config: str
    tools: tuple[str, ...]
    default_index: str
    checks: bool
    skips: bool


def read(env: Mapping[str, str]) -> Inputs:
    """Read ``INPUT_*``. Raises UsageError, which names the input. Addresses are only looked at as
    far as it takes to say what was meant instead; :func:`settings` judges them."""

    def text(name: str) -> str:
        value = env.get("INPUT_" + name.upper().replace("-", "_"), "").strip()
        if name != "registries" and not value.isprintable():
            raise _wrong(name, value, "it has a control character or several lines")
        return value

    role_arn = text("role-arn")
    if role_arn and not _ROLE.fullmatch(role_arn):
        raise _wrong("role-arn", role_arn, "one is arn:aws:iam::111122223333:role/name")
    audience = text("audience")
    if re.search(r"\s", audience):
        raise _wrong("audience", audience, "an audience is one word, mostly a URL")
    config = text("config")
    if config:
        config = os.path.abspath(os.path.join(env.get("GITHUB_WORKSPACE", ""), config))
    tools = tuple(text("tools").replace(",", " ").split())
    for tool in tools:
        if tool not in _TOOLS:
            raise _wrong("tools", tool, "it takes pip and uv")
    return Inputs(
        registries=_registries(text("registries")),
        audience=audience,
        role_arn=role_arn,
        config=config,
        tools=tools,
        default_index=text("index"),
        checks=_choice("check", text("check"), ("true", "false")) == "true",
        skips=_choice("on-no-identity", text("on-no-identity"), ("fail", "skip")) == "skip",
    )


class Chosen(NamedTuple):
    """``variables`` that later steps get for gatepass; the ``settings`` that come of them, and
    which ``registries`` of those the step is about."""

    variables: dict[str, str]
    settings: Settings
    registries: tuple[Registry, ...]


def choose(inputs: Inputs, env: Mapping[str, str]) -> Chosen:
    """The registries of the input; without it all that the job's own variables and the
    configuration name. Raises ConfigError and UsageError."""
    variables: dict[str, str] = {}
    if inputs.config:
        variables["GATEPASS_CONFIG"] = inputs.config
    if inputs.role_arn:
        variables["GATEPASS_ROLE_ARN"] = inputs.role_arn
    if inputs.registries:
        before = (word for word in env.get("GATEPASS_REGISTRIES", "").split())
        kept = [word for word in before if word.partition("=")[0] not in inputs.registries]
        words = [f"{name}={url}" for name, url in inputs.registries.items()]
        variables["GATEPASS_REGISTRIES"] = " ".join([*words, *kept])
    found = load({**env, **variables})
    wanted = {realm.realm_of(url) for url in inputs.registries.values()}
    mine = tuple(r for r in found.registries if not wanted or r.realm in wanted)
    if not mine:
        raise UsageError(
            "usage",
            "no registry is named",
            do="set the input `registries` to NAME=URL, say work=https://ppm.example.com",
        )
    if inputs.role_arn and all(registry.aws is None for registry in mine):
        raise _wrong("role-arn", inputs.role_arn, "none of the registries is AWS CodeArtifact")
    if inputs.audience:
        variables |= _audience(inputs.audience, mine, env)
        found = load({**env, **variables})
        names = {registry.name for registry in mine}
        mine = tuple(registry for registry in found.registries if registry.name in names)
    return Chosen(variables, found, mine)


def _audience(audience: str, mine: tuple[Registry, ...], env: Mapping[str, str]) -> dict[str, str]:
    """GATEPASS_AUDIENCE speaks for the Package Manager at PACKAGEMANAGER_ADDRESS, and where that
    isn't set for CodeArtifact."""
    managers = [registry for registry in mine if registry.kind == "packagemanager"]
    address = env.get("PACKAGEMANAGER_ADDRESS", "").strip()
    is_another = not managers or address.rstrip("/") != managers[0].url
    if len(managers) > 1 or (address and is_another):
        raise _wrong(
            "audience",
            audience,
            "there are several registries that it could be for: give each its own in a "
            "configuration file (the input `config`)",
        )
    at = {"PACKAGEMANAGER_ADDRESS": managers[0].url} if managers else {}
    return {"GATEPASS_AUDIENCE": audience, **at}


def _registries(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in text.split():
        name, equals, url = word.partition("=")
        if not equals or "://" in name:
            raise _wrong("registries", word, f"write NAME=URL, say work={plain_address(word)}")
        index = re.fullmatch(r"(.+?)/([^/]+/[^/]+)/simple/?", url)
        if index and ".codeartifact." not in url and "@" not in url:
            raise _wrong(
                "registries",
                word,
                "that is an index: the registry's own address ends before it. Write "
                f"registries: {plain(name)}={plain(index[1])}, and index: {plain(index[2])}",
            )
        if name in found:
            raise _wrong("registries", word, "that name stands there twice")
        found[name] = url
    return found


def _choice(name: str, value: str, allowed: tuple[str, str]) -> str:
    if value not in allowed:
        raise _wrong(name, value, "it is " + " or ".join(allowed))
    return value


def _wrong(name: str, value: str, why: str) -> UsageError:
    return UsageError(
        "usage",
        f"the input {name} can't be {plain_address(value)!r}",
        why=why,
        do="correct it in the workflow; docs/github.md has them all",
    )
