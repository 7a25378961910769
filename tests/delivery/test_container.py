"""docs/container.md as it stands: its commands and its Dockerfiles, by buildah and podman.

A `docker` on PATH stands for Docker's. Every image that a page's command builds is run, and
everything that the builds left behind is searched for what they were given.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from delivery.containers import BASE, IMAGE, Done, Engine, good
from delivery.pages import DOCS, FENCE
from gatepass.sandbox import Sandbox
from support import BIN, ROOT, run

pytestmark = pytest.mark.real

PAGE = (DOCS / "container.md").read_text(encoding="utf-8")
GREETING = "you came through the gate"


class Step(NamedTuple):
    """A block of shell lines, and the Dockerfile that stands before it in its section, if any."""

    shell: str
    dockerfile: str


def steps() -> list[Step]:
    """The page's, in its order."""
    found = []
    for section in re.split(r"^##+ ", PAGE, flags=re.MULTILINE):
        file = ""
        for language, text in FENCE.findall(section):
            file = text if language == "dockerfile" else file
            if language == "sh":
                found.append(Step(text, file))
    return found


class Builder:
    """Somebody at a machine with Docker, gatepass and an identity token's file."""

    def __init__(self, engine: Engine, sandbox: Sandbox, env: dict[str, str], tmp: Path) -> None:
        self.engine, self.sandbox, self.folder = engine, sandbox, tmp / "work"
        self.folder.mkdir()
        (tmp / "bin").mkdir()
        config = tmp / "config.toml"
        config.write_text(f'version = 1\ntrusted_issuers = ["{sandbox.issuer.url}"]\n')
        # The machine's own configuration, which images of a company come with.
        self.mount = f"--volume={config}:/etc/gatepass/config.toml:ro"
        engine.command(tmp / "bin", self.mount)
        self.env = {**env, **sandbox.environment("file")}
        del self.env["PACKAGEMANAGER_ADDRESS"]  # the page has to say it
        self.env["PATH"] = os.pathsep.join([str(tmp / "bin"), str(BIN), env["PATH"]])
        self.token = self.env["PACKAGEMANAGER_IDENTITY_TOKEN_FILE"]
        os.chmod(self.token, 0o644)

    def paste(self, step: Step) -> Done:
        """Run a step where its Dockerfile is, with the example's names replaced."""
        (self.folder / "Dockerfile").write_text(self.named(step.dockerfile))
        return run(["sh", "-ec", self.named(step.shell)], self.env, cwd=self.folder, timeout=180)

    def named(self, text: str) -> str:
        """A text of the page with this machine's names in it."""
        for old, new in (
            ("ghcr.io/OWNER/gatepass@sha256:DIGEST", IMAGE),
            ("docker.io/library/python:3.13-slim", BASE),
            ("https://__token__@ppm.example.com/internal", self._index("__token__@")),
            ("https://ppm.example.com/internal", self._index("")),
            ("https://ppm.example.com", self.sandbox.address),
            ("internal/latest", "private/latest"),
            ("/run/secrets/ppm-token", self.token),
            ("your-image", "localhost/yours"),
            ("your-package", "gatepass-hello"),
            ("your_package", "gatepass_hello"),
        ):
            text = text.replace(old, new)
        return text

    def secrets(self) -> list[str]:
        """The identity token; how each token of Package Manager begins; that in a header."""
        token = Path(self.token).read_text().strip()
        begins = self.sandbox.packagemanager.token()[:69]  # header, and the issuer's claim
        header = base64.b64encode(f"__token__:{begins}"[:78].encode()).decode()
        return [token, begins, header]

    def _index(self, user: str) -> str:
        return f"{self.sandbox.address.replace('://', f'://{user}')}/private"


@pytest.fixture
def builder(
    engine: Engine, image: str, sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path
) -> Iterator[Builder]:
    """Whose images go again, with the layers behind them."""
    one = Builder(engine, sandbox, base_env, tmp_path)
    yield one
    engine.podman("image", "rm", "--force", "localhost/yours")
    good(engine.podman("image", "prune", "--force"))
    assert engine.kept(*one.secrets()) == []


def of(word: str) -> list[Step]:
    """The steps that say a word; there must be some."""
    found = [step for step in steps() if word in step.shell]
    assert found, word
    return found


def test_every_block_of_the_page_is_run_here() -> None:
    """Each is one of the kinds that the tests below run."""
    kinds = ("whoami", "pip download", "your-image", "--tag gatepass")
    assert all(any(kind in step.shell for kind in kinds) for step in steps())
    assert len(re.findall("^```dockerfile", PAGE, re.MULTILINE)) == 3


def test_docker_run_whoami(builder: Builder) -> None:
    """Our own commands are not kept from the identity: its verified claims are shown."""
    [step] = of("whoami")
    out = good(builder.paste(step))
    assert "PACKAGEMANAGER_IDENTITY_TOKEN_FILE" in out
    assert "repo:acme/widgets" in out


def test_docker_run_pip(builder: Builder) -> None:
    """With a read-only root, as the user that calls, into a folder of that one."""
    [step] = of("pip download")
    good(builder.paste(step))
    assert list(builder.folder.glob("gatepass_hello-*.whl"))


@pytest.mark.parametrize("step", of("your-image"), ids=["outside", "inside"])
def test_no_layer_holds_a_token(step: Step, builder: Builder) -> None:
    """The image works, and nothing that the build left has the identity or a pass in it."""
    good(builder.paste(step))
    assert GREETING in good(builder.engine.run("localhost/yours"))
    assert builder.sandbox.count("exchange") == 1
    assert builder.engine.kept(*builder.secrets()) == []


LEAKS = {
    "identity": "cp /run/secrets/identity /kept",
    "store": "HOME=/kept gatepass get https://ppm.example.com >/dev/null",
    # As a build's first process it becomes its command: nobody is left to remove the passes.
    "exec": "exec env HOME=/kept GATEPASS_STORE=off gatepass exec -- true",
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_token_that_stays_is_found(kind: str, builder: Builder) -> None:
    """The search above finds it, even where a later step deleted it: it stays in its layer."""
    file = f"""\
FROM ghcr.io/OWNER/gatepass@sha256:DIGEST
ARG PACKAGEMANAGER_ADDRESS
USER 0
ENV PACKAGEMANAGER_IDENTITY_TOKEN_FILE=/run/secrets/identity
RUN --mount=type=secret,id=identity {LEAKS[kind]}
RUN rm -r /kept
"""
    good(builder.paste(Step(of("your-image")[1].shell, file)))
    identity, *passes = builder.secrets()
    found = builder.engine.kept(*([identity] if kind == "identity" else passes))
    assert found
    assert all("/diff/kept" in path for path in found)


def test_an_image_of_your_own(builder: Builder) -> None:
    """gatepass copied into it works, as the entrypoint of whatever the image does."""
    section = PAGE.split("## In an image of your own")[1]
    file = builder.folder / "Dockerfile"
    file.write_text(builder.named(FENCE.findall(section)[0][1]))
    good(builder.engine.build(builder.folder, "--tag=localhost/yours"))
    env = ("--env=PACKAGEMANAGER_ADDRESS=" + builder.sandbox.address,)
    env += ("--env=PACKAGEMANAGER_IDENTITY_TOKEN_FILE=/run/secrets/token",)
    mounts = (builder.mount, f"--volume={builder.token}:/run/secrets/token:ro")
    out = good(builder.engine.run(*env, *mounts, "localhost/yours"))
    assert "Saved ./gatepass_hello-" in out


def test_the_image_is_built_as_the_page_says(builder: Builder) -> None:
    """On a base by digest, in a checkout; where its wheels come from is a pip.conf's to say."""
    [step] = of("--tag gatepass")
    [digest] = builder.engine.inspect(BASE)["RepoDigests"]
    shell = step.shell.replace("docker.io/library/python:3.13-slim@sha256:DIGEST", digest)
    folder = builder.folder.parent
    (folder / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    assert "--secret id=pip.conf,src=pip.conf" in PAGE
    wheels = f"--volume={ROOT / '.tools' / 'container' / 'wheels'}:/wheels:ro"
    builder.engine.command(folder / "bin", wheels)
    shell = shell.replace(
        "docker build", f"docker build --secret id=pip.conf,src={folder}/pip.conf"
    )
    shell = shell.replace("--tag gatepass", "--tag localhost/yours")
    good(run(["sh", "-ec", shell], builder.env, cwd=ROOT, timeout=180))
    assert good(builder.engine.run("localhost/yours", "gatepass", "--version"))
