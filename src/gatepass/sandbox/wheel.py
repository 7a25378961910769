"""Build a pure Python wheel in memory (PEP 427), the same bytes each time.

Standard library only, and no relative import: a copy of this file travels in the sdist that the
sandbox serves, as a part of its build backend.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence

REQUIRES_PYTHON = ">=3.9"


def metadata(name: str, version: str, summary: str, requires: Sequence[str] = ()) -> str:
    """The text of METADATA or PKG-INFO (core metadata 2.1)."""
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        f"Summary: {summary}",
        f"Requires-Python: {REQUIRES_PYTHON}",
        *(f"Requires-Dist: {requirement}" for requirement in requires),
    ]
    return "\n".join(lines) + "\n"


def build(
    name: str,
    version: str,
    summary: str,
    modules: Mapping[str, str],
    *,
    requires: Sequence[str] = (),
    scripts: Mapping[str, str] | None = None,
) -> tuple[str, bytes]:
    """A wheel's file name and its bytes.

    `modules` maps paths to source texts, `scripts` console script names to `module:function`.
    Nothing is checked: not the names, not the version, not the sources.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    files = dict(modules)
    files[f"{info}/METADATA"] = metadata(name, version, summary, requires)
    files[f"{info}/WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: gatepass-sandbox\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n"
    )
    if scripts:
        entries = "".join(f"{script} = {target}\n" for script, target in scripts.items())
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{entries}"
    record = "".join(_record_line(path, text.encode()) for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    return f"{stem}-py3-none-any.whl", _zipped(files)


def _record_line(path: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"


def _zipped(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            member = zipfile.ZipInfo(path)  # dated 1980: the same bytes at any time
            member.external_attr = 0o100644 << 16
            archive.writestr(member, text)
    return buffer.getvalue()
