"""The GitLab template as jobs run it: each quick start of docs/gitlab.md, with a release's files.

gitlab-ci-local reads the pipeline and runs its jobs, against the sandbox. The page's registries
stand for the sandbox's, the project with the component for the pipeline's own; packages that
every index has aren't installed but there already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clients.harness import Done
from delivery.gitlab import parts, provision
from delivery.gitlab.project import Project
from gatepass.sandbox import Sandbox, wheel
from support import ROOT

pytestmark = pytest.mark.real

PAGE = ROOT / "docs" / "gitlab.md"
SNIPPETS = parts.snippets(PAGE)

COMPONENT = "$CI_SERVER_FQDN/acme/gatepass/gatepass@0.1.0"
REFUSAL = {"error": "invalid_request", "error_description": "no rule fits acme/widgets"}
FORK = {
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_MERGE_REQUEST_PROJECT_ID": "73401",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "99",
}

Make = Callable[..., Project]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The component project of a release, made by the very script that makes it."""
    if not provision.is_current():
        pytest.fail("gitlab-ci-local isn't there, or out of date. run: make real-parts")
    folder = tmp_path_factory.mktemp("component")
    parts.releasing().release(parts.wheel(), folder)
    return folder


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What gatepass is installed from: a machine without a network has no index."""
    return parts.wheelhouse(tmp_path_factory.mktemp("wheels") / "all")


@pytest.fixture(scope="module")
def one_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image of all jobs of this file."""
    return parts.image(tmp_path_factory.mktemp("image") / "env")


@pytest.fixture
def image(one_image: Path) -> Path:
    """The image as it is for each job: without what another one has installed."""
    return parts.unused(one_image)


@pytest.fixture
def world() -> Iterator[Sandbox]:
    """Package Manager and AWS, whose names lead nowhere but to the sandbox."""
    with Sandbox(aws=True) as running:
        yield running
        assert running.proxy.refused == []
        assert not [one for one in running.requests if "came along" in one.note]


@pytest.fixture
def project(
    world: Sandbox,
    base_env: dict[str, str],
    release: Path,
    wheels: Path,
    image: Path,
    tmp_path: Path,
) -> Make:
    """Makes the project of a snippet: the component's own, or one with the plain file in it."""

    def make(heading: str, number: int = 0) -> Project:
        snippet = SNIPPETS[heading][number]
        for old, new in (
            (COMPONENT, "$CI_SERVER_FQDN/$CI_PROJECT_PATH/gatepass@$CI_COMMIT_SHA"),
            ("https://ppm.example.com", world.address),
            ("internal/latest", "private/latest"),
            ("your-package", "gatepass-hello"),
            ("pip install --index-url https://pypi.org/simple/ uv", "uv --version"),
            ("pip install uv", "uv --version"),
            ("pip install twine", "twine --version"),
        ):
            snippet = snippet.replace(old, new)
        name = "gatepass.gitlab-ci.yml"
        if "component:" in snippet:
            name = "templates/gatepass.yml"
        files = {".gitlab-ci.yml": snippet, name: (release / name).read_text(encoding="utf-8")}
        folder = tmp_path / "widgets"
        folder.mkdir()
        made = Project(world, base_env, folder, files, parts.path(image))
        made.common["GATEPASS_SETUP_WHEELHOUSE"] = str(wheels)
        return made

    return make


def is_installed(image: Path) -> bool:
    """Whether a job has installed the package into its image."""
    return bool(list(image.glob("lib/python3*/site-packages/gatepass_hello.py")))


def succeeded(done: Done) -> Done:
    """A job that GitLab would show in green."""
    assert done.status == 0, done
    return done


@pytest.mark.parametrize(
    ("heading", "number", "exchanges"),
    [
        ("One registry", 0, {"exchange": 1, "codeartifact": 0}),
        ("Two registries", 0, {"exchange": 1, "codeartifact": 1}),
        ("AWS CodeArtifact", 0, {"exchange": 0, "codeartifact": 1}),
        ("Without components", 0, {"exchange": 1, "codeartifact": 0}),
        ("Without components", 1, {"exchange": 1, "codeartifact": 0}),
    ],
)
def test_a_job_installs(
    project: Make,
    world: Sandbox,
    image: Path,
    heading: str,
    number: int,
    exchanges: dict[str, int],
) -> None:
    """With one exchange at each of its registries, and the outcome of each in its log."""
    done = succeeded(project(heading, number).run("build"))
    assert is_installed(image)
    assert {party: world.count(party) for party in exchanges} == exchanges
    assert done.text.count(": a pass until ") == sum(exchanges.values())


def test_uv_installs(project: Make, world: Sandbox) -> None:
    """Into the environment that it makes in the project."""
    made = project("uv")
    succeeded(made.run("build"))
    assert list(made.folder.glob(".venv/lib/python3*/site-packages/gatepass_hello.py"))
    assert world.count("exchange") == 1


@pytest.mark.parametrize("job", ["with-uv", "with-twine"])
def test_a_job_uploads(project: Make, world: Sandbox, job: str) -> None:
    """By uv, which asks the keyring command, and by twine below `gatepass exec`."""
    made = project("Upload")
    name, data = wheel.build("gatepass-upload", "1.0", "Goes up", {"gatepass_upload.py": "X = 1\n"})
    (made.folder / "dist").mkdir()
    (made.folder / "dist" / name).write_bytes(data)
    succeeded(made.run(job))
    assert (world.count("upload"), world.count("exchange")) == (1, 1)


def test_a_cache_has_packages_and_nothing_of_ours(project: Make) -> None:
    """What GitLab would keep for the next job is what uv has fetched; no pass is in it."""
    made = project("Caches and artifacts")
    succeeded(made.run("build"))
    cached = [
        file
        for cache in made.pipeline()["build"]["cache"]
        for path in cache["paths"]
        for file in (made.folder / path).rglob("*")
        if file.is_file()
    ]
    assert [file for file in cached if file.name == "gatepass_hello.py"]
    texts = [file.read_bytes().decode("latin-1") for file in cached]
    for file, text in zip(cached, texts, strict=True):
        made.check(text)
        assert "gatepass-job." not in f"{file}{text}"


def test_a_job_trusts_its_own_authority(project: Make, world: Sandbox, image: Path) -> None:
    """And runs the template between commands of its own; the machine trusts nobody of the kind."""
    made = project("A certificate authority of your own")
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"):
        del made.machine[name]
    succeeded(made.run("build", CORP_CA=str(world.ca_file)))
    assert is_installed(image)


def test_a_fork_goes_on_without_a_pass(project: Make, world: Sandbox, image: Path) -> None:
    """Its merge request's job has a token, which the registry refuses; the job is told."""
    world.packagemanager.fail_next(400, body=REFUSAL)
    done = succeeded(project("Merge requests from forks").run("test", **FORK))
    assert "gatepass: skipped" in done.text
    assert not is_installed(image)
    assert world.count("exchange", 400) == 1


def test_a_refused_exchange_fails_the_job(project: Make, world: Sandbox, image: Path) -> None:
    """With the reason and with whose the token is in its log; `skip` is for forks alone."""
    world.packagemanager.fail_next(400, body=REFUSAL)
    own = {"CI_PIPELINE_SOURCE": "merge_request_event"}
    done = project("Merge requests from forks").run("test", **own)
    assert done.status == 1
    assert done.blocks("exchange-refused") == 1
    assert "no rule fits acme/widgets" in done.text
    assert "this job's token says: project_path = acme/widgets" in done.text
    assert "gatepass-hello" not in done.text.partition("error[")[2]
    assert not is_installed(image)


def test_a_job_without_a_token_is_told_what_to_add(project: Make, world: Sandbox) -> None:
    """A job that took the script and no `id_tokens`; nobody is asked for anything."""
    made = project("Without components", 1)
    file = made.folder / ".gitlab-ci.yml"
    text = file.read_text(encoding="utf-8")
    start, end = text.index("  id_tokens:"), text.index("  before_script:")
    file.write_text(text[:start] + text[end:], encoding="utf-8")
    done = made.run("build")
    assert done.status == 1
    assert done.blocks("gitlab-no-token") == 1
    assert f"aud: {world.address}" in done.text
    assert world.requests == []


def test_a_job_has_an_audience_of_its_own(project: Make, world: Sandbox) -> None:
    """Under its `variables`: the token is made for it, and gatepass expects it."""
    made = project("One registry")
    file = made.folder / ".gitlab-ci.yml"
    text = file.read_text(encoding="utf-8")
    text = text.replace(f"audience: {world.address}", "audience: https://other.example.com")
    own = f"  variables:\n    GATEPASS_SETUP_AUDIENCE: {world.address}\n  script:"
    file.write_text(text.replace("  script:", own), encoding="utf-8")
    succeeded(made.run("build"))
    assert world.count("exchange") == 1


def test_every_quick_start_of_the_page_is_run_here() -> None:
    """A block that is added to the page is added here."""
    source = Path(__file__).read_text(encoding="utf-8")
    for heading, blocks in SNIPPETS.items():
        assert f'"{heading}"' in source
        assert len(blocks) == (2 if heading == "Without components" else 1)
