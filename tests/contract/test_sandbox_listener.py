"""A port serves, forgets what has closed, and ends at once, also if it never began."""

from __future__ import annotations

import socket
import socketserver
import time

import pytest

from gatepass.sandbox.listener import Listener


class Echo(socketserver.StreamRequestHandler):
    timeout = 10

    def handle(self) -> None:
        self.wfile.write(self.rfile.readline())


def ask(listener: Listener) -> bytes:
    with socket.create_connection(("127.0.0.1", listener.port), 10) as connection:
        connection.sendall(b"hello\n")
        return b"".join(iter(lambda: connection.recv(99), b""))


def test_what_has_closed_is_forgotten() -> None:
    listener = Listener(Echo)
    listener.open()
    try:
        assert [ask(listener) for _ in range(5)] == [b"hello\n"] * 5
        deadline = time.monotonic() + 5
        while listener._open and time.monotonic() < deadline:
            time.sleep(0.01)
        assert listener._open == set()
    finally:
        listener.stop()


@pytest.mark.parametrize("opened", [False, True])
def test_the_end_is_at_once(opened: bool) -> None:
    listener = Listener(Echo)
    if opened:
        listener.open()
    began = time.monotonic()
    listener.stop()
    assert time.monotonic() - began < 0.2
    assert listener.stopping.is_set()
    with pytest.raises(ConnectionRefusedError):
        ask(listener)
