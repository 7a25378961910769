"""What goes between the server and a party: the request that came, the answer that leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Protocol
from urllib.parse import parse_qsl

JSON = "application/json"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A whole request: `path` percent-decoded and without its query, `body` read to its end."""

    method: str
    path: str
    query: str
    headers: Message
    body: bytes

    def parameters(self) -> list[tuple[str, str]]:
        """The query's pairs in order, repeated names included."""
        return parse_qsl(self.query, keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Manner:
    """How an answer leaves; the plain Manner() is at once and whole.

    `wait`: seconds before it; `drip`: seconds before each of its bytes, head included; `cut`: half
    of its body, then the connection's end; `padding`: bytes of white space before its body, which
    then has no announced length.
    """

    wait: float = 0.0
    drip: float = 0.0
    cut: bool = False
    padding: int = 0

    @property
    def ends_connection(self) -> bool:
        """Whether no other answer can follow on the same connection."""
        return self.cut or self.padding > 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a party replies. `status` 0 cuts the connection; `note` goes to the journal only."""

    status: int
    body: bytes = b""
    content_type: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    manner: Manner = Manner()


class Party(Protocol):
    """What a server serves: it names who answers a path, how much it takes, and answers."""

    def party(self, path: str) -> str:
        """The name under which the journal files a request for `path`."""

    def limit(self, path: str) -> int:
        """The largest request body for `path`, in bytes."""

    def answer(self, incoming: Incoming) -> Answer:
        """The answer; it is called from several threads."""


def as_json(
    status: int, value: object, *, headers: Mapping[str, str] | None = None, note: str = ""
) -> Answer:
    """An answer with `value` as compact JSON."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return Answer(status, body, JSON, headers or {}, note)


def as_text(
    status: int, text: str, *, headers: Mapping[str, str] | None = None, note: str | None = None
) -> Answer:
    """An answer with one line of text, which is also its note unless another is given."""
    return Answer(status, f"{text}\n".encode(), TEXT, headers or {}, text if note is None else note)


def wrong_method(incoming: Incoming, *allowed: str) -> Answer | None:
    """A 405 when the request's method is not one of `allowed` (RFC 9110 section 15.5.6)."""
    if incoming.method in allowed:
        return None
    return as_text(405, "method not allowed", headers={"Allow": ", ".join(allowed)})
