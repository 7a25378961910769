"""The checked exchange: one pass for each registry, before anything in the job asks for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gatepass import identity
from gatepass.child.serving import Held, credential
from gatepass.errors import GatepassError, plain
from gatepass.present import Presenter
from gatepass.resolve import record_of
from gatepass.settings import Environment, Registry, Settings
from gatepass.settings.environment import read
from gatepass.store import open_store
from gatepass.transport import Deadline, Transport

_NOBODY = ("no-identity", "identity-absent", "gitlab-no-token")
"""Codes of errors that say: this job has no identity. All others are failures of one."""

_REFUSED = (
    "claims-policy",
    "exchange-refused",
    "sts-access-denied",
    "sts-claim-rejected",
    "codeartifact-access-denied",
)
"""Codes of errors that say: this job's identity is not one that may."""

_TOLD = ("sub", "project_path", "ref", "ref_protected", "environment", "job_project_path")
"""Claims that a registry's rules are about (docs.gitlab.com, "Token payload")."""


class Tried(NamedTuple):
    """What was had, and what failed: a registry and its error."""

    held: list[Held]
    failed: list[tuple[Registry, GatepassError]]


def try_all(registries: Sequence[Registry], settings: Settings, env: Environment) -> Tried:
    """One exchange for each registry; its pass rests in the store, its failure is noted there."""
    tried = Tried([], [])
    for registry in registries:
        try:
            tried.held.append(Held(registry, credential(registry, settings, env)))
        except GatepassError as error:
            tried.failed.append((registry, error))
            open_store(env, settings).note("last-error", record_of(error, registry.url))
    return tried


def nobody(registries: Sequence[Registry], env: Environment) -> GatepassError | None:
    """Why the job has no identity for one of these; None where it has, even if that one turns out
    to be broken. No network."""
    for registry in registries:
        try:
            identity.choose(env, registry)
        except GatepassError as error:
            if error.code in _NOBODY:
                return error
    return None


def is_a_forks(env: Environment) -> bool:
    """Whether the job belongs to a merge request from another project. GitLab gives such a job an
    identity all the same, the fork's, and the registry is right to refuse it."""
    source, target = (read(env, f"CI_MERGE_REQUEST_{name}PROJECT_ID") for name in ("SOURCE_", ""))
    return bool(source and target and source != target)


def is_refusal(error: GatepassError) -> bool:
    """Whether the registry, or the policy for it, has nothing against the token but whose it is."""
    return error.code in _REFUSED


def claims(registry: Registry, settings: Settings, env: Environment) -> dict[str, str]:
    """Of the job's verified token, the claims that rules are about; empty where there is none."""
    try:
        who = identity.choose(env, registry)
        if not who.presents_token:
            return {}
        keys = open_store(env, settings).key_sets()
        presenter = Presenter(registry, settings, env, who, keys, Transport())
        found: Mapping[str, Any] = presenter.subject_token(Deadline())[1].claims
    except GatepassError:
        return {}
    return {name: plain(found[name]) for name in _TOLD if name in found}
