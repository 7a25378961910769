"""A runner of GitHub Actions: executes the steps of a job, and of composite actions among them.

What it does is what the documentation of workflows, workflow commands and composite actions says;
what it doesn't know is an error. Not there: containers, services, JavaScript actions, `needs`,
Windows' shells (those steps' conditions are evaluated, and must be false).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from delivery.action.commands import Reader, named_values
from delivery.action.expressions import Expressions

_SHELLS = {
    None: ("bash", "-e"),
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"),
    "sh": ("sh", "-e"),
}
_STEP = {"id", "name", "if", "uses", "with", "run", "shell", "env", "working-directory"}
_STEP_OF_JOB = {*_STEP, "continue-on-error"}
_FILES = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
_LONGEST = 180
"""Seconds that a step may take."""

NOTHING = ("actions/checkout@", "actions/setup-python@", "astral-sh/setup-uv@")
"""Actions whose work is done here already: the workspace and Python are there."""


class Step(NamedTuple):
    """How one ended: success, failure or skipped; what it wrote, before any mask."""

    conclusion: str
    output: str
    outputs: dict[str, str]

    @property
    def worked(self) -> bool:
        return self.conclusion == "success"


class Job:
    """One job on a machine. `env`: what the runner's own process has, and GITHUB_*, RUNNER_*.

    `actions`: folders of actions by how a step's `uses` begins. What later steps see of earlier
    ones is here: `variables`, `path`; what people see: `reader`, `summary`.
    """

    def __init__(
        self, env: Mapping[str, str], workspace: Path, actions: Mapping[str, Path]
    ) -> None:
        self.env, self.workspace, self.actions = dict(env), workspace, actions
        self.env["GITHUB_WORKSPACE"] = str(workspace)
        self.temp = Path(env["RUNNER_TEMP"])
        self.reader = Reader()
        self.variables: dict[str, str] = {}
        self.path: list[str] = []
        self.summary = ""
        self.failed = False
        self._files = self.temp / "_runner_file_commands"
        self._files.mkdir(exist_ok=True)
        self._count = 0

    @property
    def log(self) -> str:
        """What the run's page shows."""
        return "\n".join(self.reader.log)

    def contexts(self, **more: Any) -> dict[str, Any]:
        """What expressions may name."""
        github = {
            "repository": self.env["GITHUB_REPOSITORY"],
            "event_name": self.env["GITHUB_EVENT_NAME"],
            "ref": self.env["GITHUB_REF"],
            "workspace": str(self.workspace),
        }
        runner = {"os": "Linux", "temp": str(self.temp)}
        return {"github": github, "runner": runner, "env": dict(self.variables), **more}

    def run(self, steps: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Step]:
        """Execute a job's steps; how each ended, by id or number. `failed` says how it all went."""
        return self._sequence(steps, more, {}, _STEP_OF_JOB)

    def uses(self, name: str, /, **inputs: object) -> Step:
        """Execute one step that uses an action; an input's dashes are underscores here."""
        given = {key.replace("_", "-"): value for key, value in inputs.items()}
        return self.run([{"id": "it", "uses": name, "with": given}])["it"]

    def script(self, text: str, /, **env: str) -> Step:
        """Execute one step with `run`."""
        return self.run([{"id": "it", "run": text, "env": env}])["it"]

    def _sequence(
        self,
        steps: Sequence[Mapping[str, Any]],
        contexts: Mapping[str, Any],
        env: Mapping[str, str],
        known: set[str],
    ) -> dict[str, Step]:
        done: dict[str, Step] = {}
        ids = {step["id"] for step in steps if "id" in step}
        for number, step in enumerate(steps):
            assert set(step) <= known, f"what is this? {set(step) - known}"
            # A step that is skipped, or comes later, has no outputs; one that isn't there is wrong.
            seen = {name: {"outputs": done[name].outputs if name in done else {}} for name in ids}
            over = Expressions(self.contexts(**contexts, steps=seen), self.failed)
            if not over.condition(step.get("if", "")):
                ended = Step("skipped", "", {})
            else:
                ended = self._one(step, over, env)
            if ended.conclusion == "failure" and step.get("continue-on-error") is not True:
                self.failed = True
            done[step.get("id", str(number))] = ended
        return done

    def _one(self, step: Mapping[str, Any], over: Expressions, env: Mapping[str, str]) -> Step:
        own = {name: over.text(value) for name, value in step.get("env", {}).items()}
        if "run" in step:
            folder = self.workspace / over.text(step.get("working-directory", ""))
            script = over.text(step["run"])
            return self._script(script, step.get("shell"), {**env, **own}, folder)
        used = str(step["uses"])
        if used.startswith(NOTHING):
            return Step("success", "", {})
        folder = next(place for start, place in self.actions.items() if used.startswith(start))
        given = {name: over.text(value) for name, value in step.get("with", {}).items()}
        return self._composite(folder, given, own)

    def _composite(self, folder: Path, given: dict[str, str], env: dict[str, str]) -> Step:
        action = yaml.safe_load((folder / "action.yml").read_text(encoding="utf-8"))
        assert action["runs"]["using"] == "composite"
        declared = action.get("inputs", {})
        assert set(given) <= set(declared), f"no such input: {set(given) - set(declared)}"
        missing = [n for n, one in declared.items() if one.get("required") and n not in given]
        assert missing == []
        defaults = {name: str(one.get("default", "")) for name, one in declared.items()}
        inputs = {**defaults, **given}
        inner = {**env, "GITHUB_ACTION_PATH": str(folder)}
        was, self.failed = self.failed, False
        done = self._sequence(action["runs"]["steps"], {"inputs": inputs}, inner, _STEP)
        status, self.failed = self.failed, was
        seen = {name: {"outputs": step.outputs} for name, step in done.items()}
        over = Expressions(self.contexts(inputs=inputs, steps=seen))
        outputs = {n: over.text(one["value"]) for n, one in action.get("outputs", {}).items()}
        text = "".join(step.output for step in done.values())
        return Step("failure" if status else "success", text, outputs)

    def _script(self, text: str, shell: str | None, env: dict[str, str], folder: Path) -> Step:
        self._count += 1
        script = self._files / f"{self._count}.sh"
        script.write_text(text, encoding="utf-8")
        files = {name: self._files / f"{name.lower()}-{self._count}" for name in _FILES}
        for file in files.values():
            file.touch()
        path = os.pathsep.join([*reversed(self.path), self.env["PATH"]])
        whole = {**self.env, **self.variables, **env, "PATH": path}
        done = subprocess.run(
            [*_SHELLS[shell], script],
            env={**whole, **{name: str(file) for name, file in files.items()}},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_LONGEST,
            check=False,
            start_new_session=True,
        )
        output = done.stdout.decode(errors="replace")
        self.reader.read(output)
        wrote = {name: file.read_text(encoding="utf-8") for name, file in files.items()}
        self.variables |= named_values(wrote["GITHUB_ENV"])
        self.path += wrote["GITHUB_PATH"].splitlines()
        self.summary += wrote["GITHUB_STEP_SUMMARY"]
        outputs = named_values(wrote["GITHUB_OUTPUT"])
        return Step("failure" if done.returncode else "success", output, outputs)
