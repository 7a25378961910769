"""Credentials, failures and key sets as they rest; what is damaged costs a request, no more."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass import log, store
from gatepass.credential import Credential
from gatepass.secret import Secret
from gatepass.settings import load
from gatepass.store import Store, open_store
from gatepass.store.folder import Folder

NOW = time.time()
ABOUT = {"registry": "prod", "sub": "me"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "private"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def kept(folder: Path) -> Store:
    return Store(Folder(str(folder)))


def credential(life: float = 3600, at: float = NOW, secret: str = "s3" + "cret") -> Credential:
    return Credential("__token__", Secret(secret), at, at + life)


def put_raw(folder: Path, record: Any, name: str = "credential-k.json") -> None:
    (folder / name).write_text(record if isinstance(record, str) else json.dumps(record))


def record(**changes: Any) -> dict[str, Any]:
    good = {"username": "u", "secret": "s", "obtained_at": NOW, "expires_at": NOW + 3600}
    return {**good, "about": ABOUT, **changes}


def test_what_was_put_is_got_by_another_process(kept: Store, folder: Path) -> None:
    """User name, secret and times; under this key alone."""
    kept.put("k", credential(), ABOUT)
    other = Store(Folder(str(folder)))
    assert other.get("k", NOW) == credential()
    assert other.get("l", NOW) is None
    assert store._memory == {}


@pytest.mark.parametrize("life", [43200, 3600, 1800, 600, 60])
def test_it_is_handed_out_while_enough_life_is_left(kept: Store, life: float) -> None:
    """More than half its life or fifteen minutes, whichever is less."""
    kept.put("k", credential(life), ABOUT)
    enough = min(life / 2, 900)
    assert kept.get("k", NOW + life - enough - 1)
    assert kept.get("k", NOW + life - enough) is None
    assert kept.get("k", NOW + life) is None


def test_a_clock_that_was_set_back(kept: Store) -> None:
    """By a minute or less it serves on; by more its remaining life is unknown."""
    kept.put("k", credential(), ABOUT)
    assert kept.get("k", NOW - 60)
    assert kept.get("k", NOW - 61) is None


DAMAGED: list[Any] = [
    *("", "{", "[]", "null", "5", '"x"', "[" * 100_000, "\x00\xff"),
    {},
    *(
        {name: value for name, value in record().items() if name != missing}
        for missing in ("username", "secret", "obtained_at", "expires_at")
    ),
    *(
        record(**{name: value})
        for name in ("obtained_at", "expires_at")
        for value in (None, "x", [], {}, math.nan, math.inf, -math.inf, 10**400, -(10**400))
    ),
    *(record(username=odd) for odd in (None, 5, [])),
    *(record(secret=odd) for odd in (None, 5, [], "")),
    record(expires_at=NOW),
    record(expires_at=NOW - 1),
    record(obtained_at=-1e300),
    record(obtained_at=-5, expires_at=NOW + 9999),
    record(expires_at=NOW + 43205),
    record(expires_at=1e300),
]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_record_is_none_and_set_aside(kept: Store, folder: Path, content: Any) -> None:
    """... for a look later; the next credential takes its place, and nothing fails on the way."""
    put_raw(folder, content)
    assert kept.get("k", NOW) is None
    assert os.listdir(folder) == ["credential-k.json.corrupt"]
    kept.put("k", credential(), ABOUT)
    assert kept.get("k", NOW) == credential()


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_record_disturbs_no_other(kept: Store, folder: Path, content: Any) -> None:
    """Neither the list for people, however often it is asked for, nor what is put beside it."""
    put_raw(folder, content, "credential-other.json")
    kept.put("k", credential(), ABOUT)
    for _ in range(3):
        assert [entry.about for entry in kept.entries()] == [ABOUT]
    assert sorted(os.listdir(folder)) == ["credential-k.json", "credential-other.json.corrupt"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(list(record())), JSON))
def test_any_record_is_a_credential_or_none(changes: dict[str, Any]) -> None:
    """Whatever JSON can say, no exception; and no life longer than any exchange gives."""
    found = store._credential(record(**changes))
    if found:
        assert found.expires_at is not None
        assert 0 < found.expires_at - found.obtained_at <= 43201


def test_entries_hold_no_secret(kept: Store, folder: Path) -> None:
    """What `status` shows is about the credential, expired ones too, and never the credential."""
    kept.put("k", credential(), ABOUT)
    kept.put("old", credential(at=NOW - 9000), {"registry": "old"})
    put_raw(folder, record(about="x"), "credential-odd.json")
    kept.put("k", credential(), ABOUT)
    entries = kept.entries()
    assert "s3cret" not in repr(entries)
    assert [(entry.about, entry.expires_at) for entry in entries] == [(ABOUT, NOW + 3600)]


def test_what_has_expired_is_pruned_on_the_next_write(kept: Store, folder: Path) -> None:
    """So the folder holds what is in use, and no more."""
    kept.put("old", credential(at=NOW - 7200), ABOUT)
    put_raw(folder, record(obtained_at=NOW - 900, expires_at=NOW - 1), "credential-gone.json")
    kept.put("k", credential(), ABOUT)
    assert os.listdir(folder) == ["credential-k.json"]


def test_leftovers_are_pruned_after_a_day(kept: Store, folder: Path) -> None:
    """Half-written files, damaged ones, old failures and key sets; locks are never deleted."""
    names = [".new-x", "credential-a.json.corrupt", "failure-a.json", "jwks-a.json", "lock-abc"]
    for name in names:
        put_raw(folder, "{}", name)
        os.utime(folder / name, (NOW - 86300, NOW - 86300))
    kept.put("k", credential(at=NOW), ABOUT)
    assert sorted(os.listdir(folder)) == sorted([*names, "credential-k.json"])
    for name in names:
        os.utime(folder / name, (NOW - 86500, NOW - 86500))
    kept.put("k", credential(at=NOW), ABOUT)
    assert sorted(os.listdir(folder)) == ["credential-k.json", "lock-abc"]


class TestWithoutAFolder:
    """GATEPASS_STORE=off, or no place: for this process alone."""

    def test_the_process_remembers(self) -> None:
        """twine, poetry and pdm ask more than once."""
        Store(None).put("k", credential(), ABOUT)
        assert Store(None).get("k", NOW) == credential()
        assert Store(None).get("k", NOW + 3000) is None
        assert Store(None).entries() == []

    def test_a_failure_is_remembered_by_its_process(self) -> None:
        """A client that asks three times fails once, with or without a folder."""
        Store(None).note("failure-here", {"a": 1})
        assert Store(None).recall("failure-here") == {"a": 1}
        assert Store(None).recall("failure-there") is None

    def test_nothing_else_is_kept(self) -> None:
        """No key set beyond one exchange, no lock file."""
        empty = Store(None)
        empty.key_sets().put("i", b"x")
        assert empty.key_sets().get("i") is None
        with empty.alone("k", lambda: None) as found:
            assert found is None

    def test_off_makes_no_folder(self, tmp_path: Path) -> None:
        """Not even where a folder is named."""
        env = {"GATEPASS_STORE": "off", "GATEPASS_STORE_DIR": str(tmp_path / "x")}
        assert open_store(env, load(env)).folder is None
        assert not (tmp_path / "x").exists()
        env["GATEPASS_STORE"] = "auto"
        assert open_store(env, load(env)).folder is not None


class TestFullDisk:
    """A full disk costs the cache, not the credential."""

    @pytest.fixture
    def full(self, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        def broken(*args: object) -> None:
            raise OSError(28, "No space left on device")

        log.configure()
        monkeypatch.setattr(Folder, "write", broken)
        return monkeypatch

    def test_this_process_remembers_and_says_so(
        self, kept: Store, full: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The next call of the same process is served from memory."""
        kept.put("k", credential(), ABOUT)
        assert kept.get("k", NOW) == credential()
        assert "No space left on device" in capsys.readouterr().err

    def test_memory_does_not_hide_what_another_process_stored(
        self, kept: Store, full: pytest.MonkeyPatch
    ) -> None:
        """Once what is remembered is stale, the folder is asked again."""
        kept.put("k", credential(), ABOUT)
        full.undo()
        later = credential(at=NOW + 3000, secret="later")
        kept.put("k", later, ABOUT)
        assert kept.get("k", NOW + 3001) == later

    def test_key_sets_are_held_for_the_exchange(
        self, kept: Store, full: pytest.MonkeyPatch
    ) -> None:
        """So that one exchange does not fetch them twice."""
        sets = kept.key_sets()
        sets.put("issuer", b"keys")
        assert sets.get("issuer") == b"keys"


def test_key_sets_rest_by_the_name_of_their_source(kept: Store) -> None:
    """One source's keys are never another's."""
    kept.key_sets().put("a", b"keys")
    assert kept.key_sets().get("a") == b"keys"
    assert kept.key_sets().get("b") is None
