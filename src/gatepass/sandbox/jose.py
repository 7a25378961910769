"""JSON Web Signatures in compact form (RFC 7515) and nothing above them.

Not checked here: any claim, any algorithm; a caller gives the function that signs and decides what
a header may say.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: The longest token that is looked at, in characters.
LIMIT = 16 * 1024


class Malformed(ValueError):
    """The text is not a compact JWS; the message says which part, and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A token taken apart; nothing in it is verified."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes


def encode(data: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The reverse of `encode`; Malformed for padding, other characters, or a second spelling."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Malformed("a part is not base64url") from None
    if encode(data) != text:
        raise Malformed("a part is not base64url")
    return data


def compact(
    header: Mapping[str, object], claims: Mapping[str, object], sign: Callable[[bytes], bytes]
) -> str:
    """Serialise and sign (RFC 7515 section 7.1)."""
    signing_input = f"{encode(_dump(header))}.{encode(_dump(claims))}"
    return f"{signing_input}.{encode(sign(signing_input.encode('ascii')))}"


def parse(token: str) -> Parsed:
    """Take a compact JWS apart; Malformed unless it is three base64url parts of JSON objects."""
    if len(token) > LIMIT:
        raise Malformed(f"the token is longer than {LIMIT} characters")
    parts = token.split(".")
    if len(parts) != 3:
        raise Malformed("the token does not have three parts")
    header, claims = _load(decode(parts[0]), "header"), _load(decode(parts[1]), "payload")
    signing_input = f"{parts[0]}.{parts[1]}".encode("ascii")
    return Parsed(header, claims, signing_input, decode(parts[2]))


def _dump(value: Mapping[str, object]) -> bytes:
    return json.dumps(dict(value), separators=(",", ":")).encode()


def _load(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(data, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Malformed(f"the {what} is not JSON with unique names") from None
    if not isinstance(value, dict):
        raise Malformed(f"the {what} is not a JSON object")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate name")
    return value
