"""A CRAN-like repository of one source package, as R asks for it: PACKAGES, and a tarball.

R tries `PACKAGES.rds` first, which is not here: it goes on to `PACKAGES.gz`, then to `PACKAGES`.
"""

from __future__ import annotations

import gzip
import hashlib
from email.message import Message
from functools import cache

from .distributions import tarred
from .messages import Answer, as_text

_PACKAGE, _VERSION = "gatepassHello", "1.0.0"
_DESCRIPTION = f"""\
Package: {_PACKAGE}
Version: {_VERSION}
Title: Says Hello
Description: Shows that an install from an authenticated repository worked.
Author: gatepass
Maintainer: gatepass <gatepass@example.com>
License: MIT
NeedsCompilation: no
"""
_FUNCTION = """\
hello <- function() cat("Hello: you came through the gate.\\n")
"""


class Cran:
    """Answers below `src/contrib/`. It does not check who asks."""

    def answer(self, path: str, headers: Message) -> Answer:
        """The file at `path` below the repository's snapshot."""
        data = _files().get(path.removeprefix("src/contrib/"))
        if data is None or not path.startswith("src/contrib/"):
            return as_text(404, "not found")
        return Answer(200, data, "application/octet-stream")


@cache
def _files() -> dict[str, bytes]:
    package = tarred(
        {
            f"{_PACKAGE}/DESCRIPTION": _DESCRIPTION,
            f"{_PACKAGE}/NAMESPACE": "export(hello)\n",
            f"{_PACKAGE}/R/hello.R": _FUNCTION,
        }
    )
    entry = (
        f"Package: {_PACKAGE}\nVersion: {_VERSION}\nLicense: MIT\nNeedsCompilation: no\n"
        f"MD5sum: {hashlib.md5(package, usedforsecurity=False).hexdigest()}\n"
    ).encode()
    return {
        "PACKAGES": entry,
        "PACKAGES.gz": gzip.compress(entry, mtime=0),
        f"{_PACKAGE}_{_VERSION}.tar.gz": package,
    }
