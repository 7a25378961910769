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

_FOR_ALL = {
    "GATEPASS_CONFIG": "config",
    "GATEPASS_ROLE_ARN": "role-arn",
    "GATEPASS_AUDIENCE": "audience",
    "PACKAGEMANAGER_ADDRESS": "audience",
}
"""Variables that hold for every registry of the job, and the inputs that set them."""

_SAID = "GATEPASS_SETUP_SAID"
"""Which of them steps of this action have set, for the next one."""


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
    mine = found.registries
    if inputs.registries:  # in the input's order: a configuration's come first otherwise
        wanted = [realm.realm_of(url) for url in inputs.registries.values()]
        mine = tuple(
            sorted((r for r in mine if r.realm in wanted), key=lambda r: wanted.index(r.realm))
        )
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
        mine = tuple(new for one in mine if (new := found.named(one.name)))
    variables |= _earlier(variables, env)
    return Chosen(variables, found, mine)


def _earlier(variables: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    """What tells a later step of this action which variables are one's of ours. UsageError where an
    input would change what an earlier one said: they hold for the job, and so for its registries
    too."""
    said = env.get(_SAID, "").split()
    for name, given in _FOR_ALL.items():
        is_said = ("GATEPASS_AUDIENCE" if given == "audience" else name) in said
        if is_said and name in variables and env.get(name) != variables[name]:
            raise UsageError(
                "usage",
                f"the input {given} is not what an earlier step of this action said",
                why=f"{name} is the whole job's: what that step has set up would change",
                do="put both into one step; or into a config.toml (the input `config`), where each "
                "registry has its own audience and role",
            )
    said += [name for name in _FOR_ALL if name in variables and name not in said]
    return {_SAID: " ".join(said)} if said else {}


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
