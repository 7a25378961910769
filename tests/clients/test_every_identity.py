"""The real pip and uv install under every identity, at home and behind a company's proxy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.harness import Job, pip, uv_install
from clients.places import code_artifact
from gatepass.sandbox import JOBS, Sandbox

NAMES = {"packages.corp.example": "packagemanager", "idp.corp.example": "gitlab"}
WAYS = ["pip-import", "pip-subprocess", "uv"]


def install(job: Job, way: str, *, index: str = "") -> None:
    """Install gatepass-hello by the newest client."""
    if way == "uv":
        uv_install(job, index=index).succeeded()
    else:
        pip(job, "latest", way.removeprefix("pip-"), index=index).succeeded()
    assert job.installed()


@pytest.fixture(params=[False, True], ids=["http", "tls"])
def world(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(tls=request.param) as sandbox:
        yield sandbox


@pytest.fixture
def machine(base_env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """A clean machine, whose jobs work in a folder of their own."""
    (tmp_path / "workspace").mkdir()
    return base_env


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("platform", JOBS)
def test_installs(
    world: Sandbox, machine: dict[str, str], tmp_path: Path, platform: str, way: str
) -> None:
    """With what the platform gives its job and nothing else; one exchange, no token anywhere."""
    job = Job(world, {**machine, **world.environment(platform)}, tmp_path / "workspace")
    install(job, way)
    assert job.exchanges() == world.count("exchange") == 1
    assert not [one for one in world.requests if "came along" in one.note]
    assert ("kubernetes" in [one.party for one in world.requests]) == (platform == "kubernetes")
    job.check_leftovers()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("platform", JOBS)
def test_installs_from_codeartifact(
    machine: dict[str, str], tmp_path: Path, platform: str, way: str
) -> None:
    """A role for the job's own token, then CodeArtifact's: one request each, at AWS' names."""
    with Sandbox(aws=True) as sandbox:
        given = {**machine, **sandbox.environment(platform)}
        job = Job(sandbox, given, tmp_path / "workspace", code_artifact(sandbox))
        install(job, way)
        assert sandbox.count("sts") == job.exchanges() == 1
        assert sandbox.count("exchange") == 0
        assert sandbox.proxy.refused == []
        assert not [one for one in sandbox.requests if "came along" in one.note]
        job.check_leftovers()


@pytest.mark.parametrize("way", WAYS)
def test_installs_behind_a_proxy(machine: dict[str, str], tmp_path: Path, way: str) -> None:
    """Registry and identity provider have names that only the proxy knows, and certificates by
    a private authority: client and gatepass take the same way out, and no other."""
    with Sandbox(tls=True, names=NAMES) as sandbox:
        given = {**sandbox.environment("gitlab"), **sandbox.proxy.environment()}
        job = Job(sandbox, {**machine, **given}, tmp_path / "workspace")
        assert job.index.startswith("https://packages.corp.example/")
        assert given["CI_SERVER_URL"] == "https://idp.corp.example"
        install(job, way)
        assert sandbox.count("issuer") == 2
        assert job.exchanges() == 1
        assert sandbox.proxy.refused == []
        job.check_leftovers()


@pytest.mark.parametrize("way", WAYS)
def test_a_name_that_the_proxy_does_not_know(
    machine: dict[str, str], tmp_path: Path, way: str
) -> None:
    """An identity provider that the proxy refuses is told by its name; the index gives nothing."""
    names = {"packages.corp.example": "packagemanager"}
    with Sandbox(tls=True, names=names) as sandbox:
        given = {**sandbox.environment("gitlab"), **sandbox.proxy.environment()}
        elsewhere = "https://idp.elsewhere.example"
        given["CI_SERVER_URL"] = elsewhere
        token = sandbox.gitlab.issuer.mint(sandbox.address, iss=elsewhere)
        given["GATEPASS_ID_TOKEN"] = token
        job = Job(sandbox, {**machine, **given}, tmp_path / "workspace")
        if way == "uv":
            done = uv_install(job).failed()
        else:
            done = pip(job, "latest", way.removeprefix("pip-"), "--no-input").failed()
        assert done.blocks("issuer-unreachable") == 1
        assert elsewhere in done.text
        assert set(sandbox.proxy.refused) == {"idp.elsewhere.example:443"}
        assert job.exchanges() == 0
        assert not job.installed()
