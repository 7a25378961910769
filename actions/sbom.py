"""`python actions/sbom.py dist/*.whl`: what gatepass consists of, as CycloneDX on standard output.

The components are those of the lock file: what the action, the container and the tests of a release
run with. A package that is needed on some systems only says so in its scope.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "actions" / "setup" / "requirements.txt"

_PINNED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+)(?P<marker> ;[^\\]*)?", re.MULTILINE)
_NOT_SHIPPED = {"hatchling", "packaging", "pathspec", "pluggy", "trove-classifiers"}
"""What builds gatepass, and is no part of it."""


def document(wheel: Path) -> dict[str, Any]:
    """The bill of materials of one wheel, the same each time for the same wheel and lock file."""
    name, version = wheel.name.split("-")[:2]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    locked = LOCK.read_text(encoding="utf-8")
    with open(ROOT / "pyproject.toml", "rb") as file:
        licence = tomllib.load(file)["project"]["license"]
    components = [
        {
            "type": "library",
            "name": found["name"],
            "version": found["version"],
            "bom-ref": _purl(found["name"], found["version"]),
            "purl": _purl(found["name"], found["version"]),
            "scope": "optional" if found["marker"] else "required",
        }
        for found in _PINNED.finditer(locked)
        if found["name"] not in _NOT_SHIPPED
    ]
    own = {
        "type": "application",
        "name": name,
        "version": version,
        "bom-ref": _purl(name, version),
        "purl": _purl(name, version),
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "licenses": [{"expression": licence}],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, digest + locked).urn,
        "version": 1,
        "metadata": {"component": own},
        "components": components,
    }


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"


if __name__ == "__main__":
    json.dump(document(Path(sys.argv[1])), sys.stdout, indent=2)
    print()
