"""docs/commands.md: every option of every command is there, with its choices, and no other."""

from __future__ import annotations

import argparse
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from delivery.pages import text
from gatepass import cli
from gatepass.errors import GatepassError, UsageError

PAGE = text("docs/commands.md")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
ROW = re.compile(r"^\| `([^`]+)` \| (.+) \|$", re.MULTILINE)


def actions(command: str) -> list[argparse.Action]:
    """What a command's own parser knows, but for --help."""
    parser = argparse.ArgumentParser()
    import_module(f"gatepass.cli.{command}").arguments(parser)
    return [action for action in parser._actions if action.dest != "help"]


def ended(words: list[str]) -> int:
    """The exit status, also where argparse ends the program itself."""
    try:
        return cli.main(words)
    except SystemExit as end:
        return int(end.code or 0)


def rows(command: str) -> dict[str, str]:
    """The page's table: option or argument, and its meaning."""
    return {name.split()[0]: meaning for name, meaning in ROW.findall(SECTIONS[command])}


def test_every_command_has_a_section_in_the_order_of_help() -> None:
    """And no section is of a command that isn't there."""
    assert list(SECTIONS) == ["Exit status", *cli.COMMANDS]


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_the_options_are_those_of_the_parser(command: str) -> None:
    """Each one once; a flag has no value, all others have one."""
    known = [(a.option_strings or [a.dest])[-1] for a in actions(command)]
    options = [name for name in known if name.startswith("-")]
    written = ROW.findall(SECTIONS[command])
    assert sorted(n.split()[0] for n, _ in written if n.startswith("-")) == sorted(options)
    arguments = [name for name, _ in written if not name.startswith("-")]
    assert len(arguments) == len(known) - len(options)
    takes_none = {(a.option_strings or [a.dest])[-1] for a in actions(command) if a.nargs == 0}
    for name, _ in written:
        assert (" " not in name) == (name in takes_none or not name.startswith("-")), name
    if not written:
        assert "It takes no arguments." in SECTIONS[command]


def _choices(command: str) -> list[Any]:
    return [action for action in actions(command) if action.choices]


@pytest.mark.parametrize(
    ("command", "action"),
    [
        pytest.param(c, a, id=f"{c} {a.option_strings[0]}")
        for c in cli.COMMANDS
        for a in _choices(c)
    ],
)
def test_the_words_of_a_choice_are_there(command: str, action: argparse.Action) -> None:
    """All of them, and no other."""
    meaning = rows(command)[action.option_strings[0]]
    assert action.choices is not None
    assert set(map(str, action.choices)) == set(re.findall(r"`([a-z0-9]+)`", meaning))


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_what_is_required_says_so(command: str) -> None:
    """And what isn't doesn't."""
    for action in actions(command):
        if action.option_strings:
            said = "required" in rows(command)[action.option_strings[0]]
            assert said == action.required, action.option_strings
    first = next((a for a in actions(command) if not a.option_strings), None)
    if first is not None:
        (meaning,) = [m for n, m in ROW.findall(SECTIONS[command]) if not n.startswith("-")]
        assert ("required" in meaning) == (first.nargs in (None, "...")), command


def test_defaults_are_the_parsers() -> None:
    """Of the options whose default is a word or a number."""
    for command in cli.COMMANDS:
        for action in actions(command):
            default = action.default
            if isinstance(default, str | int) and not isinstance(default, bool) and default != "":
                meaning = rows(command)[action.option_strings[0]]
                assert f"{default}" in meaning, action.option_strings
                assert "unless said otherwise" in meaning


def test_the_exit_statuses_are_the_programs() -> None:
    """The classes of errors, and Ctrl-C."""
    codes = re.findall(r"^\| (\d[\d, ]*) \|", SECTIONS["Exit status"], re.MULTILINE)
    assert codes == ["0", "1", "2", "126, 127", "130"]
    assert f"{GatepassError.exit_status}" == "1"
    assert f"{UsageError.exit_status}" == "2"
    assert f"{cli._INTERRUPTED}" == "130"


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        *(
            (words, 2, "no-registry")
            for words in ("exec -- true", "env --format sh", "watch --netrc n", "whoami", "login")
        ),
        ("get https://h", 1, "not-ours"),
        ("whoami https://h", 1, "not-ours"),
        ("exec --registry h -- true", 1, "not-ours"),
        ("status extra", 2, "usage"),
    ],
)
def test_wrong_usage_is_two_and_what_is_not_known_is_one(
    words: str,
    status: int,
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A command that names no registry where none is configured is wrong usage, in all of them."""
    monkeypatch.chdir(tmp_path)
    assert ended(words.split()) == status
    assert capsys.readouterr().err.startswith(f"error[{code}]: ")


@pytest.mark.parametrize("words", ["exec -- true", "env --format sh", "get x", "whoami", "login"])
@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("GATEPASS_VERIFY", "perhaps", "bad-value"), ("GATEPASS_CONFIG", "c.toml", "config-relative")],
)
def test_a_setting_that_can_not_be_is_one(
    words: str,
    name: str,
    value: str,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A variable isn't the command line: 1, as the page has it."""
    monkeypatch.setenv(name, value)
    assert ended(words.split()) == 1
    assert capsys.readouterr().err.startswith(f"error[{code}]: ")
    row_of_one = re.search(r"^\| 1 \| (.+) \|$", SECTIONS["Exit status"], re.MULTILINE)
    assert row_of_one is not None
    assert "variable or `config.toml`" in row_of_one[1]


def test_overview_and_page_agree_on_every_command() -> None:
    """What `gatepass --help` lists has a heading that it could link to."""
    listed = re.findall(r"^  (\w+) ", cli.overview(), re.MULTILINE)
    assert listed == list(cli.COMMANDS)
    assert all(f"\n## {command}\n" in PAGE for command in listed)
