"""One loopback origin: HTTP/1.1 with keep-alive, quiet, bounded, and stopped at once."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from .journal import Journal
from .messages import Answer, Incoming, Party, as_text

_POLL = 0.02  # seconds until a stopped server notices
_IDLE = 30.0  # seconds that one read or write may take


class Server:
    """Serves a party on 127.0.0.1 at a port that the system chooses.

    The port is bound at once, so `port` is known before there is a party; `start` needs one.
    """

    def __init__(self, journal: Journal, tls: ssl.SSLContext | None) -> None:
        self._http = _Http(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self._http.journal = journal
        try:
            self._http.server_bind()
            self._http.server_activate()
        except BaseException:
            self._http.server_close()
            raise
        if tls is not None:
            # The handshake happens at the first read, in the connection's own thread: a client
            # that never says hello must not keep others waiting.
            self._http.socket = tls.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._http.server_address[1])

    def start(self, party: Party) -> None:
        """Answer from now on, in daemon threads."""
        self._http.party = party
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": _POLL}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection; nobody is answered any more."""
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._http.hang_up()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # ten installs with ten connections each arrive at once
    journal: Journal
    party: Party

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(*args, **kwargs)

    def server_bind(self) -> None:
        # HTTPServer's own looks up the host's full name, which may ask a name server.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._open_lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        with self._open_lock:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):
                # Past SSLSocket.shutdown, which would pull the session from under its reader.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke: the client knows, and stderr belongs to whoever runs us."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "gatepass-sandbox", ""
    timeout = _IDLE
    # Head and body leave in one segment: otherwise Nagle's algorithm and delayed acknowledgements
    # add 40 ms to every answer on a kept connection.
    wbufsize = 256 * 1024
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        path = unquote(target.path)
        party = self.server.party
        body, answer = self._body(party.limit(path))
        if answer is None:
            incoming = Incoming(self.command, path, target.query, self.headers, body)
            try:
                answer = party.answer(incoming)
            except Exception as error:
                fault = f"the sandbox itself failed: {type(error).__name__}"
                answer = as_text(500, fault)
        self.server.journal.record(
            party.party(path), self.command, path, answer.status, answer.note
        )
        self._send(answer)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def _body(self, limit: int) -> tuple[bytes, Answer | None]:
        """The body, or the refusal of one; a refused body is not read, so the connection ends."""
        refusal: Answer | None = None
        length = self.headers.get("Content-Length", "0").strip()
        if "Transfer-Encoding" in self.headers:
            refusal = as_text(411, "a Content-Length is needed")
        elif not (length.isascii() and length.isdigit()) or len(length) > 18:
            refusal = as_text(400, "the Content-Length is not a number")
        elif int(length) > limit:
            refusal = as_text(413, f"the body is larger than {limit} bytes")
        if refusal is not None:
            self.close_connection = True
            return b"", refusal
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionError("the client stopped in the middle of its body")
        return body, None

    def _send(self, answer: Answer) -> None:
        if answer.status == 0:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def handle_expect_100(self) -> bool:
        """Send "100 Continue" now: our buffer would hold it until the client gave up waiting."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def log_message(self, format: str, *args: Any) -> None:
        """The journal keeps the requests; stderr stays empty."""
