"""Who waits for the lock waits longer while a person is being asked, and no longer than that."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from gatepass import store as module
from gatepass.credential import Credential
from gatepass.secret import Secret
from gatepass.store import Store
from gatepass.store.folder import Folder
from gatepass.store.lock import acquire

KEY = "abc" + "0" * 61


class Held:
    """The lock, held by another thread's file until `release`."""

    def __init__(self, folder: Path) -> None:
        lock, _ = acquire(str(folder), KEY, lambda: None)
        assert lock is not None
        self.release = lock.release


@pytest.mark.parametrize("end", [0.0, -5.0, float("nan")])
def test_patience_is_lengthened_and_ends(tmp_path: Path, end: float) -> None:
    """It is asked for more each time that it runs out; nothing, or no number, ends the wait."""
    held = Held(tmp_path)
    asked: list[float] = []

    def longer() -> float:
        asked.append(time.monotonic())
        return 0.2 if len(asked) < 3 else end

    found = acquire(str(tmp_path), KEY, lambda: None, patience=0.1, longer=longer)
    held.release()
    assert found == (None, None)
    assert len(asked) == 3
    assert asked[2] - asked[0] >= 0.4


def test_what_was_waited_for_is_seen_in_the_longer_time(tmp_path: Path) -> None:
    """The login that another process finishes then is the answer."""
    held = Held(tmp_path)
    done = threading.Event()
    found = Credential("u", Secret("s"), 0, 1)

    def longer() -> float:
        done.set()
        return 30.0

    look = lambda: found if done.is_set() else None  # noqa: E731 - short, and used once
    assert acquire(str(tmp_path), KEY, look, patience=0.1, longer=longer) == (None, found)
    held.release()


def test_the_store_passes_it_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word of it, patience is the usual."""
    tmp_path.chmod(0o700)
    given: list[float] = []

    def spy(path: str, key: str, look: object, *, longer: object) -> tuple[None, None]:
        assert callable(longer)
        given.append(longer())
        return None, None

    monkeypatch.setattr(module, "acquire", spy)
    store = Store(Folder(str(tmp_path)))
    with store.alone(KEY, lambda: None):
        pass
    with store.alone(KEY, lambda: None, lambda: 7.0):
        pass
    assert given == [0.0, 7.0]


def test_a_registrys_credentials_can_be_forgotten(tmp_path: Path) -> None:
    """By its name or its address; what is another's stays, and so does what can't be read."""
    tmp_path.chmod(0o700)
    store, now = Store(Folder(str(tmp_path))), time.time()
    for number, (name, url) in enumerate(
        [
            ("prod", "https://a"),
            ("old-name", "https://a"),
            ("prod", "https://b"),
            ("x", "https://c"),
        ]
    ):
        about = {"registry": name, "url": url}
        store.put(str(number) * 64, Credential("u", Secret("s"), now, now + 600), about)
    (tmp_path / f"credential-{'f' * 64}.json").write_text("{}")
    assert [entry.about["url"] for entry in store.forget("prod", "https://a")] == [
        "https://a",
        "https://a",
        "https://b",
    ]
    assert [entry.about["registry"] for entry in store.entries()] == ["x"]
    assert store.forget("prod", "https://a") == []
    assert Store(None).forget("prod", "https://a") == []
