"""A job at its machine: real clients run in it, and all they print is searched for secrets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from clients import provision
from clients.places import Place, package_manager
from gatepass.sandbox import Request, Sandbox, wheel

USER = "__token__"
HELLO, BUILT = "gatepass-hello", "gatepass-built"

# A terminal of its own for a command: what the child writes there comes out on standard output.
_IN_TERMINAL = (
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])) & 255)"
)
# Any JWT, and the beginning of a Basic credential for __token__ or aws.
_SECRET = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}|X190b2tlbl9f\w+|YXdzO[g-v]\w+")


class Done:
    """A program that has ended: its status, and what it wrote."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def text(self) -> str:
        """Everything it wrote."""
        return self.out + self.err

    def blocks(self, code: str) -> int:
        """How often the error block with this code was shown, on all channels together."""
        return self.text.count(f"error[{code}]")

    def succeeded(self) -> Done:
        """Itself, where the status is 0."""
        assert self.status == 0, self
        return self

    def failed(self) -> Done:
        """Itself, where the status is not 0."""
        assert self.status != 0, self
        return self

    def __repr__(self) -> str:
        return f"status {self.status}\n--- out\n{self.out}\n--- err\n{self.err}"


def need(*environments: str) -> None:
    """Fail the test unless these environments are there and hold gatepass as it is now."""
    missing = provision.stale(environments)
    if missing:
        target = "clients" if set(missing) <= set(provision.environments()) else "real-clients"
        pytest.fail(f"not built, or out of date: {', '.join(missing)}. run: make {target}")


def leaks(text: str, secrets: Iterable[str] = ()) -> list[str]:
    """The first characters of each secret in a text: enough to know what leaked."""
    found = [match[0] for match in _SECRET.finditer(text)]
    found += [secret for secret in secrets if secret and secret in text]
    return [secret[:12] + "..." for secret in found]


class Job:
    """Runs clients with a job's environment against its sandbox, and checks what they print.

    `place`: the registry that the clients are told of; by default the sandbox's Package Manager.
    """

    def __init__(
        self, sandbox: Sandbox, env: Mapping[str, str], folder: Path, place: Place | None = None
    ) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.place = place or package_manager(sandbox)
        self.env = dict(env)
        self.index, self.index_with_user = self.place.index, self.place.index_with_user
        self.host = self.place.host

    def run(
        self,
        *command: str | Path,
        path: Iterable[str] = (),
        terminal: bool = False,
        prints_secret: bool = False,
        input: str = "",
        cwd: Path | None = None,
        timeout: float = 90,
        **env: str,
    ) -> Done:
        """Run a command to its end, without a controlling terminal or with one of its own.

        `path`: environments whose `keyring` is on PATH. `input`: what is typed; otherwise there is
        no standard input. `prints_secret`: its standard output is meant to hold the token.
        """
        folders = [str(self._recorded(name)) for name in path]
        words = [str(word) for word in command]
        if terminal:
            words = [sys.executable, "-c", _IN_TERMINAL, *words]
        done = subprocess.run(
            words,
            env={**self.env, "PATH": os.pathsep.join([*folders, os.defpath]), **env},
            input=input,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            cwd=cwd or self.folder,
            start_new_session=True,
        )
        result = Done(done.returncode, done.stdout, done.stderr)
        self.check(result.err if prints_secret else result.text)
        return result

    def _recorded(self, environment: str) -> Path:
        """A folder whose `keyring` writes down how it was called, and becomes the real one."""
        folder = self.folder.parent / f"programs-{environment}"
        if not folder.exists():
            folder.mkdir()
            script = folder / "keyring"
            real = provision.program(environment, "keyring")
            script.write_text(f'#!/bin/sh\necho "$*" >> "{self.log}"\nexec "{real}" "$@"\n')
            script.chmod(0o755)
        return folder

    @property
    def log(self) -> Path:
        """The file behind `asked`."""
        return self.folder.parent / "asked"

    @property
    def asked(self) -> list[str]:
        """The words of every call of the `keyring` command that a client made, in order."""
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []

    def check(self, text: str) -> None:
        """Fail where a text holds a token of any kind."""
        assert leaks(text, self.place.secrets()) == []

    def check_files(self, folder: Path) -> None:
        """Fail where a file that a client left behind (a lock, a log, a summary) holds a token."""
        for file in folder.rglob("*"):
            if file.is_file() and file.stat().st_size < 1_000_000:
                self.check(file.read_text(encoding="utf-8", errors="replace"))

    def check_leftovers(self) -> None:
        """:meth:`check_files` for the job's folder, and for caches and logs in its home."""
        home = Path(self.env["HOME"])
        for folder in (self.folder, home / ".cache", home / ".config", home / ".local"):
            self.check_files(folder)

    def keyring(self, *words: str, environment: str = "keyring", **options: Any) -> Done:
        """Run `keyring WORDS...`, whose standard output may be the token."""
        command = provision.program(environment, "keyring")
        return self.run(command, *words, prints_secret=True, **options)

    def gatepass(self, *words: str, **options: Any) -> Done:
        """Run `gatepass WORDS...` beside that keyring."""
        command = provision.program("keyring", "gatepass")
        return self.run(command, *words, **options)

    def installed(self, project: str = HELLO) -> bool:
        """Whether :func:`pip_install` installed it."""
        return (self.folder / "site" / f"{project.replace('-', '_')}.py").exists()

    def requests(self, *parties: str) -> list[Request]:
        """What happened at these parties so far."""
        return [request for request in self.sandbox.requests if request.party in parties]

    @property
    def summary(self) -> str:
        """What stands in the job's summary."""
        path = self.env.get("GITHUB_STEP_SUMMARY", "")
        return Path(path).read_text(encoding="utf-8") if path else ""

    def exchanges(self) -> int:
        """How many exchanges were tried, with whatever outcome."""
        party, end = self.place.exchange
        return len([one for one in self.requests(party) if one.path.endswith(end)])


def pip(
    job: Job,
    version: str,
    mode: str,
    *words: str,
    index: str = "",
    projects: tuple[str, ...] = (HELLO,),
    environment: str = "",
    path: tuple[str, ...] = ("keyring",),
    **options: Any,
) -> Done:
    """Install projects by `pip`, asking keyring in `mode`: "import", "subprocess" or "auto".

    The index has no user name unless `index` says another one. In subprocess mode `keyring` comes
    from an environment that isn't pip's: pip doesn't take one from its own.
    """
    apart = mode == "subprocess"
    environment = environment or (f"bare-pip-{version}" if apart else f"pip-{version}")
    provider = () if mode == "auto" else ("--keyring-provider", mode)
    target = ("--target", str(job.folder / "site"), "--upgrade")
    where = ("--index-url", index or job.index)
    command = (provision.program(environment, "python"), "-m", "pip", "install")
    words = (*target, *where, *provider, *words, *projects)
    return job.run(*command, *words, path=path if apart else (), **options)


def uv(job: Job, *words: str | Path, path: tuple[str, ...] = ("keyring",), **options: Any) -> Done:
    """Run `uv WORDS...`; it asks the keyring on PATH."""
    program = provision.program("uv", "uv")
    return job.run(program, *words, path=path, **{"UV_KEYRING_PROVIDER": "subprocess", **options})


def uv_install(job: Job, *words: str, index: str = "", python: str = "", **options: Any) -> Done:
    """Install the project by `uv pip install`, from the index with the user name or another."""
    python = python or "bare-pip-latest"
    where = ("--python", provision.program(python, "python"), "--target", job.folder / "site")
    index = index or job.index_with_user
    return uv(job, "pip", "install", *where, "--index-url", index, *words, HELLO, **options)


def refuse_exchanges(job: Job) -> None:
    """From now on the registry takes nobody's identity."""
    job.place.refuse()


def revoke_after(job: Job, path: str) -> None:
    """Revoke all tokens as soon as one served to fetch a path that ends so."""
    seen: list[str] = []

    def watch(request: Request) -> None:
        if request.status == 200 and request.path.endswith(path) and not seen:
            seen.append(request.path)
            job.sandbox.packagemanager.revoke_all()

    job.sandbox.watch(watch)


def distribution(job: Job) -> Path:
    """A wheel to upload."""
    name, data = wheel.build("gatepass-upload", "1.0", "Goes up", {"gatepass_upload.py": "X = 1\n"})
    folder = job.folder / "dist"
    folder.mkdir()
    (folder / name).write_bytes(data)
    return folder / name
