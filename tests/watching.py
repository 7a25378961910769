"""`gatepass watch` by a clock of the test's own, and as a process whose tokens live for seconds."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gatepass.cli.watched import Telling
from gatepass.credential import Credential
from gatepass.errors import GatepassError
from gatepass.realm import realm_of
from gatepass.renewal.loop import Watch
from gatepass.renewal.targets import Target
from gatepass.secret import Secret
from gatepass.settings import Registry

HOUR = 3600.0
START = 1_800_000_000.0


def registry(name: str = "prod", url: str = "https://ppm.example.com") -> Registry:
    return Registry(name, url, realm_of(url), "packagemanager", "a test")


class World:
    """A clock that only waiting moves, and a registry that answers as `plan` says.

    `plan`: called with the moment and the registry, gives a credential's life in seconds or an
    error. `events`: functions that are called once, when their moment has come.
    """

    def __init__(self, plan: Callable[[float, Registry], float | GatepassError]) -> None:
        self.plan = plan
        self.time, self.end, self.takes = START, START, 0.0
        self.asked_at: list[float] = []
        self.after: list[float | None] = []
        self.events: list[tuple[float, Callable[[], None]]] = []
        self._outcome: Credential | GatepassError | None = None
        self._busy, self._restless = False, 0

    # The clock and the end.
    @property
    def asked(self) -> bool:
        return self.time >= self.end

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        assert seconds <= 30
        if self._outcome is None:
            self._restless = 0 if seconds > 0 else self._restless + 1
            assert self._restless < 3, "a loop that does not wait"
            self.time += seconds
        for moment, act in list(self.events):
            if moment <= self.time:
                self.events.remove((moment, act))
                act()

    # The worker, which is done at once.
    @property
    def is_idle(self) -> bool:
        return not self._busy

    def start(self, work: Callable[[], Credential]) -> None:
        assert not self._busy
        self._busy = True
        try:
            self._outcome = work()
        except GatepassError as error:
            self._outcome = error
        self.time += self.takes

    def outcome(self) -> Credential | GatepassError | None:
        found, self._outcome = self._outcome, None
        self._busy = self._busy and found is None
        return found

    # The registry.
    def ask(self, registry: Registry, held: Credential | None, *, first: bool) -> Credential:
        self.asked_at.append(self.time)
        self.after.append(held.obtained_at if held else None)
        answer = self.plan(self.time, registry)
        if isinstance(answer, GatepassError):
            raise answer
        secret = Secret(f"{registry.name}-{len(self.asked_at)}")
        return Credential("__token__", secret, self.time, self.time + answer)

    def watch(self, *targets: Target, ready: Target | None = None, once: bool = False) -> Watch:
        registries = {one.name: one for target in targets for one in target.registries}
        made = Watch(
            list(registries.values()),
            targets,
            ready,
            ask=self.ask,
            worker=self,
            stop=self,
            teller=Telling(),
            once=once,
        )
        made.prepare()
        return made

    def run(self, watch: Watch, seconds: float) -> bool:
        self.end = self.time + seconds
        return watch.run()


RUN = """
import sys
from gatepass.renewal import loop, schedule
schedule.SHORTEST, schedule._LONGEST, loop._WRITE_AGAIN = 0.3, 1.0, 0.5
from gatepass.cli import main
sys.exit(main(["watch", *sys.argv[1:]]))
"""


@contextmanager
def watching(
    *words: str | Path, env: Mapping[str, str], program: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[str]]:
    """A running `gatepass watch` that may renew as often as three times a second."""
    command = [*program, sys.executable, "-c", RUN, *map(str, words)]
    process = subprocess.Popen(
        command, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        for stream in (process.stdout, process.stderr):
            if stream and not stream.closed:
                stream.close()
        process.wait()


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until something holds; AssertionError if it doesn't in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def ended(process: subprocess.Popen[str], number: int) -> tuple[int, str]:
    """Send a signal; the exit status and what was said by then."""
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert out == ""
    return process.returncode, err
