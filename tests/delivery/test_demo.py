"""`make demo`'s story, as the README promises it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from gatepass.cli import demo
from support import BIN, gatepass, run


def test_the_demo_tells_the_whole_story(base_env: dict[str, str]) -> None:
    """Identity, verified, exchanged, stored, installed; again without a request; refused; then
    CodeArtifact, and a person's login."""
    done = gatepass("demo", env=base_env)
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout
    steps = ["identity ", "gives the job a token", "verified ", "verifies the token itself"]
    steps += [
        "exchanged ",
        "stored ",
        "installed ",
        "you came through the gate",
        "no request is made",
    ]
    steps += ["0 for an identity, 0 exchanges", "error[github-permission]"]
    steps += ["AWS CodeArtifact", "gives the job a token for sts.amazonaws.com", "verified "]
    steps += ["lends the role's keys", "user name aws", "gatepass login"]
    steps += ["played by the sandbox: reads the code", "code: ", "logged in to", "your login"]
    places, at = [], 0
    for step in steps:
        places.append(told.find(step, at))
        at = max(at, places[-1])
    assert -1 not in places, told
    assert places == sorted(places), "the story is told in the order in which it happens"
    assert not re.search(r"eyJ[A-Za-z0-9_-]{20}", told), "a token is shown"
    assert done.stderr == ""
    assert "\033" not in told, "no colours where nobody sees them"
    first = re.search(r"gives the job a token for (\S+)", told)
    index = re.search(r"index         (\S+)/private/latest/simple/", told)
    assert first is not None
    assert index is not None
    assert first[1] == index[1]


@pytest.mark.parametrize(
    ("started", "path", "typed"),
    [
        ("{bin}/gatepass", "/usr/bin", "{bin_from_here}/gatepass"),
        ("{bin_from_here}/gatepass", "/usr/bin", "{bin_from_here}/gatepass"),
        ("{bin}/gatepass", "{bin}", "gatepass"),
        ("/opt/a b/gatepass", "{bin}", "'/opt/a b/gatepass'"),
        ("{bin}/../lib/gatepass/__main__.py", "{bin}", "{python_from_here} -m gatepass"),
    ],
)
def test_its_last_line_can_be_typed(
    started: str, path: str, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `make demo`, whose command is not on PATH, too."""
    here = {
        "bin": BIN,
        "bin_from_here": BIN.name,
        "python_from_here": os.path.relpath(sys.executable, BIN.parent),
    }
    monkeypatch.chdir(BIN.parent)
    monkeypatch.setenv("PATH", path.format(**here))
    typed = typed.format(**here)
    assert demo._to_type(started.format(**here)) == typed
    if "/opt" not in typed:
        command = ["/bin/sh", "-c", f"{typed} --version"]
        version = run(command, {"PATH": os.environ["PATH"]}, cwd=BIN.parent)
        assert version.stdout.startswith("gatepass ")


def test_the_demo_leaves_nothing_behind(base_env: dict[str, str], tmp_path: Path) -> None:
    """Not in the home, and not in the temporary folder."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = gatepass("demo", env={**base_env, "TMPDIR": str(temporary)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(temporary.iterdir()) == []
    left = [path.name for path in Path(base_env["HOME"]).rglob("*")]
    assert not [name for name in left if "gatepass" in name or "pip" in name]


def test_a_demo_that_can_not_work_says_so(base_env: dict[str, str], tmp_path: Path) -> None:
    """A step that fails ends the story with an error of ours."""
    broken = tmp_path / "site"
    broken.mkdir()
    # Python runs this first in every environment below the demo's folder: its pip always fails.
    text = "import sys\nif 'gatepass-demo-' in sys.prefix:\n    raise SystemExit('broken')\n"
    (broken / "sitecustomize.py").write_text(text, encoding="utf-8")
    done = gatepass("demo", env={**base_env, "PYTHONPATH": str(broken)})
    assert done.returncode == 1
    assert "error[demo-failed]" in done.stderr
    assert "Traceback" not in done.stderr
