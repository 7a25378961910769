"""A cluster's keys come from its API server, whose token goes there and nowhere else."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatepass import credential_for, transport
from gatepass.errors import GatepassError
from gatepass.pod import Cluster
from gatepass.sandbox import Sandbox
from gatepass.secret import Secret
from gatepass.transport import Deadline, Transport
from gatepass.trust import keys as trust_keys
from gatepass.trust.jws import parse
from gatepass.trust.keys import KeySource
from support import free_port, guard
from wire import answer, wire

PRIVATE = "https://kubernetes.default.svc.cluster.local"
KEYS = "/openid/v1/jwks"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)


@pytest.fixture
def public() -> Iterator[Sandbox]:
    """A cluster whose issuer can be asked by everybody, as at the clouds."""
    with Sandbox(cluster_issuer="public") as running:
        yield running


def ask(sandbox: Sandbox, platform: str = "kubernetes", **env: str) -> str:
    """``ok`` or the error's code, with the platform's variables and these."""
    try:
        found = credential_for(sandbox.index_url, env={**sandbox.environment(platform), **env})
    except GatepassError as error:
        return error.code
    assert found is not None
    return "ok"


def heard(sandbox: Sandbox) -> list[tuple[str, str, int]]:
    """What happened: party, path, status. None of the others had an Authorization header."""
    for request in sandbox.requests:
        if request.party != "kubernetes":
            assert "Authorization" not in request.note
    return [(one.party, one.path, one.status) for one in sandbox.requests]


def unreachable(sandbox: Sandbox) -> dict[str, str]:
    """The cluster's address, where nobody listens."""
    return {"KUBERNETES_SERVICE_PORT": str(free_port())}


def test_the_api_server_gives_the_keys(sandbox: Sandbox) -> None:
    """One request there, opened by the pod's own token, then the exchange: nothing else at all."""
    assert ask(sandbox) == "ok"
    assert heard(sandbox) == [("kubernetes", KEYS, 200), ("exchange", "/__api__/token", 200)]


def test_a_public_issuers_keys_come_from_the_api_server_too(public: Sandbox) -> None:
    """The API server knows best, and is near."""
    assert ask(public) == "ok"
    assert [party for party, _, _ in heard(public)] == ["kubernetes", "exchange"]


@pytest.mark.parametrize("way", ["GATEPASS_ID_TOKEN", "PACKAGEMANAGER_IDENTITY_TOKEN_FILE"])
def test_any_identitys_token_of_this_cluster_is_verified_there(sandbox: Sandbox, way: str) -> None:
    """It is the issuer that counts: a projected token by variable or file finds the same keys."""
    path = sandbox.kubernetes.token_dir / "ppm"
    value = path.read_text() if way == "GATEPASS_ID_TOKEN" else str(path)
    assert ask(sandbox, GATEPASS_KUBERNETES_TOKEN_FILE="", **{way: value}) == "ok"
    assert [party for party, _, _ in heard(sandbox)] == ["kubernetes", "exchange"]


@pytest.mark.parametrize("platform", ["github", "gitlab", "file"])
def test_another_issuers_keys_are_not_asked_of_the_api_server(
    sandbox: Sandbox, platform: str
) -> None:
    """A job that runs in a pod is verified by its own platform's keys, without the pod's token."""
    pod = sandbox.environment("kubernetes")
    pod.pop("GATEPASS_KUBERNETES_TOKEN_FILE")
    assert ask(sandbox, platform, **{n: v for n, v in pod.items() if "KUBERNETES" in n}) == "ok"
    assert "kubernetes" not in [party for party, _, _ in heard(sandbox)]
    assert sandbox.count("issuer") == 2


def test_an_api_server_that_is_down_leaves_discovery(public: Sandbox) -> None:
    """... which is asked without the pod's token."""
    assert ask(public, **unreachable(public)) == "ok"
    assert [party for party, _, _ in heard(public)] == ["issuer", "issuer", "exchange"]


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_an_api_server_that_refuses_leaves_discovery(public: Sandbox, status: int) -> None:
    """A refusal is no answer about keys: 401 is what a pod's deleted token gets."""
    public.fault(f"kubernetes={status}x*")
    assert ask(public) == "ok"
    seen = heard(public)
    assert seen[0] == ("kubernetes", KEYS, status)
    assert [party for party, _, _ in seen if party != "kubernetes"] == [
        *("issuer", "issuer", "exchange")
    ]


@pytest.mark.parametrize("fault", ["garbage", "drop", "huge", "truncate", "redirect=http://x.test"])
def test_an_api_server_that_answers_nonsense_leaves_discovery(public: Sandbox, fault: str) -> None:
    """A redirect isn't followed, least of all with the pod's token."""
    public.fault(f"kubernetes={fault}x*")
    assert ask(public) == "ok"
    assert heard(public)[-1] == ("exchange", "/__api__/token", 200)


def test_a_private_issuer_whose_api_server_is_down_is_unreachable(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key from anywhere: nothing is presented, and discovery is what was asked last."""
    with guard() as proxy:
        for variable in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(variable, proxy.url)
        assert ask(sandbox, **unreachable(sandbox)) == "issuer-unreachable"
    assert heard(sandbox) == []
    assert {line.split()[1] for line in proxy.asked} == {PRIVATE.partition("://")[2] + ":443"}


def own_token(sandbox: Sandbox, text: str | None) -> dict[str, str]:
    """A copy of the pod's own folder with another token (None: without one)."""
    folder = sandbox.folder / "copy"
    folder.mkdir()
    (folder / "ca.crt").write_bytes((sandbox.kubernetes.api_dir / "ca.crt").read_bytes())
    if text is not None:
        (folder / "token").write_text(text)
    return {"GATEPASS_KUBERNETES_API_DIR": str(folder)}


def test_an_own_token_that_has_expired_leaves_discovery(public: Sandbox) -> None:
    """The API server itself says 401 to it."""
    old = public.kubernetes.issuer.mint(PRIVATE, lifetime=-600)
    assert ask(public, **own_token(public, old)) == "ok"
    assert heard(public)[0] == ("kubernetes", KEYS, 401)


def test_without_an_own_token_nobody_is_the_clusters_issuer(public: Sandbox) -> None:
    """A pod without its token mounted trusts no cluster by itself; the user may name it."""
    gone = own_token(public, None)
    assert ask(public, **gone) == "issuer-not-allowed"
    assert heard(public) == []
    assert ask(public, **gone, GATEPASS_TRUSTED_ISSUERS=public.kubernetes.issuer.url) == "ok"
    assert [party for party, _, _ in heard(public)] == ["issuer", "issuer", "exchange"]


@pytest.mark.parametrize("content", [None, b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\n"])
def test_without_the_clusters_authority_the_api_server_is_not_asked(
    public: Sandbox, content: bytes | None
) -> None:
    """A missing or broken ca.crt is no reason to trust anybody else's: discovery is left."""
    env = own_token(public, (public.kubernetes.api_dir / "token").read_text())
    path = Path(env["GATEPASS_KUBERNETES_API_DIR"]) / "ca.crt"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert ask(public, **env) == "ok"
    assert [party for party, _, _ in heard(public)] == ["issuer", "issuer", "exchange"]


def test_only_the_clusters_own_authority_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom the machine trusts is no API server, and no other cluster's authority vouches for it."""
    with Sandbox(tls=True, cluster_issuer="public") as real, Sandbox() as other:
        for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            monkeypatch.setenv(variable, str(real.ca_file))
        port = real.github.server_url.rpartition(":")[2]
        assert ask(real, KUBERNETES_SERVICE_PORT=port) == "ok"
        env = own_token(real, (real.kubernetes.api_dir / "token").read_text())
        authority = Path(env["GATEPASS_KUBERNETES_API_DIR"]) / "ca.crt"
        authority.write_bytes((other.kubernetes.api_dir / "ca.crt").read_bytes())
        assert ask(real, **env, GATEPASS_STORE="off") == "ok"
        parties = [party for party, _, _ in heard(real)]
        assert parties == [*("issuer", "issuer", "exchange")] * 2
        assert heard(other) == []


def test_the_api_server_is_reached_past_every_proxy(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whatever name, with the proxy variables set and nothing in NO_PROXY."""
    name, real = "kubernetes.default.svc", socket.getaddrinfo

    def look_up(host: Any, *more: Any, **others: Any) -> Any:
        return real("127.0.0.1" if host == name else host, *more, **others)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with guard() as proxy:
        for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        assert ask(sandbox, KUBERNETES_SERVICE_HOST=name) == "ok"
        assert proxy.asked == []
    assert heard(sandbox)[0] == ("kubernetes", KEYS, 200)


def test_the_users_own_keys_come_first(sandbox: Sandbox, tmp_path: Path) -> None:
    """With GATEPASS_JWKS_FILE the API server is not asked, and what the file lacks is refused."""
    keys = [key.jwk() for key in sandbox.kubernetes.issuer.published()]
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": keys}))
    assert ask(sandbox, GATEPASS_JWKS_FILE=str(path)) == "ok"
    path.write_text(json.dumps({"keys": []}))
    sandbox.kubernetes.rotate_tokens()
    assert ask(sandbox, GATEPASS_JWKS_FILE=str(path)) == "unknown-key"
    assert [party for party, _, _ in heard(sandbox)] == ["exchange"]


def test_a_wrong_signature_asks_nobody_else(public: Sandbox) -> None:
    """An API server whose keys don't fit is final: discovery isn't tried after it."""
    path = public.folder / "forged"
    head, _, signature = (public.kubernetes.token_dir / "ppm").read_text().rpartition(".")
    path.write_text(f"{head}.{'A' * 10}{signature[10:]}")
    assert ask(public, GATEPASS_KUBERNETES_TOKEN_FILE=str(path)) == "bad-signature"
    assert [party for party, _, _ in heard(public)] == ["kubernetes"]


def test_the_keys_are_kept_as_long_as_the_api_server_says(sandbox: Sandbox) -> None:
    """A second token of the same cluster needs no second request for keys."""
    assert ask(sandbox) == "ok"
    sandbox.kubernetes.rotate_tokens()
    assert ask(sandbox) == "ok"
    assert (sandbox.count("kubernetes"), sandbox.count("exchange")) == (1, 2)


def test_a_renewed_own_token_opens_the_api_server(sandbox: Sandbox) -> None:
    """The own token is read at each request, not once."""
    env = {"GATEPASS_STORE": "off"}
    assert ask(sandbox, **env) == "ok"
    sandbox.kubernetes.rotate_tokens()
    assert ask(sandbox, **env) == "ok"
    assert sandbox.count("kubernetes") == 2


def test_what_the_api_server_hears(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GET with the pod's own token as bearer, and neither the subject token nor anything else."""
    own = (sandbox.kubernetes.api_dir / "token").read_text()
    projected = (sandbox.kubernetes.token_dir / "ppm").read_text()

    class Plain(Transport):
        """Sends in the clear, so that the wire can be read."""

        def __init__(self, ca_file: str = "") -> None:
            super().__init__()

    keys = json.dumps({"keys": [key.jwk() for key in sandbox.kubernetes.issuer.published()]})
    with wire(answer(200, keys)) as server:
        monkeypatch.setattr(trust_keys, "Transport", Plain)
        cluster = Cluster(PRIVATE, server.url + KEYS, "", str(sandbox.kubernetes.api_dir))
        cache: Any = type("Cache", (), {"get": lambda *a: None, "put": lambda *a: None})()
        source = KeySource(Transport(), cache, lambda issuer: "", cluster=cluster)
        assert source.keys_for(parse(Secret(projected)), Deadline(5))
    head = server.heard[0].decode()
    assert head.startswith(f"GET {KEYS} HTTP/1.1\r\n")
    assert f"Authorization: Bearer {own}\r\n" in head
    assert projected not in head


@pytest.mark.parametrize("way", ["GATEPASS_ID_TOKEN", "GATEPASS_KUBERNETES_TOKEN_FILE", "drop-in"])
@pytest.mark.parametrize("said", [False, True], ids=["", "audience-set"])
def test_the_pods_own_token_is_never_presented(sandbox: Sandbox, way: str, said: bool) -> None:
    """Under no identity, also where its audience is exactly what the registry is said to want."""
    path = sandbox.kubernetes.api_dir / "token"
    name = "PACKAGEMANAGER_IDENTITY_TOKEN_FILE" if way == "drop-in" else way
    env = {name: path.read_text() if way == "GATEPASS_ID_TOKEN" else str(path)}
    if way != "GATEPASS_KUBERNETES_TOKEN_FILE":
        env["GATEPASS_KUBERNETES_TOKEN_FILE"] = ""
    if said:
        env["GATEPASS_AUDIENCE"] = PRIVATE
    assert ask(sandbox, **env) == "audience-api-server"
    assert "exchange" not in [party for party, _, _ in heard(sandbox)]


@pytest.mark.parametrize("platform", ["github", "gitlab", "file"])
def test_its_audiences_are_refused_under_any_identity(sandbox: Sandbox, platform: str) -> None:
    """Whatever names the API server goes by: a job's token for one of them stays here."""
    names = [PRIVATE, "k3s.corp.example"]
    own = own_token(sandbox, sandbox.kubernetes.issuer.mint(names))
    env = {**own, "GATEPASS_AUDIENCE": "k3s.corp.example"}
    token = {"gitlab": sandbox.gitlab.issuer, "file": sandbox.issuer}
    if platform in token:
        made = token[platform].mint("k3s.corp.example")
        env.update(GATEPASS_ID_TOKEN=made, PACKAGEMANAGER_IDENTITY_TOKEN_FILE="")
    assert ask(sandbox, platform, **env) == "audience-api-server"
    assert sandbox.count("exchange") == 0
