"""Package Manager: who may enter, and which part answers which path."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence

from . import device, upload
from .cran import Cran
from .distributions import built_in
from .exchange import Exchange
from .faults import Faults, spoiled
from .idp import Idp
from .issuer import Issuer
from .messages import HTML, Answer, Incoming, as_json, as_text, wrong_method
from .outside import Outside
from .passes import Passes
from .repository import Repository

VERSION = "2026.09.0-sandbox"

_BODY_LIMIT = 1024 * 1024
_TOKEN, _STATUS, _REPOS = "/__api__/token", "/__api__/status", "/__api__/repos"
_UPLOAD = "/upload/pypi/local"
_OPEN = "public"
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Posit Package Manager"'}
_PAGE = "<!DOCTYPE html><title>Package Manager</title><p>The sandbox's Package Manager.</p>\n"


class PackageManager:
    """Plays the server at `address`; everything lies below that address's `prefix`.

    It trusts each issuer of `federation` for its one audience, and `faults` (by party) happen to
    exchanges, to the device flow and to what the indexes answer. `include_expires_in` and
    `refuse_replay` change how it answers an exchange, `device` how people log in, at the provider
    that `provider` gives. It does not check a token's scopes.
    """

    def __init__(
        self,
        address: str,
        prefix: str,
        federation: Sequence[Issuer | Outside],
        audience: str | None,
        lifetime: int,
        faults: Mapping[str, Faults],
        provider: Callable[[], Idp],
    ) -> None:
        self.device = device.Device(provider)
        self.address = address
        self.audience = address if audience is None else audience
        self._prefix = prefix
        self._faults = faults
        self._passes = Passes()
        self._exchange = Exchange(federation, self._passes, self.audience, lifetime)
        self._cran = Cran()
        self._repositories = {
            "public": Repository(f"{prefix}/public/latest", built_in()),
            "private": Repository(f"{prefix}/private/latest", built_in()),
            "local": Repository(f"{prefix}/local/latest"),
        }

    @property
    def include_expires_in(self) -> bool:
        """Whether an exchange's answer says how long the token lives. Off at first."""
        return self._exchange.include_expires_in

    @include_expires_in.setter
    def include_expires_in(self, value: bool) -> None:
        self._exchange.include_expires_in = value

    @property
    def refuse_replay(self) -> bool:
        """Whether a subject token with a `jti` is good for one exchange only. Off at first."""
        return self._exchange.refuse_replay

    @refuse_replay.setter
    def refuse_replay(self, value: bool) -> None:
        self._exchange.refuse_replay = value

    def revoke_all(self) -> None:
        """Answer 401 from now on to every token issued so far."""
        self._passes.revoke_all()

    def token(self, lifetime: int | None = 3600) -> str:
        """A token made by the administrator, good for `lifetime` seconds (None: for ever)."""
        return self._passes.api(lifetime)

    def fail_next(
        self,
        status: int,
        *,
        times: int = 1,
        body: Mapping[str, object] | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next `times` exchanges with `status` (0: cut them), whatever they ask."""
        self._faults["exchange"].plan(status, times=times, body=body, headers=headers)

    def party(self, path: str) -> str:
        """ "exchange", "device", "upload", "index", or "status" for all the rest."""
        below = self._below(path) or ""
        if below == _TOKEN:
            return "exchange"
        if below in device.PATHS:
            return "device"
        if below.startswith("/upload/"):
            return "upload"
        first, _, rest = below[1:].partition("/")
        return "index" if rest and not first.startswith("__") else "status"

    def limit(self, path: str) -> int:
        """64 MiB for an upload, 1 MiB for the rest."""
        return upload.LIMIT if self.party(path) == "upload" else _BODY_LIMIT

    def answer(self, incoming: Incoming) -> Answer:
        """Route by path below the prefix; 404 for what is outside it or unknown."""
        party = self.party(incoming.path)
        queues = [self._faults[party]] if party in ("exchange", "index", "device") else []
        return spoiled(lambda: self._answer(incoming), *queues)

    def _answer(self, incoming: Incoming) -> Answer:
        below = self._below(incoming.path)
        if below is None:
            return as_text(404, "not found: outside the server's prefix")
        if below == _TOKEN:
            return self._exchange.answer(incoming)
        if below in device.PATHS:
            return self.device.answer(incoming, below)
        if below.rstrip("/") == _UPLOAD:
            refused = self._unauthorized(incoming)
            return refused or upload.answer(incoming, self._repositories["local"])
        if self.party(incoming.path) == "upload":
            return as_text(404, "no such source")
        refused = wrong_method(incoming, "GET", "HEAD")
        if refused is not None:
            return refused
        if below in ("", "/"):
            return Answer(200, _PAGE.encode(), HTML)
        if below == _STATUS:
            return as_json(200, _status())
        if below == _REPOS:
            return self._unauthorized(incoming, bearer=True) or as_json(200, self._list())
        return self._page(incoming, below)

    def _below(self, path: str) -> str | None:
        """The path after the prefix, which ends at a slash or not at all; None outside it."""
        below = path.removeprefix(self._prefix)
        inside = path.startswith(self._prefix) and (not below or below.startswith("/"))
        return below if inside else None

    def _page(self, incoming: Incoming, below: str) -> Answer:
        match below[1:].split("/", 2):
            case [name, "latest", rest] if name in self._repositories:
                refused = None if name == _OPEN else self._unauthorized(incoming)
                return refused or self._repositories[name].answer(rest, incoming.headers)
            case ["cran", "latest", rest]:
                return self._unauthorized(incoming) or self._cran.answer(rest, incoming.headers)
        return as_text(404, "not found")

    def _unauthorized(self, incoming: Incoming, *, bearer: bool = False) -> Answer | None:
        """A 401 unless a good token came: Basic for `__token__`, or Bearer where that is taken."""
        why = self._refusal(incoming.headers.get("Authorization", ""), bearer)
        return None if why is None else as_text(401, "Unauthorized", headers=_CHALLENGE, note=why)

    def _refusal(self, authorization: str, bearer: bool) -> str | None:
        scheme, _, value = authorization.partition(" ")
        if not authorization:
            return "no credential"
        if bearer and scheme.lower() == "bearer":
            return self._passes.refusal(value.strip())
        if scheme.lower() != "basic":
            return "not a Basic credential"
        try:
            pair = base64.b64decode(value.strip(), validate=True).decode()
        except ValueError:
            return "not a Basic credential"
        user, _, password = pair.partition(":")  # the first colon: RFC 7617 section 2
        if user != "__token__":
            return "user is not __token__"
        return self._passes.refusal(password)

    def _list(self) -> list[dict[str, object]]:
        kinds = {**dict.fromkeys(self._repositories, "python"), "cran": "r"}
        return [
            {"id": number, "name": name, "type": kind, "auth": name != _OPEN}
            for number, (name, kind) in enumerate(kinds.items(), start=1)
        ]


def _status() -> dict[str, object]:
    distro = {
        "name": "sandbox",
        "os": "linux",
        "binaryURL": "sandbox",
        "distribution": "sandbox",
        "release": "1",
        "binaries": False,
        "sysReqs": False,
        "hidden": False,
        "arch": ["x86_64"],
    }
    bioc = [{"bioc_version": "3.22"}]
    return {"version": VERSION, "distros": [distro], "r_versions": ["4.5"], "bioc_versions": bioc}
