"""One loopback origin: HTTP/1.1 with keep-alive, quiet, bounded, and stopped at once."""

from __future__ import annotations

import ssl
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

from .delivery import Dripping, body_parts
from .journal import Journal
from .listener import Listener
from .messages import Answer, Incoming, Party, as_text

_IDLE = 30.0  # seconds that one read or write may take


class Server:
    """Serves a party on 127.0.0.1 at a port that the system chooses.

    The port is bound at once, so `port` is known before there is a party; `start` needs one.
    """

    def __init__(self, journal: Journal, tls: ssl.SSLContext | None) -> None:
        self._http = _Http(_Handler, tls)
        self._http.journal = journal

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._http.port

    def start(self, party: Party) -> None:
        """Answer from now on, in daemon threads."""
        self._http.party = party
        self._http.open()

    def stop(self) -> None:
        """Close the port and every connection; nobody is answered any more."""
        self._http.stop()


class _Http(Listener):
    journal: Journal
    party: Party


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
        self._deliver(answer)

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

    def _deliver(self, answer: Answer) -> None:
        """Send it in its manner; an end of the sandbox ends every wait."""
        manner, stopping = answer.manner, self.server.stopping
        if answer.status == 0 or (manner.wait and stopping.wait(manner.wait)):
            self.close_connection = True
        elif manner.drip:
            unhurried, self.wfile = self.wfile, Dripping(self.wfile, manner.drip, stopping)
            try:
                self._send(answer)
            finally:
                self.wfile = unhurried
        else:
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        announced, parts = body_parts(answer)
        self.close_connection = self.close_connection or answer.manner.ends_connection
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        if announced is not None:
            self.send_header("Content-Length", str(announced))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            for part in parts:
                if self.server.stopping.is_set():
                    return
                self.wfile.write(part)

    def handle_expect_100(self) -> bool:
        """Send "100 Continue" now: our buffer would hold it until the client gave up waiting."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def log_message(self, format: str, *args: Any) -> None:
        """The journal keeps the requests; stderr stays empty."""
