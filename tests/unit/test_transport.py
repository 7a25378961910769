"""The one way out: what an attempt gives for every kind of answer, and for none."""

from __future__ import annotations

import base64
import gzip
import socket
import threading
from pathlib import Path

import pytest

from gatepass import transport
from gatepass.errors import TransportError
from gatepass.failure import CONNECT, LARGEST, READ, WHOLE
from gatepass.transport import Deadline, Transport
from support import free_port
from wire import SECRET, answer, failed, post, wire


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits, and one attempt where a test doesn't want more."""
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)
    monkeypatch.setattr(transport, "_ATTEMPTS", 1)
    monkeypatch.setattr(transport, "CONNECT", 0.3)
    monkeypatch.setattr(transport, "READ", 0.3)


def test_an_answer_comes_back_as_it_was_sent() -> None:
    """Status, headers by lower-case name, and body."""
    with wire(answer(418, b'{"a": 1}', "X-Thing: yes")) as server:
        response = post(server.url)
    assert (response.status, response.body) == (418, b'{"a": 1}')
    assert response.headers["x-thing"] == "yes"
    assert response.json_object() == {"a": 1}


def test_what_is_sent() -> None:
    """A form, the caller's headers, our own name; no cookie, nothing else of ours."""
    with wire(answer()) as server:
        post(server.url + "/p?q=1")
    head, _, body = server.heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /p?q=1 HTTP/1.1\r\n")
    assert b"User-Agent: gatepass/" in head
    assert b"Content-Type: application/x-www-form-urlencoded" in head
    assert body == f"subject_token={SECRET}".encode()


def test_netrc_is_never_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It would replace our Authorization header: a trap that requests sets."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password other\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with wire(answer()) as server:
        post(server.url)
    assert f"Authorization: bearer {SECRET}".encode() in server.heard[0]
    assert base64.b64encode(b"me:other") not in server.heard[0]


def test_the_limits_are_the_designs() -> None:
    """Connect 5 s, read 15 s, the whole 30 s, any answer 256 KiB."""
    assert (CONNECT, READ, WHOLE, LARGEST) == (5, 15, 30, 256 * 1024)
    assert 29 < Deadline().left() <= 30


def test_connection_refused() -> None:
    """Nobody listens: the error names the origin and the reason."""
    port = free_port()
    error = failed(f"http://127.0.0.1:{port}/path")
    assert error.code == "unreachable"
    assert f"http://127.0.0.1:{port}" in error.what
    assert "refused" in error.why.lower()


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason says so, instead of a number of the system's."""
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.delenv("https_proxy")

    def unknown(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failed("https://registry.test")
    assert (error.code, error.why) == ("unreachable", "its name can't be resolved")


def test_a_connection_that_is_never_accepted() -> None:
    """A full queue looks like a firewall that drops: the connect timeout ends it."""
    with socket.socket() as deaf, socket.socket() as one, socket.socket() as two:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for filler in (one, two):
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        error = failed(f"http://127.0.0.1:{deaf.getsockname()[1]}")
    assert error.code == "unreachable"
    assert "no connection within 5 s" in error.why


def test_the_cap_is_exact() -> None:
    """256 KiB are an answer, one byte more is none."""
    with wire(answer(200, b"x" * LARGEST)) as server:
        assert len(post(server.url).body) == LARGEST
    with wire(answer(200, b"x" * (LARGEST + 1))) as server:
        assert failed(server.url).code == "answer-too-large"


def test_gzip_is_unpacked() -> None:
    """What a server packs, as requests tells it that it may, arrives whole."""
    with wire(answer(200, gzip.compress(b"x" * 100_000), "Content-Encoding: gzip")) as server:
        assert post(server.url).body == b"x" * 100_000


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PACKED = gzip.compress(b'{"access_token":"' + SECRET.encode() + b'"}')


@pytest.mark.parametrize(
    "script",
    [
        answer(200, b'{"a": 1}', length=100),
        answer(200, b"", length=1),
        CHUNKED + b"5\r\nab",
        CHUNKED + b"2\r\nab\r\n",
        CHUNKED + b"zz\r\nab\r\n",
        answer(200, PACKED[:-12], "Content-Encoding: gzip", length=len(PACKED)),
        answer(200, b"no gzip", "Content-Encoding: gzip"),
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n".encode(),
        f"{SECRET} 200 OK\r\n\r\n".encode(),
        f"HTTP/1.1 {SECRET}\r\n\r\n".encode(),
        f"HTTP/9.{SECRET} 200 OK\r\n\r\n".encode(),
    ],
)
def test_an_answer_that_is_cut_or_no_http_is_none(script: bytes) -> None:
    """Half an answer is never taken for a whole one, and none makes the error quote a secret."""
    with wire(script) as server:
        assert failed(server.url).code == "unreachable"


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_redirects_are_refused_and_never_followed(status: int) -> None:
    """A secret goes only where it was told to go."""
    with wire(answer()) as elsewhere:
        with wire(answer(status, b"", f"Location: {elsewhere.url}/")) as server:
            error = failed(server.url)
        assert error.code == "redirect-refused"
        assert str(status) in error.what
        assert elsewhere.heard == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://registry.test/x", "insecure-address"),
        ("http://10.0.0.1", "insecure-address"),
        ("http://localhost.evil.test", "insecure-address"),
        ("ftp://registry.test", "bad-address"),
        ("registry.test", "bad-address"),
        ("https://user:pass@registry.test", "bad-address"),
        ("https://registry.test\\@evil.test", "bad-address"),
        ("https://registry.test/a\r\nX: y", "bad-address"),
        ("", "bad-address"),
    ],
)
def test_addresses_that_nothing_goes_to(url: str, code: str) -> None:
    """Refused before anything is minted or looked up."""
    minted = []
    with pytest.raises(TransportError) as caught:
        Transport().send(
            "POST",
            url,
            form=lambda: minted.append(1) or {},
            deadline=Deadline(1),  # type: ignore[func-returns-value]
        )
    assert caught.value.code == code
    assert caught.value.do
    assert minted == []


@pytest.mark.parametrize(
    "header", [f"{SECRET}\nX: y", f"{SECRET}\r\nX: y", f" {SECRET}", f"{SECRET}€"]
)
def test_a_secret_that_is_no_header_is_not_shown(header: str) -> None:
    """requests' own text would quote the header with the token in it."""
    with wire(answer()) as server:
        with pytest.raises(TransportError) as caught:
            Transport().send(
                "GET", server.url, headers=lambda: {"Authorization": header}, deadline=Deadline(5)
            )
        assert server.heard == []
    assert SECRET[:20] not in str(caught.value)


def test_a_deadline_that_has_passed_sends_nothing() -> None:
    """The time may have gone into minting the token."""
    with wire(answer()) as server:
        assert failed(server.url, seconds=-1).code == "deadline-passed"
        assert server.heard == []


def test_two_threads_share_one_session() -> None:
    """Certificates are read once, however many threads ask at once."""
    shared, seen = Transport(), []
    threads = [threading.Thread(target=lambda: seen.append(shared._session())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in seen}) == 1
