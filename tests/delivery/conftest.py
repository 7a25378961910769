"""The container that the tests marked `real` share: built once, and gone with the last of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from delivery import base, containers
from delivery.containers import BASE, IMAGE, Engine, good


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """An engine that has the base image."""
    with containers.running() as running:
        good(running.podman("import", base.TAR, BASE))
        yield running


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """Our image, built from the Dockerfile as it stands."""
    good(containers.build_ours(engine))
    return IMAGE
