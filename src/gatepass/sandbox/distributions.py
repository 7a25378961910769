"""What the repositories hold: two wheels, and one sdist whose build needs one of the wheels."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from . import wheel

_VERSION = "1.0.0"

_GREETING = '''"""What gatepass-hello says."""


def greet(name: str) -> str:
    """A friendly line for `name`."""
    return f"Hello, {name}: you came through the gate."
'''

_HELLO = '''"""Says hello, to show that an install from an authenticated index worked."""

import gatepass_greeting


def main() -> None:
    """Print one friendly line."""
    print(gatepass_greeting.greet("gatepass"))
'''

_PYPROJECT = """[build-system]
requires = ["gatepass-greeting"]
build-backend = "gatepass_built_backend"
backend-path = ["backend"]

[project]
name = "gatepass-built"
version = "1.0.0"
"""

_BACKEND = '''"""Build backend of gatepass-built (PEP 517): works only where its requirement is."""

from pathlib import Path

import gatepass_built_wheel
import gatepass_greeting


class UnsupportedOperation(Exception):
    """There is an sdist already: the one this file came in."""


def build_sdist(sdist_directory, config_settings=None):
    raise UnsupportedOperation("build from the sdist that the index serves")


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    greeting = gatepass_greeting.greet("builder")
    name, data = gatepass_built_wheel.build(
        "gatepass-built",
        "1.0.0",
        "Built on arrival",
        {"gatepass_built.py": f"GREETING = {greeting!r}\\n"},
    )
    Path(wheel_directory, name).write_bytes(data)
    return name
'''


@dataclass(frozen=True, slots=True)
class Distribution:
    """A file of a repository: `project` is normalised (PEP 503), `data` the file's bytes."""

    project: str
    filename: str
    data: bytes
    requires_python: str

    @property
    def sha256(self) -> str:
        """Of `data`, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


@cache
def built_in() -> tuple[Distribution, ...]:
    """gatepass-greeting and gatepass-hello as wheels, gatepass-built as an sdist."""
    greeting = wheel.build(
        "gatepass-greeting", _VERSION, "A greeting", {"gatepass_greeting.py": _GREETING}
    )
    hello = wheel.build(
        "gatepass-hello",
        _VERSION,
        "Says hello",
        {"gatepass_hello.py": _HELLO},
        requires=["gatepass-greeting"],
        scripts={"gatepass-hello": "gatepass_hello:main"},
    )
    return (
        Distribution("gatepass-greeting", *greeting, wheel.REQUIRES_PYTHON),
        Distribution("gatepass-hello", *hello, wheel.REQUIRES_PYTHON),
        Distribution("gatepass-built", *_sdist(), wheel.REQUIRES_PYTHON),
    )


def _sdist() -> tuple[str, bytes]:
    stem = f"gatepass_built-{_VERSION}"
    source = resources.files(__package__).joinpath("wheel.py").read_text(encoding="utf-8")
    files = {
        "PKG-INFO": wheel.metadata("gatepass-built", _VERSION, "Built on arrival"),
        "pyproject.toml": _PYPROJECT,
        "backend/gatepass_built_backend.py": _BACKEND,
        "backend/gatepass_built_wheel.py": source,
    }
    return f"{stem}.tar.gz", tarred({f"{stem}/{path}": text for path, text in files.items()})


def tarred(files: Mapping[str, str]) -> bytes:
    """A .tar.gz of texts by path, the same bytes each time."""
    buffer = io.BytesIO()
    # gzip writes the time into its header, tar into each member: both are held at zero.
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), 0o644
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
