"""docs/kubernetes.md on AWS: a role for service accounts, Pod Identity, and any other cluster."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from delivery.containers import Engine, good
from delivery.pages import DOCS
from delivery.pods import Cluster, fragments, manifest, names
from gatepass.sandbox import Sandbox

pytestmark = pytest.mark.real

GREETING = "you came through the gate"
INJECTED = "/var/run/secrets/eks.amazonaws.com/serviceaccount"


def changed(workload: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The job with what a block of the page says: of its container, and of its volumes. Those that
    hold tokens go, unless the block says them anew."""
    spec = workload["spec"]["template"]["spec"]
    [container] = spec["containers"]
    said = {one["name"]: one for one in change.get("volumes", [])}
    gone = {"registry-token", "cluster"} - set(said) if not said else set()
    spec["volumes"] = [said.get(v["name"], v) for v in spec["volumes"] if v["name"] not in gone]
    container["volumeMounts"] = [m for m in container["volumeMounts"] if m["name"] not in gone]
    container |= {key: change[key] for key in ("command", "env")}
    return workload


@pytest.fixture
def eks() -> Iterator[Sandbox]:
    """AWS, and a cluster of its own with public keys."""
    name = {"oidc.eks.eu-west-1.amazonaws.com": "kubernetes"}
    with Sandbox(aws=True, cluster_issuer="public", names=name) as sandbox:
        yield sandbox


def way(sandbox: Sandbox) -> tuple[dict[str, str], dict[str, Path]]:
    """How a container gets to AWS' names, and the file by which it trusts what is there."""
    assert sandbox.ca_file is not None
    env = sandbox.proxy.environment()
    sandbox.folder.chmod(0o755)
    sandbox.ca_file.chmod(0o644)
    ca = str(sandbox.ca_file)
    return {k: "/ca.pem" if v == ca else v for k, v in env.items()}, {"/ca.pem": sandbox.ca_file}


def job_with(sandbox: Sandbox, change: Mapping[str, Any]) -> dict[str, Any]:
    """job.yaml with a change of the page's, both with the sandbox's names."""
    text = json.dumps(change)
    for old, new in names(sandbox).items():
        text = text.replace(old, new)
    [_, workload] = manifest(DOCS / "kubernetes" / "job.yaml", names(sandbox))
    return changed(workload, json.loads(text))


def test_a_role_for_service_accounts(
    engine: Engine, image: str, eks: Sandbox, tmp_path: Path
) -> None:
    """IRSA: the token that EKS injected is checked by its issuer's keys, and lends the role."""
    change, account, _ = fragments()
    role = account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
    assert role == eks.aws.role_arn
    token = tmp_path / "token"
    token.write_text(eks.kubernetes.issuer.mint("sts.amazonaws.com"))
    env, mounts = way(eks)
    env |= {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": f"{INJECTED}/token"}
    env |= {"AWS_REGION": "eu-west-1", "AWS_STS_REGIONAL_ENDPOINTS": "regional"}
    injected = (env, {**mounts, f"{INJECTED}/token": token})
    with Cluster(engine, eks, tmp_path).of(job_with(eks, change), injected=injected) as pod:
        assert GREETING in good(pod.run("build"))
    assert (eks.count("issuer") > 0, eks.count("sts"), eks.count("exchange")) == (True, 1, 0)


class Agent(http.server.BaseHTTPRequestHandler):
    """EKS' Pod Identity agent: keys for whoever sends the pod's token."""

    def __init__(self, keys: Mapping[str, str], *more: Any) -> None:
        self._keys = keys
        super().__init__(*more)

    def do_GET(self) -> None:
        answer = {
            "AccessKeyId": self._keys["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": self._keys["AWS_SECRET_ACCESS_KEY"],
            "Token": None,
            "Expiration": "2999-01-01T00:00:00Z",
        }
        known = self.headers["Authorization"] == "the pod's own"
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *words: Any) -> None:
        """Not on the test's output."""


def test_pod_identity(engine: Engine, image: str, eks: Sandbox, tmp_path: Path) -> None:
    """EKS, Pod Identity: the agent gives the role's keys, and no token is exchanged."""
    change, _, _ = fragments()
    (tmp_path / "token").write_text("the pod's own")
    with http.server.HTTPServer(("127.0.0.1", 0), partial(Agent, eks.aws.keys())) as agent:
        threading.Thread(target=agent.serve_forever, args=(0.05,), daemon=True).start()
        env, mounts = way(eks)
        uri = f"http://127.0.0.1:{agent.server_address[1]}/v1/credentials"
        env |= {"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri}
        env |= {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{INJECTED}/token"}
        injected = (env, {**mounts, f"{INJECTED}/token": tmp_path / "token"})
        with Cluster(engine, eks, tmp_path).of(job_with(eks, change), injected=injected) as pod:
            assert GREETING in good(pod.run("build"))
        agent.shutdown()
    assert (eks.count("sts"), eks.count("codeartifact")) == (0, 1)


def test_codeartifact_from_another_cluster(engine: Engine, image: str, tmp_path: Path) -> None:
    """A token for AWS, checked by the API server's keys, and the role that is named."""
    _, _, change = fragments()
    with Sandbox(aws=True) as sandbox:
        [role] = [one["value"] for one in change["env"] if one["name"] == "GATEPASS_ROLE_ARN"]
        assert role == sandbox.aws.role_arn
        pods = Cluster(engine, sandbox, tmp_path)
        with pods.of(job_with(sandbox, change), injected=way(sandbox)) as pod:
            assert GREETING in good(pod.run("build"))
        assert (sandbox.count("kubernetes"), sandbox.count("sts")) == (1, 1)
