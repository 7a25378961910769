"""A person at a laptop runs the real pip, and logs in on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.harness import Job, pip
from gatepass.sandbox import Sandbox

pytestmark = pytest.mark.real

NEW = ("26.2", "latest")
"""pips that swallow what the keyring command says."""


@pytest.fixture
def laptop(sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path) -> Iterator[Job]:
    """A laptop in a folder of its own, whose person takes a moment to say yes."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    sandbox.person.approves(after_polls=2)
    made = Job(sandbox, {**base_env, **sandbox.environment("laptop")}, folder)
    yield made
    made.check_leftovers()


def install(job: Job, version: str, **options: object) -> str:
    """`pip install` at a terminal, told by variable to call the keyring command; its screen."""
    more = {"PIP_KEYRING_PROVIDER": "subprocess", **options}
    return pip(job, version, "subprocess", terminal=True, **more).text


@pytest.mark.parametrize("version", NEW)
def test_pip_install_goes_on_after_the_login(laptop: Job, version: str) -> None:
    """The prompt is seen though pip swallows the child's output; the package is installed."""
    screen = install(laptop, version)
    assert laptop.installed(), screen
    assert screen.count(f"gatepass: log in to {laptop.sandbox.address}") == 1
    (code,) = laptop.sandbox.person.asked
    assert f"code: {code}" in screen
    assert re.search(r"waiting, \d:\d\d left", screen)
    assert laptop.exchanges() == 1
    assert len(laptop.asked) == 1
    before = len(laptop.requests("device", "exchange"))
    install(laptop, version)
    assert len(laptop.requests("device", "exchange")) == before


@pytest.mark.parametrize("version", NEW)
def test_a_no_ends_the_install(laptop: Job, version: str) -> None:
    """The reason is on the terminal, pip fails by itself, and nobody is asked twice."""
    laptop.sandbox.person.denies(after_polls=1)
    screen = install(laptop, version, input="\n\n")  # pip asks for a user name then
    assert not laptop.installed()
    assert screen.count("error[login-denied]") == 1
    assert len(laptop.sandbox.person.asked) == 1


@pytest.mark.parametrize("version", NEW)
def test_nobody_at_the_laptop(laptop: Job, version: str) -> None:
    """Without a terminal no login starts, and pip ends."""
    done = pip(laptop, version, "subprocess", "--no-input").failed()
    assert not laptop.installed(), done
    assert laptop.requests("device", "exchange") == []


def test_import_mode_logs_in_too(laptop: Job) -> None:
    """A backend in pip's own process finds the same terminal."""
    done = pip(laptop, "latest", "import", terminal=True)
    assert laptop.installed(), done
    assert done.text.count("gatepass: log in to") == 1
    assert laptop.exchanges() == 1
