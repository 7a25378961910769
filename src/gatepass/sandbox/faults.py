"""Failures planned ahead: what becomes of the next answers of one party, whatever was asked."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from .messages import TEXT, Answer, Manner, as_json


@dataclass(frozen=True, slots=True)
class Fault:
    """Another answer `instead` of the real one, or the real one in another `manner`.

    `note` is for the journal, beside the real answer's own.
    """

    note: str
    instead: Answer | None = None
    manner: Manner | None = None

    def spoil(self, real: Callable[[], Answer]) -> Answer:
        """What leaves; `real` is asked only if its answer is used."""
        if self.instead is not None:
            return replace(self.instead, note=self.note)
        answer = real()
        note = f"{answer.note}, {self.note}" if answer.note else self.note
        return replace(answer, manner=self.manner or answer.manner, note=note)


class Faults:
    """A queue of faults, each for a number of requests. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: deque[tuple[Fault, int | None]] = deque()

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
        extra = dict(headers or {})
        if body is None or isinstance(body, str):
            content_type = extra.pop("Content-Type", TEXT)
            answer = Answer(status, (body or "").encode(), content_type, extra)
        else:
            answer = as_json(status, body, headers=extra)
        self.add(Fault("planned failure", instead=answer), times)

    def add(self, fault: Fault, times: int | None = 1) -> None:
        """Let `fault` happen to `times` requests after those planned for; None: to all."""
        with self._lock:
            self._planned.append((fault, times))

    def next(self) -> Fault | None:
        """Take the next fault, if there is one."""
        with self._lock:
            if not self._planned:
                return None
            fault, times = self._planned[0]
            if times == 1:
                self._planned.popleft()
            elif times is not None:
                self._planned[0] = (fault, times - 1)
            return fault


def spoiled(real: Callable[[], Answer], *queues: Faults) -> Answer:
    """The real answer, or what the first fault of the first queue that has one makes of it."""
    for queue in queues:
        fault = queue.next()
        if fault is not None:
            return fault.spoil(real)
    return real()
