"""README and docs as tests read them: their blocks, and a reader who pastes those."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatepass.sandbox import Sandbox
from support import ROOT, run

DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("**/*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

_EXAMPLE = "https://ppm.example.com"
_PLATFORM = {
    "id_tokens": "gitlab",
    "serviceAccountToken": "kubernetes",
    "PACKAGEMANAGER_IDENTITY_TOKEN_FILE": "file",
}
"""What a snippet has in it that belongs to another platform than GitHub."""


def name(page: Path) -> str:
    """A page as the others call it: `docs/github.md`."""
    return page.relative_to(ROOT).as_posix()


def text(page: str) -> str:
    """A page's text, by that name."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(*languages: str, but: tuple[str, ...] = ()) -> list[Any]:
    """Every fenced block of these languages, with its page for a name; pages of `but` left out."""
    found = []
    for page in PAGES:
        if name(page) in but:
            continue
        for number, match in enumerate(FENCE.finditer(page.read_text(encoding="utf-8"))):
            if match[1] in languages:
                found.append(pytest.param(match[2], id=f"{name(page)}#{number}"))
    return found


def anchors(page: Path) -> set[str]:
    """What links into a page may name: its headings, as GitHub and the site spell them."""
    outside = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = set()
    for heading in re.findall(r"^#+ (.+)$", outside, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-"))
    return found


def commands_of(snippet: str) -> list[str]:
    """The commands of a YAML snippet, line by line: of steps with `run`, of jobs, of pods."""

    def walk(node: Any) -> list[str]:
        if isinstance(node, dict):
            found = [node["run"]] if isinstance(node.get("run"), str) else []
            for key in ("script", "args"):  # of a GitLab job; of a pod whose command is `sh -ec`
                script = node.get(key, [])
                found += script if isinstance(script, list) else [script]
            return found + [command for value in node.values() for command in walk(value)]
        return [c for value in node for c in walk(value)] if isinstance(node, list) else []

    return [line for command in walk(yaml.safe_load(snippet)) for line in command.splitlines()]


def variables_of(snippet: str) -> set[str]:
    """The variables that a YAML snippet sets: they must be ones that are documented."""
    found = set(re.findall(r"^\s+([A-Z][A-Z_]+):", snippet, re.MULTILINE))
    return found | set(re.findall(r"- name: ([A-Z_]+)", snippet))


class Reader:
    """Somebody with a new environment, an empty folder, and the page."""

    def __init__(self, sandbox: Sandbox, env: dict[str, str], folder: Path) -> None:
        self.sandbox, self.env, self.folder = sandbox, env, folder

    def goes_where_this_runs(self, snippet: str) -> None:
        """Enter the platform that a snippet is for."""
        platform = next((_PLATFORM[word] for word in _PLATFORM if word in snippet), "github")
        self.env |= self.sandbox.environment(platform)
        if "GATEPASS_ROLE_ARN=" in snippet:
            self.env.pop("GATEPASS_ROLE_ARN", None)  # the snippet has to say it
        token = self.env.get("PACKAGEMANAGER_IDENTITY_TOKEN_FILE", "")
        self.names = {"/run/secrets/ppm-token": token}

    def paste(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run it, with the example's names replaced by the sandbox's."""
        for old, new in (
            (f"{_EXAMPLE.replace('://', '://__token__@')}/internal", self._index("__token__@")),
            (f"{_EXAMPLE}/internal", self._index("")),
            (_EXAMPLE, self.sandbox.address),
            ("internal/latest", "private/latest"),
            ("/pypi/team/", "/pypi/private/"),
            ("your-package", "gatepass-hello"),
            *self.names.items(),
        ):
            command = command.replace(old, new)
        env = dict(self.env)
        if re.search(r"install (.* )?(--with )?gatepass$", command):
            wheels = str(ROOT / ".tools" / "wheelhouse")
            env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels}
            env |= {"UV_OFFLINE": "1", "UV_FIND_LINKS": wheels}
        return run(["sh", "-ec", command], env, cwd=self.folder, timeout=180)

    def _index(self, user: str) -> str:
        return f"{self.sandbox.address.replace('://', f'://{user}')}/private"


def path(*folders: Path) -> str:
    """PATH with these first, then uv and twine, then the system's."""
    clients = ROOT / ".tools" / "clients"
    own = [*folders, clients / "uv" / "bin", clients / "twine" / "bin"]
    return os.pathsep.join([*map(str, own), "/usr/bin", "/bin"])
