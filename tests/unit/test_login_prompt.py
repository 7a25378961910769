"""What a person sees while a login waits for them."""

from __future__ import annotations

import _thread
import io
import json
import re
import sys
import threading
import time
from pathlib import Path

import pytest

from gatepass.errors import IdentityError
from gatepass.login import prompt
from gatepass.login.device import Invitation
from gatepass.login.person import Person
from gatepass.login.prompt import Countdown, shown
from gatepass.secret import Secret
from gatepass.settings import load

PPM = load({"PACKAGEMANAGER_ADDRESS": "https://ppm.example.com/pkg"}).registries[0]
PAGE, COMPLETE = "https://idp.example.com/d", "https://idp.example.com/d?user_code=ABCD-EFGH"
INVITED = Invitation(Secret("device-code"), "ABCD-EFGH", PAGE, COMPLETE, 300.0, 5.0)


def ask(person: Person, invited: Invitation = INVITED, *, opens: bool = True) -> list[str]:
    """Show the prompt for a moment; the addresses that were opened."""
    opened: list[str] = []

    def opener(url: str) -> bool:
        opened.append(url)
        return opens

    with shown(person, PPM, invited, opener=opener):
        pass
    return opened


def test_the_prompt_has_all_that_is_needed() -> None:
    """For whom, where, the code; a line of its own, and nothing of the device code."""
    terminal = io.StringIO()
    assert ask(Person(terminal, has_browser=False)) == []
    assert terminal.getvalue().startswith(
        "\ngatepass: log in to https://ppm.example.com/pkg\n"
        f"  open: {COMPLETE}\n"
        "  code: ABCD-EFGH\n"
        "  say yes there only if it shows this code; Ctrl-C ends the login\n"
    )
    assert "device-code" not in terminal.getvalue()


def test_without_a_whole_address_the_code_is_typed() -> None:
    """Then the page itself is shown, and what to do there."""
    terminal = io.StringIO()
    ask(Person(terminal, has_browser=False), INVITED._replace(complete=""))
    assert f"  open: {PAGE}\n" in terminal.getvalue()
    assert "type the code there" in terminal.getvalue()


@pytest.mark.parametrize("opens", [True, False])
def test_the_browser_is_opened_where_there_is_one(opens: bool) -> None:
    """At the address with the code in it; and only what happened is said."""
    terminal = io.StringIO()
    assert ask(Person(terminal, has_browser=True), opens=opens) == [COMPLETE]
    assert ("your browser opens it" in terminal.getvalue()) is opens


def test_the_browser_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no terminal, the text goes to standard error for whoever keeps a log."""
    assert ask(Person(None, has_browser=True)) == [COMPLETE]
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "code: ABCD-EFGH" in seen.err
    assert "waiting" not in seen.err


@pytest.mark.parametrize("case", ["no code in the address", "it does not start"])
def test_a_browser_that_cannot_ask(case: str) -> None:
    """Without the code in the address nobody would know it: refused like a missing person."""
    invited = INVITED._replace(complete="") if case.startswith("no code") else INVITED
    with pytest.raises(IdentityError) as caught:
        ask(Person(None, has_browser=True), invited, opens=False)
    assert caught.value.code == "no-person"


def test_a_terminal_that_hung_up() -> None:
    """It reaches nobody; a browser that was opened still does."""
    with open("/dev/full", "w", encoding="utf-8") as terminal:
        with pytest.raises(IdentityError) as caught:
            ask(Person(terminal, has_browser=False))
        assert caught.value.code == "no-person"
        assert ask(Person(terminal, has_browser=True)) == [COMPLETE]
        try:
            terminal.close()
        except OSError:
            pass  # that is the point of it


def test_the_line_that_lives() -> None:
    """It is rewritten with what is left, never wraps, and is gone in the end."""
    terminal = io.StringIO()
    now = iter(range(100, 1000, 7))
    told = threading.Event()

    class Clock:
        def __call__(self) -> float:
            moment = next(now)
            if moment > 130:
                told.set()
            return float(moment)

    countdown = Countdown(terminal, 65.0, Clock(), step=0.01)
    countdown.start()
    assert told.wait(10)
    countdown.stop()
    countdown.stop()
    written = terminal.getvalue().split("\r")
    assert [line.strip() for line in written[1:4]] == [
        "waiting, 0:58 left", "waiting, 0:51 left", "waiting, 0:44 left",
    ]  # fmt: skip
    assert written[-1] == ""
    assert set(written[-2]) == {" "}
    assert "\n" not in terminal.getvalue()


def test_it_never_counts_below_nothing() -> None:
    """A server that takes longer than it said to say no."""
    terminal = io.StringIO()
    countdown = Countdown(terminal, -10.0)
    countdown.start()
    countdown.stop()
    assert "0:00" in terminal.getvalue() or terminal.getvalue() == ""


def test_a_dumb_terminal_has_no_such_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor's shell would show every second of it."""
    monkeypatch.setenv("TERM", "dumb")
    terminal = io.StringIO()
    ask(Person(terminal, has_browser=False))
    assert "waiting" not in terminal.getvalue()


def test_ctrl_c_is_passed_on() -> None:
    """The person is told that nothing is kept; whoever called us decides what it means."""
    terminal = io.StringIO()
    with pytest.raises(KeyboardInterrupt), shown(Person(terminal, has_browser=False), PPM, INVITED):
        raise KeyboardInterrupt
    assert terminal.getvalue().endswith("\ngatepass: the login was stopped, nothing is kept\n")
    with (
        pytest.raises(KeyboardInterrupt),
        shown(Person(None, has_browser=True), PPM, INVITED, opener=lambda url: True),
    ):
        raise KeyboardInterrupt


def test_ctrl_c_at_the_first_line() -> None:
    """It is there to be pressed as soon as it is read, before anything else goes on."""

    class Impatient(io.StringIO):
        def write(self, text: str) -> int:
            if "Ctrl-C" in text:
                _thread.interrupt_main()
            return super().write(text)

    terminal = Impatient()
    with pytest.raises(KeyboardInterrupt):
        ask(Person(terminal, has_browser=False))
    assert terminal.getvalue().endswith("\ngatepass: the login was stopped, nothing is kept\n")
    assert "waiting" not in terminal.getvalue()


def test_the_last_line() -> None:
    """Only a terminal gets one."""
    terminal = io.StringIO()
    prompt.done(Person(terminal, has_browser=False), "logged in")
    prompt.done(Person(None, has_browser=True), "logged in")
    assert terminal.getvalue() == "gatepass: logged in\n"


PROGRAM = """#!/bin/sh
while [ ! -e {out}.go ]; do sleep 0.05; done
printf '%s\\n' "$@" > {out}.new
if [ -t 0 ] || [ -t 1 ] || [ -t 2 ]; then echo terminal >> {out}.new; fi
(: < /dev/tty) 2>/dev/null && echo controls >> {out}.new
echo noise; echo noise >&2
mv {out}.new {out}
sleep 5
"""


def test_the_browser_is_a_program_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """BROWSER is honoured; the program has no terminal, prints nowhere, and nobody waits for it."""
    out, script = tmp_path / "asked", tmp_path / "browser"
    script.write_text(PROGRAM.format(out=out))
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(script))
    assert prompt.open_browser(COMPLETE)
    Path(f"{out}.go").touch()  # whoever waited for the program would never have come here
    end = time.monotonic() + 30
    while not out.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert out.read_text().split("\n") == [COMPLETE, ""]
    assert capfd.readouterr() == ("", "")


def test_no_python_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside some other program's bundle that program would be started again."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert not prompt.open_browser(COMPLETE)
    monkeypatch.setattr(sys, "executable", None)
    assert not prompt.open_browser(COMPLETE)
    monkeypatch.setattr(sys, "executable", "/bin/true")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert not prompt.open_browser(COMPLETE)


def test_the_text_holds_no_control_character() -> None:
    """Not even where a registry's address or a server brought one."""
    terminal = io.StringIO()
    with shown(Person(terminal, False), PPM._replace(url="https://h\x1b[2J"), INVITED):
        pass
    assert not re.search(r"[^\r\n -~]", terminal.getvalue()), json.dumps(terminal.getvalue())
