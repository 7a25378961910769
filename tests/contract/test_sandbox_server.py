"""Every origin answers at once, in bounds and in silence, over http or TLS, until the end."""

from __future__ import annotations

import re
import socket
import ssl
import stat
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from gatepass.sandbox import Request, Sandbox

TIMEOUT = 10


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.port is not None
    return socket.create_connection(("127.0.0.1", parts.port), TIMEOUT)


def status_request(sandbox: Sandbox, *lines: str, path: str = "/__api__/status") -> bytes:
    head = [f"GET {path} HTTP/1.1", f"Host: {urlsplit(sandbox.address).netloc}", *lines]
    return ("\r\n".join(head) + "\r\n\r\n").encode()


def test_head_and_body_leave_in_one_segment(shared: Sandbox) -> None:
    with connect(shared.address) as connection:
        for _ in range(5):  # a kept connection: the second answer is where a stall would show
            connection.sendall(status_request(shared))
            segment = connection.recv(65536)
            head, _, body = segment.partition(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            assert length is not None
            assert len(body) == int(length[1]) > 0


def test_everything_listens_on_loopback_alone(shared: Sandbox) -> None:
    urls = (shared.address, shared.github.server_url, shared.gitlab.url, shared.kubernetes.api)
    for url in urls:
        assert urlsplit(url).hostname == "127.0.0.1"
    assert len({urlsplit(url).port for url in urls}) == 4
    if sys.platform == "linux":  # where all of 127.0.0.0/8 is this machine
        for url in urls:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.2", urlsplit(url).port or 0), TIMEOUT)


def test_a_large_body_is_refused_unread(shared: Sandbox) -> None:
    with connect(shared.address) as connection:
        connection.sendall(status_request(shared, "Content-Length: 999999999"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Transfer-Encoding: chunked", b"411"),
        ("Content-Length: -1", b"400"),
        ("Content-Length: 1_0", b"400"),
    ],
)
def test_a_body_of_unknown_length_is_refused(shared: Sandbox, header: str, status: bytes) -> None:
    with connect(shared.address) as connection:
        connection.sendall(status_request(shared, header))
        assert connection.recv(65536).startswith(b"HTTP/1.1 " + status)


def test_a_client_that_waits_for_continue_is_told_at_once(shared: Sandbox) -> None:
    with connect(shared.address) as connection:
        request = status_request(shared, "Expect: 100-continue", "Content-Length: 2")
        connection.sendall(request)
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"ok")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_broken_connections_leave_no_trace_on_stderr(
    shared: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    for data in (
        b"",
        b"GET",
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
    ):
        connection = connect(shared.address)
        connection.sendall(data)
        # Closing with a zero linger sends a reset instead of an orderly end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    assert requests.get(shared.address, timeout=TIMEOUT).status_code == 200
    time.sleep(0.1)
    assert capfd.readouterr() == ("", "")


def test_the_end_is_quick_closes_everything_and_keeps_the_journal() -> None:
    with Sandbox() as sandbox:
        folder, address = sandbox.folder, sandbox.address
        kept = connect(address)
        kept.sendall(status_request(sandbox))
        assert kept.recv(65536).startswith(b"HTTP/1.1 200 ")
        began = time.monotonic()
    assert time.monotonic() - began < 0.2
    assert not folder.exists()
    with pytest.raises(ConnectionRefusedError):
        connect(address)
    with kept:
        assert kept.recv(1) == b""
    assert sandbox.count("status") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_the_folder_is_private() -> None:
    with Sandbox(tls=True) as sandbox:
        assert stat.S_IMODE(sandbox.folder.stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in sandbox.folder.iterdir()}
    assert modes == {"ca.pem": 0o600, "localhost.pem": 0o600, "localhost.key": 0o600}


def test_watchers_hear_of_a_request_before_its_answer_leaves(shared: Sandbox) -> None:
    heard: list[Request] = []

    def fail(request: Request) -> None:
        raise RuntimeError("a watcher's own fault")

    shared.watch(fail)
    shared.watch(heard.append)
    assert requests.get(shared.address, timeout=TIMEOUT).status_code == 200
    assert heard == [Request("status", "GET", "/", 200, "")]
    assert shared.requests[-1:] == heard


def test_the_journal_is_handed_out_as_a_copy(shared: Sandbox) -> None:
    requests.get(shared.address, timeout=TIMEOUT)
    shared.requests.clear()
    assert shared.requests


def test_each_party_has_its_own_name() -> None:
    with Sandbox(prefix="/pkg/") as sandbox:
        urls = {
            sandbox.issuer.url + "/.well-known/jwks": "issuer",
            sandbox.github.request_url: "github",
            sandbox.gitlab.url + "/oauth/discovery/keys": "issuer",
            sandbox.gitlab.url + "/": "gitlab",
            sandbox.address + "/__api__/token": "exchange",
            sandbox.index_url: "index",
            sandbox.upload_url: "upload",
            sandbox.address + "/__api__/status": "status",
        }
        for url in urls:
            requests.get(url, timeout=TIMEOUT)
        assert [request.party for request in sandbox.requests] == list(urls.values())
        with pytest.raises(ValueError, match="no party"):
            sandbox.count("nobody")


@pytest.mark.parametrize("prefix", ["pkg", "/a b", "/a//b", "/..", "/a?b"])
def test_a_prefix_must_be_a_path(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        Sandbox(prefix=prefix)


@pytest.mark.parametrize("prefix", ["", "/pkg", "/a/b"])
def test_the_prefix_is_part_of_every_address(prefix: str) -> None:
    with Sandbox(prefix=prefix) as sandbox:
        assert urlsplit(sandbox.address).path == prefix
        for url in (sandbox.index_url, sandbox.public_index_url, sandbox.upload_url):
            assert url.startswith(sandbox.address + "/")
        assert requests.get(sandbox.public_index_url, timeout=TIMEOUT).status_code == 200


def test_with_tls_every_origin_answers_who_trusts_the_sandboxs_authority() -> None:
    with Sandbox(tls=True) as sandbox:
        ca_file = str(sandbox.ca_file)
        documents = (
            sandbox.issuer.url + "/.well-known/jwks",
            sandbox.gitlab.url + "/oauth/discovery/keys",
        )
        for url in (sandbox.address, *documents):
            assert url.startswith("https://localhost:")
            assert requests.get(url, verify=ca_file, timeout=TIMEOUT).status_code == 200
            by_number = url.replace("localhost", "127.0.0.1")
            assert requests.get(by_number, verify=ca_file, timeout=TIMEOUT).status_code == 200
            with pytest.raises(requests.exceptions.SSLError):
                requests.get(url, verify=True, timeout=TIMEOUT)


def test_the_certificates_pass_a_strict_check() -> None:
    with Sandbox(tls=True) as sandbox:
        context = ssl.create_default_context(cafile=str(sandbox.ca_file))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        with (
            connect(sandbox.address) as connection,
            context.wrap_socket(connection, server_hostname="localhost") as secured,
        ):
            secured.sendall(status_request(sandbox))
            assert secured.recv(65536).startswith(b"HTTP/1.1 200 ")
        with connect(sandbox.address) as connection, pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(connection, server_hostname="elsewhere.test")


def test_a_client_that_never_says_hello_keeps_nobody_waiting() -> None:
    with Sandbox(tls=True) as sandbox, connect(sandbox.address):
        began = time.monotonic()
        requests.get(sandbox.address, verify=str(sandbox.ca_file), timeout=TIMEOUT)
        assert time.monotonic() - began < 5


def test_without_tls_there_is_no_authority(shared: Sandbox) -> None:
    assert shared.ca_file is None
