"""What must agree: action.yml and its page, lock file and pyproject.toml, all pinned actions."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import gatepass
from delivery.action.jobs import ACTION, documents
from gatepass.setup import windows
from support import ROOT

TEXT = (ACTION / "action.yml").read_text(encoding="utf-8")
DESCRIBED = yaml.safe_load(TEXT)
PAGE = (ROOT / "docs" / "github.md").read_text(encoding="utf-8")
LOCK = (ACTION / "requirements.txt").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
POSIX, WINDOWS = DESCRIBED["runs"]["steps"]


def table(heading: str) -> dict[str, list[str]]:
    """The cells of the table below a heading of the page, by what stands first."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| \n").split(" | ") for line in section.splitlines() if line[:2] == "| "]
    return {row[0].strip("`"): row[1:] for row in rows[1:] if row[0].startswith("`")}


def test_the_page_has_every_input_and_output() -> None:
    """In action.yml's order; and the default is what stands there."""
    assert list(table("Inputs")) == list(DESCRIBED["inputs"])
    assert list(table("Outputs")) == list(DESCRIBED["outputs"])
    for name, (default, _) in table("Inputs").items():
        written = DESCRIBED["inputs"][name]["default"]
        assert (default == f"`{written}`") if written else not re.fullmatch(r"`\S+`", default)


def test_what_action_yml_says_of_defaults_agrees_with_the_page() -> None:
    """A default that isn't written as one is described in both places, in the same words."""
    for name, (default, _) in table("Inputs").items():
        if not DESCRIBED["inputs"][name]["default"]:
            described = " ".join(DESCRIBED["inputs"][name]["description"].split())
            words = re.findall(r"[a-z]{5,}", default.replace("`", ""))
            assert all(word in described.lower() for word in words), name


def test_every_input_reaches_both_systems_by_the_environment() -> None:
    """Never by the script's text, where it could become a command."""
    for step in (POSIX, WINDOWS):
        assert "${{" not in step["run"]
        assert step["env"] == {
            f"INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}"
            for name in DESCRIBED["inputs"]
        }
    conditions = {POSIX["if"], WINDOWS["if"]}
    assert conditions == {"runner.os != 'Windows'", "runner.os == 'Windows'"}


def test_every_output_comes_from_either_system() -> None:
    """Whichever of the two steps ran."""
    for name, output in DESCRIBED["outputs"].items():
        either = " || ".join(f"steps.{step['id']}.outputs.{name}" for step in (POSIX, WINDOWS))
        assert output["value"] == f"${{{{ {either} }}}}"


def test_python_is_started_isolated() -> None:
    """By its path, and with -I each time: no module of the workspace runs."""
    for step in (POSIX, WINDOWS):
        starts = re.findall(r'(?:"\$found"|\$found\.Path)( -I)?', step["run"])
        assert len(starts) >= 2
    for line in (POSIX["run"] + WINDOWS["run"]).splitlines():
        if '"$found" ' in line and "command -v" not in line:
            assert '"$found" -I ' in line
        if "& $found.Path" in line:
            assert "& $found.Path -I " in line


def pinned() -> dict[str, tuple[str, str]]:
    """Version and marker of every package of the lock file."""
    found = re.findall(r"^([\w.-]+)==(\S+)(?: ; ([^\\]+?))? \\$", LOCK, re.MULTILINE)
    return {name: (version, marker.strip()) for name, version, marker in found}


def test_the_lock_file_is_current() -> None:
    """It has what pyproject.toml asks for, in versions that it allows, to run and to build."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    locked = pinned()
    assert len(locked) > len(asked)
    for one in map(Requirement, asked):
        version, marker = locked[one.name.lower()]
        assert one.specifier.contains(Version(version)), f"{one}: run `make lock`"
        assert marker == "", f"{one} is needed everywhere: run `make lock`"


def test_the_lock_file_has_hashes_and_no_place() -> None:
    """Every package by version and hash, nothing by address: which index it is, is the runner's."""
    lines = [line for line in LOCK.splitlines() if line and not line.startswith("#")]
    packages = [line for line in lines if not line.startswith("    ")]
    assert len(packages) == len(pinned())
    assert all(
        re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", x) for x in set(lines) - set(packages)
    )
    assert not re.search(r"://|--index|--find-links|--extra|--trusted|@", LOCK)
    for first, second in zip(lines, [*lines[1:], ""], strict=True):
        assert first.endswith("\\") == second.startswith("    --hash")


def test_the_bill_of_materials_is_what_is_locked(tmp_path: Path) -> None:
    """Without what only builds; the same each time."""
    wheel = tmp_path / "gatepass-1.2.3-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    command = [sys.executable, ROOT / "actions" / "sbom.py", wheel]
    first, second = (subprocess.run(command, capture_output=True, check=True) for _ in range(2))
    assert first.stdout == second.stdout
    bill = json.loads(first.stdout)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["purl"] == "pkg:pypi/gatepass@1.2.3"
    built_with = {"hatchling", "packaging", "pathspec", "pluggy", "trove-classifiers"}
    assert {one["name"] for one in bill["components"]} == set(pinned()) - built_with
    wanted = {one["name"]: one["scope"] for one in bill["components"]}
    assert (wanted["requests"], wanted["pywin32-ctypes"]) == ("required", "optional")


def steps() -> Iterator[tuple[str, Any]]:
    """Every step of our workflows, with the file's name."""
    for path in WORKFLOWS:
        for job in documents(path.read_text(encoding="utf-8"))["jobs"].values():
            yield from ((path.name, step) for step in job["steps"])


def test_every_action_is_pinned_by_commit() -> None:
    """With its version beside it; one commit for each action everywhere, the page's too."""
    pins: dict[str, set[tuple[str, str]]] = {}
    texts = [*(path.read_text(encoding="utf-8") for path in WORKFLOWS), PAGE]
    for text in texts:
        for used in re.findall(r"uses: (\S+@[^\n]+)", text):
            found = re.fullmatch(r"([\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", used)
            if found is None:  # the page's own placeholders
                assert text is PAGE
                assert used == "OWNER/gatepass/actions/setup@COMMIT"
                continue
            pins.setdefault(found[1], set()).add((found[2], found[3]))
    assert len(pins) == 7
    assert {name: found for name, found in pins.items() if len(found) != 1} == {}
    unpinned = [step["uses"] for _, step in steps() if "uses" in step and "@" not in step["uses"]]
    assert set(unpinned) == {"$/actions/setup"}


def test_what_pip_installs_into_is_the_jobs_own() -> None:
    """A runner's own Python may be its distribution's, into which pip installs nothing (PEP 668):
    each workflow of the page that runs pip sets one up, and before the action, as the page says."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    with_pip = [block for block in blocks if re.search(r"run: pip ", block)]
    assert len(with_pip) == 4
    for block in with_pip:
        assert 0 < block.find("actions/setup-python@") < block.find("gatepass/actions/setup@")


def test_windows_has_a_gatepass_that_is_isolated(tmp_path: Path) -> None:
    """What the action puts beside the launcher: distlib's starter, a #! line with -I, and our
    program in an archive. Python reads no module of the current directory for it."""
    data = windows.own(sys.executable)
    assert data.startswith(b"MZ")
    assert f'#!"{sys.executable}" -I\nPK'.encode() in data
    program = tmp_path / "gatepass.exe"
    program.write_bytes(data)
    (tmp_path / "gatepass.py").write_text("raise SystemExit('of the checkout')", encoding="utf-8")
    command = [sys.executable, "-I", program, "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"gatepass {gatepass.__version__}\n")
    source = (ACTION / "steps" / "configure.py").read_text(encoding="utf-8")
    assert "program.write(windows.own(sys.executable))" in source


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_have_the_least_rights(path: Path) -> None:
    """None by default, what each job needs by itself; an end to each job; no secret, no token kept
    in a checkout, nothing of a pull request's in a privileged run."""
    text = path.read_text(encoding="utf-8")
    described = documents(text)
    assert described["permissions"] == {}
    assert "secrets." not in text
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(described["on"])
    writes = set()
    for job in described["jobs"].values():
        assert int(job["timeout-minutes"]) <= 90
        writes |= {name for name, right in job["permissions"].items() if right == "write"}
        for step in job["steps"]:
            if str(step.get("uses", "")).startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] == "false"
            assert "${{" not in step.get("run", "")
    if path.name != "release.yml":
        assert writes == set()
