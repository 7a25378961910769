"""Terminals that take nothing: nobody waits for them, and nothing goes astray."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepass.login import prompt, terminal
from gatepass.login.device import Invitation
from gatepass.login.person import Person
from gatepass.secret import Secret
from gatepass.settings import load

PPM = load({"PACKAGEMANAGER_ADDRESS": "https://ppm.example.com"}).registries[0]
INVITED = Invitation(Secret("d"), "ABCD", "https://idp.test/d", "", 300.0, 5.0)


class Stopped:
    """A terminal after Ctrl-S."""

    def __init__(self) -> None:
        self.main, self.worker = pty.openpty()
        termios.tcflow(self.worker, termios.TCOOFF)

    def go_on(self) -> None:
        """Ctrl-Q."""
        termios.tcflow(self.worker, termios.TCOON)

    def seen(self, end: str) -> str:
        """What comes to it, up to this text."""
        text = ""
        while end not in text:
            text += os.read(self.main, 1024).decode()
        return text

    def open(self) -> io.TextIOWrapper:
        return open(os.dup(self.worker), "w", encoding="utf-8")


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stopped]:
    monkeypatch.setattr(terminal, "PATIENCE", 0.2)
    found = Stopped()
    yield found
    found.go_on()
    os.close(found.worker)
    os.close(found.main)


def test_what_is_written_comes_whole() -> None:
    """Also a text that is no Unicode; a stream without a descriptor stands in for a terminal."""
    reader, writer = os.pipe()
    with open(writer, "w", encoding="utf-8") as stream:
        assert terminal.write(stream, "gr\u00fc\u00dfe \udcff\n") is True
        assert os.read(reader, 100) == "grüße ?\n".encode()
    os.close(reader)
    text = io.StringIO()
    assert terminal.write(text, "line\n") is True
    assert text.getvalue() == "line\n"


def test_one_that_is_gone() -> None:
    """Closed, or hung up: that is told, not raised."""
    with open("/dev/full", "w", encoding="utf-8") as stream:
        assert terminal.write(stream, "x") is False
    assert terminal.write(stream, "x") is False
    text = io.StringIO()
    text.close()
    assert terminal.write(text, "x") is False


def test_it_comes_when_the_terminal_goes_on(stopped: Stopped, tmp_path: Path) -> None:
    """To the terminal, though it was closed meanwhile, and its number is another file's."""
    with stopped.open() as stream:
        number = stream.fileno()
        assert terminal.write(stream, "late\n") is None
    path = tmp_path / "other"
    descriptors = [os.open(path, os.O_WRONLY | os.O_CREAT) for _ in range(3)]
    assert number in descriptors
    stopped.go_on()
    assert stopped.seen("\n") == "late\r\n"
    assert path.read_bytes() == b""
    for descriptor in descriptors:
        os.close(descriptor)


def test_a_prompt_waits_for_its_terminal(stopped: Stopped) -> None:
    """It isn't lost, so the login goes on; the countdown gives up, and holds nobody."""
    with stopped.open() as stream:
        person = Person(stream, has_browser=False, ours=True)
        with prompt.shown(person, PPM, INVITED):
            pass
        prompt.done(person, "logged in")
        person.close()
    stopped.go_on()
    text = stopped.seen("logged in")
    assert "code: ABCD" in text
    assert text.count("waiting") <= 1


PROGRAM = """
import os, sys
from gatepass.login import prompt, terminal
from gatepass.login.person import Person
terminal.PATIENCE = 0.2
person = Person(open(int(sys.argv[1]), "w"), has_browser=False, ours=True)
prompt.done(person, "logged in")
person.close()
print("done")
"""


def test_the_process_ends_all_the_same(stopped: Stopped) -> None:
    """No buffer is left whose writing would hold the exit."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(stopped.worker)],
        pass_fds=[stopped.worker],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_it_is_not_waited_for_long(stopped: Stopped, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some two seconds, as shipped."""
    monkeypatch.undo()
    with stopped.open() as stream:
        began = time.monotonic()
        assert terminal.write(stream, "x") is None
        assert 1 < time.monotonic() - began < 20
