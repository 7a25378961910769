"""Every client with every kind of registry: it installs and uploads with one exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from clients.harness import Done, Job, distribution, pip, refuse_exchanges, uv, uv_install
from clients.places import Place, code_artifact, menda, package_manager
from clients.projects import (
    PDM_MODES,
    POETRIES,
    hatch_publish,
    pdm,
    pdm_project,
    pdm_publish,
    poetry,
    poetry_project,
    poetry_publish,
    project_installed,
)
from clients.provision import PIPS
from clients.test_twine import upload
from gatepass.sandbox import Sandbox


class Kind(NamedTuple):
    """A kind of registry, and the platform whose job asks for its tokens."""

    place: Callable[[Sandbox], Place]
    platform: str
    aws: bool = True


KINDS = {
    "packagemanager": Kind(package_manager, "github", aws=False),
    "codeartifact": Kind(code_artifact, "github"),
    "codeartifact-keys": Kind(code_artifact, "aws"),
    "menda": Kind(menda, "menda"),
}


@pytest.fixture(params=KINDS)
def at(request: pytest.FixtureRequest, base_env: dict[str, str], tmp_path: Path) -> Iterator[Job]:
    """A job whose registry is of one kind; nothing that it starts may ask for any other host."""
    kind = KINDS[request.param]
    folder = tmp_path / "workspace"
    folder.mkdir()
    with Sandbox(aws=kind.aws) as sandbox:
        env = {**base_env, **sandbox.environment(kind.platform)}
        job = Job(sandbox, env, folder, kind.place(sandbox))
        yield job
        job.check_leftovers()
        assert not kind.aws or sandbox.proxy.refused == []
        assert not [one for one in sandbox.requests if "came along" in one.note]


def by_pip(version: str, mode: str, job: Job) -> bool:
    """pip up to 26.1 asks the command only for a user name that it knows."""
    with_user = mode == "subprocess" and version in ("23.2.1", "25.3")
    index = job.index_with_user if with_user else ""
    pip(job, version, mode, index=index).succeeded()
    return job.installed()


def by_uv(job: Job) -> bool:
    """uv wants a user name in the URL."""
    uv_install(job).succeeded()
    return job.installed()


def by_poetry(version: str, job: Job) -> bool:
    """poetry locks, and installs from its lock file."""
    poetry_project(job)
    poetry(job, version, "lock").succeeded()
    poetry(job, version, "install").succeeded()
    return project_installed(job)


def by_pdm(mode: str, job: Job) -> bool:
    """pdm likewise."""
    pdm_project(job)
    pdm(job, mode, "lock").succeeded()
    pdm(job, mode, "sync").succeeded()
    return project_installed(job)


INSTALLS: dict[str, Callable[[Job], bool]] = {
    **{f"pip-{v}-{m}": partial(by_pip, v, m) for v in PIPS for m in ("import", "subprocess")},
    "uv": by_uv,
    **{f"poetry-{version}": partial(by_poetry, version) for version in POETRIES},
    **{f"pdm-{mode}": partial(by_pdm, mode) for mode in PDM_MODES},
}


@pytest.mark.parametrize("client", INSTALLS)
def test_installs(at: Job, client: str) -> None:
    """With one exchange, and what the platform gives its job."""
    assert INSTALLS[client](at)
    assert at.exchanges() == 1


def uv_publish(job: Job) -> Done:
    """uv publishes for a user name that it is told."""
    words = ("--publish-url", job.place.upload, "--username", job.place.user)
    return uv(job, "publish", *words, distribution(job))


def by_hatch(job: Job) -> Done:
    """hatch likewise."""
    return hatch_publish(job, distribution(job), "--user", job.place.user, "--no-prompt")


def by_poetry_publish(version: str, job: Job) -> Done:
    """poetry takes what lies in dist/."""
    distribution(job)
    return poetry_publish(job, version, "--no-interaction")


def by_pdm_publish(mode: str, job: Job) -> Done:
    """pdm likewise."""
    distribution(job)
    return pdm_publish(job, mode)


UPLOADS: dict[str, Callable[[Job], Done]] = {
    "twine": lambda job: upload(job, "--non-interactive"),
    "uv": uv_publish,
    "hatch": by_hatch,
    **{f"poetry-{version}": partial(by_poetry_publish, version) for version in POETRIES},
    **{f"pdm-{mode}": partial(by_pdm_publish, mode) for mode in PDM_MODES},
}


@pytest.mark.parametrize("client", UPLOADS)
def test_uploads(at: Job, client: str) -> None:
    """With one exchange."""
    UPLOADS[client](at).succeeded()
    assert at.sandbox.count("upload") == at.exchanges() == 1


FAILURES: dict[str, Callable[[Job], Done]] = {
    "pip": lambda job: pip(job, "latest", "import", "--no-input"),
    "uv": uv_install,
    "twine": lambda job: upload(job, "--non-interactive"),
}


@pytest.mark.parametrize("client", FAILURES)
def test_a_failure_is_shown_once(at: Job, client: str) -> None:
    """What the registry's own party said: one block, one exchange, however often clients ask."""
    refuse_exchanges(at)
    done = FAILURES[client](at).failed()
    assert done.blocks(at.place.error) == 1, done
    assert at.exchanges() == 1
