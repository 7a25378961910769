"""Passes are renewed beside the command, well before they end; a failure is a warning."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from gatepass import log
from gatepass.child import renewal
from gatepass.child.renewal import Renewal, due
from gatepass.child.serving import Held
from gatepass.credential import Credential
from gatepass.errors import ExchangeError
from gatepass.secret import Secret
from gatepass.settings import Registry
from passes import credential, registry

PROD, LAB = registry(), registry("https://lab.example", "lab")


def lives(seconds: float, word: str = "first") -> Credential:
    now = time.time()
    return Credential("__token__", Secret(word), now, now + seconds)


class Registrar:
    """What the renewal calls: it answers as it is told to, and remembers."""

    def __init__(self, *answers: Credential | Exception) -> None:
        self.answers, self.asked = list(answers), threading.Semaphore(0)
        self.kept: list[list[str]] = []
        self.is_kept = threading.Event()

    def get(self, registry: Registry, after: float) -> Credential:
        answer = self.answers.pop(0) if self.answers else lives(3600, "last")
        self.asked.release()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def keep(self, held: Sequence[Held]) -> None:
        self.kept.append([one.credential.secret.reveal() for one in held])
        self.is_kept.set()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_RETRY", "_LEAST", "_LOOK"):
        monkeypatch.setattr(renewal, name, 0.05)


def test_half_its_life_or_a_quarter_of_an_hour_before_its_end() -> None:
    """When no more is left than a store hands out: what is got then is new."""
    now = 1_000_000.0
    for life, enough in ((3600.0, 900.0), (600.0, 300.0), (43200.0, 900.0)):
        held = Credential("u", Secret("s"), now, now + life)
        moments = {due(held) for _ in range(50)}
        assert len(moments) > 1  # jobs that began together don't ask together
        for moment in moments:
            assert moment is not None
            assert not held.is_fresh(moment)
            assert now + life - enough < moment < now + life - 0.89 * enough
    assert due(Credential("u", Secret("s"), now, None)) is None


def test_only_the_one_that_ends_is_renewed() -> None:
    """All of them are written again, the others as they were."""
    registrar = Registrar(lives(3600, "second"))
    held = [Held(LAB, lives(3600, "other")), Held(PROD, lives(0.1))]
    with Renewal(held, registrar.get, registrar.keep):
        assert registrar.is_kept.wait(10)
    assert registrar.kept == [["other", "second"]]


def test_what_has_no_end_starts_nothing() -> None:
    """No thread for an API token."""
    before = threading.active_count()
    registrar = Registrar()
    with Renewal([Held(PROD, credential(life=None))], registrar.get, registrar.keep):
        assert threading.active_count() == before


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ExchangeError("exchange-refused", "it said no"), "it said no (exchange-refused)"),
        (ValueError("not for people"), "ValueError at test_exec_renewal.py"),
    ],
)
def test_a_failure_is_a_warning_with_the_time_left(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is tried again until it works."""
    registrar = Registrar(error, lives(3600, "second"))
    held = [Held(PROD, lives(60.0)._replace(obtained_at=time.time() - 1000))]
    with Renewal(held, registrar.get, registrar.keep):
        assert registrar.is_kept.wait(10)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"the pass for {PROD.url} is not renewed, it ends in" in told
    assert said in told
    assert "not for people" not in told


def test_after_the_end_it_goes_on_trying(capsys: pytest.CaptureFixture[str]) -> None:
    """An outage may last longer than a pass: the command may come through it."""
    no = ExchangeError("exchange-refused", "no")
    registrar = Registrar(no, no, lives(3600, "second"))
    with Renewal([Held(PROD, lives(-5.0))], registrar.get, registrar.keep):
        assert registrar.is_kept.wait(10)
    assert "is not renewed, it has ended: no" in capsys.readouterr().err


def test_a_login_that_goes_on_to_its_end_is_not_written_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The same credential came back: that is said, and it is asked for again."""
    first = lives(1.0)._replace(obtained_at=time.time() - 10)
    registrar = Registrar(first, first, lives(3600, "second"))
    with Renewal([Held(PROD, first)], registrar.get, registrar.keep):
        assert registrar.is_kept.wait(10)
    assert registrar.kept == [["second"]]
    assert capsys.readouterr().err.count("nothing newer is to be had") == 2


def test_what_cannot_be_written_is_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    """A full disk costs a warning; the next try writes."""
    registrar = Registrar(lives(3600, "second"), lives(3601, "third"))
    full = [OSError(28, "No space left on device")]

    def keep(held: Sequence[Held]) -> None:
        if full:
            raise full.pop()
        registrar.keep(held)

    with Renewal([Held(PROD, lives(0.1))], registrar.get, keep):
        assert registrar.is_kept.wait(10)
    assert registrar.kept == [["third"]]
    assert "it can't be written: No space left" in capsys.readouterr().err


def test_after_the_commands_end_nothing_is_written() -> None:
    """The folder goes: a renewal that was under way must not make it anew."""
    may_go_on, over = threading.Event(), threading.Event()
    registrar = Registrar()

    def slow(registry: Registry, after: float) -> Credential:
        registrar.asked.release()
        assert may_go_on.wait(10)
        over.set()
        return lives(3600, "late")

    with Renewal([Held(PROD, lives(0.0))], slow, registrar.keep):
        assert registrar.asked.acquire(timeout=10)
    may_go_on.set()
    assert over.wait(10)
    for thread in threading.enumerate():
        if thread.name == "gatepass-renewal":
            thread.join(10)
    assert registrar.kept == []


def test_a_clock_that_is_set_back_puts_nothing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """By such a clock it would be due two hours late: it is asked for at once, and newer than what
    is held, which the store may take for new."""
    ahead, asked = [7200.0], []
    monkeypatch.setattr(renewal, "time", SimpleNamespace(time=lambda: time.time() + ahead[0]))
    registrar = Registrar(lives(3600, "second"))
    first = lives(3600)._replace(obtained_at=time.time() + 7200, expires_at=time.time() + 10800)

    def get(registry: Registry, after: float) -> Credential:
        asked.append(after)
        return registrar.get(registry, after)

    with Renewal([Held(PROD, first)], get, registrar.keep):
        time.sleep(0.2)
        ahead[0] += 30.0
        time.sleep(0.2)
        ahead[0] -= 60.0  # as much goes unseen
        time.sleep(0.2)
        assert asked == []
        ahead[0] = 0.0
        assert registrar.is_kept.wait(10)
    assert registrar.kept == [["second"]]
    assert asked == [first.obtained_at]


def test_a_machine_without_threads_runs_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A container's limit costs the renewal, which is said."""

    def none(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    with Renewal([Held(PROD, lives(0.1))], Registrar().get, Registrar().keep):
        pass
    said = "gatepass: warning: the passes are not renewed: no thread can be started\n"
    assert capsys.readouterr().err == said


def test_a_success_is_said_where_somebody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """At info: a long job's log shows it."""
    log.configure("info")
    registrar = Registrar(lives(3600, "second"))
    with Renewal([Held(PROD, lives(0.1))], registrar.get, registrar.keep):
        assert registrar.is_kept.wait(10)
        deadline = time.monotonic() + 10
        said = ""
        while not said and time.monotonic() < deadline:
            said = capsys.readouterr().err
            time.sleep(0.01)
    assert said == f"gatepass: info: {PROD.url}: the pass was renewed\n"
