"""How AWS says no: the code and the words of a refusal, out of its XML and its JSON.

Sources: the AWS query protocol (STS) and restJson1 (CodeArtifact), as botocore's parsers read them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from gatepass.errors import plain
from gatepass.failure import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from xml.etree.ElementTree import Element

    from gatepass.secret import Secret
    from gatepass.transport import Response

_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException"}
    | {"RequestLimitExceeded", "RequestThrottled", "RequestThrottledException"}
)

_CODE = re.compile(r"[A-Za-z.]{1,64}")


class Problem(NamedTuple):
    """A refusal: AWS' ``code``, empty where the answer isn't AWS', and its ``words``, harmless to
    show; ``status``: of HTTP."""

    code: str
    words: str
    status: int

    @property
    def is_throttling(self) -> bool:
        return self.code in _THROTTLED or self.status == 429

    @property
    def is_fault(self) -> bool:
        """Whether it is AWS' own trouble, which another try may find over."""
        return self.is_throttling or self.status >= 500

    def __str__(self) -> str:
        """For a message's `why`: the code, then the words."""
        return ": ".join(part for part in (self.code, self.words) if part)


def problem(response: Response, sent: Iterable[Secret]) -> Problem:
    """What a refusal says; neither its code nor its words repeat ``sent``. What doesn't look like
    a code is none."""
    code, words = _json(response) if not _is_xml(response) else _xml(response)
    sent = tuple(sent)
    code = scrubbed(code, sent) if _CODE.fullmatch(code) else ""
    return Problem(code, plain(scrubbed(words[:4000], sent)), response.status)


def document(body: bytes) -> Element | None:
    """The root of an XML answer; None where it is none, isn't UTF-8, or declares entities, which
    AWS never does. A zero byte is of UTF-16, which the parser would read, and we wouldn't."""
    from xml.etree import ElementTree  # only where STS answered

    try:
        text = body.decode("utf-8")
        if "\0" in text or "<!DOCTYPE" in text or "<!ENTITY" in text:
            return None
        return ElementTree.fromstring(text)  # noqa: S314 - bounded, and without entities
    except (UnicodeDecodeError, ElementTree.ParseError):
        return None


def moment(text: str) -> float | None:
    """Epoch seconds of an ISO 8601 time, of UTC where it doesn't say; None where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _is_xml(response: Response) -> bool:
    return response.body.lstrip()[:1] == b"<"


def _xml(response: Response) -> tuple[str, str]:
    root = document(response.body)
    error = root.find(".//{*}Error") if root is not None else None
    if error is None:
        return "", ""
    return error.findtext("{*}Code", ""), error.findtext("{*}Message", "")


def _json(response: Response) -> tuple[str, str]:
    told = response.json_object()
    # `AccessDeniedException:http://internal...`, or `com.amazon#AccessDeniedException`
    named = response.headers.get("x-amzn-errortype") or told.get("__type") or told.get("code") or ""
    code = str(named).partition(":")[0].rpartition("#")[2]
    words = told.get("message") or told.get("Message") or told.get("errorMessage")
    return code, str(words) if words else response.reason() if not told else ""
