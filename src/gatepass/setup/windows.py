"""The launcher for Windows: a ``keyring.exe``.

It is what pip makes of a console script: a small program of distlib's (``t64.exe``, in every
pip), a ``#!`` line with the Python to start and its options, and a zip archive with a
``__main__.py``. The program starts ``"PYTHON" -I "keyring.exe" ARGUMENTS``, and its status is
that one's.
"""

from __future__ import annotations

import glob
import importlib.util
import io
import os
import platform
import sys
import zipfile

from gatepass.errors import ConfigError
from gatepass.setup import command

_INSIDE = "pip/_vendor/distlib/"


def executable(python: str, real: str) -> bytes:
    """The launcher's bytes: the same each time. Raises ConfigError (setup-launcher)."""
    return _wrapped(python, command.archive_script(real))


def own(python: str) -> bytes:
    """`gatepass` itself in the same way: the gatepass.exe that pip makes is not isolated."""
    return _wrapped(python, b"import sys\nfrom gatepass.cli import main\nsys.exit(main())\n")


def _wrapped(python: str, script: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        main = zipfile.ZipInfo("__main__.py")  # dated 1980, so that a second run changes nothing
        file.writestr(main, script)
    return _starter() + f'#!"{python}" -I\n'.encode() + archive.getvalue()


def _starter() -> bytes:
    name = _name(platform.machine(), is_64=sys.maxsize > 2**32)
    found = importlib.util.find_spec("pip")
    if found and found.submodule_search_locations:
        for folder in found.submodule_search_locations:
            try:
                with open(os.path.join(folder, "_vendor", "distlib", name), "rb") as file:
                    return file.read()
            except OSError:
                pass  # a pip without it: a distribution's own
    # Environments of uv and pipx have no pip; the Python that they come from carries one.
    for wheel in glob.glob(
        os.path.join(os.path.dirname(os.__file__), "ensurepip", "_bundled", "*")
    ):
        try:
            with zipfile.ZipFile(wheel) as file:
                return file.read(_INSIDE + name)
        except (OSError, KeyError, zipfile.BadZipFile):
            pass  # not pip's, or without it
    raise ConfigError(
        "setup-launcher",
        "no keyring.exe can be made",
        why=f"neither this environment nor its Python has pip's {name}",
        do="install pip beside gatepass, and run it again",
    )


def _name(machine: str, *, is_64: bool) -> str:
    if machine.lower() in ("arm64", "aarch64"):
        return "t64-arm.exe"
    return "t64.exe" if is_64 else "t32.exe"
