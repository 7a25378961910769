"""A proxy that knows a few names and leads them to the sandbox, whatever the network says."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .listener import Listener

_LOOPBACK = "127.0.0.1,localhost"
_IDLE = 30.0  # seconds that a client may take for its request
_PART = 64 * 1024
_HTTPS_PORT, _HTTP_PORT = "443", "80"


class Proxy:
    """An HTTP proxy on loopback: CONNECT to a name of `ports`, port 443, and nothing else.

    It pipes bytes and sees no plain text: TLS is between the client and the party, by the
    certificates of `ca_file`. Everything else gets 403 and is remembered in `refused`.
    """

    def __init__(self, ports: Mapping[str, int], ca_file: Path) -> None:
        self._ca_file = ca_file
        self._listener = _Gate(_Handler)
        self._listener.ports = ports
        self._listener.refused = []

    @property
    def url(self) -> str:
        """What clients are told: the value of HTTPS_PROXY."""
        return f"http://127.0.0.1:{self._listener.port}"

    @property
    def refused(self) -> list[str]:
        """Where else somebody wanted to go: "host:port", in order."""
        return list(self._listener.refused)

    def environment(self) -> dict[str, str]:
        """The variables that make a client use it, and trust what is behind it."""
        variables = {"NO_PROXY": _LOOPBACK, "no_proxy": _LOOPBACK}
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            variables[name] = self.url
        # A machine's own AWS_CA_BUNDLE would outrank the others with AWS' tools.
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"):
            variables[name] = str(self._ca_file)
        return variables

    def start(self) -> None:
        """Serve from now on, in daemon threads."""
        self._listener.open()

    def stop(self) -> None:
        """Close the port and every connection."""
        self._listener.stop()


class _Gate(Listener):
    ports: Mapping[str, int]
    refused: list[str]


class _Handler(BaseHTTPRequestHandler):
    server: _Gate
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "gatepass-sandbox", ""
    timeout = _IDLE
    rbufsize = 0  # what follows the request belongs to the tunnel, and must not rest in a buffer

    def do_CONNECT(self) -> None:
        name, _, port = self.path.rpartition(":")
        inner = self.server.ports.get(name.lower().removesuffix("."))
        if inner is None or port != _HTTPS_PORT:
            self._refuse(self.path)
            return
        self.close_connection = True
        with socket.create_connection(("127.0.0.1", inner), _IDLE) as party:
            party.settimeout(None)
            self.connection.settimeout(None)
            self.send_response(200, "Connection established")
            self.end_headers()
            back = threading.Thread(target=_pipe, args=(party, self.connection), daemon=True)
            back.start()
            _pipe(self.connection, party)
            back.join()

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Every other method, known or not, is refused alike."""
        if name.startswith("do_"):
            return self._refuse_plain
        raise AttributeError(name)

    def _refuse_plain(self) -> None:
        try:
            target = urlsplit(self.path)
            self._refuse(f"{target.hostname or ''}:{target.port or _HTTP_PORT}")
        except ValueError:
            self._refuse(self.path)

    def _refuse(self, where: str) -> None:
        self.server.refused.append(where)
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")  # and closes it
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """`refused` says what there is to say; stderr stays empty."""


def _pipe(source: socket.socket, target: socket.socket) -> None:
    """Copy until the source ends or either breaks, and pass the end on."""
    with contextlib.suppress(OSError):
        while data := source.recv(_PART):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
