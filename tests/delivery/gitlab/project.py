"""A project at the sandbox's GitLab, whose jobs gitlab-ci-local runs on this machine.

gitlab-ci-local reads the pipeline as GitLab does (includes, components, inputs, extends,
references, rules) and runs a job's script in a shell. What GitLab does and it doesn't is done here:
the job gets an ID token for each entry of its `id_tokens`, minted for what its `aud` says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from clients.harness import Done, leaks
from delivery.gitlab import provision
from gatepass.sandbox import Sandbox
from support import run

_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_GIT = ("-c", "user.name=Octavia", "-c", "user.email=octavia@acme.example")
# What the platform gives a job because of its `id_tokens`, or its pipeline says itself.
_NOT_GIVEN = (
    "GATEPASS_ID_TOKEN",
    "GATEPASS_ROLE_ARN",
    "GATEPASS_STORE_DIR",
    "PACKAGEMANAGER_ADDRESS",
    "STS_AMAZONAWS_COM_ID_TOKEN",
)
_OURS = ("CI_SERVER_URL", "CI_PROJECT_DIR", "GITLAB_CI")
_PREDEFINED = (*_OURS, "CI_PIPELINE_SOURCE")
"""What gitlab-ci-local would set itself, to something else; it warns unless it is told."""


class Project:
    """The repository in ``folder``, with these files in its one commit.

    ``env``: of the runner's machine; ``path``: PATH of its jobs. Whatever the template makes for a
    job has to be gone from the machine when the job has ended.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        env: Mapping[str, str],
        folder: Path,
        files: Mapping[str, str],
        path: str,
    ) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.tokens: dict[str, str] = {}
        """The ID tokens of the job that ran last."""
        given = sandbox.environment("gitlab")
        self._given = {name: value for name, value in given.items() if name not in _NOT_GIVEN}
        self._given["CI_PROJECT_DIR"] = str(folder)
        self.common: dict[str, str] = {}
        """CI/CD variables of the project: each of its jobs gets them."""
        machine = {name: value for name, value in self._given.items() if name not in _OURS}
        self.temporary = folder.parent / "tmp"
        self.temporary.mkdir()
        self.machine = {**env, **machine, "PATH": path, "TMPDIR": str(self.temporary)}
        for name, text in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        self._commit()

    def _commit(self) -> None:
        remote = "https://gitlab.acme.example/acme/widgets.git"
        for words in (
            ("init", "--quiet", "--initial-branch=main"),
            ("add", "--all"),
            (*_GIT, "commit", "--quiet", "--message=All of it"),
            ("remote", "add", "origin", remote),
            ("update-ref", "refs/remotes/origin/main", "HEAD"),
            ("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"),
        ):
            done = run(["git", *words], self.machine, cwd=self.folder)
            assert done.returncode == 0, done.stderr

    def pipeline(self, *words: str) -> dict[str, Any]:
        """The merged pipeline, as gitlab-ci-local understands it."""
        done = self._gitlab("--preview", *words)
        assert done.status == 0, done
        return dict(yaml.safe_load(done.out))

    def run(self, job: str, **variables: str) -> Done:
        """Run one job to its end with these CI/CD variables; its log is searched for tokens."""
        given = {**{name: self._given[name] for name in _OURS}, **self.common, **variables}
        words = [word for name, value in given.items() for word in _option(name, value)]
        self.tokens = self._mint(self.pipeline(*words), job, given)
        for name, token in self.tokens.items():
            words += _option(name, token)
        done = self._gitlab(job, "--force-shell-executor", *words)
        self.check(done.text)
        for file in self.folder.rglob("*"):  # but for its copies of what the job was given
            if file.is_file() and ".gitlab-ci-local" not in file.parts:
                self.check(file.read_text(encoding="utf-8", errors="replace"))
        assert not list(self.temporary.glob("gatepass-job.*"))
        return done

    def check(self, text: str) -> None:
        """Fail where a text holds a token of any kind."""
        secrets = [*self.tokens.values(), *self.sandbox.aws.secrets()]
        assert leaks(text, secrets) == []

    def _mint(
        self, pipeline: Mapping[str, Any], job: str, given: Mapping[str, str]
    ) -> dict[str, str]:
        own = pipeline[job]
        known = {**pipeline.get("variables", {}), **own.get("variables", {}), **given}

        def expand(text: str) -> str:
            return _VARIABLE.sub(lambda found: str(known.get(found[1], "")), text)

        return {
            name: self.sandbox.gitlab.issuer.mint(expand(token["aud"]), lifetime=3600)
            for name, token in own.get("id_tokens", {}).items()
        }

    def _gitlab(self, *words: str) -> Done:
        home = Path(self.machine["HOME"])
        common = ["--home", str(home), "--no-color"]
        common += ["--ignore-predefined-vars", ",".join(_PREDEFINED)]
        command = [provision.node(), provision.PROGRAM, *words, *common]
        done = run(command, self.machine, cwd=self.folder)
        return Done(done.returncode, done.stdout, done.stderr)


def _option(name: str, value: str) -> list[str]:
    return ["--variable", f"{name}={value}"]
