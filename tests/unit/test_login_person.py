"""How a person is reached, and where nobody is."""

from __future__ import annotations

import io
import os
import sys

import pytest

from gatepass.errors import IdentityError
from gatepass.login import person
from gatepass.login.person import Person, is_terminal, open_terminal, reach
from gatepass.settings import Registry, load

ADDRESS = "https://ppm.example.com/pkg"
PPM = load({"PACKAGEMANAGER_ADDRESS": ADDRESS}).registries[0]
DESKTOP = {"DISPLAY": ":0"}


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def tty(monkeypatch: pytest.MonkeyPatch) -> Tty:
    """A terminal that can be opened; standard error is none."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    terminal = Tty()
    monkeypatch.setattr(person, "open_terminal", lambda: terminal)
    return terminal


@pytest.fixture
def no_tty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(person, "open_terminal", lambda: None)


def refusal(env: dict[str, str], registry: Registry = PPM, *, is_known: bool = True) -> str:
    with pytest.raises(IdentityError) as caught:
        reach(env, registry, is_known=is_known)
    assert caught.value.code == "no-person"
    assert registry.url in caught.value.what
    return caught.value.why + "\n" + caught.value.do


def test_standard_error_where_it_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the nearest, and not ours to close."""
    terminal = Tty()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(person, "open_terminal", lambda: pytest.fail("opened for nothing"))
    found = reach({}, PPM, is_known=False)
    assert found == Person(terminal, has_browser=False)
    found.close()
    assert not terminal.closed


def test_else_the_terminal_itself(tty: Tty) -> None:
    """A client that swallows standard error doesn't come between; what we opened we close."""
    found = reach(DESKTOP, PPM, is_known=False)
    assert found == Person(tty, has_browser=True, ours=True)
    found.close()
    assert tty.closed


@pytest.mark.usefixtures("no_tty")
def test_else_the_browser_of_who_logged_in_before() -> None:
    """A window that nobody asked for is opened only for a registry that they know."""
    found = reach(DESKTOP, PPM, is_known=True)
    assert found == Person(None, has_browser=True)
    found.close()
    assert "no earlier login" in refusal(DESKTOP, is_known=False)


@pytest.mark.parametrize("value", ["true", "1", "yes"])
def test_a_ci_job_has_nobody(tty: Tty, value: str) -> None:
    """Whatever else is there: a runner's terminal has no person before it."""
    said = refusal({**DESKTOP, "CI": value})
    assert said.startswith("CI is set")


@pytest.mark.parametrize("value", ["", "0", "false", " False "])
def test_ci_can_be_switched_off(tty: Tty, value: str) -> None:
    """As in all of gatepass."""
    assert reach({"CI": value}, PPM, is_known=False).terminal is tty


@pytest.mark.usefixtures("no_tty")
def test_a_refusal_says_what_to_set() -> None:
    """The command for a person, the variable for a machine, and the choice."""
    said = refusal({})
    assert "no terminal and no browser" in said
    for part in (f"gatepass login {ADDRESS}", "PACKAGEMANAGER_IDENTITY_TOKEN_FILE",
                 "GATEPASS_IDENTITY"):  # fmt: skip
        assert part in said
    aws = PPM._replace(kind="codeartifact")
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in refusal({}, aws)


@pytest.mark.parametrize(
    ("platform", "env", "expected"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"SSH_CONNECTION": "1 2 3 4"}, False),
        ("linux", {"SSH_CONNECTION": "1 2 3 4", "DISPLAY": "localhost:10.0"}, True),
        ("linux", {"SSH_CONNECTION": "1 2 3 4", "BROWSER": "/opt/helper.sh"}, True),
        ("linux", {"BROWSER": "firefox"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
        ("darwin", {"SSH_TTY": "/dev/ttys001"}, False),
        ("win32", {"SSH_CLIENT": "1 2 3"}, False),
    ],
)
def test_where_a_browser_is(
    tty: Tty, monkeypatch: pytest.MonkeyPatch, platform: str, env: dict[str, str], expected: bool
) -> None:
    """A display or BROWSER, or a system that always has one; over SSH only what was set there."""
    monkeypatch.setattr(sys, "platform", platform)
    assert reach(env, PPM, is_known=False).has_browser is expected


def test_what_is_no_terminal() -> None:
    """A missing stream, a closed one, a pipe."""
    closed = io.StringIO()
    closed.close()
    assert [is_terminal(one) for one in (None, closed, io.StringIO(), Tty())] == [
        False, False, False, True,
    ]  # fmt: skip


def test_a_terminal_that_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """ENXIO, in a session without one, is no error."""

    def refuse(*_: object) -> int:
        raise OSError(6, "No such device or address")

    monkeypatch.setattr(os, "open", refuse)
    assert open_terminal() is None


def test_a_terminal_that_hangs_up_is_closed_in_peace(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written last is lost, and nobody hears of it."""
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: real("/dev/full", os.O_WRONLY))
    opened = open_terminal()
    assert opened is not None
    opened.write("x")
    Person(opened, has_browser=False, ours=True).close()
    assert opened.closed
