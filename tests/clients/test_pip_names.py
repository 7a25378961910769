"""pip and user names: whose password is asked for, and who is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.harness import HELLO, Job, pip

CASES = [("25.3", "import"), ("25.3", "subprocess"), ("latest", "import"), ("latest", "subprocess")]


@pytest.mark.parametrize(("version", "mode"), CASES)
def test_another_user_name_is_left_to_other_backends(job: Job, version: str, mode: str) -> None:
    """Package Manager's tokens have one user name: alice's password is not ours to give."""
    index = job.index.replace("://", "://alice@")
    pip(job, version, mode, "--no-input", index=index).failed()
    assert job.exchanges() == 0


@pytest.mark.parametrize(("version", "mode"), CASES)
def test_limit_a_password_in_the_url_is_never_replaced(job: Job, version: str, mode: str) -> None:
    """A limit of pip: with a password in the URL it asks nobody, though it be wrong."""
    index = job.index.replace("://", "://__token__:wrong@")
    pip(job, version, mode, "--no-input", index=index).failed()
    assert job.asked == []
    assert job.exchanges() == 0


@pytest.mark.parametrize(("version", "mode"), CASES)
def test_a_good_netrc_comes_first(job: Job, version: str, mode: str) -> None:
    """What netrc answers is never asked of keyring."""
    netrc = Path(job.env["HOME"]) / ".netrc"
    token = job.sandbox.packagemanager.token()
    netrc.write_text(f"machine 127.0.0.1 login __token__ password {token}\n", encoding="utf-8")
    netrc.chmod(0o600)
    pip(job, version, mode).succeeded()
    assert job.asked == []
    assert job.exchanges() == 0


@pytest.mark.parametrize(("version", "mode"), CASES)
def test_a_stale_netrc_costs_calls_but_no_exchange(job: Job, version: str, mode: str) -> None:
    """pip sends netrc's first on every request; the store answers what it then asks for."""
    netrc = Path(job.env["HOME"]) / ".netrc"
    netrc.write_text("machine 127.0.0.1 login __token__ password stale\n", encoding="utf-8")
    netrc.chmod(0o600)
    index = job.index_with_user
    pip(job, version, mode, index=index, projects=(HELLO, "gatepass-greeting")).succeeded()
    assert job.exchanges() == 1


@pytest.mark.parametrize("index", ["index", "index_with_user"])
def test_several_projects_are_one_call(job: Job, index: str) -> None:
    """pip keeps the answer for the whole run."""
    projects = (HELLO, "gatepass-greeting")
    pip(job, "latest", "subprocess", index=getattr(job, index), projects=projects).succeeded()
    assert len(job.asked) == job.exchanges() == 1
