"""How this machine reaches others: proxies and certificate authorities."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import certifi
import pytest
import truststore

from gatepass import reach, transport
from gatepass.errors import TransportError
from gatepass.sandbox import certificates
from support import Guard, guard
from wire import SECRET, Wire, answer, failed, post, read_request, wire

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")


@pytest.fixture(autouse=True)
def _once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_ATTEMPTS", 1)


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A private authority's file, and a server's context with a certificate for this machine."""
    made = certificates.Authority("the test's own")
    file = tmp_path / "ca.pem"
    file.write_bytes(made.pem)
    return file, certificates.context(
        made.issue(tmp_path, "server", ["localhost", "127.0.0.1"]), {}
    )


@pytest.fixture
def server(authority: tuple[Path, ssl.SSLContext]) -> Iterator[Wire]:
    with wire(answer(200, "hello"), tls=authority[1]) as running:
        yield running


def through(monkeypatch: pytest.MonkeyPatch, url: str, bypass: str = "") -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, bypass)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guard]:
    """A proxy that refuses, set for everything, with nothing excepted."""
    with guard() as running:
        through(monkeypatch, running.url)
        yield running


def test_a_proxy_is_used_and_its_refusal_told(proxy: Guard) -> None:
    """CONNECT is asked of the proxy; nothing of the request goes there."""
    error = failed("https://registry.test/path")
    assert error.code == "proxy-failed"
    assert "403" in error.why
    assert "NO_PROXY" in error.do
    assert [line.rpartition(" ")[0] for line in proxy.asked] == ["CONNECT registry.test:443"]


def test_a_refused_tunnel_is_asked_for_again_whatever_is_sent(
    proxy: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request never left, so it may be sent again even where twice isn't safe."""
    monkeypatch.setattr(transport, "_ATTEMPTS", 3)
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)
    assert failed("https://registry.test", twice_is_safe=False).code == "proxy-failed"
    assert len(proxy.asked) == 3


def test_plain_http_goes_through_its_proxy_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the configuration allowed a registry's http."""
    with wire(answer(200, "by proxy")) as server:
        through(monkeypatch, server.url)
        assert post("http://registry.test/x", allow_http=True).body == b"by proxy"
        assert server.heard[0].startswith(b"POST http://registry.test/x HTTP/1.1")


def tunnel(context: ssl.SSLContext, heard: list[bytes]) -> Callable[[socket.socket], None]:
    """A proxy's script: open the tunnel, be the server at its end, and close without a reply."""

    def script(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as inside:
            heard.append(read_request(inside))

    return script


def test_a_reply_that_is_lost_in_a_tunnel_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch, authority: tuple[Path, ssl.SSLContext]
) -> None:
    """urllib3 calls it a failure of the proxy, but the request had reached the registry."""
    heard: list[bytes] = []
    monkeypatch.setattr(transport, "_ATTEMPTS", 3)
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[0]))
    with wire(tunnel(authority[1], heard)) as server:
        monkeypatch.setattr(reach, "proxies", lambda url, host: {"https": server.url})
        failed("https://localhost/x", twice_is_safe=False)
        assert len(heard) == 1
        failed("https://localhost/x", twice_is_safe=True)
        assert len(heard) == 4
    assert SECRET.encode() in heard[0]


def test_a_reply_that_a_proxy_loses_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy may have passed the request on: it is no failed connection."""
    monkeypatch.setattr(transport, "_ATTEMPTS", 3)
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)
    with wire(b"") as server:
        through(monkeypatch, server.url)
        failed("http://registry.test/x", allow_http=True, twice_is_safe=False)
        assert len(server.heard) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost"])
def test_this_machine_is_never_proxied(proxy: Guard, host: str) -> None:
    """Not even where NO_PROXY doesn't say so: a token for loopback never leaves the machine."""
    with wire(answer(200)) as server:
        assert post(f"http://{host}:{server.port}").status == 200 if host != "127.9.9.9" else True
    assert reach.proxies(f"http://{host}", host) == {}
    assert proxy.asked == []


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """As pip and curl read it: a suffix takes its whole domain."""
    through(monkeypatch, "http://127.0.0.1:1", ".corp.test,exact.test")
    assert reach.proxies("https://a.corp.test", "a.corp.test") == {}
    assert reach.proxies("https://exact.test", "exact.test") == {}
    assert reach.proxies("https://other.test", "other.test")["https"] == "http://127.0.0.1:1"


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error speaks of the proxy, not of the registry."""
    from support import free_port

    through(monkeypatch, f"http://127.0.0.1:{free_port()}")
    assert failed("https://registry.test").code == "proxy-failed"


@pytest.mark.parametrize("broken", ["http://me:pa55w0rd@proxy:notaport", "http://me:pa55w0rd@"])
def test_a_proxys_password_is_not_shown(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """requests' own text would quote the address, password and all."""
    through(monkeypatch, broken)
    assert "pa55w0rd" not in str(failed("https://registry.test"))


@pytest.mark.parametrize("variable", CA_VARIABLES)
def test_a_private_authority(
    monkeypatch: pytest.MonkeyPatch,
    authority: tuple[Path, ssl.SSLContext],
    server: Wire,
    variable: str,
) -> None:
    """Each of the variables that pip reads names it."""
    monkeypatch.setenv(variable, str(authority[0]))
    assert post(server.url).body == b"hello"
    assert SECRET.encode() in server.heard[0]


def test_the_first_variable_that_is_set_decides(
    monkeypatch: pytest.MonkeyPatch, authority: tuple[Path, ssl.SSLContext], server: Wire
) -> None:
    """A later one is not asked, not even where the first one's authorities don't fit."""
    for good, others in ((0, (1, 2)), (1, (2,)), (2, ())):
        for name in CA_VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(CA_VARIABLES[good], str(authority[0]))
        for other in others:
            monkeypatch.setenv(CA_VARIABLES[other], "/nonexistent")
        assert post(server.url).status == 200
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    assert failed(server.url).code == "tls-failed"


def test_an_unknown_authority_is_refused_before_anything_is_sent(server: Wire) -> None:
    """With the system's authorities, a private one's certificate is none; it isn't tried again."""
    error = failed(server.url)
    assert error.code == "tls-failed"
    assert "certificate" in error.why
    assert "REQUESTS_CA_BUNDLE" in error.do
    assert server.heard == []


def test_a_wrong_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, authority: tuple[Path, ssl.SSLContext], server: Wire
) -> None:
    """Also through a proxy's tunnel, where the same private authority holds."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[0]))
    with wire(tunnel(authority[1], [])) as proxy:
        through(monkeypatch, proxy.url)
        error = failed("https://registry.test")
        assert proxy.heard[0].startswith(b"CONNECT registry.test:443")
    assert error.code == "tls-failed"
    assert "Hostname mismatch" in error.why


def test_certifis_roots_are_not_added(
    monkeypatch: pytest.MonkeyPatch, authority: tuple[Path, ssl.SSLContext], server: Wire
) -> None:
    """requests would load its own bundle into our context with the first connection."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[0]))
    session = reach.session()
    assert session.trust_env is False
    session.post(server.url, timeout=5)
    adapter = session.get_adapter("https://x")
    assert isinstance(adapter, reach._Trusting)
    assert [dict(c["subject"][0])["commonName"] for c in adapter._trusted.get_ca_certs()] == [
        "the test's own"
    ]
    [pool] = adapter.poolmanager.pools._container.values()
    assert (pool.ca_certs, pool.cert_reqs) == (None, "CERT_REQUIRED")


def test_the_systems_store_otherwise() -> None:
    """truststore, as pip has it; verification and host names on."""
    context = reach.context(CA_VARIABLES)
    assert isinstance(context, truststore.SSLContext)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize(
    "content", [None, "", "no certificate", "-----BEGIN CERTIFICATE-----\nx\n"]
)
def test_a_variable_that_names_no_certificates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    """An error that names the variable, instead of trusting something else."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(TransportError) as caught:
        post("https://registry.test")
    assert caught.value.code == "ca-missing"
    assert caught.value.what == f"SSL_CERT_FILE names {file}, which is no file of certificates"
    assert "REQUESTS_CA_BUNDLE" in caught.value.do


def test_a_cluster_without_its_certificates() -> None:
    """No variable speaks for those: the volume is what is missing."""
    with pytest.raises(TransportError) as caught:
        reach.session("/none/ca.crt")
    said = "the cluster's API is trusted by /none/ca.crt, which is no file of certificates"
    assert (caught.value.code, caught.value.what) == ("ca-missing", said)
    assert caught.value.do.startswith("mount ca.crt")


def test_aws_has_a_variable_of_its_own(
    monkeypatch: pytest.MonkeyPatch, authority: tuple[Path, ssl.SSLContext], server: Wire
) -> None:
    """AWS_CA_BUNDLE, before the others and for AWS alone; without it nothing changes."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    plain = transport.Transport()
    assert plain.for_aws() is plain
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority[0]))
    answered = plain.for_aws().send("GET", server.url, deadline=transport.Deadline(5))
    assert answered.body == b"hello"
    assert failed(server.url).code == "tls-failed"
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nonexistent")
    with pytest.raises(TransportError, match="AWS_CA_BUNDLE names /nonexistent"):
        plain.for_aws().send("GET", server.url, deadline=transport.Deadline(5))


def test_a_folder_of_certificates_is_taken(
    monkeypatch: pytest.MonkeyPatch,
    authority: tuple[Path, ssl.SSLContext],
    server: Wire,
    tmp_path: Path,
) -> None:
    """REQUESTS_CA_BUNDLE may name one; an empty one trusts nobody."""
    folder = tmp_path / "certs"
    folder.mkdir()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder))
    assert failed(server.url).code == "tls-failed"


def test_a_fault_of_ours_in_the_thread_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever an attempt ends in reaches the caller as a TransportError without its text."""

    def broken(*args: object) -> dict[str, str]:
        raise RuntimeError(f"with a secret {SECRET}")

    monkeypatch.setattr(reach, "proxies", broken)
    assert "RuntimeError" in failed("http://127.0.0.1:1").why
    assert threading.active_count() < 50
