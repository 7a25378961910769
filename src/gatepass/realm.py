"""Is this URL ours? The only place in the project that compares URLs.

A *realm* is scheme, host, port and path prefix of a registry. A *service* is whatever string a
client passes to keyring: a URL, a bare ``host`` or ``host:port``, or a name of its own. Parsing is
strict and by hand: what two parsers could read in two ways belongs to nobody. The property that
the tests hold: if a service is ours, ``urllib3`` would connect to exactly the realm's scheme, host
and port for it.
"""

from __future__ import annotations

from typing import NamedTuple

_PORTS = {"https": 443, "http": 80}
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._")
_LONGEST = 8192
"""Characters of a service string that are looked at: longer ones are nobody's index."""


class Address(NamedTuple):
    """A parsed service string. ``scheme`` is None for a bare host, ``port`` None where unsaid."""

    scheme: str | None
    host: str
    port: int | None
    path: str


class Realm(NamedTuple):
    """What decides whether a URL belongs to a registry.

    ``scheme``: https or http; ``host``: lower case, ASCII, without trailing dot, IPv6 in brackets;
    ``port``: always filled in; ``prefix``: empty, or ``/a/b`` without a trailing slash.
    """

    scheme: str
    host: str
    port: int
    prefix: str

    @property
    def origin(self) -> str:
        """``scheme://host[:port]``: the port only where it isn't the scheme's own."""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    def __str__(self) -> str:
        return self.origin + self.prefix

    def covers(self, address: Address) -> bool:
        """Whether ``address`` is inside this realm; a bare host only on this machine, and where
        there is no prefix. Clients ask for it too after a URL of plain http was refused, and would
        send what they get in the clear.
        """
        if address.host != self.host or self.port != self._port_of(address):
            return False
        if address.scheme is None:
            if not is_loopback(self.host):
                return False
        elif address.scheme != self.scheme:
            return False
        return not self.prefix or _is_under(self.prefix, address.path)

    def _port_of(self, address: Address) -> int:
        return address.port or _PORTS[address.scheme or self.scheme]


def parse(service: str) -> Address | None:
    """The address in a service string, or None for whatever is not clearly one. Never raises."""
    if not service or len(service) > _LONGEST or not _is_clean(service):
        return None
    scheme, separator, rest = service.partition("://")
    if not separator:
        # A bare host has nothing but host and port: no path, no user.
        if any(char in service for char in "/?#@"):
            return None
        place = _host_and_port(service)
        return Address(None, *place, "") if place else None
    scheme = scheme.lower()
    if scheme not in _PORTS:
        return None
    end = min((i for i in map(rest.find, "/?#") if i >= 0), default=len(rest))
    user, _, authority = rest[:end].rpartition("@")
    if not user.isascii() or "[" in user or "]" in user:
        return None  # parsers disagree whether such a URL is one at all
    place = _host_and_port(authority)
    if place is None:
        return None
    path = rest[end:].partition("#")[0].partition("?")[0]
    return Address(scheme, place[0], place[1], path)


def realm_of(url: str) -> Realm:
    """The realm of an address that the user configured.

    Raises ValueError with a reason that fits after "because": no scheme, a user name, a query or
    a fragment, a path that could be read in two ways. Whether plain http may be used is for
    :mod:`gatepass.settings` to say.
    """
    address = parse(url)
    if address is None:
        raise ValueError("it can't be read as https://host[:port][/path]")
    if address.scheme is None:
        raise ValueError("it has no https:// before the host")
    if "@" in url:
        raise ValueError("it has an @: user names and passwords don't belong in an address")
    if "?" in url or "#" in url:
        raise ValueError("it has a query or a fragment")
    prefix = address.path.rstrip("/")
    if prefix and not _is_under(prefix, prefix):
        raise ValueError("its path has empty, dotted or percent-encoded segments")
    return Realm(address.scheme, address.host, address.port or _PORTS[address.scheme], prefix)


def is_loopback(host: str) -> bool:
    """Whether a parsed host is this machine by name or number; no look-up is made."""
    if host in ("localhost", "[::1]"):
        return True
    octets = host.split(".")
    return len(octets) == 4 and octets[0] == "127" and all(_is_octet(octet) for octet in octets)


def is_ip_literal(host: str) -> bool:
    """Whether a parsed host is a number: IPv6 in brackets, or digits where a name would end.

    Hosts whose last label is numeric are numbers to every URL parser (``127.1``, ``0x7f.1``).
    """
    last = host.rpartition(".")[2]
    return host.startswith("[") or last.isdigit() or last.startswith("0x")


def _is_clean(service: str) -> bool:
    return "\\" not in service and not any(
        char.isspace() or ord(char) < 0x21 or 0x7F <= ord(char) <= 0x9F for char in service
    )


def _is_octet(text: str) -> bool:
    return text.isascii() and text.isdigit() and text == str(int(text[:3])) and int(text) < 256


def _host_and_port(authority: str) -> tuple[str, int | None] | None:
    host, port = authority, ""
    if authority.startswith("["):
        host, bracket, port = authority.partition("]")
        host += bracket
        if port and not port.startswith(":"):
            return None
        number, colon = port[1:], port[:1]
    else:
        host, colon, number = authority.partition(":")
    if colon and not (
        number.isascii() and number.isdigit() and len(number) < 6 and 0 < int(number) < 65536
    ):
        return None
    normal = _normal_host(host)
    return (normal, int(number) if colon else None) if normal else None


def _normal_host(host: str) -> str | None:
    if host.startswith("["):
        import ipaddress  # only for the rare IPv6 address: it takes 3 ms to load

        try:
            if not host.endswith("]") or "%" in host:
                return None
            return f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]"
        except ValueError:
            return None
    if not host.isascii():
        import idna  # what urllib3 encodes hosts with; comes along with requests

        try:
            # The strict form is urllib3's: it maps no full-width, circled or invisible letters,
            # which other parsers turn into plain ones or leave out.
            strict = idna.encode(host.lower(), strict=True, std3_rules=True)
            if strict != idna.encode(host, uts46=True):
                return None
        except (idna.IDNAError, UnicodeError):
            return None
        host = strict.decode("ascii")
    host = host.lower().removesuffix(".")
    if not host or len(host) > 253 or not _HOST.issuperset(host) or "" in host.split("."):
        return None
    return host


def _is_under(prefix: str, path: str) -> bool:
    """Whether ``path`` lies in ``prefix`` on a ``/`` boundary, and can only be read in one way."""
    lower = path.lower()
    if "//" in path or any(code in lower for code in ("%2e", "%2f", "%5c")):
        return False
    if any(segment in (".", "..") for segment in path.split("/")):
        return False
    return path == prefix or path.startswith(prefix + "/")
