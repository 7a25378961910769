"""Fixtures of the client tests: environments that were provisioned, and jobs to run them in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients import provision
from clients.harness import Job, need
from gatepass.sandbox import Sandbox
from support import Guard, child_env


@pytest.fixture(scope="session", autouse=True)
def provisioned() -> None:
    """Every environment of `make test` is there and holds gatepass as it is now."""
    need(*provision.environments())


@pytest.fixture
def base_env(home: Path, refusal: Guard) -> dict[str, str]:
    """As in all tests, but without the programs of the environment that runs them."""
    return child_env(home, refusal.url, {"PATH": os.defpath})


@pytest.fixture
def job(sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path) -> Iterator[Job]:
    """A job of GitHub Actions in a folder of its own; what clients leave is searched for tokens."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    made = Job(sandbox, github_env, folder)
    yield made
    made.check_leftovers()
    made.check(made.summary)


@pytest.fixture
def pod(sandbox: Sandbox, file_env: dict[str, str], tmp_path: Path) -> Iterator[Job]:
    """A machine with an identity token in a file: no CI, no summary."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    made = Job(sandbox, file_env, folder)
    yield made
    made.check_leftovers()
