"""A query that the transport adds: sent as it is, and as secret as a header or a form."""

from __future__ import annotations

import logging

import pytest

from gatepass import reach, transport
from gatepass.errors import TransportError
from gatepass.transport import Deadline, Response, Transport
from support import free_port
from wire import SECRET, answer, wire

QUERY = {"client_secret": SECRET, "odd": "a b&c=d%e"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)


def sent(url: str) -> Response:
    return Transport().send("POST", url, query=QUERY, deadline=Deadline(5))


def test_it_is_encoded_and_sent_with_an_empty_body() -> None:
    """On each attempt, and beside a query that was in the address."""
    with wire(answer(503), answer(200)) as server:
        assert sent(server.url + "/p?q=1").status == 200
    first, second = server.heard
    assert first == second
    assert first.startswith(
        f"POST /p?q=1&client_secret={SECRET}&odd=a+b%26c%3Dd%25e HTTP/1.1\r\n".encode()
    )
    assert b"Content-Length: 0\r\n" in first
    assert first.endswith(b"\r\n\r\n")


def test_a_server_that_echoes_it() -> None:
    """Its words are shown without the secret."""
    with wire(answer(400, f"what is {SECRET}?")) as server:
        assert sent(server.url).reason() == "what is ****?"


def test_it_is_in_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody listens, or the answer is a redirect: the error has the origin alone."""
    caplog.set_level("DEBUG")
    with pytest.raises(TransportError) as caught:
        sent(f"http://127.0.0.1:{free_port()}/p")
    assert caught.value.code == "unreachable"
    with wire(answer(302, "", "Location: /x")) as server, pytest.raises(TransportError) as moved:
        sent(server.url)
    assert "client_secret" not in f"{caught.value}{moved.value}{caplog.text}"


def test_only_the_query_is_kept_out_of_a_hosts_log() -> None:
    """A line of urllib3's stays, whatever its arguments are."""
    for _ in range(2):
        reach.hide_queries()
    logger = logging.getLogger("urllib3.connectionpool")
    assert logger.filters.count(reach._without_query) == 1
    record = logging.LogRecord("n", 10, "f", 1, '%s "%s" %d', ("h", "/p?secret", 200), None)
    assert logger.filter(record)
    assert record.getMessage() == 'h "/p" 200'
    record = logging.LogRecord("n", 10, "f", 1, "%(a)s", ({"a": 1},), None)
    assert logger.filter(record)
    assert record.getMessage() == "1"
