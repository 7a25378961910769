"""docs/kubernetes.md and its manifests: valid, restricted, and run as a kubelet would run them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from delivery.containers import Engine, good
from delivery.pages import DOCS
from delivery.pods import API_AUDIENCE, OURS, Cluster, fragments, manifest, names
from gatepass.sandbox import Sandbox
from support import run

PAGE = (DOCS / "kubernetes.md").read_text(encoding="utf-8")
MANIFESTS = sorted((DOCS / "kubernetes").glob("*.yaml"))
OLDEST = "1.29.0"  # with native sidecars
GREETING = "you came through the gate"

real = pytest.mark.real
each = pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)


@pytest.fixture
def cluster(engine: Engine, image: str, sandbox: Sandbox, tmp_path: Path) -> Cluster:
    """A private one: its keys come from its API server alone."""
    return Cluster(engine, sandbox, tmp_path)


@real
@pytest.mark.parametrize("version", [OLDEST, ""], ids=["oldest", "newest"])
@each
def test_every_manifest_is_valid(path: Path, version: str) -> None:
    """By Kubernetes' own schemas, without a key that they don't know."""
    tool = Path(sys.executable).parent / "kubernetes-validate"
    which = ["-k", version] if version else []
    subprocess.run([tool, *which, "--strict", path], check=True)


@real
def test_a_misspelt_key_is_not_valid(tmp_path: Path) -> None:
    """The check above would find it."""
    wrong = tmp_path / "job.yaml"
    text = MANIFESTS[-1].read_text(encoding="utf-8")
    wrong.write_text(text.replace("expirationSeconds", "expirationSecond"), encoding="utf-8")
    tool = Path(sys.executable).parent / "kubernetes-validate"
    assert run([tool, "--strict", wrong], {}).returncode != 0


@each
def test_every_manifest_is_restricted(path: Path) -> None:
    """What the Pod Security Standard of that name asks for; and a root that can't be written to."""
    account, workload = manifest(path, {})
    spec = workload["spec"]["template"]["spec"]
    assert account["kind"] == "ServiceAccount"
    assert spec["serviceAccountName"] == account["metadata"]["name"]
    assert account["automountServiceAccountToken"] is False
    assert spec["automountServiceAccountToken"] is False
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        security = {**spec["securityContext"], **container["securityContext"]}
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["readOnlyRootFilesystem"] is True
        assert {"requests", "limits"} <= set(container["resources"])
        mounts = {one["name"] for one in container["volumeMounts"]}
        tokens = {"registry-token", "cluster"}
        assert mounts & tokens == (tokens if container["image"] == OURS else set())


@each
def test_the_page_leads_to_every_manifest(path: Path) -> None:
    """And all that have a volume have the same one."""
    assert f"(kubernetes/{path.name})" in PAGE
    volumes = manifest(path, {})[1]["spec"]["template"]["spec"]["volumes"]
    first = manifest(MANIFESTS[0], {})[1]["spec"]["template"]["spec"]["volumes"]
    assert volumes[:2] == first[:2]


@real
def test_a_job_installs(cluster: Cluster) -> None:
    """job.yaml: its command has a pass, and the token was checked by the cluster's own keys."""
    with cluster.pod("job") as pod:
        assert GREETING in good(pod.run("build"))
    assert cluster.sandbox.count("kubernetes") == 1
    assert cluster.sandbox.count("exchange") == 1


@real
def test_an_init_container_installs(cluster: Cluster) -> None:
    """init-container.yaml: the service runs what it installed, and has nothing else of it."""
    with cluster.pod("init-container") as pod:
        good(pod.run("packages"))
        assert GREETING in good(pod.run("app"))
    assert cluster.sandbox.count("exchange") == 1


@real
def test_a_pod_says_who_it_is(cluster: Cluster) -> None:
    """`gatepass whoami`, as the page says, in a container that runs."""
    with cluster.pod("deployment") as pod:
        pod.start("gatepass")
        out = good(pod.exec("gatepass", "gatepass", "whoami"))
    assert "system:serviceaccount:acme:build" in out
    assert cluster.sandbox.address in out


@real
def test_a_sidecar_keeps_a_netrc_fresh(engine: Engine, image: str, tmp_path: Path) -> None:
    """deployment.yaml: another user's container installs with the sidecar's netrc; then with the
    next one, for which a token was read that was swapped in meanwhile. The end takes it away."""
    with (
        Sandbox(lifetime=45) as sandbox,
        Cluster(engine, sandbox, tmp_path).pod("deployment") as pod,
    ):
        pod.start("gatepass")
        netrc = pod.volume("netrc") / "netrc"
        before = netrc.read_bytes()
        assert netrc.stat().st_mode & 0o777 == 0o640
        assert GREETING in good(pod.run("app"))
        # The first token is worth nothing from here on, so the second must have been read.
        sandbox.kubernetes.issuer.rotate(keep_old=False)
        sandbox.packagemanager.revoke_all()
        pod.rotate()
        ends = time.monotonic() + 60
        while netrc.read_bytes() == before:
            assert time.monotonic() < ends, pod.logs("gatepass")
            time.sleep(0.5)
        assert GREETING in good(pod.run("app"))
        assert sandbox.count("exchange") == 2
        assert pod.stop("gatepass") == 0
        assert not list(netrc.parent.iterdir())


@real
def test_keys_from_a_file(cluster: Cluster, tmp_path: Path) -> None:
    """A pod that may not ask its API server: the key set and the issuer are configured."""
    assert "`GATEPASS_JWKS_FILE`, and the issuer in `GATEPASS_TRUSTED_ISSUERS`" in PAGE
    issuer = cluster.sandbox.kubernetes.issuer
    keys = tmp_path / "jwks"
    keys.write_bytes(issuer.key_set().body)
    [_, workload] = manifest(DOCS / "kubernetes" / "job.yaml", names(cluster.sandbox))
    spec = workload["spec"]["template"]["spec"]
    spec["volumes"] = [one for one in spec["volumes"] if one["name"] != "cluster"]
    mounts = spec["containers"][0]["volumeMounts"]
    mounts[:] = [one for one in mounts if one["name"] != "cluster"]
    env = {"GATEPASS_JWKS_FILE": "/jwks", "GATEPASS_TRUSTED_ISSUERS": API_AUDIENCE}
    with cluster.of(workload, injected=(env, {"/jwks": keys})) as pod:
        assert GREETING in good(pod.run("build"))
    assert cluster.sandbox.count("kubernetes") == 0


@real
def test_the_service_account_of_the_page_is_valid(tmp_path: Path) -> None:
    """As the manifests are."""
    (tmp_path / "account.yaml").write_text(yaml.safe_dump(fragments()[1]))
    tool = Path(sys.executable).parent / "kubernetes-validate"
    subprocess.run([tool, "--strict", tmp_path / "account.yaml"], check=True)
