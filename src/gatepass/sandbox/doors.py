"""Where the parties are reached: ports on loopback, certificates, and names behind the proxy."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from .journal import Journal
from .proxy import Proxy
from .server import Server

#: Which parties can have a name; "kubernetes" is its public issuer.
NAMEABLE = ("packagemanager", "github", "gitlab", "kubernetes", "idp", "menda")

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
_LEAF = tuple[Path, Path]


class Doors:
    """Opens an origin for each party. `names` maps host names to parties and needs `tls`; so do
    the `given` ones, which the sandbox itself has for parties that nobody else can name.

    ValueError for names that are none, for parties that can have none, or for names without TLS.
    """

    def __init__(
        self,
        journal: Journal,
        tls: bool,
        names: Mapping[str, str],
        given: Mapping[str, str] | None = None,
    ) -> None:
        if names and not tls:
            raise ValueError("names need tls: they are https on port 443")
        for name, party in names.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no host name in lower case, like idp.corp.example")
            if party not in NAMEABLE:
                raise ValueError(f"no party {party!r} for a name; there are {', '.join(NAMEABLE)}")
        self.proxy: Proxy | None = None
        self.named = frozenset(names.values())
        self._journal = journal
        self._tls = tls
        self._names = {**names, **(given or {})}
        self._ca_file: Path | None = None
        self._leaves: dict[str, _LEAF] = {}
        self._ports: dict[str, int] = {}

    def prepare(self, folder: Path) -> Path | None:
        """Write ca.pem and the certificates into `folder`; the former's path, or None without TLS.

        Each name has a certificate of its own, besides that for localhost.
        """
        if not self._tls:
            return None
        from . import certificates  # x509 takes 70 ms to load, and few sandboxes need it

        authority = certificates.Authority("gatepass sandbox CA")
        ca_file = folder / "ca.pem"
        certificates.write(ca_file, authority.pem)
        self._leaves["localhost"] = authority.issue(folder, "localhost", ["localhost", "127.0.0.1"])
        for name in self._names:
            self._leaves[name] = authority.issue(folder, name, [name])
        self._ca_file = ca_file
        return ca_file

    def open(self, party: str, closing: ExitStack) -> tuple[Server, str]:
        """A server for `party`, and its public origin: by its first name if it has one."""
        server, origin = self.open_on_loopback(party, closing)
        named = next((name for name, whose in self._names.items() if whose == party), None)
        return server, f"https://{named}" if named else origin

    def open_on_loopback(self, party: str, closing: ExitStack) -> tuple[Server, str]:
        """The same, and its origin on loopback, which leads there too if it has names."""
        names = [name for name, named in self._names.items() if named == party]
        server = self._server(self._context(names), closing)
        self._ports.update(dict.fromkeys(names, server.port))
        host = "https://localhost" if self._tls else "http://127.0.0.1"
        return server, f"{host}:{server.port}"

    def open_with(self, context: ssl.SSLContext, closing: ExitStack) -> tuple[Server, str]:
        """A server with another certificate than ours, and its origin at 127.0.0.1."""
        server = self._server(context, closing)
        return server, f"https://127.0.0.1:{server.port}"

    def lead(self, closing: ExitStack) -> None:
        """Start the proxy, if there are names."""
        if self._names and self._ca_file is not None:
            self.proxy = Proxy(self._ports, self._ca_file)
            closing.callback(self.proxy.stop)
            self.proxy.start()

    def _server(self, context: ssl.SSLContext | None, closing: ExitStack) -> Server:
        server = Server(self._journal, context)
        closing.callback(server.stop)
        return server

    def _context(self, names: Sequence[str]) -> ssl.SSLContext | None:
        if not self._tls:
            return None
        from . import certificates

        return certificates.context(
            self._leaves["localhost"], {name: self._leaves[name] for name in names}
        )
