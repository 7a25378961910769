"""A failure is shown once a client run, everywhere where somebody may look."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path

import pytest

from gatepass import report as module
from gatepass.errors import GatepassError
from gatepass.report import report
from gatepass.resolve import FORGET
from gatepass.store import Store
from gatepass.store.folder import Folder

ERROR = GatepassError("audience-mismatch", "it is for another", why="because", do="mend it")
INDEX = "https://ppm.example.com/simple/"


class Run:
    """A process as the report sees it, which the test can change."""

    parent, now = 10, 1_800_000_000.0
    process = "a"
    command = "keyring get"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Processes and time in the test's hands; no terminal."""
    run = Run()
    monkeypatch.setattr(os, "getppid", lambda: run.parent)
    monkeypatch.setattr(module.time, "time", lambda: run.now)
    monkeypatch.setattr(module, "_to_terminal", lambda text: False)
    return run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    folder = tmp_path / "store"
    folder.mkdir(mode=0o700)
    return Store(Folder(str(folder)))


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    return tmp_path / "summary.md"


class Shown:
    """Whether a report shows something, told by stderr."""

    def __init__(
        self,
        run: Run,
        patch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        store: Store,
        summary: Path,
    ) -> None:
        self._run, self._patch, self._capsys, self._store = run, patch, capsys, store
        self._env = {"GITHUB_STEP_SUMMARY": str(summary)}

    def __call__(self, service: str = INDEX, error: GatepassError = ERROR) -> bool:
        self._patch.setattr(module, "_ME", self._run.process)
        self._patch.setattr(sys, "argv", [*self._run.command.split(), service])
        report(error, service, self._env, self._store)
        seen = self._capsys.readouterr()
        assert seen.out == ""
        assert seen.err in ("", f"{error}\n")
        return bool(seen.err)


@pytest.fixture
def shown(
    here: Run,
    monkeypatch: pytest.MonkeyPatch,
    store: Store,
    summary: Path,
    capsys: pytest.CaptureFixture[str],
) -> Shown:
    return Shown(here, monkeypatch, capsys, store, summary)


def test_the_error_goes_to_stderr_and_is_kept(shown: Shown, store: Store, here: Run) -> None:
    """It is printed whole, and `gatepass status` finds it, with the service that was asked for."""
    assert shown()
    assert store.recall("last-error") == {
        "time": here.now,
        "url": INDEX,
        "code": "audience-mismatch",
        "what": "it is for another",
        "why": "because",
        "do": "mend it",
    }


def test_one_process_is_told_once(shown: Shown, here: Run) -> None:
    """A process that asks again within seconds, for whatever name, hears it once."""
    assert shown()
    assert not shown()
    here.parent = 77
    assert not shown("ppm.example.com")


def test_one_parent_is_told_once_for_several_names(shown: Shown, here: Run) -> None:
    """uv asks for URL, host and origin with three processes, pdm in two ways: one is shown."""
    assert shown()
    for number, name in enumerate(("ppm.example.com", "https://ppm.example.com"), 1):
        here.process = f"b{number}"
        assert not shown(name)
    here.process = "d"
    assert not shown(INDEX)  # uv publish: all three twice
    here.process, here.command = "e", "keyring --mode=creds get"
    assert not shown(INDEX)


@pytest.mark.parametrize("command", ["keyring get", "poetry lock"])
def test_a_person_at_a_shell_is_told_each_time(shown: Shown, here: Run, command: str) -> None:
    """The same words twice running; or two clients that ask themselves, for whatever names."""
    here.command = command
    assert shown()
    here.process = "b"
    assert shown(INDEX if command == "keyring get" else "ppm.example.com")


def test_another_parent_is_told(shown: Shown, here: Run) -> None:
    """Two clients side by side each hear it."""
    assert shown()
    here.process, here.parent = "b", 11
    assert shown("ppm.example.com")


def test_another_error_is_told(shown: Shown) -> None:
    """Only the very same text counts as told."""
    assert shown()
    assert shown(error=GatepassError("other", "something else"))


@pytest.mark.parametrize("seconds", [FORGET, FORGET + 60, -1])
def test_what_was_told_is_forgotten(shown: Shown, here: Run, seconds: float) -> None:
    """After ten seconds, or with a clock set back, the same process hears it again."""
    assert shown()
    here.now += FORGET - 0.1
    assert not shown()
    here.now += seconds - FORGET + 0.1
    assert shown()


@pytest.mark.parametrize(
    "kept", [{"time": "x"}, {"time": None}, {}, {"time": True, "process": "a"}]
)
def test_a_broken_memory_is_no_memory(
    shown: Shown, store: Store, monkeypatch: pytest.MonkeyPatch, kept: dict[str, object]
) -> None:
    """A record that says nothing usable shows the error once more."""
    monkeypatch.setattr(store, "recall", lambda name: kept)
    assert shown()


def test_the_summary_has_it_once(shown: Shown, here: Run, summary: Path) -> None:
    """However often it is shown, an error stands once in the job's summary, fenced."""
    summary.write_text("# before\n")
    for here.process in "abc":
        assert shown()
    text = summary.read_text()
    assert text == f"# before\n\n### gatepass\n\n```text\n{ERROR}\n```\n"
    assert shown(error=GatepassError("other", "something else"))
    assert summary.read_text().count("### gatepass") == 2


def test_a_summarys_fence_can_not_be_closed_from_inside(shown: Shown, summary: Path) -> None:
    """Backticks in an error's texts never begin a line as a closing fence would."""
    fence = "a\n```\n# owned\n``````"
    assert shown(error=GatepassError("c", "```", why=fence, do=fence))
    lines = summary.read_text().splitlines()
    closing = [line for line in lines if re.match(r" {0,3}```", line)]
    assert closing == ["```text", "```"]
    assert lines[-1] == "```"


def test_a_user_name_in_the_service_is_not_kept(shown: Shown, store: Store, tmp_path: Path) -> None:
    """What stands before an @ may be a password: no record has it."""
    assert shown("https://user:hunter2@ppm.example.com/")
    assert (store.recall("last-error") or {})["url"] == "ppm.example.com/"
    for file in (tmp_path / "store").iterdir():
        assert "hunter2" not in file.read_text()


def test_a_summary_that_can_not_be_written_breaks_nothing(
    here: Run, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A summary that is a folder costs the summary; it is tried again next time."""
    report(ERROR, INDEX, {"GITHUB_STEP_SUMMARY": str(tmp_path)}, store)
    assert capsys.readouterr().err == f"{ERROR}\n"
    here.now += FORGET
    report(ERROR, INDEX, {"GITHUB_STEP_SUMMARY": str(tmp_path / "s.md")}, store)
    assert (tmp_path / "s.md").read_text().count("### gatepass") == 1


def test_without_a_store_a_process_still_remembers(
    here: Run, summary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the store off one process shows and summarises an error once all the same."""
    for _ in range(6):
        report(ERROR, INDEX, {"GITHUB_STEP_SUMMARY": str(summary)}, Store(None))
    assert capsys.readouterr().err == f"{ERROR}\n"
    assert summary.read_text().count("### gatepass") == 1


def test_a_store_that_can_not_be_written_breaks_nothing(
    here: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that has gone, or is read-only, costs the memory only."""
    report(ERROR, INDEX, {}, Store(Folder(str(tmp_path / "gone"))))
    assert str(ERROR) in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["none", "closed", "full"])
def test_a_broken_stderr_breaks_nothing(
    kind: str,
    here: Run,
    store: Store,
    summary: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a usable stderr nothing lands on stdout, and the other ways are still taken."""
    seen: list[str] = []
    monkeypatch.setattr(module, "_to_terminal", lambda text: bool(seen.append(text)) or True)
    broken = io.StringIO()
    broken.close()
    stream = {"none": None, "closed": broken}.get(kind) or None
    if kind == "full":
        stream = open("/dev/full", "w")  # noqa: SIM115 - closed below
    monkeypatch.setattr(sys, "stderr", broken if kind == "closed" else stream)
    report(ERROR, INDEX, {"GITHUB_STEP_SUMMARY": str(summary)}, store)
    monkeypatch.undo()
    if kind == "full" and stream is not None:
        with pytest.raises(OSError, match="No space left"):
            stream.close()
    assert capsys.readouterr().out == ""
    assert seen == [str(ERROR)]
    assert "audience-mismatch" in summary.read_text()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_not_told_twice(
    here: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where stderr is a terminal, that is enough."""
    monkeypatch.setattr(module, "_to_terminal", lambda text: pytest.fail("told twice"))
    monkeypatch.setattr(module, "_to_caller", lambda text: pytest.fail("told twice"))
    monkeypatch.setattr(sys, "argv", ["/bin/keyring", "get", INDEX])
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    report(ERROR, INDEX, {"CI": "true"}, store)
    assert terminal.getvalue() == f"{ERROR}\n"


@pytest.mark.parametrize(
    ("ci", "has_terminal", "program", "told"),
    [
        ("true", False, "/x/bin/keyring", True),
        ("true", False, "C:\\x\\KEYRING.EXE", os.sep == "\\"),
        ("true", False, "keyring.exe", True),
        ("true", False, "/x/site-packages/keyring/__main__.py", True),
        ("true", True, "/x/bin/keyring", False),
        ("false", False, "/x/bin/keyring", False),
        ("", False, "/x/bin/keyring", False),
        ("true", False, "/x/bin/pip", False),
        ("true", False, "/x/site-packages/pip/__main__.py", False),
        ("true", False, "", False),
    ],
)
def test_the_caller_is_told_in_ci_by_the_keyring_command(
    here: Run,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    ci: str,
    has_terminal: bool,
    program: str,
    told: bool,
) -> None:
    """Only in CI, without a terminal, and as the `keyring` command, whose caller swallows it."""
    seen: list[str] = []
    monkeypatch.setattr(module, "_to_terminal", lambda text: has_terminal)
    monkeypatch.setattr(module, "_to_caller", seen.append)
    monkeypatch.setattr(sys, "argv", [program])
    report(ERROR, INDEX, {"CI": ci}, store)
    assert seen == ([str(ERROR)] if told else [])
