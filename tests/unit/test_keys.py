"""Where an issuer's keys come from, and how long they are believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import forge
from gatepass.errors import TransportError, TrustError
from gatepass.transport import Response
from gatepass.trust.keys import COOL_DOWN, LONGEST, UNSAID
from keyworld import CONFIGURED, DISCOVERY, JWKS, NEW, OLD, T0, World


@pytest.fixture
def world() -> World:
    return World()


def test_discovery_then_keys(world: World) -> None:
    """Without configuration the issuer's own metadata says where its keys are."""
    assert world.ask() == "old"
    assert world.asked == [DISCOVERY, JWKS]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("max-age=120", 120),
        ("public, Max-Age=600", 600),
        ("max-age = 90", 90),
        ("max-age=999999999999", LONGEST),
        ("max-age=86400", LONGEST),
        ("max-age=0", COOL_DOWN),
        ("max-age=-1", UNSAID),
        ("max-age=abc", UNSAID),
        ("no-store", UNSAID),
        ("s-maxage=10", UNSAID),
        ("", UNSAID),
    ],
)
def test_max_age_is_honoured_and_capped_at_an_hour(
    world: World, header: str, seconds: float
) -> None:
    """A set is asked for again exactly when its time is over; nothing is believed for longer."""
    world.publish(OLD, cache=header)
    assert world.requests() == 2
    world.now = T0 + seconds - 1
    assert world.requests() == 0
    world.now = T0 + max(seconds, COOL_DOWN)
    assert world.requests() == 2


def test_the_longest_is_an_hour() -> None:
    """The design's own numbers."""
    assert (LONGEST, COOL_DOWN) == (3600, 30)


def test_stale_keys_serve_one_more_hour_while_the_source_is_down(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """... with a warning, and then no more."""
    world.publish(OLD, cache="max-age=600")
    world.ask()
    world.break_down()
    world.now = T0 + 600 + LONGEST - 1
    assert world.ask() == "old"
    assert "serve on" in capsys.readouterr().err
    world.now = T0 + 600 + LONGEST
    assert world.ask() == "issuer-unreachable"


def test_a_source_that_is_down_is_not_waited_for_each_time(world: World) -> None:
    """After a failure the stale set serves for thirty seconds without another request."""
    world.ask()
    world.break_down(DISCOVERY)
    world.now = T0 + UNSAID
    assert [world.requests(), world.requests()] == [1, 0]
    world.now += COOL_DOWN
    assert world.requests() == 1


def test_what_is_stale_gives_way_when_the_source_is_back(world: World) -> None:
    """A key that is gone from the fresh set is not believed any longer."""
    world.ask()
    world.publish(NEW)
    world.now = T0 + UNSAID
    assert world.ask("old") == "unknown-key"
    assert world.ask("new") == "new"


def test_an_unknown_key_is_asked_for_every_thirty_seconds_at_most(world: World) -> None:
    """A rotation shows within half a minute, and garbage can't make us ask more often."""
    world.ask()
    world.publish(OLD, NEW)
    world.now = T0 + COOL_DOWN - 1
    assert world.requests("new") == 0
    assert world.ask("new") == "unknown-key"
    world.now = T0 + COOL_DOWN
    assert world.requests("garbage") == 2
    assert world.ask("new") == "new"
    world.now += COOL_DOWN - 1
    assert world.requests("garbage") == 0


def test_an_unknown_key_while_the_source_is_down_starts_the_cool_down_too(world: World) -> None:
    """Failed questions count: otherwise garbage would make us ask a broken server each time."""
    world.ask()
    world.break_down(DISCOVERY)
    world.now = T0 + COOL_DOWN
    assert [world.requests("garbage"), world.requests("garbage")] == [1, 0]
    assert world.ask("old") == "old"


def test_the_configured_address_comes_first(world: World) -> None:
    """Discovery is not asked where the user's own source answers."""
    world.configured = CONFIGURED
    world.publish(OLD, url=CONFIGURED)
    assert world.ask() == "old"
    assert world.asked == [CONFIGURED]


@pytest.mark.parametrize(
    "broken",
    [
        TransportError("unreachable", "no answer"),
        Response(404, {}, b""),
        Response(500, {}, b"oops"),
        Response(200, {"content-type": "text/html"}, b"<html>sign in</html>"),
        Response(200, {}, b""),
        Response(200, {}, b"[" * 100_000),
        Response(204, {}, b""),
    ],
)
def test_a_source_that_gives_nothing_passes_to_the_next(world: World, broken: object) -> None:
    """No connection, another status than 200, or what isn't JSON."""
    world.configured = CONFIGURED
    world.answers[CONFIGURED] = broken
    assert world.ask() == "old"
    assert world.asked == [CONFIGURED, DISCOVERY, JWKS]


@pytest.mark.parametrize("answer", [[NEW], []])
def test_a_source_that_answered_is_final(world: World, answer: list[object]) -> None:
    """A key that isn't in the user's own source is not looked for anywhere else."""
    world.configured = CONFIGURED
    world.publish(*answer, url=CONFIGURED)
    assert world.ask("old") == "unknown-key"
    assert world.asked == [CONFIGURED]


def test_a_source_that_hangs_leaves_time_for_the_next(world: World) -> None:
    """Each source gets half of what is left, so that the deadline can't be spent on the first."""
    world.configured = CONFIGURED
    world.break_down(CONFIGURED)
    world.ask()
    assert world.seconds == pytest.approx([15, 15, 15], abs=1)


def test_no_source_at_all_names_the_three_remedies(world: World) -> None:
    """The error says which keys, why, and the three things that help."""
    world.break_down(DISCOVERY)
    assert world.ask() == "issuer-unreachable"
    assert isinstance(world.error, TrustError)
    assert forge.ISSUER in world.error.what
    assert "it broke" in world.error.why
    for remedy in ("HTTPS_PROXY", "GATEPASS_JWKS_FILE", "GATEPASS_VERIFY=off"):
        assert remedy in world.error.do


def test_a_file_is_read_again_each_time_and_never_cached(world: World, tmp_path: Path) -> None:
    """What the user writes there holds at once, and the network is not asked."""
    file = tmp_path / "keys.json"
    world.configured = str(file)
    file.write_text(json.dumps({"keys": [OLD]}))
    assert world.ask() == "old"
    file.write_text(json.dumps({"keys": [NEW]}))
    assert [world.ask("new"), world.ask("old")] == ["new", "unknown-key"]
    assert (world.asked, world.cached) == ([], {})


@pytest.mark.parametrize("content", [None, "", "no json", "[" * 100_000, "{}", "[]"])
def test_a_file_without_keys_is_an_error(world: World, tmp_path: Path, content: str | None) -> None:
    """A file that was named and can't be used is the user's to mend: nothing is tried instead."""
    file = tmp_path / "keys.json"
    world.configured = str(file)
    if content is not None:
        file.write_text(content)
    assert world.ask() == "bad-key-set"
    assert world.asked == []


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": forge.ISSUER + "/", "jwks_uri": JWKS},
        {"issuer": "https://evil.test", "jwks_uri": JWKS},
        {"jwks_uri": JWKS},
        {"issuer": forge.ISSUER, "jwks_uri": "http://idp.example/keys"},
        {"issuer": forge.ISSUER, "jwks_uri": "http://127.0.0.1/keys"},
        {"issuer": forge.ISSUER},
    ],
)
def test_metadata_that_is_wrong_is_final(world: World, document: dict[str, str]) -> None:
    """Somebody else's metadata, or keys in the clear, are errors of their own."""
    world.answers[DISCOVERY] = Response(200, {}, json.dumps(document).encode())
    assert world.ask() == "issuer-metadata"
    assert world.asked == [DISCOVERY]


def test_a_set_that_is_none_is_refused_and_not_kept(world: World) -> None:
    """JSON that is no key set is an answer, so it is final; it does not enter the cache."""
    world.answers[JWKS] = Response(200, {}, b'{"error": "x"}')
    assert world.ask() == "bad-key-set"
    assert world.cached == {}


def test_rotation_with_the_old_keys_kept(world: World) -> None:
    """Tokens of both keys are good from the next fetch on."""
    world.ask()
    world.publish(NEW, OLD)
    world.now = T0 + COOL_DOWN
    assert [world.ask("new"), world.ask("old")] == ["new", "old"]
