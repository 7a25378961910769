"""A fault happens as often as it says, to the party it names, and to nothing else."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from gatepass.sandbox import Sandbox

TIMEOUT = 10
PARTIES = ("exchange", "github", "issuer", "gitlab", "kubernetes", "index")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def ask(sandbox: Sandbox, party: str) -> requests.Response:
    """A request that `party` answers with 200 unless something happens to it."""
    if party == "exchange":
        fields = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": sandbox.issuer.mint(sandbox.address),
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        }
        return requests.post(
            sandbox.address + "/__api__/token", fields, timeout=TIMEOUT, allow_redirects=False
        )
    url, headers, verify = {
        "github": (sandbox.github.request_url, sandbox.github.request_token, None),
        "issuer": (sandbox.issuer.url + "/.well-known/jwks", None, None),
        "gitlab": (sandbox.gitlab.url + "/oauth/discovery/keys", None, None),
        "kubernetes": (
            sandbox.kubernetes.api + "/openid/v1/jwks",
            (sandbox.kubernetes.api_dir / "token").read_text(),
            sandbox.kubernetes.api_dir / "ca.crt",
        ),
        "index": (sandbox.public_index_url, None, None),
    }[party]
    authorization = {"Authorization": f"Bearer {headers}"} if headers else {}
    return requests.get(
        url,
        headers=authorization,
        verify=str(verify) if verify else True,
        timeout=TIMEOUT,
        allow_redirects=False,
    )


def raw(sandbox: Sandbox, path: str = "/public/latest/simple/") -> socket.socket:
    parts = urlsplit(sandbox.address)
    connection = socket.create_connection(("127.0.0.1", parts.port or 0), TIMEOUT)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    return connection


def read_all(connection: socket.socket) -> bytes:
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("party", PARTIES)
def test_a_status_comes_as_often_as_it_says_and_to_one_party(sandbox: Sandbox, party: str) -> None:
    sandbox.fault(f"{party}=503x2")
    for other in PARTIES:
        # GitLab's keys are an issuer's too, and the other way round its faults are its own.
        if other != party and (party, other) != ("issuer", "gitlab"):
            assert ask(sandbox, other).status_code == 200, other
    assert [ask(sandbox, party).status_code for _ in range(3)] == [503, 503, 200]
    assert [r.note for r in sandbox.requests if r.status == 503] == ["planned: 503"] * 2


def test_issuer_faults_are_shared_by_all_public_issuers() -> None:
    with Sandbox(faults=["issuer=500x3"], cluster_issuer="public") as sandbox:
        urls = [
            sandbox.issuer.url,
            sandbox.gitlab.url,
            sandbox.kubernetes.issuer.url,
            sandbox.gitlab.url,
        ]
        statuses = [
            requests.get(url + "/.well-known/openid-configuration", timeout=TIMEOUT).status_code
            for url in urls
        ]
        assert statuses == [500, 500, 500, 200]
        assert ask(sandbox, "kubernetes").status_code == 200


def test_faults_are_planned_one_after_the_other_beside_those_of_fail_next() -> None:
    with Sandbox(faults=["exchange=429:retry-after=7"]) as sandbox:
        sandbox.packagemanager.fail_next(403)
        sandbox.fault("exchange=500")
        answers = [ask(sandbox, "exchange") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [429, 403, 500, 200]
        assert answers[0].headers["Retry-After"] == "7"
        assert "Retry-After" not in answers[2].headers


def test_for_ever_does_not_end(sandbox: Sandbox) -> None:
    sandbox.fault("index=404x*")
    sandbox.fault("index=500")
    assert {ask(sandbox, "index").status_code for _ in range(20)} == {404}


def test_a_slow_answer_is_the_real_one_later_and_is_noted_before(sandbox: Sandbox) -> None:
    ask(sandbox, "index")
    sandbox.fault("index=slow=0.5x2")
    for _ in range(2):
        began = time.monotonic()
        answer = ask(sandbox, "index")
        assert time.monotonic() - began >= 0.5
        assert "gatepass-hello" in answer.text
    began = time.monotonic()
    ask(sandbox, "index")
    assert time.monotonic() - began < 0.5
    assert [r.note for r in sandbox.requests] == ["", *["planned: slow=0.5"] * 2, ""]


def test_a_slow_answer_keeps_its_own_note_and_others_are_quick(sandbox: Sandbox) -> None:
    sandbox.fault("exchange=slow=1")
    arrived = threading.Event()
    sandbox.watch(lambda request: arrived.set())
    waiting = threading.Thread(target=ask, args=(sandbox, "exchange"))
    waiting.start()
    assert arrived.wait(TIMEOUT)
    began = time.monotonic()
    assert ask(sandbox, "exchange").status_code == 200
    assert time.monotonic() - began < 0.9
    waiting.join()
    note = sandbox.requests[0].note
    assert note.startswith("subject repo:")
    assert note.endswith(", planned: slow=1")


def test_a_drip_is_the_whole_answer_byte_by_byte(sandbox: Sandbox) -> None:
    sandbox.fault("index=drip=0.001")
    with raw(sandbox) as connection:
        began, pieces = time.monotonic(), [b""]
        while not b"".join(pieces).endswith(b"</html>\n"):
            pieces.append(connection.recv(65536))
        assert time.monotonic() - began >= len(b"".join(pieces)) * 0.001
        assert b"".join(pieces).startswith(b"HTTP/1.1 200 OK\r\n")
        assert len(pieces) > 20
        # Its connection is as good as new.
        connection.sendall(b"GET /public/latest/simple/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).endswith(b"</html>\n")


def test_a_drop_closes_without_an_answer(sandbox: Sandbox) -> None:
    sandbox.fault("index=drop")
    assert read_all(raw(sandbox)) == b""
    sandbox.fault("exchange=drop")
    with pytest.raises(requests.ConnectionError):
        ask(sandbox, "exchange")
    assert sandbox.count("exchange", 0) == sandbox.count("index", 0) == 1
    assert sandbox.requests[-1].note == "planned: drop"


def test_a_truncated_answer_has_less_than_it_announces(sandbox: Sandbox) -> None:
    whole = ask(sandbox, "index")
    sandbox.fault("index=truncate")
    head, _, body = read_all(raw(sandbox)).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(whole.content)}".encode() in head
    assert body == whole.content[: len(whole.content) // 2]
    sandbox.fault("exchange=truncate")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask(sandbox, "exchange")
    # The exchange has happened: only its answer was lost.
    assert sandbox.requests[-1].note.startswith("subject ")


def test_a_redirect_would_send_the_same_again(sandbox: Sandbox) -> None:
    sandbox.fault("exchange=redirect=http://127.0.0.1:9/x2x2")
    for _ in range(2):
        answer = ask(sandbox, "exchange")
        assert (answer.status_code, answer.headers["Location"]) == (307, "http://127.0.0.1:9/x2")
    assert ask(sandbox, "exchange").status_code == 200


def test_a_huge_answer_is_streamed_before_the_genuine_one(sandbox: Sandbox) -> None:
    keys = ask(sandbox, "issuer").content
    sandbox.fault("issuer=huge")
    url = sandbox.issuer.url + "/.well-known/jwks"
    tracemalloc.start()
    try:
        with requests.get(url, timeout=TIMEOUT, stream=True) as answer:
            assert "Content-Length" not in answer.headers
            size, end = 0, b""
            while chunk := answer.raw.read(65536):
                size += len(chunk)
                end = chunk.lstrip(b" ") or end
        assert tracemalloc.get_traced_memory()[1] < 5 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert size == 50 * 1024 * 1024 + len(keys)
    assert keys.endswith(end)
    assert end


def test_garbage_is_200_and_not_json(sandbox: Sandbox) -> None:
    sandbox.fault("issuer=garbage")
    answer = ask(sandbox, "issuer")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(ValueError, match=r"."):
        answer.json()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "exchange",
        "exchange=",
        "upload=503",
        "=503",
        "exchange=199",
        "exchange=600",
        "exchange=503x0",
        "exchange=503x-1",
        "exchange=503x",
        "exchange=503 x2",
        "exchange=503:retry-after=soon",
        "exchange=slow",
        "exchange=slow=-1",
        "exchange=slow=nan",
        "exchange=drip=1s",
        "exchange=redirect=",
        "exchange=redirect=http://a b",
        "exchange=redirect=http://a\r\nX: y",
        "exchange=explode",
        "exchange=rotate",
        "index=skew=5",
        "issuer=skew=",
        "issuer=skew=5x2",
        "issuer=rotatex2",
    ],
)
def test_anything_else_is_a_value_error_that_says_what_there_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no fault: .*(exchange=503x2|skew=SECONDS|clock)"):
        Sandbox(faults=[text])


@pytest.mark.parametrize("kind", ["slow=60", "drip=60", "drip=0.01", "huge"])
def test_no_fault_delays_the_end(kind: str) -> None:
    with Sandbox(faults=[f"index={kind}"]) as sandbox:
        started = threading.Event()
        sandbox.watch(lambda request: started.set())
        connection = raw(sandbox)
        assert started.wait(TIMEOUT)
        time.sleep(0.1)
        before = {thread.name for thread in threading.enumerate()}
        began = time.monotonic()
    assert time.monotonic() - began < 10  # a minute, had it waited
    assert len(read_all(connection)) < 50 * 1024 * 1024
    deadline = time.monotonic() + 5
    while any("process_request" in name for name in before) and time.monotonic() < deadline:
        before = {thread.name for thread in threading.enumerate()}
    assert not any("process_request" in thread.name for thread in threading.enumerate())
