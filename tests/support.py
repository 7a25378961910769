"""What the tests share: a guarded environment, and running our programs in it."""

from __future__ import annotations

import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from gatepass.sandbox import clean

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
"""Where `gatepass` and `keyring` of the environment under test lie."""

LOOPBACK = "127.0.0.1,localhost"
_CARRIED = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "PYENV_VERSION")


class Guard(socketserver.ThreadingTCPServer):
    """A proxy that refuses everything and remembers what it was asked for.

    A socket guard inside this process can't see pip or uv: this one, as their proxy, does.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Refuse)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Refuse(socketserver.StreamRequestHandler):
    timeout = 10

    def handle(self) -> None:
        line = self.rfile.readline(4096).decode("latin-1").strip()
        if line:
            self.server.asked.append(line)  # type: ignore[attr-defined]
        self.wfile.write(
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )


@contextmanager
def guard() -> Iterator[Guard]:
    """A running :class:`Guard`."""
    with Guard() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def child_env(home: Path, proxy: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: a short list of what it may inherit, its own home, the guard."""
    env = {name: os.environ[name] for name in _CARRIED if name in os.environ}
    # Coverage follows children through variables of its own.
    env.update({name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")})
    env.update(
        HOME=str(home),
        PATH=f"{BIN}{os.pathsep}{env.get('PATH', '')}",
        HTTP_PROXY=proxy,
        HTTPS_PROXY=proxy,
        http_proxy=proxy,
        https_proxy=proxy,
        NO_PROXY=LOOPBACK,
        no_proxy=LOOPBACK,
        PIP_CONFIG_FILE=os.devnull,
        PIP_DISABLE_PIP_VERSION_CHECK="1",
    )
    return {**env, **(extra or {})}


def run(
    command: Sequence[str | Path],
    env: Mapping[str, str],
    *,
    timeout: float = 120,
    **options: object,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without standard input, with its output as text."""
    return subprocess.run(
        [str(word) for word in command],
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        # No login may ask whoever runs the tests.
        **{"start_new_session": True, **options},  # type: ignore[call-overload]
    )


def gatepass(
    *words: str, env: Mapping[str, str], timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `gatepass WORDS...`."""
    return run([BIN / "gatepass", *words], env, timeout=timeout)


def keyring(
    *words: str, env: Mapping[str, str], timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `keyring WORDS...`."""
    return run([BIN / "keyring", *words], env, timeout=timeout)


def is_loopback_address(address: object) -> bool:
    """Whether a socket address is on this machine (or is no internet address at all)."""
    if not isinstance(address, tuple):
        return True
    return str(address[0]) in ("localhost", "::1") or str(address[0]).startswith("127.")


def free_port() -> int:
    """A port that nothing listens on, at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


__all__ = [
    "BIN",
    "LOOPBACK",
    "ROOT",
    "Guard",
    "child_env",
    "clean",
    "free_port",
    "gatepass",
    "guard",
    "is_loopback_address",
    "keyring",
    "run",
]
