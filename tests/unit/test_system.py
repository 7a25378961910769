"""The system's keyring, played by a class: bounds, errors, what a platform can't hold."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from keyring.errors import InitError, KeyringError, KeyringLocked, PasswordDeleteError

from gatepass import log
from gatepass.secret import Secret
from gatepass.store import system
from gatepass.store.system import PATIENCE, PERSON, SystemKeyring, fits, open_system, patience_for

NAME = "https://ppm.example.com"


class Backend:
    """A keyring in memory; ``trouble`` runs first in every call."""

    def __init__(self, trouble: Callable[[], object] | None = None) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self.trouble = trouble or (lambda: None)
        self.calls: list[str] = []

    def get_password(self, service: str, name: str) -> str | None:
        self.calls.append("get")
        self.trouble()
        return self.held.get((service, name))

    def set_password(self, service: str, name: str, password: str) -> None:
        self.calls.append("set")
        self.trouble()
        self.held[service, name] = password

    def delete_password(self, service: str, name: str) -> None:
        self.calls.append("delete")
        if (service, name) not in self.held:
            raise PasswordDeleteError("No such password!")
        del self.held[service, name]


def raising(error: BaseException) -> Callable[[], object]:
    def trouble() -> None:
        raise error

    return trouble


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No session of the person who runs the tests, and nobody who has given up."""
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    system._given_up.clear()
    yield
    system._given_up.clear()


def opened(backend: Backend, patience: float = 5, platform: str = "linux") -> SystemKeyring:
    return SystemKeyring(backend, patience, platform)


class TestHolding:
    """What a keyring is for."""

    def test_kept_found_replaced_removed(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Under our service, and the name that was given; nothing is said of it."""
        backend = Backend()
        keyring = opened(backend)
        assert keyring.get(NAME) is None
        assert keyring.put(NAME, Secret("old"))
        assert keyring.put(NAME, Secret("new"))
        assert backend.held == {("gatepass", NAME): "new"}
        assert keyring.get(NAME) == Secret("new")
        assert keyring.remove(NAME)
        assert not keyring.remove(NAME)
        assert keyring.get(NAME) is None
        assert capfd.readouterr().err == ""

    @pytest.mark.parametrize("held", ["", None, 7])
    def test_what_is_no_secret(self, held: Any) -> None:
        """An empty entry is none."""
        backend = Backend()
        backend.held["gatepass", NAME] = held
        assert opened(backend).get(NAME) is None


class TestTooLong:
    """Windows' Credential Locker holds 2560 bytes of UTF-16."""

    @pytest.mark.parametrize(
        ("text", "fit"),
        [
            ("x" * 1280, True),
            ("x" * 1281, False),
            ("\U0001f511" * 640, True),
            ("\U0001f511" * 641, False),
            ("\ud800", True),
        ],
    )
    def test_on_windows(self, text: str, fit: bool) -> None:
        """Characters beyond the first plane take four bytes; nothing is an error."""
        assert fits(Secret(text), "win32") is fit
        assert fits(Secret(text * 3), "linux")
        assert fits(Secret(text * 3), "darwin")

    def test_it_is_not_tried(self, capfd: pytest.CaptureFixture[str]) -> None:
        """The keyring keeps what it has; the caller keeps the secret elsewhere."""
        log.configure("info")
        backend = Backend()
        keyring = opened(backend, platform="win32")
        assert keyring.put(NAME, Secret("x" * 1280))
        assert not keyring.put(NAME, Secret("y" * 1281))
        assert keyring.get(NAME) == Secret("x" * 1280)
        assert backend.calls == ["set", "get"]
        assert f"{NAME} is too long for Backend" in capfd.readouterr().err


class TestTrouble:
    """No error comes out, and no call takes for ever."""

    @pytest.mark.parametrize(
        "error",
        [
            KeyringError("out of order"),
            RuntimeError("out of order"),
            OSError(5, "out of order"),
            SystemExit("out of order"),
            KeyboardInterrupt("out of order"),
            TimeoutError("out of order"),
        ],
    )
    def test_errors_are_warnings(
        self, error: BaseException, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Each call has its own, with the backend's words; the next call is made."""
        backend = Backend(raising(error))
        keyring = opened(backend)
        assert keyring.get(NAME) is None
        assert not keyring.put(NAME, Secret("s3cret"))
        assert not keyring.remove(NAME)
        said = capfd.readouterr().err
        assert backend.calls == ["get", "set", "get"]
        assert [line.count("out of order") for line in said.splitlines()] == [1, 1, 1]
        assert "can't be asked: " in said
        assert "can't be given a secret: " in said
        assert "can't be made to forget: " in said

    @pytest.mark.parametrize("error", [KeyringLocked("no"), InitError("Prompt dismissed.")])
    def test_who_says_no_is_not_asked_again(
        self, error: KeyringError, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A keyring that stays locked would put its question once more, for each call."""
        backend = Backend(raising(error))
        keyring = opened(backend)
        assert keyring.get(NAME) is None
        assert not keyring.put(NAME, Secret("s3cret"))
        assert not opened(backend).remove(NAME)
        assert open_system({}) is None
        assert backend.calls == ["get"]
        assert capfd.readouterr().err.count("warning") == 1

    def test_no_answer(self, capfd: pytest.CaptureFixture[str]) -> None:
        """After the bound the call is left alone, and no other is made."""
        release = threading.Event()
        backend = Backend(lambda: release.wait(30))
        keyring = opened(backend, patience=0.2)
        began = time.monotonic()
        assert not keyring.put(NAME, Secret("s3cret"))
        assert keyring.get(NAME) is None
        assert not keyring.remove(NAME)
        assert time.monotonic() - began < 5
        release.set()
        assert backend.calls == ["set"]
        said = capfd.readouterr().err
        assert said.count("warning") == 1
        assert "no answer within 0 s; is it locked?" in said

    def test_the_process_ends_without_the_answer(self) -> None:
        """A question that stays open holds no command."""
        code = (
            "import time\nfrom gatepass.store.system import SystemKeyring\n"
            "class Slow:\n    def get_password(self, *words): time.sleep(60)\n"
            "print(SystemKeyring(Slow(), 0.2).get('x'))"
        )
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "None\n")
        assert time.monotonic() - began < 30

    def test_a_secret_in_their_words_is_not_passed_on(
        self, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A backend may quote what it was given."""
        keyring = opened(Backend(raising(ValueError("can't store 's3cret'"))))
        assert not keyring.put(NAME, Secret("s3cret"))
        assert "can't store '****'" in capfd.readouterr().err

    def test_an_error_without_words(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Its kind has to do."""
        assert opened(Backend(raising(KeyringError()))).get(NAME) is None
        assert "can't be asked: KeyringError" in capfd.readouterr().err


class TestOpening:
    """The platform's own class, or none."""

    @pytest.mark.parametrize(
        ("platform", "reason"),
        [
            ("win32", "Requires Windows"),
            ("darwin", "macOS required"),
            ("linux", "DBUS_SESSION_BUS_ADDRESS is unset"),
        ],
    )
    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one of them works")
    def test_where_it_is_not_there(
        self,
        platform: str,
        reason: str,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """None and a warning that says what is missing: each platform's own class says it."""
        real = system._backend
        monkeypatch.setattr(system, "_backend", lambda _: real(platform))
        assert open_system({}) is None
        said = capfd.readouterr().err
        assert said.startswith("gatepass: warning: there is no system keyring: ")
        assert reason in said

    def test_where_it_does_not_answer(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Opening has the same bound, and is not tried twice."""
        release, count = threading.Event(), iter(range(9))

        def slow(platform: str) -> None:
            next(count)
            release.wait(30)

        monkeypatch.setattr(system, "_backend", slow)
        monkeypatch.setattr(system, "PATIENCE", 0.2)
        assert open_system({}) is None
        assert open_system({}) is None
        release.set()
        assert next(count) == 1
        assert capfd.readouterr().err.count("no answer within 0 s") == 1

    def test_it_is_the_platforms_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The class itself, whatever backend keyring would choose; the environment's patience."""
        backend = Backend()
        monkeypatch.setattr(system, "_backend", lambda platform: {sys.platform: backend}[platform])
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        keyring = open_system({"DISPLAY": ":0"})
        assert keyring is not None
        assert keyring.put(NAME, Secret("s"))
        assert backend.calls == ["set"]
        assert keyring.patience == patience_for({"DISPLAY": ":0"})

    @pytest.mark.parametrize(
        ("platform", "env", "seconds"),
        [
            ("linux", {}, PATIENCE),
            ("linux", {"DISPLAY": ":0"}, PERSON),
            ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, PERSON),
            ("linux", {"DISPLAY": ":0", "CI": "true"}, PATIENCE),
            ("darwin", {}, PERSON),
            ("darwin", {"CI": "1"}, PATIENCE),
            ("win32", {"DISPLAY": ":0"}, PATIENCE),
        ],
    )
    def test_how_long(self, platform: str, env: dict[str, str], seconds: float) -> None:
        """A minute where a person may be asked, else ten seconds."""
        assert patience_for(env, platform) == seconds
        assert (PATIENCE, PERSON) == (10, 60)
