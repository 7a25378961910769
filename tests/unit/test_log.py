"""What gatepass says of its steps: where it goes, in which form, and what can't break it."""

from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path

import pytest

from gatepass import log
from support import run


def test_only_what_reaches_the_level_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """At the default level warnings are written, to stderr, and nothing below them."""
    log.debug("a", "one")
    log.info("a", "two")
    log.warning("a", "three")
    seen = capsys.readouterr()
    assert seen.err == "gatepass: warning: three\n"
    assert seen.out == ""


@pytest.mark.parametrize(
    ("level", "lines"),
    [("debug", ["debug", "info", "warning"]), ("info", ["info", "warning"]), ("error", [])],
)
def test_each_level(level: str, lines: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A level lets itself and what is graver pass."""
    log.configure(level)
    log.debug("a", "m")
    log.info("a", "m")
    log.warning("a", "m")
    assert capsys.readouterr().err.splitlines() == [f"gatepass: {name}: m" for name in lines]


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """In json each line is an object with time, level, event, message and the fields."""
    log.configure("info", "json")
    log.info("stored", 'kept "it"', seconds=60, who=Path("/x"))
    line = json.loads(capsys.readouterr().err)
    assert line.pop("time") > 1.7e9
    assert line == {
        "level": "info",
        "event": "stored",
        "message": 'kept "it"',
        "seconds": 60,
        "who": "/x",
    }


def test_a_message_can_not_start_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Line breaks and control characters in a message are disarmed."""
    log.warning("a", "x\n::stop-commands::\x1b[1m %s")
    assert capsys.readouterr().err == "gatepass: warning: x ::stop-commands::?[1m %s\n"


def test_a_file_instead_of_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a file set, lines are appended there and stderr stays quiet."""
    file = tmp_path / "log"
    file.write_text("before\n")
    log.configure("warning", "text", str(file))
    log.warning("a", "größer")
    assert file.read_text(encoding="utf-8") == "before\ngatepass: warning: größer\n"
    assert capsys.readouterr().err == ""


def test_a_file_that_can_not_be_opened_falls_back_to_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A log that can't be opened is said once, and its lines go to stderr."""
    log.configure("warning", "text", str(tmp_path))
    log.warning("a", "one")
    log.warning("a", "two")
    assert capsys.readouterr().err.splitlines() == [
        f"gatepass: warning: no log in {tmp_path}: Is a directory",
        "gatepass: warning: one",
        "gatepass: warning: two",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_falls_back_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """A log on a full disk is said once, and its lines go to stderr."""
    log.configure("warning", "text", "/dev/full")
    log.warning("a", "one")
    assert capsys.readouterr().err.splitlines() == [
        "gatepass: warning: no log in /dev/full: No space left on device",
        "gatepass: warning: one",
    ]


@pytest.mark.parametrize("stream", [None, "closed"])
def test_without_stderr_nothing_is_printed_anywhere(
    stream: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing or closed stderr loses the line: it never lands on stdout, and nothing breaks."""
    broken = io.StringIO()
    broken.close()
    monkeypatch.setattr(sys, "stderr", broken if stream else None)
    log.warning("a", "one")
    log.say("two")
    assert capsys.readouterr().out == ""


def test_lines_go_to_the_stderr_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that swaps sys.stderr while it runs gets the lines where it looks."""
    log.warning("a", "before")
    swapped = io.StringIO()
    monkeypatch.setattr(sys, "stderr", swapped)
    log.warning("a", "after")
    assert swapped.getvalue() == "gatepass: warning: after\n"


def test_a_hosts_own_logging_never_sees_our_lines(caplog: pytest.LogCaptureFixture) -> None:
    """The logger is not registered: handlers and levels of the host don't touch it."""
    with caplog.at_level(logging.DEBUG):
        log.warning("a", "m")
    assert caplog.records == []
    assert "gatepass" not in logging.root.manager.loggerDict


def test_a_new_configuration_takes_effect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """configure() after the first line changes where the next one goes."""
    log.configure("warning", "text", str(tmp_path / "log"))
    log.warning("a", "one")
    log.configure("warning", "text", "")
    log.warning("a", "two")
    assert capsys.readouterr().err == "gatepass: warning: two\n"
    assert (tmp_path / "log").read_text() == "gatepass: warning: one\n"


def test_logging_is_imported_only_for_a_line_that_is_written(base_env: dict[str, str]) -> None:
    """Below the level nothing is loaded."""
    code = (
        "import sys; from gatepass import log; log.info('a', 'b');"
        "print('logging' in sys.modules); log.warning('a', 'b'); print('logging' in sys.modules)"
    )
    result = run([sys.executable, "-I", "-c", code], base_env)
    assert result.stdout.split() == ["False", "True"]
