"""Jobs of the sandbox's GitHub on a machine of its own, and our action in them."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from clients.harness import leaks
from delivery import locked
from delivery.action.runner import Job, Step
from gatepass.sandbox import Sandbox
from support import ROOT

ACTION = ROOT / "actions" / "setup"
NAME = "OWNER/gatepass/actions/setup@"
"""How a step's `uses` begins, in the docs and here."""

MACHINE = os.pathsep.join([os.path.dirname(sys._base_executable), "/usr/bin", "/bin"])  # type: ignore[attr-defined]
"""PATH of a runner: the Python that runs these tests, without anything that is installed in it."""


def job(
    sandbox: Sandbox,
    base_env: Mapping[str, str],
    folder: Path,
    *,
    action: Path = ACTION,
    without: tuple[str, ...] = (),
    **env: str,
) -> Job:
    """A job of the sandbox's GitHub, in the workspace ``folder/work``; `without` these variables.

    It knows no registry, as a job whose workflow says nothing.
    """
    workspace = folder / "work"
    workspace.mkdir(exist_ok=True)
    own = {**base_env, **sandbox.environment("github"), "PATH": MACHINE, **env}
    gone = ("PACKAGEMANAGER_ADDRESS", *without)
    kept = {name: value for name, value in own.items() if name not in gone or name in env}
    return Job(kept, workspace, {NAME: action})


IDENTITY = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
"""What a job has because of `id-token: write`, and one of a fork never."""


def from_fork(job: Job) -> Job:
    """The same job, for a pull request from a fork."""
    for name in IDENTITY:
        job.env.pop(name, None)
    event = {
        "pull_request": {
            "head": {"repo": {"full_name": "stranger/widgets"}},
            "base": {"repo": {"full_name": "acme/widgets"}},
        }
    }
    job.env["GITHUB_EVENT_NAME"] = "pull_request"
    Path(job.env["GITHUB_EVENT_PATH"]).write_text(json.dumps(event), encoding="utf-8")
    return job


def wheels() -> str:
    """The folder for the input `wheelhouse`."""
    if not locked.is_current():
        pytest.fail("the locked wheels aren't there, or out of date. run: make clients")
    return str(locked.FOLDER)


def installed_already(folder: Path) -> Path:
    """A copy of the action whose step doesn't install gatepass, but takes this environment's.

    All else is action.yml's own: inputs, their way into the environment, outputs.
    """
    copy = folder / "action"
    shutil.copytree(ACTION, copy)
    file = copy / "action.yml"
    action = yaml.safe_load(file.read_text(encoding="utf-8"))
    action["runs"]["steps"][0]["run"] = (
        'folder=$(mktemp -d "$RUNNER_TEMP/gatepass-setup-XXXXXX")\n'
        f'exec "{sys.executable}" -I "$GITHUB_ACTION_PATH/steps" configure "$folder"\n'
    )
    file.write_text(yaml.safe_dump(action), encoding="utf-8")
    return copy


def use(job: Job, **inputs: object) -> Step:
    """One step with the action; an input's dashes are underscores here."""
    return job.uses(NAME, **inputs)


def step_module(name: str) -> ModuleType:
    """A module of actions/setup/steps, which is a program and no package."""
    spec = importlib.util.spec_from_file_location(f"step_{name}", ACTION / "steps" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_nothing_secret(job: Job, sandbox: Sandbox, *steps: Step) -> None:
    """What people and later steps see has no token; nor have the steps' outputs, before masks."""
    seen = [job.log, job.summary, *job.variables.values(), *job.path]
    seen += [annotation.text for annotation in job.reader.annotations]
    for step in steps:
        seen += step.outputs.values()
        # Before masks: a secret stands in the command that masks it, and nowhere else.
        lines = step.output.splitlines()
        seen += [line for line in lines if not line.startswith("::add-mask::")]
    assert leaks("\n".join(seen), [sandbox.github.request_token]) == []
    assert job.reader.injected == []


def documents(text: str) -> Any:
    """A YAML document whose `on` isn't read as true."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return yaml.load(text, Loader)  # noqa: S506 - a safe loader, with fewer types
