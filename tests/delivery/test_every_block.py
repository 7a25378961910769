"""Every fenced block of README and docs is run, compared with what it shows, or says why not.

test_docs.py runs what shells and Python run, and the commands in YAML. What other tests hold is
named here; what nothing holds has `<!-- not run: why -->` before it.
"""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from clients.harness import need
from delivery.gitlab.parts import documents
from delivery.pages import (
    ELSEWHERE,
    FENCE,
    MARK,
    PAGES,
    blocks,
    commands_of,
    copied_from,
    name,
    path,
    text,
)
from gatepass import cli
from gatepass.cli import sandbox as sandbox_command
from gatepass.login.device import Invitation
from gatepass.login.person import Person
from gatepass.login.prompt import shown
from gatepass.sandbox import Sandbox
from gatepass.secret import Secret
from gatepass.settings import load
from support import BIN, run

# How a block begins, by its page; and the test that runs or compares it.
HELD = {
    ("docs/architecture.md", "layer 7"): (
        "delivery/test_reference_pages.py::test_the_layers_are_those_of_the_test"
    ),
    ("docs/clients.md", "[[tool.uv.index]]"): (
        "delivery/test_every_block.py::test_uv_installs_by_the_index_of_the_page"
    ),
    ("docs/commands.md", "gatepass COMMAND"): (
        "delivery/test_every_block.py::test_the_usage_is_that_of_help"
    ),
    ("docs/errors.md", "permissions:"): (
        "delivery/test_every_block.py::test_a_part_of_yaml_is_part_of_what_runs"
    ),
    ("docs/errors.md", "id_tokens:"): (
        "delivery/test_every_block.py::test_a_part_of_yaml_is_part_of_what_runs"
    ),
    ("docs/errors.md", "volumes:"): (
        "delivery/test_every_block.py::test_a_part_of_yaml_is_part_of_what_runs"
    ),
    ("docs/login.md", "gatepass: log in to"): (
        "delivery/test_every_block.py::test_the_prompt_is_what_a_person_sees"
    ),
    ("docs/migrate.md", "[codeartifact]"): (
        "clients/test_migrate_codeartifact.py::test_the_whole_file"
    ),
    ("docs/migrate.md", "[registries.acme]"): (
        "clients/test_migrate_codeartifact.py::test_the_whole_file"
    ),
    ("docs/sandbox.md", "gatepass sandbox [--as"): (
        "delivery/test_every_block.py::test_the_sandboxs_usage_is_its_parsers"
    ),
}


class Block(NamedTuple):
    """A fenced block: its page, language and text, and why it isn't run ("": it is)."""

    page: str
    language: str
    text: str
    mark: str

    @property
    def held(self) -> str:
        """The test that runs or compares it; "" for none."""
        for (page, start), test in HELD.items():
            if page == self.page and self.text.startswith(start):
                return test
        elsewhere = "delivery/" + ELSEWHERE.get(self.page, "")
        if self.language == "dockerfile" or (self.language == "sh" and "container" in self.page):
            return elsewhere
        if self.language == "yaml" and self.page in ELSEWHERE:
            return elsewhere
        is_run = self.language in ("sh", "python")
        is_run |= self.language == "toml" and "version = 1" in self.text
        if self.language == "yaml":
            is_run |= bool(copied_from(self.text) or commands_of(self.text))
        return "delivery/test_docs.py" if is_run else ""


def every() -> Iterator[Block]:
    """All blocks of all pages."""
    for page in PAGES:
        whole = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(whole):
            mark = MARK.search(whole[: match.start()])
            yield Block(name(page), match[1], match[2], mark[1] if mark else "")


def block(page: str, start: str) -> str:
    """The text of the one block of a page that begins so."""
    [found] = [one for one in every() if one.page == page and one.text.startswith(start)]
    return found.text


def test_every_block_is_run_compared_or_marked() -> None:
    """One of these, and a marked one is not run: a mark that says otherwise would be a lie."""
    for one in every():
        if one.mark:
            assert one.held in ("", "delivery/test_docs.py"), one  # which leaves it out
        else:
            assert one.held, f"{one.page} has a block that nothing runs: {one.text}"


def test_no_block_hides_from_these_tests() -> None:
    """Fences stand at the start of a line, have three backticks, and all are closed; each mark
    has its block."""
    for page in PAGES:
        whole = page.read_text(encoding="utf-8")
        assert not re.search(r"^([ \t]+```|[ \t]*~~~|````)", whole, re.MULTILINE), page
        assert not re.search(r"^(```|<!-- not run)", FENCE.sub("", _unmarked(whole)), re.M), page


def _unmarked(whole: str) -> str:
    return re.sub(r"^<!-- not run: .+ -->\n\n?(?=```)", "", whole, flags=re.MULTILINE)


def test_what_is_said_to_hold_a_block_is_there() -> None:
    """Each row is of a block, once; and its test exists."""
    for (page, start), test in HELD.items():
        assert block(page, start)
        file, _, function = test.partition("::")
        assert re.search(rf"^def {function}\(", text(f"tests/{file}"), re.MULTILINE), test


def test_the_usage_is_that_of_help() -> None:
    """Of the whole program."""
    assert f"usage: {block('docs/commands.md', 'gatepass COMMAND')}" in cli.overview() + "\n"


def test_the_sandboxs_usage_is_its_parsers() -> None:
    """Every option, with every platform and every answer of a person; no other."""
    usage = block("docs/sandbox.md", "gatepass sandbox [--as")
    parser = argparse.ArgumentParser()
    sandbox_command.arguments(parser)
    known = {o for action in parser._actions for o in action.option_strings if o.startswith("--")}
    assert set(re.findall(r"--[a-z]+", usage)) == known - {"--help"}
    for action in parser._actions:
        if action.choices is not None:
            assert f"{action.option_strings[0]} {'|'.join(action.choices)}]" in usage


def test_the_prompt_is_what_a_person_sees() -> None:
    """Word for word; the page has fewer seconds left."""
    page = block("docs/login.md", "gatepass: log in to")
    [url] = re.findall(r"open: (\S+)", page)
    [code] = re.findall(r"code: (\S+)", page)
    asked = Invitation(Secret("device"), code, url.partition("?")[0], url, 292, 5)
    registry = load({"PACKAGEMANAGER_ADDRESS": "https://ppm.example.com"}).registries[0]
    terminal = io.StringIO()
    with shown(Person(terminal, has_browser=True), registry, asked, opener=lambda url: True):
        pass
    seen = re.sub(r"\r *\r", "\n", terminal.getvalue()).replace("\r", "")
    told, _, last = page.rstrip().rpartition("\n")
    assert seen.strip() in (told, f"{told}\n{last}")  # its thread may not have come to the line
    assert last == "  waiting, 4:52 left"


def _within(part: Any, whole: Any) -> bool:
    """Whether some mapping in `whole` has all keys of `part`, with the same values."""
    if isinstance(whole, list):
        return any(_within(part, one) for one in whole)
    if not isinstance(whole, dict):
        return False
    here = all(key in whole and _fits(part[key], whole[key]) for key in part)
    return here or any(_within(part, one) for one in whole.values())


def _fits(part: Any, whole: Any) -> bool:
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _fits(part[key], whole[key]) for key in part)
    return bool(part == whole)


@pytest.mark.parametrize("start", ["permissions:", "id_tokens:", "volumes:"])
def test_a_part_of_yaml_is_part_of_what_runs(start: str) -> None:
    """What an error's page says to add stands, with the same words, in something that runs."""
    part = yaml.safe_load(block("docs/errors.md", start))
    runs = [b for b in every() if b.language == "yaml" and b.page != "docs/errors.md"]
    assert any(_within(part, documents(b.text)) for b in runs)


@pytest.mark.parametrize("way", ["variable", "table"])
def test_uv_installs_by_the_index_of_the_page(
    way: str, base_env: dict[str, str], tmp_path: Path
) -> None:
    """In a project with the page's table, which asks by itself; or with the page's variable."""
    need("uv")
    index = block("docs/clients.md", "[[tool.uv.index]]")
    if way == "variable":
        index = index.replace('authenticate = "always"\n', "")
    [variable] = re.findall(r"`(UV_INDEX_\w+)=__token__`", text("docs/clients.md"))
    with Sandbox() as sandbox:
        for old, new in (
            ("https://ppm.example.com", sandbox.address),
            ("internal/latest", "private/latest"),
        ):
            index = index.replace(old, new)
        project = '[project]\nname = "yours"\nversion = "1"\nrequires-python = ">=3.11"\n'
        project += f'dependencies = ["gatepass-hello"]\n\n{index}'
        (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")
        env = {**base_env, **sandbox.environment("github")}
        env |= {variable: "__token__"} if way == "variable" else {}
        env |= {"UV_KEYRING_PROVIDER": "subprocess", "UV_CACHE_DIR": str(tmp_path / "cache")}
        env |= {"UV_PYTHON": sys.executable, "PATH": path(BIN)}
        done = run(["uv", "sync"], env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert sandbox.count("exchange") == 1
    assert list(tmp_path.glob(".venv/lib/python3*/site-packages/gatepass_hello.py"))


PODS = [b for b in blocks("yaml") if re.search(r"^kind: Pod$", b.values[0], re.MULTILINE)]


@pytest.mark.parametrize("snippet", PODS)
def test_a_pod_of_its_own_runs_once(snippet: str) -> None:
    """A kubelet starts a pod's command again for ever, unless the pod says otherwise."""
    assert yaml.safe_load(snippet)["spec"]["restartPolicy"] == "Never"


@pytest.mark.real
@pytest.mark.parametrize("snippet", PODS)
def test_a_pod_is_valid(snippet: str, tmp_path: Path) -> None:
    """By Kubernetes' own schemas, as the manifests are."""
    (tmp_path / "pod.yaml").write_text(snippet, encoding="utf-8")
    tool = BIN / "kubernetes-validate"
    subprocess.run([tool, "--strict", tmp_path / "pod.yaml"], check=True)


def test_there_are_pods() -> None:
    """What would not be noticed if README had none any more."""
    assert [b.id for b in PODS if b.id.startswith("README.md")]
