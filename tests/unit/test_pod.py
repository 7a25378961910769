"""The pod that we may be in: its own token is read to know the cluster, and for nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import forge
from gatepass import pod
from gatepass.errors import ConfigError

ISSUER = "https://kubernetes.default.svc.cluster.local"
HOST = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "6443"}


def mounted(folder: Path, **claims: object) -> dict[str, str]:
    """The variables of a pod whose own token has these claims."""
    token = forge.token(forge.claims(**{"iss": ISSUER, "aud": [ISSUER], **claims}))
    (folder / "token").write_text(token + "\n")
    return {**HOST, "GATEPASS_KUBERNETES_API_DIR": str(folder)}


def test_the_folder_is_kubernetes_own_by_default() -> None:
    """Where every pod finds its token and the cluster's certificate authority."""
    assert pod._folder({}) == "/var/run/secrets/kubernetes.io/serviceaccount"
    assert pod._folder({"GATEPASS_KUBERNETES_API_DIR": " /x "}) == "/x"


def test_a_pod_knows_its_cluster(tmp_path: Path) -> None:
    """The issuer of its own token, the API server's keys, and the authority's file."""
    found = pod.cluster(mounted(tmp_path))
    assert found == pod.Cluster(
        issuer=ISSUER,
        keys="https://10.96.0.1:6443/openid/v1/jwks",
        ca_file=str(tmp_path / "ca.crt"),
        folder=str(tmp_path),
    )


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("10.96.0.1", None, "https://10.96.0.1:443"),
        ("10.96.0.1", "", "https://10.96.0.1:443"),
        ("fd00::1", "6443", "https://[fd00::1]:6443"),
        ("kubernetes.default.svc", "443", "https://kubernetes.default.svc:443"),
    ],
)
def test_the_api_servers_address(tmp_path: Path, host: str, port: str | None, address: str) -> None:
    """By the two variables that every pod has; IPv6 stands in brackets."""
    env = {**mounted(tmp_path), "KUBERNETES_SERVICE_HOST": host}
    env.pop("KUBERNETES_SERVICE_PORT")
    if port is not None:
        env["KUBERNETES_SERVICE_PORT"] = port
    found = pod.cluster(env)
    assert found is not None
    assert found.keys == f"{address}/openid/v1/jwks"


@pytest.mark.parametrize("host", [None, "", " "])
def test_without_an_api_server_there_is_no_cluster(tmp_path: Path, host: str | None) -> None:
    """A mounted token alone makes no pod."""
    env = mounted(tmp_path)
    env.pop("KUBERNETES_SERVICE_HOST")
    if host is not None:
        env["KUBERNETES_SERVICE_HOST"] = host
    assert pod.cluster(env) is None


def test_an_unexpanded_variable_is_an_error(tmp_path: Path) -> None:
    """As everywhere."""
    with pytest.raises(ConfigError, match="unexpanded-variable"):
        pod.cluster({**mounted(tmp_path), "KUBERNETES_SERVICE_HOST": "$HOST"})


def no_token(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    "spoil",
    [
        no_token,
        lambda path: path.write_text(""),
        lambda path: path.write_text(" \n"),
        lambda path: path.write_text("no JWT"),
        lambda path: path.write_bytes(b"\xff.\xff.\xff"),
        lambda path: path.write_text(forge.token("[]")),
        lambda path: path.write_text(forge.token({"iss": 5, "aud": {"a": 1}})),
        lambda path: path.write_text(forge.token({"iss": "", "aud": [5, ""]})),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), os.mkfifo(path)),
    ],
)
def test_an_own_token_that_says_nothing_makes_no_pod(tmp_path: Path, spoil: object) -> None:
    """Missing, empty, no JWT, other types, no file: nothing is known, and nothing fails."""
    env = mounted(tmp_path)
    spoil(tmp_path / "token")  # type: ignore[operator]
    assert pod.cluster(env) is None
    assert pod.own_issuer(env) is None
    assert pod.own_audiences(env) == frozenset()


@pytest.mark.parametrize(
    ("audience", "found"),
    [
        (ISSUER, {ISSUER}),
        ([ISSUER], {ISSUER}),
        ([ISSUER, "k3s", 5, ""], {ISSUER, "k3s"}),
        ([], set()),
    ],
)
def test_the_api_servers_audiences(tmp_path: Path, audience: object, found: set[str]) -> None:
    """Every audience of the own token, in both of its forms."""
    assert pod.own_audiences(mounted(tmp_path, aud=audience)) == found


def test_the_own_token_is_read_anew_each_time(tmp_path: Path) -> None:
    """The kubelet renews it; it prints as ****."""
    found = pod.cluster(mounted(tmp_path))
    assert found is not None
    for number in range(2):
        text = forge.token(forge.claims(sub=f"{number}"))
        (tmp_path / "token").write_text(text)
        token = found.token()
        assert token is not None
        assert token.reveal() == text
        assert text not in repr(token) + str(token) + repr(found)
    (tmp_path / "token").unlink()
    assert found.token() is None


def test_outside_of_a_pod_nothing_is_read(tmp_path: Path) -> None:
    """No folder, no pod."""
    env = {"GATEPASS_KUBERNETES_API_DIR": str(tmp_path / "none"), **HOST}
    assert pod.cluster(env) is None
    assert pod.own_issuer(env) is None
