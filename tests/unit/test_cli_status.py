"""`gatepass status`: what is stored and what went wrong last, and never a secret."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from gatepass.cli import main
from gatepass.credential import Credential
from gatepass.sandbox import Sandbox
from gatepass.secret import Secret
from gatepass.store import Store
from gatepass.store.folder import Folder


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that the commands of this test use."""
    folder = tmp_path / "store"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("GATEPASS_STORE_DIR", str(folder))
    return Store(Folder(str(folder)))


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["status"]) == 0
    seen = capsys.readouterr()
    assert seen.err == ""
    return seen.out


def test_an_empty_store(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the store is, and that nothing is in it."""
    assert store.folder is not None
    assert shown(capsys) == f"store: {store.folder.path}\nnothing is stored\n"


def test_no_store(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With the store off it says so."""
    monkeypatch.setenv("GATEPASS_STORE", "off")
    assert shown(capsys).startswith("store: none (GATEPASS_STORE=off")


def test_what_is_stored(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Each credential by registry, soonest end first, with address, identity and issuer."""
    now = time.time()
    for number, (name, life) in enumerate([("late", 7200.0), ("soon", 1800.0)]):
        about = {
            "registry": name,
            "url": f"https://{name}.example",
            "identity": "github",
            "sub": "repo:acme/widgets",
            "iss": "https://issuer.example",
        }
        store.put(f"{number}" * 64, Credential("u", Secret("hunter2"), now - 60, now + life), about)
    out = shown(capsys)
    assert out.index("soon: until 20") < out.index("late: until 20")
    assert "(2 h 0 min left)" in out or "(1 h 59 min left)" in out
    assert "  address:  https://soon.example\n" in out
    assert "  identity: github, repo:acme/widgets\n" in out
    assert "  issuer:   https://issuer.example\n" in out
    assert "  obtained: 60 s ago\n" in out
    assert "hunter2" not in out


def test_an_expired_credential_is_said_to_be(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """What has ended is listed as expired until it is pruned."""
    now = time.time()
    about = {"registry": "prod"}
    store.put("a" * 64, Credential("u", Secret("s"), now - 3600, now - 5), about)
    if "prod" not in (out := shown(capsys)):  # writing prunes: put it there by hand
        assert store.folder is not None
        record = {"username": "u", "secret": "s", "obtained_at": now - 3600,
                  "expires_at": now - 5, "about": about}  # fmt: skip
        store.folder.write("credential-" + "a" * 64 + ".json", json.dumps(record).encode())
        out = shown(capsys)
    assert "prod: expired\n" in out
    assert "  address:  ?\n" in out


def test_claims_can_not_move_the_cursor(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Claims are the issuer's words: line breaks and escapes in them are disarmed."""
    now = time.time()
    about = {"registry": "prod", "sub": "x\n::error::owned\x1b[2J", "iss": "i"}
    store.put("a" * 64, Credential("u", Secret("s"), now, now + 600), about)
    out = shown(capsys)
    assert "  identity: ?, x ::error::owned?[2J\n" in out
    assert "\n::error::" not in out


def test_the_last_error(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last failure stands at the end, as it was printed, with its age."""
    monkeypatch.setenv("PACKAGEMANAGER_ADDRESS", "https://ppm.example.com")
    monkeypatch.setenv("CI", "true")
    assert main(["get", "packagemanager"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error[no-identity]")
    assert shown(capsys).endswith(f"\nlast error, 0 s ago:\n{error}")


@pytest.mark.parametrize("record", [{}, {"time": "x"}, {"time": None}, {"time": 1, "code": 7}])
def test_a_broken_record_of_an_error_breaks_nothing(
    store: Store, record: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the record says, status ends well."""
    store.note("last-error", record)
    assert "nothing is stored" in shown(capsys)


def test_a_whole_story_shows_no_secret(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a real exchange: registry, subject and issuer are there, no token is."""
    for name, value in sandbox.environment("github").items():
        monkeypatch.setenv(name, value)
    assert main(["get", sandbox.address]) == 0
    secret = capsys.readouterr().out.strip()
    out = shown(capsys)
    assert "packagemanager: until " in out
    assert "repo:acme/widgets" in out
    assert sandbox.issuer.url in out
    assert secret not in out
    assert sandbox.github.request_token not in out
    assert "eyJ" not in out
