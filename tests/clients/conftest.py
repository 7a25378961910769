"""Fixtures of the client tests: environments that were provisioned, and jobs to run them in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients import provision
from clients.harness import Job
from gatepass.sandbox import Sandbox
from support import Guard, child_env


@pytest.fixture(scope="session", autouse=True)
def provisioned() -> None:
    """Every environment of this Python is there and holds gatepass as it is now."""
    names = [name for name, made in provision.environments().items() if not made.python]
    missing = provision.stale(names)
    if missing:
        pytest.fail(f"not built, or out of date: {', '.join(missing)}. run: make clients")


@pytest.fixture
def base_env(home: Path, refusal: Guard) -> dict[str, str]:
    """As in all tests, but without the programs of the environment that runs them."""
    return child_env(home, refusal.url, {"PATH": os.defpath})


@pytest.fixture
def job(sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path) -> Iterator[Job]:
    """A job of GitHub Actions in a folder of its own, whose leftovers are searched for tokens."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    made = Job(sandbox, github_env, folder)
    yield made
    made.check_files(folder)
    made.check(made.summary)


@pytest.fixture
def pod(sandbox: Sandbox, file_env: dict[str, str], tmp_path: Path) -> Iterator[Job]:
    """A machine with an identity token in a file: no CI, no summary."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    made = Job(sandbox, file_env, folder)
    yield made
    made.check_files(folder)
