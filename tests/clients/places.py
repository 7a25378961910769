"""Where clients install from and upload to: what differs from one kind of registry to the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from gatepass.sandbox import Sandbox

_REFUSAL = "no role fits this token"


class Place(NamedTuple):
    """A registry as a client sees it, and as the sandbox tells of it.

    `index`, `upload`: URLs without a user; `user`: the name that goes with its tokens. `exchange`:
    the party of the sandbox's journal, and how the path ends, where an exchange is seen. `refuse`:
    from now on no exchange succeeds; the client is shown `error`, with `reason` in its text.
    `secrets`: what no output may hold, beside what looks like a token. `port`: where its host
    really is on loopback, if only a proxy leads there.
    """

    index: str
    upload: str
    user: str
    exchange: tuple[str, str]
    refuse: Callable[[], None]
    error: str
    secrets: Callable[[], list[str]]
    port: int = 0

    @property
    def index_with_user(self) -> str:
        """The index, its user in the URL."""
        return self.index.replace("://", f"://{self.user}@")

    @property
    def host(self) -> str:
        """Host and port, as a URL has them."""
        return self.index.split("/")[2]


def package_manager(sandbox: Sandbox) -> Place:
    """The sandbox's Package Manager."""
    body = {"error": "invalid_request", "error_description": _REFUSAL}
    return Place(
        sandbox.index_url,
        sandbox.upload_url,
        "__token__",
        ("exchange", ""),
        lambda: sandbox.packagemanager.fail_next(400, times=99, body=body),
        "exchange-refused",
        lambda: [sandbox.github.request_token],
    )


def code_artifact(sandbox: Sandbox) -> Place:
    """The sandbox's domain "acme" at AWS; its names need `Sandbox(aws=True)`."""

    def refuse() -> None:
        for domains in sandbox.aws.grants.values():
            domains.clear()

    return Place(
        sandbox.aws.index_url,
        sandbox.aws.upload_url,
        "aws",
        ("codeartifact", "/authorization-token"),
        refuse,
        "codeartifact-access-denied",
        lambda: [sandbox.github.request_token, *sandbox.aws.secrets()],
        urlsplit(sandbox.aws.loopback_index_url).port or 0,
    )


def menda(sandbox: Sandbox) -> Place:
    """The same repositories, for tokens that menda cloud gives out."""

    def refuse() -> None:
        sandbox.menda.permits = False

    return code_artifact(sandbox)._replace(
        exchange=("menda", "/registry/token"),
        refuse=refuse,
        error="menda-registry-refused",
        secrets=lambda: [sandbox.menda.client_secret, *sandbox.aws.secrets()],
    )
