"""Servers that answer byte for byte as a test says: also what no honest server would send."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from gatepass.errors import TransportError
from gatepass.transport import Deadline, Response, Transport

Script = bytes | Callable[[socket.socket], None]
"""What one connection gets after its request: these bytes, or whatever the function does."""


def answer(status: int = 200, body: bytes | str = b"", *headers: str, length: int = -1) -> bytes:
    """An HTTP/1.1 answer that ends its connection; ``length``: a Content-Length that lies."""
    data = body.encode() if isinstance(body, str) else body
    size = len(data) if length < 0 else length
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {size}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + data


class Wire(socketserver.ThreadingTCPServer):
    """Listens on loopback; the last of ``scripts`` serves all further connections."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.scripts, self.tls = scripts, tls
        self.heard: list[bytes] = []
        """The requests as they came: head and body."""
        self.over = threading.Event()
        """Set when the test is over; who hangs waits for it."""
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Connection)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def hang(self, connection: socket.socket) -> None:
        """A script: never answer."""
        self.over.wait(30)

    def hear(self, request: bytes) -> Script:
        with self._lock:
            self.heard.append(request)
            return self.scripts[min(len(self.heard), len(self.scripts)) - 1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what many tests are about."""


class _Connection(socketserver.BaseRequestHandler):
    server: Wire

    def handle(self) -> None:
        connection = self.request
        if self.server.tls:
            connection = self.server.tls.wrap_socket(connection, server_side=True)
        with connection, suppress(OSError):
            script = self.server.hear(read_request(connection))
            if callable(script):
                script(connection)
            else:
                connection.sendall(script)


def read_request(connection: socket.socket) -> bytes:
    """One request: the head, and as much body as its Content-Length says."""
    data = b""
    while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line[15:] for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"]
    while lengths and len(body) < int(lengths[0]) and (more := connection.recv(65536)):
        body += more
    return head + b"\r\n\r\n" + body


@contextmanager
def wire(*scripts: Script, tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    """A running :class:`Wire`."""
    with Wire(*scripts, tls=tls) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()


SECRET = "eyJhbGciOiJSUzI1NiJ9.c3ViamVjdC10b2tlbg.c2lnbmF0dXJlLXNpZ25hdHVyZQ"


def post(url: str, seconds: float = 5, **options: Any) -> Response:
    return Transport().send(
        "POST",
        url,
        headers=lambda: {"Authorization": f"bearer {SECRET}"},
        form=lambda: {"subject_token": SECRET},
        deadline=Deadline(seconds),
        **options,
    )


def failed(url: str, seconds: float = 5, **options: Any) -> TransportError:
    """A request's error; none shows the secret that was sent, nor an address of memory."""
    with pytest.raises(TransportError) as caught:
        post(url, seconds, **options)
    assert SECRET[:20] not in str(caught.value)
    assert "0x" not in str(caught.value)
    return caught.value
