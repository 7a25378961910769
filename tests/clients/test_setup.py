"""After `gatepass setup` the real clients install with nothing else set; --undo leaves no trace."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from clients import provision
from clients.harness import BUILT, HELLO, USER, Done, Job, distribution

BARE = ("25.3", "latest")
PYTHON = provision.program("bare-pip-latest", "python")
PATH = "private/latest"


class Laptop:
    """A person's machine: a home, a PATH, an identity token in a file; no registry in variables."""

    def __init__(self, job: Job) -> None:
        self.job, self.home = job, Path(job.env["HOME"])
        for name in ("PACKAGEMANAGER_ADDRESS", "PIP_CONFIG_FILE"):
            del job.env[name]
        # What they would leave in a home by themselves.
        elsewhere = str(self.home.parent / "elsewhere")
        job.env |= {"PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1", "UV_CREDENTIALS_DIR": elsewhere}
        self.path = f"{self.home}/.local/bin{os.pathsep}{os.defpath}"

    def run(self, *words: str | Path, **options: object) -> Done:
        options.setdefault("PATH", self.path)
        return self.job.run(*words, **options)  # type: ignore[arg-type]

    def setup(self, *words: str) -> Done:
        """Run `gatepass setup`, for the sandbox's Package Manager unless it is undone."""
        target = () if "--undo" in words else (f"work={self.job.sandbox.address}",)
        program = provision.program("keyring", "gatepass")
        return self.run(program, "setup", *target, *words).succeeded()

    def pip(self, version: str, *words: str, **options: object) -> Done:
        """Install by pip: no index, provider or user name but what its own file has."""
        python = provision.program(f"bare-pip-{version}", "python")
        site = str(self.job.folder / "site")
        return self.run(python, "-m", "pip", "install", "--target", site, *words, **options)

    def uv(self, *words: str | Path) -> Done:
        where = ("--python", PYTHON, "--target", self.job.folder / "site")
        return self.run(provision.program("uv", "uv"), "pip", "install", *where, *words)

    def tree(self) -> dict[str, object]:
        """Everything in the home but caches, as it is, modes too."""
        return {
            str(path.relative_to(self.home)): (
                stat.filemode(path.lstat().st_mode),
                path.read_bytes() if path.is_file() else None,
            )
            for path in sorted(self.home.rglob("*"))
            if ".cache" not in path.parts
        }


@pytest.fixture
def laptop(pod: Job) -> Laptop:
    return Laptop(pod)


@pytest.mark.parametrize("version", BARE)
def test_pip_installs_with_nothing_else_set(laptop: Laptop, version: str) -> None:
    """Index, provider and user name from pip.conf, the password from the launcher; then undone."""
    before = laptop.tree()
    laptop.setup("--tool", "pip", "--index", PATH)
    laptop.pip(version, HELLO).succeeded()
    assert laptop.job.installed()
    assert laptop.job.exchanges() == 1
    laptop.setup("--undo")
    assert laptop.tree() == before


def test_uv_installs_with_nothing_else_set(laptop: Laptop) -> None:
    """Index and provider from uv.toml, without a user name; then undone."""
    before = laptop.tree()
    laptop.setup("--tool", "uv", "--index", PATH)
    laptop.uv(HELLO).succeeded()
    assert laptop.job.installed()
    assert laptop.job.exchanges() == 1
    laptop.setup("--undo")
    assert laptop.tree() == before


@pytest.mark.parametrize("version", BARE)
def test_without_an_index_the_address_is_enough(laptop: Laptop, version: str) -> None:
    """The line that setup says works, for the old pip and the new, and uv's with it."""
    said = laptop.setup("--tool", "pip", "--tool", "uv").err
    url = f"{laptop.job.sandbox.address}/{PATH}/simple/".replace("://", f"://{USER}@")
    assert url.replace(PATH, "REPOSITORY/latest") in said
    laptop.pip(version, "--index-url", url, HELLO).succeeded()
    laptop.uv("--index-url", url, "--reinstall", HELLO).succeeded()
    assert laptop.job.exchanges() == 1


def test_build_isolation_hears_of_it_too(laptop: Laptop) -> None:
    """What a build needs comes from the private index: its pip reads the same file."""
    laptop.setup("--tool", "pip", "--index", PATH)
    laptop.pip("latest", BUILT).succeeded()
    assert laptop.job.installed(BUILT)
    assert laptop.job.exchanges() == 1


def test_a_hostile_checkout_is_not_imported(laptop: Laptop) -> None:
    """Modules in the current directory don't run with the person's identity."""
    for name in ("keyring", "gatepass", "sitecustomize"):
        text = f"raise SystemExit('{name} of the checkout ran')\n"
        (laptop.job.folder / f"{name}.py").write_text(text, encoding="utf-8")
    laptop.setup("--tool", "pip", "--tool", "uv", "--index", PATH)
    python = provision.program("bare-pip-latest", "python")
    site = ("--target", str(laptop.job.folder / "site"))
    done = laptop.run(python, "-P", "-m", "pip", "install", *site, HELLO).succeeded()
    assert "of the checkout" not in done.text
    done = laptop.uv("--reinstall", HELLO).succeeded()
    assert "of the checkout" not in done.text


@pytest.mark.parametrize("version", ["latest"])
def test_other_registries_still_have_their_own_keyring(
    laptop: Laptop, tmp_path: Path, version: str
) -> None:
    """The command that was there before answers for another host, through the launcher."""
    token = laptop.job.sandbox.packagemanager.token()
    other = tmp_path / "other" / "keyring"
    other.parent.mkdir()
    other.write_text(
        f'#!/bin/sh\necho "$*" >> {laptop.job.log}\n'
        f"""[ "$1" = --list-backends ] || echo '{{"username": "bob", "password": "{token}"}}'\n"""
    )
    other.chmod(0o755)
    laptop.path += f"{os.pathsep}{other.parent}"
    laptop.setup("--tool", "pip")
    url = laptop.job.index.replace("127.0.0.1", "localhost")
    laptop.pip(version, "--index-url", url, "--trusted-host", "localhost", HELLO)
    assert laptop.job.asked == [
        "--list-backends",
        f"--mode=creds --output=json get {url}",
    ]
    assert laptop.job.exchanges() == 0


def test_twine_uploads_by_the_registrys_name(laptop: Laptop) -> None:
    """~/.pypirc has the address and the user name; gatepass beside twine has the password."""
    before = laptop.tree()
    laptop.setup("--tool", "twine", "--upload", "upload/pypi/local")
    twine = provision.program("twine", "twine")
    words = ("upload", "--non-interactive", "-r", "work", distribution(laptop.job))
    laptop.run(twine, *words).succeeded()
    assert laptop.job.sandbox.count("upload") == 1
    assert laptop.job.exchanges() == 1
    laptop.setup("--undo")
    assert laptop.tree() == before


def test_a_keyring_that_was_installed_before_stays_in_use(laptop: Laptop) -> None:
    """`uv tool install keyring` leaves a link where the launcher goes: it comes back."""
    link = laptop.home / ".local" / "bin" / "keyring"
    link.parent.mkdir(parents=True)
    link.symlink_to(provision.program("keyring-24", "keyring"))
    before = laptop.tree()
    laptop.setup("--tool", "uv", "--index", PATH)
    laptop.uv(HELLO).succeeded()
    listed = laptop.run("/bin/sh", "-c", "keyring --list-backends").succeeded()
    assert "keyring.backends" in listed.out
    laptop.setup("--undo")
    assert laptop.tree() == before
