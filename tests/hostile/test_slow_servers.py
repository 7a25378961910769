"""Servers that are silent, drip, flood or hide a bomb: every one of them is bounded."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from gatepass import transport
from wire import Wire, answer, failed, wire


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits, and one attempt where a test doesn't want more."""
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)
    monkeypatch.setattr(transport, "_ATTEMPTS", 1)
    monkeypatch.setattr(transport, "CONNECT", 0.3)
    monkeypatch.setattr(transport, "READ", 0.3)


def test_a_name_look_up_that_hangs_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's resolver knows no timeout: the attempt's own thread is left behind."""
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.delenv("https_proxy")
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **o: over.wait(20) and [])
    began = time.monotonic()
    assert failed("https://registry.test", seconds=0.3).code == "deadline-passed"
    over.set()
    assert time.monotonic() - began < 2


def test_no_answer_ends_at_the_read_timeout() -> None:
    """A server that accepts and is silent is given up long before the deadline."""
    with wire(b"") as server:
        server.scripts = (server.hang,)
        began = time.monotonic()
        error = failed(server.url)
    assert (error.code, error.why) == ("unreachable", "nothing came for 15 s")
    assert time.monotonic() - began < 2


def drip(server: Wire, first: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    def script(connection: socket.socket) -> None:
        connection.sendall(first)
        while not server.over.wait(0.02):
            connection.sendall(drop)

    return script


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff;", b"a"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\0\0\0\0\0\0", b"a"),
    ],
    ids=["header", "headers", "continue", "length", "body", "chunks", "chunk-size", "gzip-name"],
)
def test_an_answer_that_drips_ends_at_the_deadline(first: bytes, drop: bytes) -> None:
    """Each byte comes in time, so that no read timeout ever fires: the deadline does."""
    with wire(b"") as server:
        server.scripts = (drip(server, first, drop),)
        began = time.monotonic()
        error = failed(server.url, seconds=0.5)
    assert error.code in ("deadline-passed", "unreachable")
    if error.code == "unreachable":  # on a busy machine the first byte may come after the deadline
        assert "got more than 100 headers" in error.why or "nothing came" in error.why
    assert time.monotonic() - began < 2


@pytest.fixture
def small_memory() -> Iterator[Callable[[], int]]:
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def test_fifty_mebibytes_are_cut_off(small_memory: Callable[[], int]) -> None:
    """... after a quarter of one, whatever the server goes on sending."""
    sent = []

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n")
        for _ in range(800):
            connection.sendall(b"x" * 65536)
            sent.append(65536)

    with wire(flood) as server:
        assert failed(server.url).code == "answer-too-large"
    assert small_memory() < 5 * 1024 * 1024
    assert sum(sent) < 50 * 1024 * 1024


@pytest.mark.parametrize("chunked", [False, True])
def test_a_gzip_bomb_is_cut_off(small_memory: Callable[[], int], chunked: bool) -> None:
    """50 KiB that would become 50 MiB are never unpacked."""
    bomb = gzip.compress(b"\0" * 50 * 1024 * 1024)
    tracemalloc.reset_peak()
    script = answer(200, bomb, "Content-Encoding: gzip")
    if chunked:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
        script = head + b"%x\r\n" % len(bomb) + bomb + b"\r\n0\r\n\r\n"
    with wire(script) as server:
        assert failed(server.url).code == "answer-too-large"
    assert small_memory() < 30 * 1024 * 1024


EXIT = """
import sys, time
from gatepass.errors import TransportError
from gatepass.transport import Deadline, Transport
try:
    Transport().send("GET", sys.argv[1], deadline=Deadline(0.5))
except TransportError as error:
    print(error.code)
"""


def test_an_abandoned_request_does_not_hold_the_process() -> None:
    """A thread that still waits for a silent server ends with the interpreter."""
    with wire(b"") as server:
        server.scripts = (drip(server, b"HTTP/1.1 200 OK\r\nX: ", b"a"),)
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", EXIT, server.url], capture_output=True, text=True, timeout=20
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "deadline-passed\n", "")
    assert time.monotonic() - began < 10
