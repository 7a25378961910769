"""What OAuth endpoints here share: a form that comes in, an answer or an error that leaves."""

from __future__ import annotations

from urllib.parse import parse_qsl

from .messages import Answer, Incoming, as_json

_FORM = "application/x-www-form-urlencoded"
# RFC 6749 section 5.1: an answer with a token in it must not rest in a cache.
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class Refused(Exception):
    """An error answer: a `code` of RFC 6749 section 5.2 (or RFC 8628's), what is wrong, a status.

    The message repeats nothing of what came in.
    """

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.status = status


def form(incoming: Incoming) -> dict[str, str]:
    """The body's fields, each there once; else Refused with `invalid_request`.

    Empty ones are kept, and names that nobody knows (RFC 6749 section 3.2 has them ignored).
    """
    if incoming.headers.get_content_type() != _FORM:
        raise Refused("invalid_request", f"the content type is not {_FORM}")
    try:
        pairs = parse_qsl(incoming.body.decode("ascii"), True, strict_parsing=bool(incoming.body))
    except ValueError:
        raise Refused("invalid_request", "the body is not a form") from None
    return once(pairs)


def once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The pairs as a mapping; Refused where a name comes twice."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Refused("invalid_request", "a field is repeated")
    return fields


def required(fields: dict[str, str], *names: str) -> None:
    """Refused unless each of `names` is there and not empty."""
    for name in names:
        if not fields.get(name):
            raise Refused("invalid_request", f"the field {name} is missing")


def granted(body: dict[str, object], note: str) -> Answer:
    """A 200 that no cache keeps."""
    return as_json(200, body, headers=_NO_STORE, note=note)


def refusal(error: Refused, aside: str = "") -> Answer:
    """RFC 6749 section 5.2; `aside` goes to the journal behind what is wrong."""
    body = {"error": error.code, "error_description": str(error)}
    return as_json(error.status, body, headers=_NO_STORE, note=f"{error}{aside}")


def aside(incoming: Incoming) -> str:
    """What the journal says of a credential at an endpoint where nobody authenticates."""
    # It was meant for someone else.
    return ", an Authorization header came along" if "Authorization" in incoming.headers else ""
