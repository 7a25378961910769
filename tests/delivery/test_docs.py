"""Every command in README and docs runs, as a reader would paste it, against the sandbox.

Blocks of `sh` run as they are; of YAML, each `run:` and each line of `script:` does. The example's
address stands for the sandbox's, `your-package` for one that it has. A command that installs
gatepass itself takes it from a folder of wheels, as from a registry. What another test runs is
named in `pages.ELSEWHERE` and in test_every_block.py, with that test.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.harness import need
from delivery.pages import (
    DOCS,
    ELSEWHERE,
    FENCE,
    PAGES,
    Reader,
    anchors,
    blocks,
    commands_of,
    copied_from,
    environment_of,
    environment_with,
    name,
    path,
    text,
    variables_of,
)
from gatepass.sandbox import Sandbox
from gatepass.settings import load
from support import ROOT, run

SHELL = blocks("sh", but=("docs/container.md",))
LAPTOP = [b for b in SHELL if "gatepass setup https://ppm" in b.values[0]]
R = [b for b in SHELL if "Rscript" in b.values[0]]

MAKE = re.compile(r"^make [a-z-]+")
"""Run by .ci/run itself: a test that runs all tests would not end."""


@pytest.fixture
def reader(
    request: pytest.FixtureRequest, base_env: dict[str, str], tmp_path: Path
) -> Iterator[Reader]:
    """A reader with pip in a new environment, uv and twine at hand; AWS where the text names it."""
    folder = tmp_path / "work"
    (folder / "dist").mkdir(parents=True)
    for part in ("actions", "gitlab"):  # of a source tree, and what a release has beside it
        (folder / part).symlink_to(ROOT / part)
    for wheel in (ROOT / ".tools" / "wheelhouse").glob("gatepass-*.whl"):
        (folder / wheel.name).symlink_to(wheel)
    pip = request.node.callspec.params.get("pip", "")
    if pip:
        environment_with(pip, tmp_path / "job")
    else:
        subprocess.run([sys.executable, "-m", "venv", tmp_path / "job"], check=True)
    launcher = Path(base_env["HOME"]) / ".local" / "bin"
    env = {
        **base_env,
        "PATH": path(tmp_path / "job" / "bin", launcher, tmp_path / "tools" / "bin"),
        "UV_TOOL_DIR": str(tmp_path / "tools" / "all"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "tools" / "bin"),
        "UV_PYTHON": sys.executable,
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }
    with Sandbox(aws="codeartifact" in request.node.callspec.params["snippet"]) as sandbox:
        yield Reader(sandbox, env, folder)


def _must_work(result: subprocess.CompletedProcess[str], command: str) -> None:
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"


@pytest.mark.parametrize("pip", ["25.3", "latest"])
@pytest.mark.parametrize("snippet", LAPTOP)
def test_laptops_blocks_run_with_old_and_new_pip(snippet: str, pip: str, reader: Reader) -> None:
    """A person at a terminal logs in, and pip reads their own files: before 26.2 it asks a
    keyring command only for a user name that it knows."""
    need(f"bare-pip-{pip}")
    _pasted(snippet, reader)
    assert reader.sandbox.person.asked


@pytest.mark.real
@pytest.mark.parametrize("snippet", R)
def test_r_installs_by_the_pages_line(snippet: str, reader: Reader) -> None:
    """Into the library of whoever pastes it; R itself ends with 0 where nothing was installed."""
    library = reader.folder / "library"
    library.mkdir()
    reader.env["R_LIBS_USER"] = str(library)
    _pasted(snippet, reader)
    assert (library / "gatepassHello").is_dir()


@pytest.mark.parametrize("snippet", [b for b in SHELL if b not in [*LAPTOP, *R]])
def test_shell_blocks_run(snippet: str, reader: Reader) -> None:
    """Each block of shell lines works when it is pasted as a whole."""
    _pasted(snippet, reader)


def _pasted(snippet: str, reader: Reader) -> None:
    reader.goes_where_this_runs(snippet)
    if "PACKAGEMANAGER_TOKEN" in snippet:
        reader.env["PACKAGEMANAGER_TOKEN"] = reader.sandbox.packagemanager.token()
    lines = [line for line in snippet.splitlines() if line and not MAKE.match(line)]
    ci = text(".ci/run")
    for line in snippet.splitlines():
        made = MAKE.match(line)
        assert made is None or made[0] in ci or made[0] == "make bench"
    install = [line for line in lines if re.fullmatch(r"pip install gatepass", line)]
    if lines and not install:
        _must_work(reader.paste("pip install gatepass"), "pip install gatepass")
        if "uv " in snippet:
            command = "uv venv && uv tool install keyring --with gatepass"
            _must_work(reader.paste(command), command)
    if "dist/*" in snippet:
        index = reader.sandbox.public_index_url  # it stands for a build
        command = f"pip download -d dist --no-deps --index-url {index} gatepass-hello"
        _must_work(reader.paste(command), command)
    for line in install:
        _must_work(reader.paste(line), line)
    rest = "\n".join(line for line in lines if line not in install)
    _must_work(reader.paste(rest), rest)


@pytest.mark.parametrize(
    "snippet", [b for b in blocks("yaml", but=tuple(ELSEWHERE)) if not copied_from(b.values[0])]
)
def test_yaml_blocks_run(snippet: str, reader: Reader) -> None:
    """Each step of a workflow works, one after the other, with the variables that it sets."""
    documented = text("docs/configuration.md") + text("docs/clients.md")
    for variable in variables_of(snippet):
        assert variable in documented
    reader.goes_where_this_runs(snippet)
    if "UV_KEYRING_PROVIDER" in snippet:
        reader.env["UV_KEYRING_PROVIDER"] = "subprocess"
    for variable, value in environment_of(snippet).items():
        reader.env[variable] = value.replace("https://ppm.example.com", reader.sandbox.address)
    for command in commands_of(snippet):
        _must_work(reader.paste(command), command)


@pytest.mark.parametrize(
    "snippet", [b for b in blocks("yaml", but=tuple(ELSEWHERE)) if copied_from(b.values[0])]
)
def test_what_another_page_runs_is_its_own_text(snippet: str) -> None:
    """README's workflow and pipeline are, letter by letter, ones of the pages that are run."""
    page = copied_from(snippet)
    assert page in ELSEWHERE
    assert snippet in text(page)


@pytest.mark.parametrize(("page", "test"), ELSEWHERE.items())
def test_pages_that_are_run_elsewhere_are_run_there(page: str, test: str) -> None:
    """The test that this file leaves a page to reads that very page."""
    sources = [file.read_text("utf-8") for file in (ROOT / "tests" / "delivery").glob(test)]
    assert [one for one in sources if f'"{page.removeprefix("docs/")}"' in one]
    assert (ROOT / page).exists()


@pytest.mark.parametrize("snippet", blocks("python"))
def test_python_blocks_run(snippet: str, base_env: dict[str, str], tmp_path: Path) -> None:
    """Each Python example runs in the environment that has gatepass."""
    script = tmp_path / "example.py"
    script.write_text(snippet, encoding="utf-8")
    _must_work(run([sys.executable, script], base_env), snippet)


@pytest.mark.parametrize("snippet", [b for b in blocks("toml") if "version = 1" in b.values[0]])
def test_configuration_examples_load(snippet: str, tmp_path: Path) -> None:
    """Each config.toml in the docs is one that gatepass accepts, key by key."""
    file = tmp_path / "config.toml"
    file.write_text(snippet, encoding="utf-8")
    settings = load({"GATEPASS_CONFIG": str(file)})
    named = re.findall(r"^\[registries\.(\w+)\]", snippet, re.MULTILINE)
    assert [registry.name for registry in settings.registries if registry.name in named] == named


def test_every_block_has_a_language() -> None:
    """A block without a language would be run by nobody."""
    for page in PAGES:
        for match in FENCE.finditer(page.read_text(encoding="utf-8")):
            known = {"sh", "yaml", "toml", "ini", "python", "text"}
            known |= {"dockerfile"} if name(page) in ELSEWHERE else set()
            assert match[1] in known, f"{name(page)}: {match[0]}"


@pytest.mark.parametrize("page", sorted({*PAGES, *ROOT.glob("[A-Z]*.md")}), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that is there, and a heading that is in it."""
    outside = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", outside):
        file = page.parent / target if target else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


@pytest.mark.parametrize("page", sorted(DOCS.glob("**/*.md")), ids=lambda p: p.stem)
def test_the_readme_or_the_picker_leads_to_every_page(page: Path) -> None:
    """A page that nobody finds helps nobody."""
    target = page.relative_to(DOCS).as_posix()
    assert f"(docs/{target}" in text("README.md") or f"({target}" in text("docs/index.md")


def test_the_tools_of_these_tests_are_there() -> None:
    """`make clients` made what the pages' commands need."""
    assert shutil.which("sh")
    assert list((ROOT / ".tools" / "wheelhouse").glob("gatepass-*.whl")), "run: make clients"
