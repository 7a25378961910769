"""Failures planned ahead: the next answers of one endpoint, whatever was asked."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

from .messages import TEXT, Answer, as_json


class Faults:
    """A queue of answers that go out in place of the real ones, each once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: deque[Answer] = deque()

    def plan(
        self,
        status: int,
        *,
        times: int = 1,
        body: Mapping[str, object] | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next `times` requests with `status`, or cut their connection if it is 0.

        A mapping as `body` becomes JSON, a string plain text (a `Content-Type` in `headers`
        overrides that). ValueError for a status that is neither 0 nor 200 to 599, or `times` < 1.
        """
        if times < 1 or not (status == 0 or 200 <= status <= 599):
            raise ValueError("status must be 0 or 200 to 599, and times at least 1")
        extra, note = dict(headers or {}), "planned failure"
        if body is None or isinstance(body, str):
            content_type = extra.pop("Content-Type", TEXT)
            answer = Answer(status, (body or "").encode(), content_type, extra, note)
        else:
            answer = as_json(status, body, headers=extra, note=note)
        with self._lock:
            self._planned.extend([answer] * times)

    def next(self) -> Answer | None:
        """Take the next planned answer, if there is one."""
        with self._lock:
            return self._planned.popleft() if self._planned else None
