"""Every test runs in a clean environment, in a home of its own, and reaches loopback only."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from gatepass import log, store
from gatepass.sandbox import Sandbox
from support import LOOPBACK, Guard, child_env, clean, guard, is_loopback_address

# A busy machine is no reason to fail; and CI judges a change, not the luck of its draw.
hypothesis.settings.register_profile(
    "gatepass", deadline=None, derandomize=os.environ.get("CI", "") not in ("", "0", "false")
)
hypothesis.settings.load_profile("gatepass")


def pytest_configure() -> None:
    """Leave the terminal of whoever runs the tests: a login would ask there, and wait. And take
    signals as a program at a terminal does, whatever was ignored before; files are made as by most
    people, since a umask of 0 or 077 changes what the product says of them."""
    os.umask(0o022)
    if sys.platform != "win32":
        with suppress(OSError):  # the leader of a process group can't
            os.setsid()
        for number in (signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)  # `nohup` and shells' `&` hand it on ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def refusal() -> Iterator[Guard]:
    """The proxy that refuses; at the end nothing may have asked it for anything unexpected."""
    with guard() as server:
        yield server
        assert server.asked == []


@pytest.fixture(autouse=True)
def _alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, refusal: Guard
) -> Iterator[None]:
    """A clean environment around every test, and what a process remembers forgotten."""
    before = dict(os.environ)
    for name in before:
        if name not in clean(before) or name.startswith("XDG_") or name.endswith("_CA_BUNDLE"):
            monkeypatch.delenv(name)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, refusal.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, LOOPBACK)
    for remembered in (store._memory, store._notes, store._alone):
        remembered.clear()
    yield
    log.configure()


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket guard of this process: a connection to anywhere else is an error of the test."""
    for method in ("connect", "connect_ex"):
        real = getattr(socket.socket, method)

        def guarded(self: socket.socket, address: Any, real: Any = real) -> Any:
            if not is_loopback_address(address):
                raise AssertionError(f"a test tried to reach {address}")
            return real(self, address)

        monkeypatch.setattr(socket.socket, method, guarded)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home for children."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def base_env(home: Path, refusal: Guard) -> dict[str, str]:
    """The environment that children start from: no platform, no registry, no way out."""
    return child_env(home, refusal.url)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox at plain http on loopback."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def github_env(sandbox: Sandbox, base_env: dict[str, str]) -> dict[str, str]:
    """A child's environment inside the sandbox's GitHub Actions job."""
    return {**base_env, **sandbox.environment("github")}


@pytest.fixture
def file_env(sandbox: Sandbox, base_env: dict[str, str]) -> dict[str, str]:
    """A child's environment with the sandbox's identity token file."""
    return {**base_env, **sandbox.environment("file")}
