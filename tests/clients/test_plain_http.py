"""A requirements file that has our registry asked for over plain http: nobody on the way hears."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.harness import Done, Job, pip, uv_install
from clients.places import code_artifact
from gatepass.sandbox import Sandbox
from wire import Wire, answer, wire

_BASIC = re.compile(rb"(?i)authorization: *basic +(\S+)")
WAYS = ["index", "link"]
REFUSES = answer(401, "", 'WWW-Authenticate: Basic realm="x"')


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(aws=True) as running:
        yield running


@pytest.fixture
def job(sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path) -> Job:
    """A job that has its pass already, as any second install does."""
    env = {**base_env, **sandbox.environment("github")}
    made = Job(sandbox, env, tmp_path, code_artifact(sandbox))
    made.gatepass("get", made.index, prints_secret=True).succeeded()
    return made


@pytest.fixture
def listener() -> Iterator[Wire]:
    """Whoever is on the way of plain http, and says what a registry says to strangers."""
    with wire(REFUSES) as listening:
        yield listening


def heard_nothing(listener: Wire, job: Job) -> None:
    """It was reached, and told a user name at most, which stands in the URL."""
    assert any(job.host.encode() in one for one in listener.heard)
    told = [word for one in listener.heard for word in _BASIC.findall(one)]
    assert {base64.b64decode(word) for word in told} <= {b"aws:"}
    assert job.exchanges() == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("version", "mode"), [("latest", "subprocess"), ("latest", "import"),
                                               ("25.3", "subprocess")])  # fmt: skip
def test_pip(job: Job, listener: Wire, version: str, mode: str, way: str) -> None:
    """After the URL pip asks for the bare host, of which nobody knows how it will be reached."""
    plain = job.index_with_user.replace("https:", "http:")
    requirements = job.folder / "requirements.txt"
    if way == "index":
        requirements.write_text(f"--trusted-host {job.host}\n--index-url {plain}\nleft-pad\n")
    else:
        # Where pip knows an index at that host, it asks for that one, and nobody can tell.
        requirements.write_text(f"--no-index\nx @ {plain}x/x-1-py3-none-any.whl\n")
    none = () if way == "index" else ("--no-index",)
    done: Done = pip(
        job, version, mode, *none, "--retries=0", "--no-input", "-r", str(requirements),
        projects=(), http_proxy=listener.url, HTTP_PROXY=listener.url,
    )  # fmt: skip
    done.failed()
    heard_nothing(listener, job)


def test_uv(job: Job, listener: Wire) -> None:
    """It asks for the host as well."""
    plain = job.index_with_user.replace("https:", "http:")
    uv_install(
        job, "--allow-insecure-host", job.host, index=plain,
        http_proxy=listener.url, HTTP_PROXY=listener.url,
    ).failed()  # fmt: skip
    heard_nothing(listener, job)
