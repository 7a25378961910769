"""Tells a run of gatepass as a story: from its own log, and from what the sandbox was asked."""

from __future__ import annotations

import json
import os
import queue
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatepass.sandbox import Request, Sandbox

_BOLD, _DIM, _GREEN, _CYAN, _END = "\033[1m", "\033[2m", "\033[32m", "\033[36m", "\033[0m"

_PARTIES = {
    "github": "GitHub gives the job a token for {asked}",
    "exchange": "Package Manager verifies the token itself and answers with one of its own",
    "sts": "AWS STS verifies the token itself and lends the role's keys",
    "codeartifact": "CodeArtifact checks the signature by those keys and answers with a token",
}


class Narrator:
    """Prints lines of two columns: what, and how it went."""

    def __init__(self, log: Path, sandbox: Sandbox) -> None:
        """``log``: a file of gatepass' own JSON lines, which need not exist yet."""
        self._log, self._read, self._number = log, 0, 0
        self._requests: queue.SimpleQueue[tuple[float, Request]] = queue.SimpleQueue()
        sandbox.watch(lambda request: self._requests.put((time.time(), request)))
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._width = max(60, min(110, shutil.get_terminal_size((100, 24)).columns))

    def title(self, name: str, about: str) -> None:
        self._print(f"\n  {self._in(_BOLD, name)}   {self._in(_DIM, about)}")

    def chapter(self, text: str) -> None:
        self._number += 1
        self._print(f"\n  {self._in(_CYAN, str(self._number))}  {self._in(_BOLD, text)}")

    def line(self, name: str, text: str) -> None:
        """``text`` is wrapped under itself where the terminal is too narrow for it."""
        import textwrap

        first, *rest = textwrap.wrap(text, self._width - 19, break_on_hyphens=False) or [""]
        self._print(f"     {self._in(_GREEN, f'{name:<12}')}  {first}")
        for more in rest:
            self._print(" " * 19 + more)

    def block(self, text: str) -> None:
        """Somebody's own output, as it was, moved to the right."""
        for line in text.rstrip().splitlines():
            self._print(f"     {line}")

    def end(self, command: str, page: str) -> None:
        self._print(f"\n  Try it on your own: {self._in(_BOLD, command)}")
        self._print(f"  Use it for real:    {page}\n")

    def tell(self) -> None:
        """What happened since the last call, in its order: requests and steps come by two ways."""
        told = [self._request(*self._requests.get()) for _ in range(self._requests.qsize())]
        told.extend(self._step(json.loads(line)) for line in self._new_lines())
        for _, name, text, is_aside in sorted(told):
            if text:
                self.line(name, self._in(_DIM, text) if is_aside else text)

    def skip(self) -> None:
        """Leave out what happened since the last call: somebody else has told it."""
        for _ in range(self._requests.qsize()):
            self._requests.get()
        self._new_lines()

    def _new_lines(self) -> list[bytes]:
        try:
            with self._log.open("rb") as file:
                file.seek(self._read)
                lines = file.read().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        whole = [line for line in lines if line.endswith(b"\n")]  # the last may be half written
        self._read += sum(map(len, whole))
        return whole

    def _request(self, moment: float, request: Request) -> tuple[float, str, str, bool]:
        text = _PARTIES.get(request.party, "") if request.status == 200 else ""
        return moment, "", text.format(asked=request.note.removeprefix("audience ")), True

    def _step(self, record: dict[str, object]) -> tuple[float, str, str, bool]:
        event = str(record["event"])
        text = {
            "identity": str(record["message"]).rpartition(": we are ")[2],
            "verified": f"{record.get('sub')}, issued by {record.get('iss')}",
            "exchanged": f"for a credential, user name {record.get('username')}",
            "stored": f"for {record.get('seconds')} s, in a folder of mode 0700, "
            "for this job's identity alone",
            "from-store": "the stored credential serves, no request is made",
        }.get(event, "")
        return float(str(record["time"])), event.removeprefix("from-"), text, False

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_END}" if self._colour else text

    def _print(self, text: str) -> None:
        print(text, flush=True)
