"""A port on loopback: a thread for each connection, and an end that nobody has to wait for."""

from __future__ import annotations

import contextlib
import selectors
import socket
import socketserver
import ssl
import threading
from typing import Any


class Listener(socketserver.ThreadingTCPServer):
    """Listens on 127.0.0.1 from the start, at a port that the system chooses; `open` serves it.

    With `tls` every connection is one of TLS. A handler may wait for `stopping`, and must set a
    timeout of its own on its connection.
    """

    daemon_threads = True
    request_queue_size = 128  # ten installs with ten connections each arrive at once

    def __init__(
        self, handler: type[socketserver.BaseRequestHandler], tls: ssl.SSLContext | None = None
    ) -> None:
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ear, self._bell = socket.socketpair()
        super().__init__(("127.0.0.1", 0), handler)
        if tls is not None:
            # The handshake happens at the first read, in the connection's own thread: a client
            # that never says hello must not keep others waiting.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def open(self) -> None:
        """Serve from now on, in daemon threads."""
        self._thread = threading.Thread(target=self._accept_all, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection; nobody is answered any more."""
        self.stopping.set()
        self._bell.close()
        if self._thread is not None:
            self._thread.join()
        self._ear.close()
        self.server_close()
        with self._open_lock:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):
                # Past SSLSocket.shutdown, which would pull the session from under its reader.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def _accept_all(self) -> None:
        """Until the bell: unlike `serve_forever`, which polls, this costs nothing and ends now."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._ear, selectors.EVENT_READ)
            while not self.stopping.is_set():
                selector.select()
                if not self.stopping.is_set():
                    self._accept()

    def _accept(self) -> None:
        # A connection that is gone again, or no more descriptors or threads: that one is lost.
        with contextlib.suppress(OSError, RuntimeError):
            connection, address = self.get_request()
            with self._open_lock:
                self._open.add(connection)
            try:
                self.process_request(connection, address)
            except BaseException:
                self.shutdown_request(connection)
                raise

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke: the client knows, and stderr belongs to whoever runs us."""
