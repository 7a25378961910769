"""README and docs as tests read them: their blocks, and a reader who pastes those."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients import provision
from gatepass.sandbox import Sandbox
from support import ROOT, run

DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("**/*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"^<!-- not run: (.+) -->\n\n?\Z", re.MULTILINE)
"""What stands before a block that no test runs, and why."""

# Pages whose YAML a test of their own runs: the action's harness, gitlab-ci-local, podman.
ELSEWHERE = {
    "docs/github.md": "test_action_docs.py",
    "docs/gitlab.md": "test_gitlab.py",
    "docs/kubernetes.md": "test_kubernetes*.py",
    "docs/container.md": "test_container.py",
}
# What such a snippet has in it. On any other page it must be one of that page's.
_COPIED = {"gatepass/actions/setup@": "docs/github.md", "component:": "docs/gitlab.md"}

_WHEELS = ROOT / ".tools" / "wheelhouse"
_EXAMPLE = "https://ppm.example.com"
_PLATFORM = {
    "id_tokens": "gitlab",
    "serviceAccountToken": "kubernetes",
    "PACKAGEMANAGER_IDENTITY_TOKEN_FILE": "file",
}
"""What a snippet has in it that belongs to another platform than GitHub."""
_PERSON = re.compile(r"^gatepass (setup https://ppm\.|login )", re.MULTILINE)
"""What only a person at a terminal does."""


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
            if match[1] in languages and not MARK.search(match.string[: match.start()]):
                found.append(pytest.param(match[2], id=f"{name(page)}#{number}"))
    return found


def copied_from(snippet: str) -> str:
    """The page whose test runs a YAML snippet that stands on others too; "" for none."""
    return next((page for sign, page in _COPIED.items() if sign in snippet), "")


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


def environment_of(snippet: str) -> dict[str, str]:
    """The variables that a pod of a YAML snippet has: the reader has them from there alone."""
    return dict(re.findall(r"- name: ([A-Z_]+)\n +value: (\S+)$", snippet, re.MULTILINE))


def variables_of(snippet: str) -> set[str]:
    """The variables that a YAML snippet sets: they must be ones that are documented."""
    found = set(re.findall(r"^\s+([A-Z][A-Z_]+):", snippet, re.MULTILINE))
    return found | set(re.findall(r"- name: ([A-Z_]+)", snippet))


class Reader:
    """Somebody with a new environment, an empty folder, and the page."""

    def __init__(self, sandbox: Sandbox, env: dict[str, str], folder: Path) -> None:
        self.sandbox, self.env, self.folder = sandbox, env, folder

    def goes_where_this_runs(self, snippet: str) -> None:
        """Enter the platform that a snippet is for. Which registry there is, and what to be there,
        the snippet has to say."""
        platform = next((_PLATFORM[word] for word in _PLATFORM if word in snippet), "github")
        self.is_person = bool(_PERSON.search(snippet))
        self.env |= self.sandbox.environment("laptop" if self.is_person else platform)
        said = ["PACKAGEMANAGER_ADDRESS", "GATEPASS_LOGIN_ISSUER", "GATEPASS_LOGIN_CLIENT_ID"]
        said += ["GATEPASS_ROLE_ARN"] if "GATEPASS_ROLE_ARN=" in snippet else []
        said += ["PIP_CONFIG_FILE"] if self.is_person else []  # their own, in their home
        for variable in said:
            self.env.pop(variable, None)
        token = self.env.get("PACKAGEMANAGER_IDENTITY_TOKEN_FILE", "")
        self.names = {"/run/secrets/ppm-token": token}
        if "https://login.example.com" in snippet:
            self.names["https://login.example.com"] = self.sandbox.idp.url

    def paste(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run it, with the example's names replaced by the sandbox's."""
        for old, new in (
            (f"{_EXAMPLE.replace('://', '://__token__@')}/internal", self._index("__token__@")),
            (f"{_EXAMPLE}/internal", self._index("")),
            (_EXAMPLE, self.sandbox.address),
            ("internal/latest", "private/latest"),
            ("/pypi/team/", "/pypi/private/"),
            ("your-package", "gatepass-hello"),
            ('"praise"', '"gatepassHello"'),  # for R
            *self.names.items(),
        ):
            command = command.replace(old, new)
        env = dict(self.env)
        if re.search(r"install (.* )?(--with )?gatepass$", command):
            env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(_WHEELS)}
            env |= {"UV_OFFLINE": "1", "UV_FIND_LINKS": str(_WHEELS)}
        if "gatepass==" in command:
            env |= {
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": f"{_WHEELS} {ROOT / '.tools' / 'locked'}",
            }
        if self.is_person:
            return self._type(command, env)
        return run(["sh", "-ec", command], env, cwd=self.folder, timeout=180)

    def _type(self, command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run it with all three streams at a terminal."""
        from terminal import Terminal  # POSIX only

        words = ["sh", "-ec", f"cd {shlex.quote(str(self.folder))}\n{command}"]
        with Terminal(words, env, stderr="whole") as typed:
            status, _, _ = typed.end(120)
            return subprocess.CompletedProcess(words, status, typed.screen, "")

    def _index(self, user: str) -> str:
        return f"{self.sandbox.address.replace('://', f'://{user}')}/private"


def environment_with(pip: str, folder: Path) -> None:
    """A new environment with this pip (of the client tests), and nothing else in it."""
    command = [sys.executable, "-m", "venv", "--without-pip", folder]
    subprocess.run(command, check=True)
    [theirs] = provision.CLIENTS.glob(f"bare-pip-{pip}/lib/python3*/site-packages")
    [site] = folder.glob("lib/python3*/site-packages")
    for part in theirs.glob("pip*"):
        shutil.copytree(part, site / part.name)
    script = folder / "bin" / "pip"
    main = "import sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
    script.write_text(f"#!{folder}/bin/python\n{main}", encoding="utf-8")
    script.chmod(0o755)


def path(*folders: Path) -> str:
    """PATH with these first, then uv and twine, then the system's."""
    clients = ROOT / ".tools" / "clients"
    own = [*folders, clients / "uv" / "bin", clients / "twine" / "bin"]
    return os.pathsep.join([*map(str, own), "/usr/bin", "/bin"])
