"""The sandbox: two origins on loopback, their folder, and what happened there."""

from __future__ import annotations

import re
import shutil
import ssl
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from .environment import PLATFORMS, environment
from .github import GitHub
from .issuer import Issuer
from .journal import Journal, Request
from .packagemanager import PackageManager
from .server import Server

_PREFIX = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._~-]*)*")


class Sandbox:
    """A GitHub Enterprise Server and a Package Manager that trusts it, while the `with` lasts.

    `tls`: both at https://localhost with a certificate authority of their own, else both at
    http://127.0.0.1. `prefix`: the path below which Package Manager lies, like "/pkg". `lifetime`:
    of the tokens it exchanges, in seconds. `audience`: what a subject token must be for; by
    default Package Manager's own address. ValueError for a prefix that is none.

    Two origins, so that what was sent to the wrong one shows. The other attributes exist once it
    has started; `requests` and `count` can still be asked when it has ended.
    """

    PLATFORMS: ClassVar[tuple[str, ...]] = PLATFORMS

    address: str
    folder: Path
    ca_file: Path | None
    github: GitHub
    packagemanager: PackageManager

    def __init__(
        self,
        tls: bool = False,
        prefix: str = "",
        lifetime: int = 3600,
        audience: str | None = None,
    ) -> None:
        if not _PREFIX.fullmatch(prefix.rstrip("/")):
            raise ValueError(f"{prefix!r} is no path prefix: one looks like /pkg")
        self._tls = tls
        self._prefix = prefix.rstrip("/")
        self._lifetime = lifetime
        self._audience = audience
        self._journal = Journal()
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._start(starting)
            self._closing = starting.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()

    def _start(self, closing: ExitStack) -> None:
        """Each thing that opens says at once how it closes; closing goes backwards."""
        self.folder = Path(tempfile.mkdtemp(prefix="gatepass-sandbox-"))
        closing.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.ca_file, context = self._certificates()
        github = Server(self._journal, context)
        closing.callback(github.stop)
        packagemanager = Server(self._journal, context)
        closing.callback(packagemanager.stop)
        origin = "https://localhost" if self._tls else "http://127.0.0.1"
        self.github = GitHub(f"{origin}:{github.port}")
        self.address = f"{origin}:{packagemanager.port}{self._prefix}"
        self.packagemanager = PackageManager(
            self.address, self._prefix, self.github.issuer, self._audience, self._lifetime
        )
        github.start(self.github)
        packagemanager.start(self.packagemanager)

    def _certificates(self) -> tuple[Path | None, ssl.SSLContext | None]:
        if not self._tls:
            return None, None
        from . import certificates  # x509 takes 70 ms to load, and few sandboxes need it

        return certificates.create(self.folder)

    @property
    def issuer(self) -> Issuer:
        """The issuer behind GitHub, which Package Manager trusts."""
        return self.github.issuer

    @property
    def index_url(self) -> str:
        """A simple index for `__token__` with a Package Manager token."""
        return f"{self.address}/private/latest/simple/"

    @property
    def public_index_url(self) -> str:
        """The same content, for everybody."""
        return f"{self.address}/public/latest/simple/"

    @property
    def upload_url(self) -> str:
        """Where twine and uv upload to; the files appear under /local/latest/simple/."""
        return f"{self.address}/upload/pypi/local"

    def environment(self, platform: str) -> dict[str, str]:
        """The variables that `platform` sets for its job, and no others.

        For "file" each call writes a fresh token to the same path. ValueError for a platform that
        is not one of PLATFORMS.
        """
        return environment(self, platform)

    @property
    def requests(self) -> list[Request]:
        """A copy of what happened so far, in order."""
        return self._journal.snapshot()

    def count(self, party: str, status: int = 200) -> int:
        """How many requests `party` answered with `status`; ValueError for no such party."""
        return self._journal.count(party, status)

    def watch(self, callback: Callable[[Request], None]) -> None:
        """Call `callback` for each request before its answer leaves, from the server's thread.

        An exception of the callback is dropped.
        """
        self._journal.watch(callback)
