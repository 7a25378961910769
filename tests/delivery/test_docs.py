"""Every command in README and docs runs, as a reader would paste it, against the sandbox.

Blocks of `sh` run as they are; of YAML, each `run:` and each line of `script:` does. The example's
address stands for the sandbox's, `your-package` for one that it has. A command that installs
gatepass itself takes it from a folder of wheels, as from a registry.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatepass.sandbox import Sandbox
from gatepass.settings import load
from support import ROOT, run

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")])
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXAMPLE = "https://ppm.example.com"
_PLATFORM = {
    "id_tokens": "gitlab",
    "serviceAccountToken": "kubernetes",
    "PACKAGEMANAGER_IDENTITY_TOKEN_FILE": "file",
}
"""What a snippet has in it that belongs to another platform than GitHub."""

MAKE = re.compile(r"^make [a-z-]+")
"""Run by .ci/run itself: a test that runs all tests would not end."""


def blocks(*languages: str) -> list[Any]:
    """Every fenced block of these languages, with its page for a name."""
    found = []
    for page in PAGES:
        for number, match in enumerate(_FENCE.finditer(page.read_text(encoding="utf-8"))):
            if match[1] in languages:
                name = f"{page.relative_to(ROOT)}#{number}"
                found.append(pytest.param(match[2], id=name))
    return found


def commands_of(text: str) -> list[str]:
    """The commands of a YAML snippet, line by line: of steps with `run`, of jobs, of pods."""

    def walk(node: Any) -> list[str]:
        if isinstance(node, dict):
            found = [node["run"]] if isinstance(node.get("run"), str) else []
            for key in ("script", "args"):  # of a GitLab job; of a pod whose command is `sh -ec`
                script = node.get(key, [])
                found += script if isinstance(script, list) else [script]
            return found + [command for value in node.values() for command in walk(value)]
        return [c for value in node for c in walk(value)] if isinstance(node, list) else []

    return [line for command in walk(yaml.safe_load(text)) for line in command.splitlines()]


def variables_of(text: str) -> set[str]:
    """The variables that a YAML snippet sets: they must be ones that are documented."""
    found = set(re.findall(r"^\s+([A-Z][A-Z_]+):", text, re.MULTILINE))
    return found | set(re.findall(r"- name: ([A-Z_]+)", text))


class Reader:
    """Somebody with a new environment, an empty folder, and the page."""

    def __init__(self, sandbox: Sandbox, env: dict[str, str], folder: Path) -> None:
        self.sandbox, self.env, self.folder = sandbox, env, folder

    def goes_where_this_runs(self, text: str) -> None:
        """Enter the platform that a snippet is for."""
        platform = next((_PLATFORM[word] for word in _PLATFORM if word in text), "github")
        self.env |= self.sandbox.environment(platform)
        token = self.env.get("PACKAGEMANAGER_IDENTITY_TOKEN_FILE", "")
        self.names = {"/run/secrets/ppm-token": token}

    def paste(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run it, with the example's names replaced by the sandbox's."""
        address = self.sandbox.address
        for old, new in (
            (f"{_EXAMPLE.replace('://', '://__token__@')}/internal", self._index("__token__@")),
            (f"{_EXAMPLE}/internal", self._index("")),
            (_EXAMPLE, address),
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


@pytest.fixture
def reader(sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path) -> Reader:
    """A reader with pip in a new environment, uv and twine at hand."""
    folder = tmp_path / "work"
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "job"], check=True)
    (folder / "dist").mkdir()
    with_tools = [
        tmp_path / "job" / "bin",
        tmp_path / "tools" / "bin",
        ROOT / ".tools" / "clients" / "uv" / "bin",
        ROOT / ".tools" / "clients" / "twine" / "bin",
    ]
    env = {
        **base_env,
        "PATH": os.pathsep.join([*map(str, with_tools), "/usr/bin", "/bin"]),
        "UV_TOOL_DIR": str(tmp_path / "tools" / "all"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "tools" / "bin"),
        "UV_PYTHON": sys.executable,
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }
    return Reader(sandbox, env, folder)


def _must_work(result: subprocess.CompletedProcess[str], command: str) -> None:
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"


@pytest.mark.parametrize("text", blocks("sh"))
def test_shell_blocks_run(text: str, reader: Reader) -> None:
    """Each block of shell lines works when it is pasted as a whole."""
    reader.goes_where_this_runs(text)
    if "PACKAGEMANAGER_TOKEN" in text:
        reader.env["PACKAGEMANAGER_TOKEN"] = reader.sandbox.packagemanager.token()
    lines = [line for line in text.splitlines() if line and not MAKE.match(line)]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for line in text.splitlines():
        made = MAKE.match(line)
        assert made is None or made[0] in ci or made[0] == "make bench"
    install = [line for line in lines if re.fullmatch(r"pip install gatepass", line)]
    if lines and not install:
        _must_work(reader.paste("pip install gatepass"), "pip install gatepass")
        if "uv " in text:
            command = "uv venv && uv tool install keyring --with gatepass"
            _must_work(reader.paste(command), command)
    if "dist/*" in text:
        command = f"pip download -d dist --no-deps --index-url {_EXAMPLE}/internal/latest/simple/"
        _must_work(reader.paste(f"{command} gatepass-hello"), command)
    for line in install:
        _must_work(reader.paste(line), line)
    rest = "\n".join(line for line in lines if line not in install)
    _must_work(reader.paste(rest), rest)


# Workflows with our action: test_action_docs.py runs them as a runner does.
_ELSEWHERE = "gatepass/actions/setup@"


@pytest.mark.parametrize("text", [b for b in blocks("yaml") if _ELSEWHERE not in b.values[0]])
def test_yaml_blocks_run(text: str, reader: Reader) -> None:
    """Each step of a workflow works, one after the other, with the variables that it sets."""
    documented = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    clients = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
    for variable in variables_of(text):
        assert variable in documented + clients
    reader.goes_where_this_runs(text)
    if "UV_KEYRING_PROVIDER" in text:
        reader.env["UV_KEYRING_PROVIDER"] = "subprocess"
    for command in commands_of(text):
        _must_work(reader.paste(command), command)


@pytest.mark.parametrize("text", blocks("python"))
def test_python_blocks_run(text: str, base_env: dict[str, str], tmp_path: Path) -> None:
    """Each Python example runs in the environment that has gatepass."""
    script = tmp_path / "example.py"
    script.write_text(text, encoding="utf-8")
    result = run([sys.executable, script], base_env)
    _must_work(result, text)


@pytest.mark.parametrize("text", [b for b in blocks("toml") if "version = 1" in b.values[0]])
def test_configuration_examples_load(text: str, tmp_path: Path) -> None:
    """Each config.toml in the docs is one that gatepass accepts, key by key."""
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    settings = load({"GATEPASS_CONFIG": str(file)})
    assert {registry.name for registry in settings.registries} == {
        *("prod", "team", "mirror", "lab")
    }


def test_every_block_has_a_language() -> None:
    """A block without a language would be run by nobody."""
    for page in PAGES:
        for match in _FENCE.finditer(page.read_text(encoding="utf-8")):
            assert match[1] in {"sh", "yaml", "toml", "python", "text"}, page


@pytest.mark.parametrize("page", [*PAGES, *sorted(ROOT.glob("[A-Z]*.md"))], ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that is there."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_tools_of_these_tests_are_there() -> None:
    """`make clients` made what the pages' commands need."""
    assert shutil.which("sh")
    assert list((ROOT / ".tools" / "wheelhouse").glob("gatepass-*.whl")), "run: make clients"
