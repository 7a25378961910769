"""What the demo's stories are played with."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from gatepass.cli import stage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")

CODE = "import os, time; print('seen', flush=True); os.closerange(0, 3); time.sleep({})"


def test_a_machine_has_a_home_of_its_own(tmp_path: Path) -> None:
    """On Windows, too: the real user's netrc and pip.ini are not read."""
    made = stage.machine(tmp_path, tmp_path / "bin")
    assert {made[name] for name in ("HOME", "USERPROFILE", "APPDATA")} == {str(tmp_path)}


def test_what_stood_on_the_screen(base_env: dict[str, str]) -> None:
    """What a carriage return has gone over isn't there any more."""
    code = "import sys; print('a\\rb'); print(); print(sys.stdin.isatty()); sys.exit(3)"
    assert stage.in_a_terminal([sys.executable, "-c", code], base_env) == (3, "b\nTrue")


def test_a_command_that_outlives_its_terminal_is_ended(
    base_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a moment to end by itself; then its status says that it was killed."""
    command = [sys.executable, "-c", CODE.format(60)]
    monkeypatch.setattr(stage, "_LAST", 0.2)
    began = time.monotonic()
    assert stage.in_a_terminal(command, base_env) == (-9, "seen")
    assert time.monotonic() - began < 40
    monkeypatch.setattr(stage, "_LAST", 20.0)
    assert stage.in_a_terminal([*command[:2], CODE.format(0.2)], base_env) == (0, "seen")
