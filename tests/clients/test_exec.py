"""Under `gatepass exec` each client finds its credential by the pass, and has no identity to use.

gatepass runs from an environment of its own. pip and uv, which have no gatepass beside them, ask
our launcher; twine and hatch, which have, ask the backend in their own process.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clients import provision
from clients.harness import HELLO, Done, Job, distribution, refuse_exchanges
from clients.projects import overhear, poetry_project, project_installed
from clients.test_every_kind import KINDS
from gatepass.sandbox import Sandbox

BARE = provision.program("bare-pip-latest", "python")
UV = provision.program("uv", "uv")
TWINE, HATCH = provision.program("twine", "twine"), provision.program("hatch", "hatch")
NOBODY = "keyring.backends.null.Keyring"
"""A backend that knows nothing: as if gatepass weren't installed beside the tool."""


@pytest.fixture(params=["packagemanager", "codeartifact"])
def at(request: pytest.FixtureRequest, base_env: dict[str, str], tmp_path: Path) -> Iterator[Job]:
    """A job of GitHub Actions whose registry is of one kind."""
    kind = KINDS[request.param]
    folder = tmp_path / "workspace"
    folder.mkdir()
    with Sandbox(aws=kind.aws) as sandbox:
        env = {**base_env, **sandbox.environment(kind.platform)}
        job = Job(sandbox, env, folder, kind.place(sandbox))
        yield job
        job.check_leftovers()
        assert job.exchanges() <= 1
        assert list(Path(env["RUNNER_TEMP"]).rglob("exec-*")) == []


def execute(job: Job, *words: str | Path, command: tuple[str | Path, ...], **options: Any) -> Done:
    """`gatepass exec --registry INDEX WORDS... -- COMMAND`, from gatepass' own environment."""
    registry = ("--registry", job.place.index)
    return job.gatepass("exec", *registry, *map(str, words), "--", *map(str, command), **options)


def pip_install(job: Job, version: str, *words: str) -> tuple[str | Path, ...]:
    program = provision.program(f"bare-pip-{version}", "python")
    target = ("--target", job.folder / "site", "--no-cache-dir")
    return (program, "-m", "pip", "install", *target, *words, HELLO)


@pytest.mark.parametrize("version", ["25.3", "latest"])
def test_pip_installs_from_the_index_that_it_is_given(at: Job, version: str) -> None:
    """--index, and nothing else: older pips get the user name by the address."""
    execute(at, "--index", at.index, command=pip_install(at, version)).succeeded()
    assert at.installed()
    assert at.exchanges() == 1


def test_pip_finds_the_launcher_for_an_address_of_its_own(at: Job) -> None:
    """A new pip needs no user name, and no index from us."""
    words = ("--index-url", at.index, "--no-input")
    execute(at, command=pip_install(at, "latest", *words)).succeeded()
    assert at.installed()


def test_uv_installs_from_the_index_that_it_is_given(at: Job) -> None:
    """UV_DEFAULT_INDEX with a name, whose user name stands in a variable."""
    target = ("--target", at.folder / "site", "--no-cache", "--python", BARE)
    execute(at, "--index", at.index, command=(UV, "pip", "install", *target, HELLO)).succeeded()
    assert at.installed()
    assert at.exchanges() == 1


def test_uv_syncs_a_project_that_names_the_registry(job: Job) -> None:
    """The project's index is called as the registry is: that is all that it takes."""
    (job.folder / "pyproject.toml").write_text(
        f'[project]\nname = "demo"\nversion = "0"\nrequires-python = ">=3.11"\n'
        f'dependencies = ["{HELLO}"]\n[[tool.uv.index]]\nname = "packagemanager"\n'
        f'url = "{job.index}"\ndefault = true\n'
    )
    execute(job, command=(UV, "sync", "--no-cache", "--python", BARE)).succeeded()
    assert project_installed(job)
    assert "__token__" not in (job.folder / "uv.lock").read_text()


def test_uv_publishes(at: Job) -> None:
    """Where to and as whom by variables, the password by the launcher."""
    command = (UV, "publish", distribution(at))
    execute(at, "--publish", at.place.upload, command=command).succeeded()
    assert at.sandbox.count("upload") == 1


def test_twine_with_gatepass_beside_it_uploads(at: Job) -> None:
    """Its own process asks the backend, which finds the pass: nothing else was set up."""
    overhear(at)
    command = (TWINE, "upload", "--non-interactive", distribution(at))
    execute(at, "--publish", f"prod={at.place.upload}", command=command).succeeded()
    assert at.sandbox.count("upload") == 1
    assert at.asked == [f"password {at.place.upload} {at.place.user} answered"]
    assert at.exchanges() == 1


def test_hatch_with_gatepass_beside_it_uploads(job: Job) -> None:
    """Likewise. It goes through no proxy, so that it can't be shown AWS' host names here."""
    overhear(job)
    command = (HATCH, "publish", "--no-prompt", distribution(job))
    execute(job, "--publish", f"prod={job.place.upload}", command=command).succeeded()
    assert job.sandbox.count("upload") == 1
    assert job.asked == [f"password {job.place.upload} __token__ answered"]
    assert job.exchanges() == 1


@pytest.mark.parametrize("tool", ["twine", "hatch"])
def test_tools_without_it_take_a_password_where_asked(job: Job, tool: str) -> None:
    """--for twine, --for hatch: by a variable, since there is no other way."""
    wheel = distribution(job)
    words = ("--non-interactive", wheel) if tool == "twine" else ("--no-prompt", wheel)
    command = (TWINE, "upload", *words) if tool == "twine" else (HATCH, "publish", *words)
    publish = ("--publish", job.place.upload)
    env = {"PYTHON_KEYRING_BACKEND": NOBODY}
    execute(job, *publish, command=command, **env).failed()
    execute(job, *publish, "--for", tool, command=command, **env).succeeded()
    assert job.sandbox.count("upload") == 1


def test_poetry_takes_a_password_where_asked(job: Job) -> None:
    """--for poetry: its source has to be called as the registry is."""
    poetry_project(job)
    text = (job.folder / "pyproject.toml").read_text().replace('"private"', '"packagemanager"')
    (job.folder / "pyproject.toml").write_text(text)
    command = (provision.program("poetry-2", "poetry"), "lock")
    env = {"PYTHON_KEYRING_BACKEND": NOBODY}
    execute(job, command=command, **env).failed()
    execute(job, "--for", "poetry", command=command, **env).succeeded()
    assert HELLO in (job.folder / "poetry.lock").read_text()


def test_a_netrc_serves_who_never_asks(at: Job) -> None:
    """pip without any keyring; the user's own entries are there too."""
    (Path(at.env["HOME"]) / ".netrc").write_text("machine git.example login me password mine\n")
    words = ("--index-url", at.index, "--keyring-provider", "disabled")
    execute(at, "--for", "netrc", command=pip_install(at, "latest", *words)).succeeded()
    assert at.installed()
    script = 'grep -c "git.example login me" "$NETRC"'
    assert execute(at, "--for", "netrc", command=("sh", "-c", script)).out == "1\n"


def test_an_exchange_that_fails_starts_no_client(job: Job) -> None:
    """The error is the registry's own, and stands where the client would have prompted."""
    refuse_exchanges(job)
    done = execute(job, "--index", job.index, command=pip_install(job, "latest")).failed()
    assert done.out == ""
    assert done.blocks("exchange-refused") == 1
