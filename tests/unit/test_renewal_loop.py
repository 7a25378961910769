"""Hours of `gatepass watch` in moments: renewal, outages, ends, clocks that jump, full disks."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest

from gatepass import log
from gatepass.errors import ConfigError, ExchangeError, GatepassError, TransportError
from gatepass.renewal.place import Place
from gatepass.renewal.targets import Netrc, PipConf, Ready, Token
from gatepass.settings import Registry
from watching import HOUR, START, World, registry

OUT = TransportError("unreachable", "no answer from https://ppm.example.com", why="refused")


def token(path: Path, one: Registry | None = None) -> Token:
    return Token(Place(str(path / "token"), 0o600), [one or registry()])


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.partition("gatepass: ")[2] for line in capsys.readouterr().err.splitlines()]


def test_a_day_of_renewals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An hour's tokens are renewed every 30 to 40 minutes, each time newer than the held one; the
    log has one line about it, at the start."""
    world = World(lambda now, one: HOUR)
    watch = world.watch(token(tmp_path))
    assert not world.run(watch, 24 * HOUR)
    gaps = [b - a for a, b in pairwise(world.asked_at)]
    assert 36 <= len(gaps) <= 48
    assert all(1800 <= gap <= 2400 + 30 for gap in gaps)
    assert world.after == [None, *world.asked_at[:-1]]
    assert (tmp_path / "token").read_text() == f"prod-{len(world.asked_at)}"
    [line] = lines(capsys)
    assert line.startswith(
        "info: https://ppm.example.com: a credential that is good for 1 h 0 min, "
    )
    watch.remove()
    assert os.listdir(tmp_path) == []


def test_hours_of_outage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file stays while its credential is good, goes at its end, and is back soon after the
    registry is; a handful of lines says so, at a decreasing rate."""
    world = World(lambda now, one: OUT if START < now < START + 8 * HOUR else HOUR)
    path, seen = tmp_path / "token", {}
    for hours in (0.9, 1.05, 7.9, 8.1):
        world.events.append((START + hours * HOUR, lambda h=hours: seen.update({h: path.exists()})))  # type: ignore[misc]
    world.run(world.watch(token(tmp_path)), 9 * HOUR)
    assert seen == {0.9: True, 1.05: False, 7.9: False, 8.1: True}
    during = [at - START for at in world.asked_at if 0 < at - START < 8 * HOUR]
    assert all(30 <= b - a <= 150 for a, b in pairwise(during))
    said = lines(capsys)
    first, ends, *rest = [line for line in said if not line.startswith("info: ")]
    assert "the present one is good for " in first
    assert "error[unreachable]: no answer from https://ppm.example.com: refused" in first
    ended = next(line for line in [ends, *rest] if "has ended" in line)
    assert "taken out of the files" in ended
    assert sum("and there is none" in line for line in rest) <= 11
    assert any("tries)" in line for line in rest)
    recovered = [line for line in said if "it had failed for" in line]
    assert len(recovered) == 1
    assert len(said) < 20


def test_the_sign_is_up_while_all_is_good(tmp_path: Path) -> None:
    """With two registries it comes with the second's first credential, and falls when one ends."""
    lab = registry("lab", "https://lab.example.com")

    def plan(now: float, one: Registry) -> float | GatepassError:
        late = one.name == "lab" and not START + 100 < now < START + 230
        return OUT if late else HOUR

    both = Netrc(Place(str(tmp_path / "netrc"), 0o600), [registry(), lab])
    ready = Ready(Place(str(tmp_path / "up"), 0o600), both.registries)
    (tmp_path / "up").touch()  # an earlier run's
    world, seen = World(plan), {}
    for at in (50, 300, 3500, 4000):
        state = lambda at=at: seen.update({at: (tmp_path / "up").exists()})  # noqa: E731
        world.events.append((START + at, state))
    watch = world.watch(both, ready=ready)
    assert not (tmp_path / "up").exists()
    world.run(watch, 4100)
    assert seen == {50: False, 300: True, 3500: True, 4000: False}
    assert "machine ppm.example.com" in (tmp_path / "netrc").read_text()
    assert "lab" not in (tmp_path / "netrc").read_text()


@pytest.mark.parametrize(
    ("code", "once", "seconds"),
    [
        ("exchange-refused", False, 0),
        ("insecure-address", False, 0),
        ("token-file-missing", False, 60),
        ("token-file-missing", True, 60),
        ("unreachable", True, 60),
    ],
)
def test_what_can_not_work_ends(tmp_path: Path, code: str, once: bool, seconds: int) -> None:
    """At once for a mistake, after a minute for what may still come; `--once` waits no longer."""
    world = World(lambda now, one: GatepassError(code, "x"))
    (tmp_path / "token").write_text("of-an-earlier-run")
    watch = world.watch(token(tmp_path), once=once)
    with pytest.raises(GatepassError, match=code):
        world.run(watch, HOUR)
    assert world.time == START + seconds
    assert os.listdir(tmp_path) == []
    assert len(world.asked_at) <= 9


def test_what_may_still_come_is_waited_for(tmp_path: Path) -> None:
    """A token file that appears after half a minute is found soon after that."""
    missing = GatepassError("token-file-missing", "x")
    world = World(lambda now, one: missing if now < START + 30 else HOUR)
    assert world.run(world.watch(token(tmp_path), once=True), HOUR)
    assert START + 30 <= world.time <= START + 60
    assert (tmp_path / "token").exists()


def test_an_outage_at_the_start_is_waited_for(tmp_path: Path) -> None:
    """A registry that is out for hours when the pod starts ends nothing; then there is a file."""
    world = World(lambda now, one: OUT if now < START + 5 * HOUR else HOUR)
    world.run(world.watch(token(tmp_path)), 5 * HOUR + 200)
    assert (tmp_path / "token").exists()


def test_once_it_has_worked_nothing_ends_it(tmp_path: Path) -> None:
    """A refusal that would have ended the start is retried like an outage."""
    refused = ExchangeError("exchange-refused", "x")
    world = World(lambda now, one: refused if START < now < START + 3 * HOUR else HOUR)
    world.run(world.watch(token(tmp_path)), 4 * HOUR)
    assert (tmp_path / "token").exists()


def test_a_second_registry_that_never_works_ends_the_start(tmp_path: Path) -> None:
    """Half of what was asked for is not a success."""
    lab = registry("lab", "https://lab.example.com")
    refused = ExchangeError("exchange-refused", "x")
    world = World(lambda now, one: refused if one.name == "lab" else HOUR)
    both = Netrc(Place(str(tmp_path / "netrc"), 0o600), [registry(), lab])
    with pytest.raises(ExchangeError):
        world.run(world.watch(both), HOUR)


@pytest.mark.parametrize("jump", [-30 * 24 * HOUR, 24 * HOUR])
def test_a_clock_that_jumps(tmp_path: Path, jump: float) -> None:
    """After a jump the next credential is there within a minute, and it is no loop."""
    world = World(lambda now, one: HOUR)

    def set_clock() -> None:
        world.time += jump
        world.end = world.time + 60

    world.events.append((START + 100, set_clock))
    world.run(world.watch(token(tmp_path)), HOUR)
    assert len(world.asked_at) == 2
    assert (tmp_path / "token").read_text() == "prod-2"


def test_tokens_that_live_shorter_than_the_least_pause(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between two of them there is no file, and that is said once."""
    world = World(lambda now, one: 20)
    seen: dict[int, bool] = {}
    for at in (10, 25, 31):
        state = lambda at=at: seen.update({at: (tmp_path / "token").exists()})  # noqa: E731
        world.events.append((START + at, state))
    world.run(world.watch(token(tmp_path)), 40)
    assert seen == {10: True, 25: False, 31: True}
    assert world.asked_at == [START, START + 30]
    assert [line for line in lines(capsys) if "shorter than" in line] == [
        "warning: https://ppm.example.com: its credentials live for 20 s, shorter than the 30 s "
        "between two renewals: in the gaps there is no file"
    ]


def test_a_file_that_was_deleted_comes_back(tmp_path: Path) -> None:
    """Somebody empties the folder: within half a minute the file is there again."""
    world = World(lambda now, one: HOUR)
    world.events.append((START + 100, (tmp_path / "token").unlink))
    world.run(world.watch(token(tmp_path)), 200)
    assert (tmp_path / "token").exists()
    assert len(world.asked_at) == 1


class Full(Token):
    """A file on a disk that is full between two moments: it can be deleted, and not written."""

    world: World

    def put(self, held: object) -> None:
        if held and START + 100 < self.world.time < START + 2 * HOUR:
            raise OSError(28, "No space left on device")
        super().put(held)  # type: ignore[arg-type]


def test_a_full_disk_keeps_the_old_file_to_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The old credential stays while it is good, and is deleted then; what is new is written when
    there is room, and was asked for no more often because of it."""
    world, seen = World(lambda now, one: HOUR), {}
    target = Full(Place(str(tmp_path / "token"), 0o600), [registry()])
    target.world = world
    for at in (3000, 3600.5, 7300):
        state = lambda at=at: seen.update({at: (tmp_path / "token").exists()})  # noqa: E731
        world.events.append((START + at, state))
    world.run(world.watch(target), 7400)
    assert seen == {3000: True, 3600.5: False, 7300: True}
    assert len(world.asked_at) <= 5
    said = lines(capsys)
    unwritten = [line for line in said if "No space left on device" in line]
    assert 1 <= len(unwritten) <= 6
    assert sum("written again after" in line for line in said) == 1


def test_once_gives_up_on_a_full_disk(tmp_path: Path) -> None:
    """`--once` ends after a minute with an error that names the file and the reason."""
    world = World(lambda now, one: HOUR)
    target = Full(Place(str(tmp_path / "token"), 0o600), [registry()])
    target.world = world
    world.time += 200
    watch = world.watch(target, once=True)
    with pytest.raises(ConfigError, match="token can't be kept fresh: No space left on device"):
        world.run(watch, HOUR)
    assert world.time <= START + 200 + 75


def test_somebody_elses_file_is_never_removed(tmp_path: Path) -> None:
    """The refusal comes before anything is touched, for every file that was named."""
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://pypi.org/simple\n")
    (tmp_path / "token").write_text("old")
    one = registry()
    pip = PipConf(Place(str(tmp_path / "pip.conf"), 0o600), one, f"{one.url}/simple/")
    ready = Ready(Place(str(tmp_path / "up"), 0o600), [one])
    (tmp_path / "up").touch()
    world = World(lambda now, one: HOUR)
    with pytest.raises(ConfigError, match="watch-file"):
        world.watch(token(tmp_path), pip, ready=ready)
    assert sorted(os.listdir(tmp_path)) == ["pip.conf", "token", "up"]


def test_json_lines_have_fields(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A collector finds code, seconds left and registry without reading the text."""
    log.configure(format="json")
    world = World(lambda now, one: OUT if now > START else HOUR)
    world.run(world.watch(token(tmp_path)), 2 * HOUR)
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {line["event"] for line in found} == {"watching", "not-renewed", "ended"}
    assert [line["level"] for line in found[:2]] == ["info", "warning"]
    assert found[0]["seconds_left"] == 3600
    assert found[1]["code"] == "unreachable"
    assert 1000 < found[1]["seconds_left"] < 1800
    assert {line["registry"] for line in found} == {"prod"}
    assert found[-1]["seconds_left"] == 0
