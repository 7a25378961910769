"""A pod sees what a kubelet gives it, and the API server gives its keys to that pod alone."""

from __future__ import annotations

import os
import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import requests

from gatepass.sandbox import Sandbox

TIMEOUT = 10
PRIVATE = "https://kubernetes.default.svc.cluster.local"
DOCUMENTS = ("/openid/v1/jwks", "/.well-known/openid-configuration")


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def own_token(sandbox: Sandbox) -> str:
    return (sandbox.kubernetes.api_dir / "token").read_text()


def ask(sandbox: Sandbox, path: str, token: str | None = None) -> requests.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    authority = str(sandbox.kubernetes.api_dir / "ca.crt")
    url = sandbox.kubernetes.api + path
    return requests.get(url, headers=headers, verify=authority, timeout=TIMEOUT)


def test_the_pods_own_token_has_the_shape_of_a_real_one(shared: Sandbox) -> None:
    token = own_token(shared)
    claims = claims_of(token)
    assert set(jwt.get_unverified_header(token)) == {"alg", "kid"}
    assert (claims["iss"], claims["aud"]) == (PRIVATE, [PRIVATE])
    assert claims["sub"] == "system:serviceaccount:acme:build"
    assert claims["exp"] - claims["iat"] == 365 * 24 * 3600
    assert claims["kubernetes.io"]["warnafter"] - claims["iat"] == 3607
    assert claims["kubernetes.io"]["namespace"] == "acme"
    assert claims["kubernetes.io"]["serviceaccount"]["name"] == "build"
    for bound in ("pod", "serviceaccount", "node"):
        assert len(claims["kubernetes.io"][bound]["uid"]) == 36
    assert claims["nbf"] == claims["iat"]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_api_server_answers_the_pod(shared: Sandbox, path: str) -> None:
    answer = ask(shared, path, own_token(shared))
    assert answer.status_code == 200
    assert shared.requests[-1].party == "kubernetes"
    assert answer.headers.get("Cache-Control") == ("max-age=3600" if "jwks" in path else None)


def test_the_keys_of_the_api_server_verify_the_pods_tokens(shared: Sandbox) -> None:
    metadata = ask(shared, DOCUMENTS[1], own_token(shared)).json()
    assert metadata["issuer"] == PRIVATE
    assert metadata["jwks_uri"] == shared.kubernetes.api + DOCUMENTS[0]
    keys = jwt.PyJWKSet.from_dict(ask(shared, DOCUMENTS[0], own_token(shared)).json())
    token = (shared.kubernetes.token_dir / "ppm").read_text()
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, ["RS256"], audience=shared.address, issuer=PRIVATE)
    assert claims["aud"] == [shared.address]


@pytest.mark.parametrize("path", [*DOCUMENTS, "/api/v1/namespaces"])
def test_nobody_else_is_answered(shared: Sandbox, path: str) -> None:
    mint = shared.kubernetes.issuer.mint
    pod = {"kubernetes.io": {"pod": {"name": "build-7d9c5", "uid": "x"}}}
    for token, why in (
        (None, "no token"),
        ("", "somebody else's token: the token does not have three parts"),
        (shared.issuer.mint(PRIVATE), "somebody else's token: issuer is not trusted"),
        (
            shared.issuer.mint(PRIVATE, iss=PRIVATE),
            "somebody else's token: key is unknown",
        ),
        (
            (shared.kubernetes.token_dir / "ppm").read_text(),
            "somebody else's token: audience is not this server's",
        ),
        (mint(PRIVATE, lifetime=-60), "somebody else's token: token has expired"),
        (mint(PRIVATE, **pod), "somebody else's token: another pod's"),  # type: ignore[arg-type]
    ):
        answer = ask(shared, path, token)
        assert (answer.status_code, answer.json()["code"]) == (401, 401)
        assert shared.requests[-1].note == why
    basic = requests.get(
        shared.kubernetes.api + path,
        auth=("a", "b"),
        verify=str(shared.kubernetes.api_dir / "ca.crt"),
        timeout=TIMEOUT,
    )
    assert basic.status_code == 401
    assert shared.requests[-1].note == "somebody else's credential: not a bearer token"


def test_the_rest_of_the_api_is_not_there(shared: Sandbox) -> None:
    assert ask(shared, "/api/v1/namespaces", own_token(shared)).status_code == 404


@pytest.mark.parametrize("tls", [False, True])
def test_the_api_server_is_behind_an_authority_of_its_own(tls: bool) -> None:
    with Sandbox(tls=tls) as sandbox:
        assert sandbox.kubernetes.api.startswith("https://127.0.0.1:")
        authority = True if sandbox.ca_file is None else str(sandbox.ca_file)
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(sandbox.kubernetes.api, verify=authority, timeout=9)
        port = urlsplit(sandbox.kubernetes.api).port or 0
        context = ssl.create_default_context(cafile=str(sandbox.kubernetes.api_dir / "ca.crt"))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        for name in ("127.0.0.1", "localhost", "kubernetes.default.svc"):
            with (
                socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection,
                context.wrap_socket(connection, server_hostname=name),
            ):
                pass


def layout(folder: Path) -> tuple[set[str], str]:
    """The names that a pod sees, each checked to be a link through ..data, and ..data's target."""
    names = {path.name for path in folder.iterdir() if not path.name.startswith("..")}
    assert {os.readlink(folder / name) for name in names} == {f"..data/{name}" for name in names}
    target = os.readlink(folder / "..data")
    hidden = {path.name for path in folder.iterdir() if path.name.startswith("..")}
    assert hidden == {"..data", target}
    assert (folder / target).is_dir()
    return names, target


def test_the_folders_are_laid_out_as_a_kubelet_does_it(shared: Sandbox) -> None:
    assert layout(shared.kubernetes.api_dir)[0] == {"token", "ca.crt", "namespace"}
    assert {"ppm", "sts"} <= layout(shared.kubernetes.token_dir)[0]
    assert (shared.kubernetes.api_dir / "namespace").read_text() == "acme"
    for path in (shared.kubernetes.api_dir / "token", shared.kubernetes.token_dir / "sts"):
        assert path.is_relative_to(shared.folder)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text() == path.read_text().strip()
    sts = claims_of((shared.kubernetes.token_dir / "sts").read_text())
    assert (sts["aud"], sts["exp"] - sts["iat"]) == (["sts.amazonaws.com"], 3600)


def test_rotation_makes_every_token_anew(sandbox: Sandbox) -> None:
    cluster = sandbox.kubernetes
    paths = [cluster.api_dir / "token", cluster.token_dir / "ppm", cluster.token_dir / "sts"]
    before = [path.read_text() for path in paths]
    targets = [layout(cluster.api_dir)[1], layout(cluster.token_dir)[1]]
    kept = os.open(paths[1], os.O_RDONLY)
    cluster.rotate_tokens()
    after = [path.read_text() for path in paths]
    assert not set(before) & set(after)
    assert [claims_of(t)["aud"] for t in before] == [claims_of(t)["aud"] for t in after]
    assert [layout(cluster.api_dir)[1], layout(cluster.token_dir)[1]] != targets
    # Who keeps a descriptor, reads the old token for ever.
    with os.fdopen(kept) as file:
        assert file.read() == before[1]
    assert ask(sandbox, DOCUMENTS[0], after[0]).status_code == 200


def test_a_reader_never_finds_half_a_token_or_no_folder(sandbox: Sandbox) -> None:
    folder = sandbox.kubernetes.token_dir
    length = len((folder / "ppm").read_text())
    over = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not over.is_set():
            try:
                os.readlink(folder / "..data")
                os.readlink(folder / "ppm")
            except OSError as error:
                wrong.append(error)
            try:
                if len((folder / "ppm").read_text()) != length:
                    wrong.append("half a token")
            except FileNotFoundError:
                pass  # the old folder went after the link was followed, as in a real pod

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        sandbox.kubernetes.rotate_tokens()
    over.set()
    reader.join()
    assert wrong == []


def test_the_link_is_swapped_by_one_rename(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sandbox.kubernetes.token_dir
    before, swaps, replace = layout(folder)[1], [], os.replace

    def watched(source: Path, target: Path) -> None:
        if target == folder / "..data":
            swaps.append(os.readlink(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    sandbox.kubernetes.rotate_tokens()
    assert swaps == [before]
    assert layout(folder)[1] != before


def test_a_projected_token_is_added_beside_the_others(sandbox: Sandbox) -> None:
    cluster = sandbox.kubernetes
    before = (cluster.token_dir / "ppm").read_text()
    path = cluster.project("other", "https://other.test", lifetime=60, sub="me")
    assert path == cluster.token_dir / "other"
    claims = claims_of(path.read_text())
    assert (claims["aud"], claims["sub"]) == (["https://other.test"], "me")
    assert claims["exp"] - claims["iat"] == 60
    assert (cluster.token_dir / "ppm").read_text() == before
    assert layout(cluster.token_dir)[0] == {"ppm", "sts", "other"}
    cluster.rotate_tokens()
    assert claims_of(path.read_text())["sub"] == "me"
    assert claims_of(path.read_text())["jti"] != claims["jti"]


@pytest.mark.parametrize("name", ["", "..", "..data", "a/b", "a\\b"])
def test_a_projected_token_needs_a_file_name(shared: Sandbox, name: str) -> None:
    with pytest.raises(ValueError, match="no file name"):
        shared.kubernetes.project(name, "a")


@pytest.mark.parametrize("tls", [False, True])
def test_a_public_issuer_is_found_by_discovery(tls: bool) -> None:
    with Sandbox(tls=tls, cluster_issuer="public") as sandbox:
        issuer = sandbox.kubernetes.issuer
        assert issuer.url.startswith("https://localhost:" if tls else "http://127.0.0.1:")
        verify = str(sandbox.ca_file) if tls else True
        url = issuer.url + "/.well-known/openid-configuration"
        metadata = requests.get(url, verify=verify, timeout=TIMEOUT).json()
        assert metadata["issuer"] == issuer.url == claims_of(own_token(sandbox))["iss"]
        keys = requests.get(metadata["jwks_uri"], verify=verify, timeout=TIMEOUT).json()
        assert [r.party for r in sandbox.requests] == ["issuer", "issuer"]
        assert keys == ask(sandbox, DOCUMENTS[0], own_token(sandbox)).json()
        inside = ask(sandbox, DOCUMENTS[1], own_token(sandbox)).json()
        assert (inside["issuer"], claims_of(own_token(sandbox))["aud"]) == (issuer.url, [PRIVATE])
        elsewhere = url.replace(urlsplit(issuer.url).path, "")
        assert requests.get(elsewhere, verify=verify, timeout=TIMEOUT).status_code == 404


def test_the_issuer_is_private_or_public() -> None:
    with pytest.raises(ValueError, match="private or public"):
        Sandbox(cluster_issuer="secret")


def test_a_cluster_needs_a_running_sandbox() -> None:
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="does not run"):
        _ = sandbox.kubernetes
    with sandbox:
        pass
    with pytest.raises(RuntimeError, match="does not run"):
        _ = sandbox.kubernetes


def test_a_cluster_ends_with_the_sandbox() -> None:
    with Sandbox() as sandbox:
        port = urlsplit(sandbox.kubernetes.api).port
        began = time.monotonic()
    assert time.monotonic() - began < 0.2
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), TIMEOUT)
