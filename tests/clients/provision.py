"""Builds the environments of the client tests: `python tests/clients/provision.py [NAME...]`.

Without names it builds what `make test` needs, with `--real` what only `make test-real` needs.
Each client lives in an environment of its own below `.tools/clients`, with gatepass' own wheel in
those that stand for "gatepass is installed here". An environment that is as it should be is left
alone; where only gatepass changed, only gatepass is installed again. This is set-up: it inherits
the whole environment and may use the network. The tests do neither.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENTS = ROOT / ".tools" / "clients"
WHEELS = ROOT / ".tools" / "wheels"
BIN = "Scripts" if sys.platform == "win32" else "bin"

PIPS = ("23.2.1", "25.3", "26.2", "latest")
OTHER_PYTHONS = ("3.12", "3.13")
_BESIDE = ("keyring", "pip", "twine")  # a backend serves the clients of its own environment
_AT_ONCE = 3


class Environment(NamedTuple):
    """What is in an environment: requirements, whether gatepass is, which Python ("": ours)."""

    requirements: tuple[str, ...]
    gatepass: bool = False
    python: str = ""


class Failed(Exception):
    """A command of the set-up failed; the message has its output."""


def environments() -> dict[str, Environment]:
    """The environments of `make test` by name."""
    found = {
        "keyring": Environment(("keyring",), gatepass=True),
        "keyring-24": Environment(("keyring==24.3.1",), gatepass=True),
        "uv": Environment(("uv",)),
        "twine": Environment(("twine",), gatepass=True),
        "poetry-2": Environment(("poetry==2.5.1",), gatepass=True),
        "poetry-1.8": Environment(("poetry==1.8.5",), gatepass=True),
        # Without its lock pdm takes a library that it doesn't work with.
        "pdm": Environment(("pdm[locked]==2.29.3", "keyring"), gatepass=True),
        "bare-pdm": Environment(("pdm[locked]==2.29.3",)),
        "hatch": Environment(("hatch==1.18.2",), gatepass=True),
    }
    for version in PIPS:
        pip = "pip" if version == "latest" else f"pip=={version}"
        found[f"pip-{version}"] = Environment((pip, "keyring"), gatepass=True)
        found[f"bare-pip-{version}"] = Environment((pip,))
    return found


def real_environments() -> dict[str, Environment]:
    """Those that only tests marked `real` need: other tools of our kind, and other Pythons."""
    found = {
        "moto": Environment(("moto[server]==5.2.5",)),
        "keyrings-codeartifact": Environment(("keyrings.codeartifact==2.1.2", *_BESIDE)),
        "awscli": Environment(("awscli",)),
        "check-jsonschema": Environment(("check-jsonschema==0.39.0",)),
        "zizmor": Environment(("zizmor==1.32.0",)),
        "posit-keyring": Environment(("posit-keyring==0.3.2", *_BESIDE)),
        "menda-keyring": Environment(("menda-keyring==0.0.2", *_BESIDE)),
    }
    for python in OTHER_PYTHONS:
        found[f"py{python}-keyring"] = Environment(("keyring",), True, python)
        found[f"py{python}-pip-latest"] = Environment(("pip", "keyring"), True, python)
    return found


def _all() -> dict[str, Environment]:
    return {**environments(), **real_environments()}


def interpreter(version: str) -> str | None:
    """The path of a Python of this version that really runs, or None.

    A pyenv shim lies on PATH for every version that is installed, and runs only those that
    PYENV_VERSION names.
    """
    name = f"python{version}"
    if not shutil.which(name):
        return None
    for env in (None, *_pyenv_choices(version)):
        done = subprocess.run(
            [name, "-c", "import sys; print(sys.executable)"],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return done.stdout.strip()
    return None


def _pyenv_choices(version: str) -> list[dict[str, str]]:
    pyenv = shutil.which("pyenv")
    if not pyenv:
        return []
    done = subprocess.run(
        [pyenv, "versions", "--bare"], capture_output=True, text=True, check=False
    )
    installed = [line.strip() for line in done.stdout.splitlines()]
    matching = [name for name in installed if name.startswith(f"{version}.")]
    return [{**os.environ, "PYENV_VERSION": name} for name in matching]


def program(environment: str, name: str) -> Path:
    """Where a program of an environment lies."""
    suffix = ".exe" if sys.platform == "win32" else ""
    return CLIENTS / environment / BIN / f"{name}{suffix}"


def source_digest() -> str:
    """A digest of everything that gatepass' wheel is made of."""
    digest = hashlib.sha256()
    sources = (path for path in (ROOT / "src").rglob("*") if "__pycache__" not in path.parts)
    for file in [ROOT / "pyproject.toml", *sorted(path for path in sources if path.is_file())]:
        digest.update(f"{file.relative_to(ROOT).as_posix()}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def stale(names: Sequence[str]) -> list[str]:
    """Those of the named environments that don't exist or are not as they should be."""
    known, digest = _all(), source_digest()
    return [name for name in names if _stamped(name) != _stamp(known[name], digest)]


def _stamp(environment: Environment, digest: str) -> str:
    """Two lines: what was installed beside gatepass, and which gatepass."""
    dependencies = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    python = environment.python or f"{sys.version_info[0]}.{sys.version_info[1]}"
    base = [python, *environment.requirements, *([dependencies] if environment.gatepass else [])]
    return " ".join(base) + "\n" + (digest if environment.gatepass else "") + "\n"


def _stamped(name: str) -> str:
    stamp = CLIENTS / name / ".done"
    return stamp.read_text(encoding="utf-8") if stamp.exists() else ""


def _run(*command: str | Path) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(words)}\n{done.stdout}{done.stderr}")


def _uv(*words: str | Path) -> None:
    _run(program("uv", "uv"), *words)


def _make_uv() -> str:
    """uv comes through pip, and then builds all the others."""
    wanted = _stamp(environments()["uv"], "")
    if _stamped("uv") == wanted:
        return "unchanged"
    shutil.rmtree(CLIENTS / "uv", ignore_errors=True)
    _run(sys.executable, "-m", "venv", CLIENTS / "uv")
    _run(program("uv", "python"), "-m", "pip", "install", "--quiet", "uv")
    (CLIENTS / "uv" / ".done").write_text(wanted, encoding="utf-8")
    return "built"


def _make_wheel(digest: str) -> Path:
    """gatepass' wheel, from the sources as they are."""
    folder = WHEELS / digest[:16]
    found = list(folder.glob("gatepass-*.whl"))
    if not found:
        shutil.rmtree(WHEELS, ignore_errors=True)
        _uv("build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
        found = list(folder.glob("gatepass-*.whl"))
    return found[0]


def _make(name: str, environment: Environment, python: str, wheel: Path, digest: str) -> str:
    folder, wanted, had = CLIENTS / name, _stamp(environment, digest), _stamped(name)
    if had == wanted:
        return "unchanged"
    install = ["pip", "install", "--quiet", "--python", program(name, "python")]
    if had.splitlines()[:1] == wanted.splitlines()[:1]:
        (folder / ".done").unlink()
        _uv(*install, "--no-deps", "--reinstall", wheel)
        done = "gatepass renewed"
    else:
        shutil.rmtree(folder, ignore_errors=True)
        _uv("venv", "--quiet", "--python", python, folder)
        packages = [wheel] if environment.gatepass else []
        _uv(*install, *environment.requirements, *packages)
        done = "built"
    (folder / ".done").write_text(wanted, encoding="utf-8")
    return done


def main(words: Sequence[str]) -> int:
    """Build what is missing; 1 where something can't be installed, 2 for an unknown name."""
    names = [word for word in words if word != "--real"]
    known = _all()
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no environment {', '.join(unknown)}; there are: {', '.join(known)}")
        return 2
    pythons: dict[str, str | None] = {"": sys.executable}
    pythons.update({version: interpreter(version) for version in OTHER_PYTHONS})
    wanted = {}
    for name in names or (real_environments() if "--real" in words else environments()):
        if pythons[known[name].python]:
            wanted[name] = known[name]
        else:
            print(f"{name}: python{known[name].python} does not run here", flush=True)
            if names:
                return 1
    digest = source_digest()
    try:
        print(f"uv: {_make_uv()}", flush=True)
        wheel = _make_wheel(digest)
    except (Failed, IndexError, OSError) as error:
        print(f"uv, or gatepass' wheel: {error}", file=sys.stderr)
        return 1
    wanted.pop("uv", None)

    def make(name: str) -> bool:
        python = pythons[wanted[name].python] or ""
        try:
            done = _make(name, wanted[name], python, wheel, digest)
            print(f"{name}: {done}\n", end="", flush=True)  # one write: lines don't mix
        except (Failed, OSError) as error:
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            return False
        return True

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return 0 if all(list(pool.map(make, wanted))) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
