"""The template's files as tests use them: of a release made from this tree, and its wheels."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from clients import provision as clients
from delivery import locked
from support import ROOT

GITLAB = ROOT / "gitlab"
TEMPLATE = GITLAB / "templates" / "gatepass.yml"
PLAIN = GITLAB / "gatepass.gitlab-ci.yml"


class Loader(yaml.SafeLoader):
    """YAML with GitLab's `!reference`, which becomes a list."""


Loader.add_constructor("!reference", lambda loader, node: loader.construct_sequence(node))


def documents(text: str) -> list[Any]:
    """The documents of a text: a component has two, the first of which says its inputs."""
    return list(yaml.load_all(text, Loader))


def script(file: Path = PLAIN) -> str:
    """What a file of the template has a job run first."""
    (text,) = documents(file.read_text(encoding="utf-8"))[-1][".gatepass"]["before_script"]
    return str(text)


def releasing() -> ModuleType:
    """gitlab/release.py."""
    spec = importlib.util.spec_from_file_location("gitlab_release", GITLAB / "release.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel() -> Path:
    """gatepass' own wheel, of the sources as they are."""
    found = list((clients.WHEELS / clients.source_digest()[:16]).glob("gatepass-*.whl"))
    if not found:
        pytest.fail("gatepass' wheel isn't there, or out of date. run: make clients")
    return found[0]


def wheelhouse(folder: Path) -> Path:
    """A folder with gatepass and all that it needs, as an administrator would put it there."""
    if not locked.is_current():
        pytest.fail("the locked wheels aren't there, or out of date. run: make clients")
    folder.mkdir()
    for file in (wheel(), *locked.FOLDER.glob("*.whl")):
        (folder / file.name).symlink_to(file)
    return folder


def image(folder: Path) -> Path:
    """An environment with pip: the Python of a job's image, below which nothing else is installed.

    Made once; :func:`unused` makes it new for the next job.
    """
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    for name in ("uv", "twine"):
        (folder / "bin" / name).symlink_to(clients.program(name, name))
    return folder


def unused(image: Path) -> Path:
    """The image without what jobs before have installed into it."""
    for file in image.glob("lib/python3*/site-packages/gatepass*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    return image


def path(image: Path) -> str:
    """PATH of a job in the image."""
    return os.pathsep.join([str(image / "bin"), "/usr/bin", "/bin"])


def snippets(page: Path) -> dict[str, list[str]]:
    """The YAML blocks of a page by the heading that they stand below."""
    text = page.read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        blocks = re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        if blocks:
            found[section.partition("\n")[0]] = blocks
    return found
