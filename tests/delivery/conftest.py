"""The container that the tests marked `real` share: built once, and gone with the last of them; and
an index of somebody else's."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from delivery import base, containers
from delivery.containers import BASE, IMAGE, Engine, good
from gatepass.sandbox import wheel


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


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[str]:
    """Another index, which has a newer package of the same name."""
    folder = tmp_path / "strange" / "gatepass-hello"
    folder.mkdir(parents=True)
    name, data = wheel.build("gatepass-hello", "99.0", "Not ours", {"strange.py": "X = 1\n"})
    (folder / name).write_bytes(data)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *parts: object) -> None:
            pass

    handler = partial(Handler, directory=folder.parent)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()
