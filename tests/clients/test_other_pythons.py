"""A smoke row on the other Pythons: each client once."""

from __future__ import annotations

import pytest

from clients import provision
from clients.harness import USER, Job, need, pip, uv_install

pytestmark = pytest.mark.real


@pytest.fixture(params=[v for v in provision.OTHER_PYTHONS if provision.interpreter(v)])
def python(request: pytest.FixtureRequest) -> str:
    """How the names of a Python's environments begin; one for each Python that runs here."""
    version = str(request.param)
    need(f"py{version}-keyring", f"py{version}-pip-latest")
    return f"py{version}"


def test_pip_in_its_own_process(job: Job, python: str) -> None:
    """Import mode, without a user name."""
    pip(job, "latest", "import", environment=f"{python}-pip-latest").succeeded()
    assert job.installed()
    assert job.exchanges() == 1


def test_pip_with_the_command(job: Job, python: str) -> None:
    """Subprocess mode, without a user name."""
    pip(job, "latest", "subprocess", path=(f"{python}-keyring",)).succeeded()
    assert len(job.asked) == job.exchanges() == 1


def test_uv_with_the_command(job: Job, python: str) -> None:
    """A user name in the URL, and that Python as uv's."""
    where = {"python": f"{python}-pip-latest", "path": (f"{python}-keyring",)}
    uv_install(job, **where).succeeded()
    assert len(job.asked) == job.exchanges() == 1


def test_the_command_itself(job: Job, python: str) -> None:
    """One line on standard output, nothing on standard error."""
    done = job.keyring("get", job.index, USER, environment=f"{python}-keyring").succeeded()
    assert done.out.count("\n") == 1
    assert done.err == ""
