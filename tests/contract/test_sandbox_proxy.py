"""Names lead through the proxy to the party they stand for, and nowhere else."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import jwt
import pytest
import requests

from gatepass.sandbox import Sandbox

TIMEOUT = 10
NAMES = {
    "packages.corp.example": "packagemanager",
    "other.corp.example": "packagemanager",
    "idp.corp.example": "gitlab",
    "ghes.corp.test": "github",
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(tls=True, prefix="/pkg", names=NAMES) as sandbox:
        yield sandbox


def browse(sandbox: Sandbox) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"http": sandbox.proxy.url, "https": sandbox.proxy.url}
    session.verify = str(sandbox.ca_file)
    return session


def connect(sandbox: Sandbox, request: str) -> tuple[socket.socket, bytes]:
    port = urlsplit(sandbox.proxy.url).port or 0
    connection = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    connection.sendall(f"{request}\r\n\r\n".encode())
    return connection, connection.recv(65536)


def test_the_parties_have_the_addresses_of_their_names(shared: Sandbox) -> None:
    assert shared.address == "https://packages.corp.example/pkg"
    assert shared.index_url.startswith(shared.address + "/")
    assert shared.gitlab.url == shared.gitlab.issuer.url == "https://idp.corp.example"
    assert shared.github.server_url == "https://ghes.corp.test"
    assert shared.issuer.url == "https://ghes.corp.test/_services/token"
    assert shared.packagemanager.audience == shared.address
    environ = shared.environment("gitlab")
    assert environ["CI_SERVER_URL"] == shared.gitlab.url
    assert environ["PACKAGEMANAGER_ADDRESS"] == shared.address


def test_discovery_and_exchange_work_by_name(shared: Sandbox) -> None:
    with browse(shared) as session:
        url = shared.gitlab.url + "/.well-known/openid-configuration"
        metadata = session.get(url, timeout=TIMEOUT).json()
        assert metadata["issuer"] == "https://idp.corp.example"
        keys = jwt.PyJWKSet.from_dict(session.get(metadata["jwks_uri"], timeout=TIMEOUT).json())
        token = shared.environment("gitlab")["GATEPASS_ID_TOKEN"]
        key = keys[jwt.get_unverified_header(token)["kid"]]
        assert jwt.decode(token, key, ["RS256"], audience=shared.address)["iss"]
        fields = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        }
        answer = session.post(shared.address + "/__api__/token", fields, timeout=TIMEOUT)
        auth = ("__token__", answer.json()["access_token"])
        for name in ("packages.corp.example", "other.corp.example"):
            url = f"https://{name}/pkg/private/latest/simple/"
            assert session.get(url, auth=auth, timeout=TIMEOUT).status_code == 200


def subject_names(sandbox: Sandbox, connect_to: str, ask_for: str) -> set[str]:
    connection, said = connect(sandbox, f"CONNECT {connect_to}:443 HTTP/1.1")
    assert said.startswith(b"HTTP/1.1 200 ")
    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.check_hostname = False
    with connection, context.wrap_socket(connection, server_hostname=ask_for) as secured:
        certificate = secured.getpeercert()
        assert certificate is not None
        return {str(pair[1]) for pair in certificate["subjectAltName"]}


def test_each_name_has_a_certificate_of_its_own(shared: Sandbox) -> None:
    for name in NAMES:
        assert subject_names(shared, name, name) == {name}
    assert subject_names(shared, "PACKAGES.corp.example", "packages.corp.example") == {
        "packages.corp.example"
    }
    # A party shows none but its own.
    default = {"localhost", "127.0.0.1"}
    assert subject_names(shared, "packages.corp.example", "idp.corp.example") == default


@pytest.mark.parametrize(
    ("request_line", "where"),
    [
        ("CONNECT elsewhere.example:443 HTTP/1.1", "elsewhere.example:443"),
        ("CONNECT packages.corp.example.evil.test:443 HTTP/1.1", "packages.corp.example.evil.test"),
        ("CONNECT packages.corp.example:8443 HTTP/1.1", "packages.corp.example:8443"),
        ("CONNECT packages.corp.example HTTP/1.1", "packages.corp.example"),
        ("CONNECT 127.0.0.1:443 HTTP/1.1", "127.0.0.1:443"),
        ("GET http://packages.corp.example/ HTTP/1.1", "packages.corp.example:80"),
        ("POST http://elsewhere.example:81/x HTTP/1.1", "elsewhere.example:81"),
        ("PROPFIND http://elsewhere.example/ HTTP/1.1", "elsewhere.example:80"),
        ("GET http://elsewhere.example:x/ HTTP/1.1", "http://elsewhere.example:x/"),
        ("GET / HTTP/1.1", ":80"),
    ],
)
def test_everything_else_is_refused_and_remembered(
    shared: Sandbox, request_line: str, where: str
) -> None:
    before = len(shared.proxy.refused)
    connection, said = connect(shared, request_line)
    with connection:
        assert said.startswith(b"HTTP/1.1 403 ")
        assert connection.recv(1) == b""
    assert len(shared.proxy.refused) == before + 1
    assert shared.proxy.refused[-1].startswith(where)
    shared.proxy.refused.clear()
    assert len(shared.proxy.refused) == before + 1


def test_a_client_is_configured_by_the_environment_alone(
    shared: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = shared.proxy.environment()
    loopback = "127.0.0.1,localhost"
    assert environ == {
        **dict.fromkeys(
            ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), shared.proxy.url
        ),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), loopback),
        **dict.fromkeys(
            ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"), str(shared.ca_file)
        ),
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert requests.get(shared.public_index_url, timeout=TIMEOUT).status_code == 200
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get("https://elsewhere.example/", timeout=TIMEOUT)
    assert shared.proxy.refused[-1] == "elsewhere.example:443"
    assert requests.get("http://elsewhere.example/", timeout=TIMEOUT).status_code == 403


def test_a_tunnel_carries_much_both_ways_and_many_at_once(shared: Sandbox) -> None:
    statuses: list[int] = []

    def work() -> None:
        with browse(shared) as session:
            # More than any buffer holds; refused when it has been read.
            url = shared.upload_url
            answer = session.post(url, data=bytes(4_000_000), auth=("a", "b"), timeout=TIMEOUT)
            statuses.append(answer.status_code)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert statuses == [401] * 8


def tunnel(sandbox: Sandbox) -> ssl.SSLSocket:
    connection, _ = connect(sandbox, "CONNECT packages.corp.example:443 HTTP/1.1")
    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    return context.wrap_socket(connection, server_hostname="packages.corp.example")


def test_an_end_on_the_far_side_ends_the_tunnel(shared: Sandbox) -> None:
    with tunnel(shared) as secured:
        secured.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        received = b"".join(iter(lambda: secured.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 413 ")


def test_a_tunnel_may_rest(shared: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepass.sandbox.proxy._Handler.timeout", 0.2)
    with tunnel(shared) as secured:
        time.sleep(0.4)
        secured.sendall(b"GET /pkg/__api__/status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert secured.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_public_cluster_can_have_a_name() -> None:
    names = {"oidc.corp.example": "kubernetes"}
    with Sandbox(tls=True, names=names, cluster_issuer="public") as sandbox, browse(sandbox) as s:
        issuer = sandbox.kubernetes.issuer.url
        assert issuer.startswith("https://oidc.corp.example/")
        metadata = s.get(issuer + "/.well-known/openid-configuration", timeout=TIMEOUT).json()
        assert metadata["issuer"] == issuer
        assert sandbox.address.startswith("https://localhost:")


def test_an_open_tunnel_does_not_delay_the_end() -> None:
    with Sandbox(tls=True, names=NAMES) as sandbox:
        silent = socket.create_connection(("127.0.0.1", urlsplit(sandbox.proxy.url).port or 0))
        tunnel, _ = connect(sandbox, "CONNECT idp.corp.example:443 HTTP/1.1")
        url = sandbox.proxy.url
        began = time.monotonic()
    assert time.monotonic() - began < 0.3
    with tunnel, silent:
        assert tunnel.recv(1) == b""
        assert silent.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urlsplit(url).port or 0))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"names": {"a.example": "gitlab"}}, "names need tls"),
        ({"tls": True, "names": {"a.example": "nobody"}}, "no party 'nobody'"),
        ({"tls": True, "names": {"A.example": "gitlab"}}, "no host name"),
        ({"tls": True, "names": {"a.example:443": "gitlab"}}, "no host name"),
        ({"tls": True, "names": {"../a": "gitlab"}}, "no host name"),
        ({"tls": True, "names": {"a.example": "kubernetes"}}, "private cluster issuer"),
    ],
)
def test_names_that_make_no_sense(options: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Sandbox(**options)  # type: ignore[arg-type]


def test_there_is_no_proxy_without_names() -> None:
    with Sandbox(tls=True) as sandbox, pytest.raises(ValueError, match="only with names"):
        _ = sandbox.proxy
