"""The certified provider as a process: started, told what to do, and ended whatever happens."""

from __future__ import annotations

import json
import queue
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provider import provision

_LONGEST = 30.0
"""Seconds that its start or one command may take, on a machine that has much else to do."""


class Provider:
    """A running provider at ``issuer``; each method is one of its commands."""

    def __init__(self, process: subprocess.Popen[str], complaints: Path) -> None:
        self._process, self._complaints = process, complaints
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.issuer = self._line()

    def mint(self, client: str, alg: str = "RS256", **claims: object) -> str:
        """An ID token for the audience ``client``, with ``claims`` beside the provider's own."""
        # A jti, because an RS256 token of the same second would be the same token.
        told = {"sub": "job-1", "jti": str(uuid.uuid4()), **claims}
        return str(self._tell(do="mint", client=client, alg=alg, claims=told)["token"])

    def rotate(self, *, keep_old: bool) -> None:
        """Sign with other keys from now on, and publish the old ones still or no more."""
        self._tell(do="rotate", keepOld=keep_old)

    def stop(self) -> None:
        """Be down: nothing listens at the issuer's address any more."""
        self._tell(do="stop")
        self._process.wait(_LONGEST)

    def _tell(self, **command: object) -> dict[str, Any]:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it is dead: no answer comes, and that is an error with its own words
        answer = json.loads(self._line())
        assert "error" not in answer, answer
        return dict(answer)

    def _line(self) -> str:
        try:
            line = self._lines.get(timeout=_LONGEST)
        except queue.Empty:
            line = ""
        if not line:
            said = self._complaints.read_text(encoding="utf-8", errors="replace")
            raise AssertionError(f"the provider gave no answer. It said: {said or 'nothing'}")
        return line.strip()

    def _listen(self) -> None:
        """A read can't be given a time; waiting for a queue can."""
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")


@contextmanager
def running(env: Mapping[str, str]) -> Iterator[Provider]:
    """A provider, in an environment of exactly ``env``; it is dead when this is over."""
    with _started(env, "provider.mjs") as provider:
        yield provider


@contextmanager
def people(env: Mapping[str, str], **lifetimes: int) -> Iterator[str]:
    """The provider as its people see it, for the client "gatepass"; its issuer.

    ``lifetimes``: in seconds, by oidc-provider's names of them, like ``IdToken``.
    """
    with _started(env, "people.mjs", json.dumps(lifetimes)) as provider:
        yield provider.issuer


@contextmanager
def _started(env: Mapping[str, str], script: str, *words: str) -> Iterator[Provider]:
    with tempfile.TemporaryDirectory() as folder:
        complaints = Path(folder) / "stderr"
        with (
            complaints.open("wb") as stderr,
            subprocess.Popen(
                [provision.node(), provision.HERE / script, *words],
                cwd=provision.PROVIDER,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                encoding="utf-8",
            ) as process,
        ):
            try:
                yield Provider(process, complaints)
            finally:
                process.kill()
                process.wait(_LONGEST)
