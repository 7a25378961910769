"""A ``credential_process`` that ends when we stop waiting for it.

botocore waits for it without a bound, and nobody else knows it. One that waits at a terminal would
go on taking what the person types.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

_REAPED = 1.0
"""Seconds for a killed process to be gone: the system needs none, unless it hangs in a disk."""

_METHOD = "custom-process"
"""botocore's name for it."""


class Processes:
    """What the chain has started. What a process starts in its turn is its own to end."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []
        self._are_over = False
        self._changing = threading.Lock()

    def watch(self, session: Any) -> None:
        """Have botocore start the process of this session's profile through us.

        The process of a profile that another one names as its ``source_profile`` is botocore's
        own: its builder of those takes no other way to start one.
        """
        # AWS ships no types.
        from botocore.credentials import ProcessProvider  # type: ignore[import-untyped]

        resolver = session.get_component("credential_provider")
        ours = ProcessProvider(
            profile_name=session.get_config_variable("profile") or "default",
            load_config=lambda: session.full_config,
            popen=self.start,
        )
        resolver.insert_after(_METHOD, ours)
        resolver.remove(_METHOD)  # the first of that name, which is botocore's

    def start(self, *args: Any, **options: Any) -> subprocess.Popen[bytes]:
        """``subprocess.Popen``, and remembered; at once killed where nobody waits any more."""
        import subprocess

        process: subprocess.Popen[bytes] = subprocess.Popen(*args, **options)
        with self._changing:
            self._started.append(process)
            if self._are_over:
                process.kill()
        return process

    def end(self) -> None:
        """Kill what still runs, and whatever starts from now on."""
        import subprocess

        with self._changing:
            self._are_over = True
            started = tuple(self._started)
        for process in started:
            process.kill()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_REAPED)
