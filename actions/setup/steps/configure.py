"""The second step: inputs become settings, each registry gives its pass, later steps are told.

What later steps get is a `keyring` command on PATH and variables that hold no secret: each tool
asks at the moment of need. The pass that is got here waits in gatepass' private folder.
"""

from __future__ import annotations

import base64
import os
import shlex
import sys
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import inputs as given
import page
import runner

from gatepass import identity
from gatepass.child import environment, launchers, pipfiles, places
from gatepass.cli.times import rfc3339, span
from gatepass.credential import Credential
from gatepass.errors import GatepassError, UsageError, internal
from gatepass.present import Presenter
from gatepass.resolve import check_address, credential_at, record_of
from gatepass.settings import Registry
from gatepass.setup import command, windows
from gatepass.setup.places import places as own_places
from gatepass.setup.rivals import rivals
from gatepass.setup.wish import Wish
from gatepass.store import open_store
from gatepass.transport import Deadline, Transport

_NOBODY = ("no-identity", "github-permission", "github-fork", "identity-absent")
"""Codes of errors that say: this job has no identity. All others are failures of one."""


def configure(folder: str) -> int:
    """Do it all in the private folder. 0, or 1 after an annotation for each failure."""
    try:
        return _configure(folder)
    except GatepassError as error:
        _fail([error], {})
    except Exception as error:
        _fail([internal(error)], {})
    return 1


def _configure(folder: str) -> int:
    inputs = given.read(os.environ)
    chosen = given.choose(inputs, os.environ)
    env = {**os.environ, **chosen.variables}
    index = _index(inputs.default_index, chosen)
    if index and index.registry not in chosen.registries:
        chosen = chosen._replace(registries=(*chosen.registries, index.registry))
    missing = _nobody(chosen.registries, env)
    if missing and inputs.skips:
        return _skip(missing)
    if missing:
        raise missing
    got = _passes(chosen, env) if inputs.checks else Got({}, {}, [])
    if got.errors:
        _fail(got.errors, got.claims)
        return 1
    commands = launchers.put(folder, os.environ)
    _own_command(commands)
    _warn(chosen.registries, env, commands)
    tools = environment.needed(chosen.registries, index)
    wanted = tuple(f"{tool.upper()}_" for tool in inputs.tools)
    told = {name: value for name, value in tools.items() if name.startswith(wanted)}
    if index:
        told |= _alone(env, wanted)
    for name, value in {**chosen.variables, **told}.items():
        runner.variable(name, value)
    runner.path(commands)
    runner.output("bin", commands)
    runner.output("skipped", "false")
    runner.output("registries", " ".join(registry.name for registry in chosen.registries))
    _summarise(chosen.registries, got)
    return 0


def _index(asked: str, chosen: given.Chosen) -> places.Place | None:
    try:
        known = (*chosen.registries, *chosen.settings.registries)
        return places.index(asked, known) if asked else None
    except UsageError as error:
        what = error.what.replace("--index", "the input index")
        raise UsageError(error.code, what, do="docs/github.md says what it takes") from None


def _alone(env: Mapping[str, str], wanted: tuple[str, ...]) -> dict[str, str]:
    """What makes the index the only one: a variable that would lead elsewhere becomes empty, which
    pip and uv take for unset. It is said, and so is what stands in pip's files and stays."""
    gone = [name for name in environment.against_index(env) if name.startswith(wanted)]
    lines = [environment.set_aside(gone)] if gone else []
    if "PIP_" in wanted:
        lines += pipfiles.further(env)
    for line in lines:
        runner.annotate("warning", "gatepass: another index", line)
    return dict.fromkeys(gone, "")


def _nobody(registries: tuple[Registry, ...], env: Mapping[str, str]) -> GatepassError | None:
    """Why this job has no identity for one of its registries; None where it has, even if that one
    turns out to be broken. No network."""
    for registry in registries:
        try:
            identity.choose(env, registry)
        except GatepassError as error:
            if error.code in _NOBODY:
                return error
    return None


class Got(NamedTuple):
    """What the registries gave: a credential each, by name, or an error; and the verified claims
    of the token that they were shown."""

    passes: dict[str, Credential]
    claims: Mapping[str, Any]
    errors: list[GatepassError]


def _passes(chosen: given.Chosen, env: Mapping[str, str]) -> Got:
    """One exchange for each registry, whose outcome rests in the store."""
    passes: dict[str, Credential] = {}
    errors: list[GatepassError] = []
    claims: Mapping[str, Any] = {}
    for registry in chosen.registries:
        try:
            claims = claims or _claims(registry, chosen, env)
            held = credential_at(registry, chosen.settings, env)
            assert held is not None  # noqa: S101 - nobody was asked for by name
            _mask(held)
            passes[registry.name] = held
        except GatepassError as error:
            errors.append(error)
            store = open_store(env, chosen.settings)
            store.note("last-error", record_of(error, registry.url))
    return Got(passes, claims, errors)


def _claims(registry: Registry, chosen: given.Chosen, env: Mapping[str, str]) -> Mapping[str, Any]:
    """The verified claims of a token, got for this alone: those of a failed exchange say what the
    registry's rules have to match."""
    check_address(registry)
    who = identity.choose(env, registry)
    if not who.presents_token:
        return {}
    keys = open_store(env, chosen.settings).key_sets()
    presenter = Presenter(registry, chosen.settings, env, who, keys, Transport())
    return presenter.subject_token(Deadline())[1].claims


def _mask(held: Credential) -> None:
    """Whatever a later step prints of it, as it is or in a header; one that is got later than this
    isn't known here."""
    secret = held.secret.reveal()
    runner.mask(secret)
    runner.mask(base64.b64encode(f"{held.username}:{secret}".encode()).decode())


def _own_command(folder: str) -> None:
    """`gatepass` itself, beside the launcher: for `gatepass exec`, and to look what is wrong."""
    place = os.path.join(folder, "gatepass")
    if os.name == "nt":  # pragma: no cover - Windows only
        with open(f"{place}.exe", "xb") as program:  # pip's own would not be isolated
            program.write(windows.own(sys.executable))
        return
    text = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -m gatepass "$@"\n'
    with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700), "w") as file:
        file.write(text)


def _warn(registries: tuple[Registry, ...], env: Mapping[str, str], folder: str) -> None:
    """Say who would answer instead of us, as `gatepass setup` does."""
    # We set these ourselves, and later steps read no file of the tools' that we would write.
    ours = ("PIP_", "UV_")
    job = {name: value for name, value in env.items() if not name.startswith(ours)}
    launcher = os.path.join(folder, command.name())
    try:
        where = own_places(env, folder)
    except GatepassError:
        return  # no home: no files of the user's either
    found: dict[str, None] = {}
    for number, registry in enumerate(registries):
        real = "" if number else command.behind(launcher)
        wish = Wish(registry, is_new=False)
        found |= dict.fromkeys(rivals(wish, job, where, real, launcher))
    for text in found:
        runner.annotate("warning", "gatepass: another keyring", text)


def _skip(error: GatepassError) -> int:
    """No identity, and the workflow said that this is no failure."""
    # Of a fork nothing else can be expected; all else may be a mistake in the workflow.
    level = "notice" if error.code == "github-fork" else "warning"
    runner.annotate(level, f"gatepass: skipped, {error.code}", str(error))
    runner.output("bin", "")
    runner.output("skipped", "true")
    runner.output("registries", "")
    runner.summary("\n### gatepass: skipped\n" + page.block(error))
    return 0


def _fail(errors: list[GatepassError], claims: Mapping[str, Any]) -> None:
    for error in errors:
        runner.annotate("error", f"gatepass: {error.code}", str(error))
    blocks = "".join(page.block(error) for error in errors)
    runner.summary("\n### gatepass: failed\n" + blocks + page.claims(claims))


def _summarise(registries: tuple[Registry, ...], got: Got) -> None:
    rows = [(r.name, r.url, _until(got.passes.get(r.name))) for r in registries]
    for name, url, end in rows:
        runner.say(f"{name} ({url}): {end}")
    text = page.table(("registry", "address", "pass"), rows) + page.claims(got.claims)
    runner.summary(f"\n### gatepass\n\n{text}\nEach tool asks for a new pass when it needs one.\n")


def _until(held: Credential | None) -> str:
    if held is None:
        return "not asked for one yet"
    if held.expires_at is None:
        return "a pass whose end isn't known"
    left = span(held.expires_at - time.time())
    return f"a pass until {rfc3339(held.expires_at)} ({left} from now)"
