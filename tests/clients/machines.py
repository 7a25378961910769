"""Both tools, each on a machine of its own, and the worlds that they share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from awsclient import browse
from clients import provision
from clients.harness import Done, leaks
from gatepass.sandbox import Sandbox, wheel
from support import ROOT

WHEELHOUSE = ROOT / ".tools" / "wheelhouse"
PM, PM_NAME = "https://ppm.example.com", "ppm.example.com"
PM_INDEX = f"{PM}/private/latest/simple/"
MENDA, MENDA_NAME = "https://api.example.menda.cloud", "api.example.menda.cloud"

_THIRD = """\
import keyring.backend
from pathlib import Path

class Plain(keyring.backend.KeyringBackend):
    priority = 5
    file = Path(__file__).with_name("kept")
    def get_password(self, service, username):
        return self.file.read_text() if service == "other" else None
    def set_password(self, service, username, password):
        self.file.write_text(password)
    def delete_password(self, service, username):
        self.file.unlink()
"""


class Machine:
    """One of the two tools, with a home, a folder to work in and variables of its own.

    `environments`: which environment has a program, by its name; "" for all others. `path`: what
    stands on PATH before them.
    """

    def __init__(
        self, environments: Mapping[str, str], env: Mapping[str, str], folder: Path
    ) -> None:
        self.environments = dict(environments)
        self.path: list[Path] = []
        self.home, self.folder = folder / "home", folder / "work"
        for path in (self.home, self.folder):
            path.mkdir(parents=True)
        self.env = {**env, "HOME": str(self.home)}
        self.is_careful = False
        self.programs: dict[str, Path] = {}

    def program(self, name: str) -> Path:
        """Where a program of this tool's environments lies; `programs` has those of its own."""
        if name in self.programs:
            return self.programs[name]
        return provision.program(self.environments.get(name, self.environments[""]), name)

    @property
    def packages(self) -> Path:
        """Where its environment's packages lie: another Python's PYTHONPATH has them beside."""
        return next(self.program("python").parent.parent.glob("lib/python3*/site-packages"))

    def run(self, name: str, *words: str | Path, prints_secret: bool = False, **env: str) -> Done:
        """Run one of the programs to its end, nobody at a terminal."""
        return self._run([self.program(name), *words], env, prints_secret)

    def shell(self, line: str, prints_secret: bool = False, **env: str) -> Done:
        """A line as it would be pasted, with the environments' programs on PATH."""
        return self._run(["/bin/sh", "-ec", line], env, prints_secret)

    def _run(self, command: list[str | Path], env: Mapping[str, str], prints_secret: bool) -> Done:
        names = [name or "keyring" for name in self.environments]
        folders = dict.fromkeys(str(self.program(name).parent) for name in names)
        path = os.pathsep.join([*map(str, self.path), *folders, os.defpath])
        done = subprocess.run(
            [str(word) for word in command],
            env={**self.env, "PATH": path, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            cwd=self.folder,
            start_new_session=True,
        )
        result = Done(done.returncode, done.stdout, done.stderr)
        if self.is_careful:
            assert leaks(result.err if prints_secret else result.text) == []
        return result

    def keyring(self, *words: str, **env: str) -> Done:
        """Run `keyring WORDS...`, whose standard output may be the token."""
        return self.run("keyring", *words, prints_secret=True, **env)

    def password(self, url: str, user: str, **env: str) -> str:
        """What `keyring get` prints; empty where it has no answer."""
        return self.keyring("get", url, user, **env).out.strip()

    def write(self, name: str, text: str) -> Path:
        """A file below the home, for its owner alone."""
        path = self.home / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    def read(self, name: str) -> str:
        """A file below the home; empty where there is none."""
        path = self.home / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def installs(self, *words: str, **env: str) -> Done:
        """`pip install` of the sandbox's project, by the backend beside pip, with its log."""
        where = ("--target", self.folder / "site", "--upgrade", "--no-cache-dir", "--no-input")
        provider = {} if "PIP_KEYRING_PROVIDER" in env else {"PIP_KEYRING_PROVIDER": "import"}
        words = ("install", *map(str, where), *words, "gatepass-hello")
        done = self.run("pip", *words, **provider, **env)
        if done.status == 0:
            assert (self.folder / "site" / "gatepass_hello.py").exists()
        return done

    def distribution(self) -> Path:
        """A wheel to upload, with a name that nobody has uploaded yet."""
        project = f"gatepass-upload-{self.environments['']}"
        name, data = wheel.build(project, "1.0", "Goes up", {"x.py": "X = 1\n"})
        path = self.folder / "dist" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path


class Both:
    """The old tool and gatepass, and the world that they share."""

    def __init__(
        self, sandbox: Sandbox, environment: str, env: Mapping[str, str], folder: Path
    ) -> None:
        self.sandbox = sandbox
        self.token = folder / "token"
        self.old = Machine({"": environment, "uv": "uv"}, env, folder / "old")
        ours = {"": "keyring", "pip": "pip-latest", "twine": "twine", "uv": "uv"}
        self.new = Machine(ours, env, folder / "new")
        self.new.is_careful = True

    @property
    def machines(self) -> tuple[Machine, Machine]:
        return self.old, self.new

    def set(self, **env: str) -> None:
        """The same variables for both."""
        for machine in self.machines:
            machine.env |= env

    def unset(self, *names: str) -> None:
        """Not these, for either."""
        for machine in self.machines:
            for name in names:
                machine.env.pop(name, None)

    def write(self, name: str, text: str) -> None:
        """The same file in both homes."""
        for machine in self.machines:
            machine.write(name, text)

    def mint(self, audience: str = PM, **claims: Any) -> None:
        """Put a token into the identity token's file; by default one for Package Manager."""
        options = {"lifetime": 3600, **claims}
        self.token.write_text(self.sandbox.issuer.mint(audience, **options), encoding="ascii")

    def tool_install(self, line: str) -> None:
        """Run a line of uv's that installs a `keyring`, from the folder that plays the index of
        public packages; it is gatepass' `keyring` from then on."""
        tools = self.new.folder / "tools"
        given = {
            "UV_TOOL_DIR": str(tools / "all"),
            "UV_TOOL_BIN_DIR": str(tools / "bin"),
            "UV_CACHE_DIR": str(tools / "cache"),
            "UV_PYTHON": sys.executable,
            "UV_FIND_LINKS": str(WHEELHOUSE),
            "UV_OFFLINE": "1",
        }
        self.new.shell(line, **given).succeeded()
        self.new.programs["keyring"] = tools / "bin" / "keyring"

    def share_home(self) -> None:
        """From now on gatepass stands where the old tool stood."""
        self.new.home = self.old.home
        self.new.env["HOME"] = self.old.env["HOME"]

    def opens(self, url: str, user: str, secret: str) -> bool:
        """Whether a secret opens a repository."""
        if not secret:
            return False
        client = browse(self.sandbox)
        return client.get(url, auth=(user, secret), timeout=10).status_code == 200

    def same_answer(self, url: str, user: str) -> tuple[str, str]:
        """Both have a password for this user, and each opens the repository."""
        found = self.old.password(url, user), self.new.password(url, user)
        assert [self.opens(url, user, secret) for secret in found] == [True, True]
        return found

    def count(self, party: str, path: str = "") -> int:
        """How many requests a party has had, for paths that end so."""
        asked = [one for one in self.sandbox.requests if one.party == party]
        return len([one for one in asked if one.path.endswith(path)])

    @contextmanager
    def requests(self, party: str) -> Iterator[list[Any]]:
        """What a party is asked meanwhile; the list is filled at its end."""
        found: list[Any] = []
        before = len(self.sandbox.requests)
        yield found
        found += [one for one in self.sandbox.requests[before:] if one.party == party]


@contextmanager
def with_package_manager(base_env: Mapping[str, str], folder: Path) -> Iterator[Both]:
    """Package Manager at its name, and an identity token in a file: all that a machine has."""
    with Sandbox(tls=True, names={PM_NAME: "packagemanager"}) as sandbox:
        env = {**base_env, **sandbox.proxy.environment(), "BROWSER": "true"}
        found = Both(sandbox, "posit-keyring", env, folder)
        found.mint()
        given = {"PACKAGEMANAGER_IDENTITY_TOKEN_FILE": str(found.token)}
        found.set(PACKAGEMANAGER_ADDRESS=PM, **given)
        yield found
        assert sandbox.proxy.refused == []


@contextmanager
def with_menda(base_env: Mapping[str, str], folder: Path) -> Iterator[Both]:
    """menda cloud and CodeArtifact at their names, and nobody who says who they are."""
    with Sandbox(aws=True, names={MENDA_NAME: "menda"}) as sandbox:
        env = {**base_env, **sandbox.proxy.environment()}
        yield Both(sandbox, "menda-keyring", env, folder)
        assert sandbox.proxy.refused == []


@contextmanager
def with_codeartifact(
    base_env: Mapping[str, str], folder: Path, environment: str
) -> Iterator[Both]:
    """AWS at its names, and nobody who says who they are: two profiles of which more is said.

    `team` has a user's keys, `staging` the role ci-read, for a web identity.
    """
    with Sandbox(aws=True) as sandbox:
        env = {**base_env, **sandbox.proxy.environment(), "AWS_EC2_METADATA_DISABLED": "true"}
        found = Both(sandbox, environment, env, folder)
        found.mint("sts.amazonaws.com")
        keys = "\n".join(f"{name.lower()} = {value}" for name, value in sandbox.aws.keys().items())
        role = f"role_arn = {sandbox.aws.role_arn}\nweb_identity_token_file = {found.token}\n"
        found.write(".aws/credentials", f"[team]\n{keys}\n")
        found.write(".aws/config", f"[profile staging]\n{role}")
        yield found
        assert sandbox.proxy.refused == []


@contextmanager
def with_aws_login(base_env: Mapping[str, str], folder: Path) -> Iterator[Both]:
    """The same, with the AWS command in the old tool's place, and pip and twine beside it.

    On gatepass' machine pip has no backend beside it: it calls the `keyring` of `gatepass setup`.
    """
    with with_codeartifact(base_env, folder, "awscli") as found:
        found.unset("PIP_CONFIG_FILE")
        found.set(AWS_PROFILE="team", AWS_DEFAULT_REGION=found.sandbox.aws.region)
        # twine's own environment has gatepass, and this one no backend for CodeArtifact.
        found.old.environments |= {"pip": "bare-pip-latest", "twine": "posit-keyring"}
        found.new.environments["pip"] = "bare-pip-latest"
        found.new.path.append(found.new.home / ".local" / "bin")
        yield found


def third_backend(machine: Machine) -> Path:
    """Add a backend of priority 5 to a machine, as a desktop has one, which keeps one password;
    the file in which it does."""
    folder = machine.folder / "third"
    info = folder / "plain_backend-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "plain_backend.py").write_text(_THIRD)
    (folder / "kept").write_text("kept by the third")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plain-backend\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[keyring.backends]\nplain = plain_backend\n")
    machine.env["PYTHONPATH"] = str(folder)
    return folder / "kept"
