"""A person's login at Package Manager's own flow: stored, asked for, kept, refused."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from gatepass.errors import ConfigError
from gatepass.login import device
from gatepass.logins import Held, Logins
from gatepass.realm import realm_of
from gatepass.sandbox import Sandbox
from gatepass.secret import Secret
from laptops import Laptop

FLOW = ["device", "device", "exchange"]


@pytest.fixture
def laptop(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    sandbox.packagemanager.device.interval = 0
    return Laptop(sandbox, tmp_path, monkeypatch)


def test_a_login_ends_in_the_shared_file(laptop: Laptop) -> None:
    """The person is asked once; the token lies where R finds it; later calls make no request."""
    found = laptop.get()
    assert laptop.parties == FLOW
    assert f"log in to {laptop.sandbox.address}\n" in laptop.screen
    assert laptop.sandbox.person.asked[0] in laptop.screen
    assert laptop.screen.endswith("gatepass: logged in as 00u5150octavia\n")
    assert laptop.file.get(realm_of(laptop.sandbox.address)) == found.secret
    assert laptop.get().secret == found.secret
    assert laptop.parties == []
    assert laptop.store.entries() == []


def test_a_login_of_another_program_serves(laptop: Laptop) -> None:
    """What rspm, pak or posit-keyring put there is as good as our own."""
    kept = laptop.keep(lasts=1800)
    assert laptop.get().secret == kept
    assert laptop.parties == []


def test_only_for_the_exact_realm(laptop: Laptop) -> None:
    """Another registry's login is none of this one's, be it on the same host."""
    kept = laptop.keep(lasts=1800)
    laptop.file.remove(realm_of(laptop.sandbox.address))
    laptop.file.put(laptop.sandbox.address + "/other", kept)
    assert laptop.get().secret != kept


def test_a_login_that_ends_soon_is_renewed_by_its_person(laptop: Laptop) -> None:
    """A client may hold it for a whole run: less than a quarter of an hour is too little."""
    kept = laptop.keep(lasts=800)
    assert laptop.get().secret != kept
    assert laptop.parties == FLOW
    assert laptop.knew == [True]


def test_where_nobody_is_the_last_minutes_serve(
    laptop: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    """A login that is good for a while is better than none, and its end is said."""
    kept = laptop.keep(lasts=800)
    laptop.person_is_here = False
    assert laptop.get().secret == kept
    assert "ends in 13 min, and nobody can be asked for another" in capsys.readouterr().err
    laptop.keep(lasts=50)
    laptop.fails("no-person")
    laptop.file.remove(realm_of(laptop.sandbox.address))
    laptop.fails("no-person")
    assert laptop.parties == []


def test_nobody_here(laptop: Laptop) -> None:
    """No request is made; and the next one, who may be at a terminal, doesn't hear of it."""
    laptop.person_is_here = False
    laptop.fails("no-person", remember=True)
    assert laptop.knew == [False]
    assert laptop.parties == []
    laptop.person_is_here = True
    laptop.get(remember=True)
    assert laptop.parties == FLOW


def test_a_no_is_remembered_for_those_who_ask_often(laptop: Laptop) -> None:
    """pip asks up to six times; a person at a shell may try again at once."""
    laptop.sandbox.person.denies()
    laptop.fails("login-denied")
    laptop.fails("login-denied", remember=True)
    assert laptop.parties == FLOW[:2]
    laptop.sandbox.person.approves()
    laptop.get()
    assert laptop.parties == FLOW


def test_an_expired_code(laptop: Laptop) -> None:
    """The end that the server named ends it."""
    laptop.sandbox.person.never()
    laptop.sandbox.packagemanager.device.expires_in = 0.4
    laptop.fails("login-expired")
    assert laptop.sandbox.count("exchange") == 0


def test_a_refused_exchange(laptop: Laptop) -> None:
    """A login without a right is an error like any other, and remembered like one."""
    laptop.sandbox.packagemanager.fail_next(403, body={"error": "access_denied"})
    laptop.fails("exchange-refused")
    laptop.fails("exchange-refused", remember=True)
    assert laptop.parties == FLOW
    assert laptop.file.realms() == []


def test_ctrl_c_leaves_nothing_behind(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is open, nothing is kept, nobody is told of a failure, and nobody waits."""

    def interrupt(*_: object, **__: object) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(device, "finish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            laptop.get(remember=True)
    assert laptop.screen.endswith("the login was stopped, nothing is kept\n")
    assert laptop.file.realms() == []
    assert laptop.store.recall(f"login-{laptop.key}") == {"until": 0.0, "done": 0.0}
    laptop.get(remember=True)


def test_others_are_told_how_long_to_wait(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a person is being asked: as long as they have, and an exchange takes."""
    seen: list[float] = []
    real = device.finish

    def finish(*args: Any) -> Any:
        note = laptop.store.recall(f"login-{laptop.key}") or {}
        seen.append(note["until"] - time.time())
        return real(*args)

    monkeypatch.setattr(device, "finish", finish)
    laptop.get()
    assert 325 < seen[0] <= 330


def test_who_comes_second_waits_for_the_first(laptop: Laptop) -> None:
    """Both get the same token of one login, and one prompt is shown."""
    laptop.sandbox.person.approves(after_polls=4)
    found: list[Secret] = []
    threads = [threading.Thread(target=lambda: found.append(laptop.get().secret)) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 2
    assert found[0] == found[1]
    assert len(laptop.sandbox.person.asked) == 1


def test_who_waits_hears_a_no_too(laptop: Laptop) -> None:
    """... instead of asking the same person the same thing once more."""
    laptop.sandbox.person.denies(after_polls=4)
    threads = [threading.Thread(target=laptop.fails, args=("login-denied",)) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(laptop.sandbox.person.asked) == 1


def test_a_login_that_came_meanwhile(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program logged in just before we got the lock: its login serves."""
    looks: list[Secret] = []
    look = Logins.held

    def held(self: Logins) -> list[Held]:
        looks.append(laptop.keep(lasts=1800) if looks else Secret("not yet"))
        return look(self)

    monkeypatch.setattr(Logins, "held", held)
    assert laptop.get().secret == looks[1]
    assert laptop.parties == []


def test_an_order_to_log_in_is_obeyed(laptop: Laptop) -> None:
    """`gatepass login` asks whatever is stored, and says who and where."""
    kept = laptop.keep(lasts=1800)
    signed = laptop.sign_in()
    assert laptop.parties == FLOW
    assert signed.credential.secret != kept
    assert (signed.who, signed.place) == ("00u5150octavia", laptop.file.path)
    assert "logged in as" not in laptop.screen  # the command says it
    laptop.person_is_here = False
    with pytest.raises(Exception, match="nobody can be asked"):
        laptop.sign_in()


def test_a_file_that_cannot_be_written(laptop: Laptop) -> None:
    """The private folder keeps the login then."""
    Path(laptop.file.path).mkdir()
    signed = laptop.sign_in()
    assert laptop.store.folder is not None
    assert signed.place == laptop.store.folder.path
    assert laptop.get().secret == signed.credential.secret
    (entry,) = laptop.store.entries()
    assert (entry.about["identity"], entry.about["sub"]) == ("login", "00u5150octavia")
    assert laptop.parties == FLOW


def test_with_the_store_off_nothing_is_written(laptop: Laptop, tmp_path: Path) -> None:
    """The login serves this process, and no other."""
    laptop.env["GATEPASS_STORE"] = "off"
    signed = laptop.sign_in()
    assert signed.place == ""
    assert laptop.get().secret == signed.credential.secret
    assert laptop.parties == FLOW
    assert list(tmp_path.iterdir()) == []


def test_the_system_keyring(laptop: Laptop) -> None:
    """Where it was chosen it has the login, and the file has not."""
    laptop.env["GATEPASS_STORE"] = "system"
    signed = laptop.sign_in()
    assert signed.place == "the system keyring"
    assert laptop.ring.held == {laptop.sandbox.address: signed.credential.secret}
    assert laptop.file.realms() == []
    assert laptop.get().secret == signed.credential.secret


def test_a_policy_is_not_held_by_a_login_of_unknown_issuer(laptop: Laptop) -> None:
    """Its ID token is for a client that we don't know, so nothing in it is verified."""
    laptop.keep(lasts=1800)
    with pytest.raises(ConfigError) as caught:
        laptop.get(claims=("a rule",))
    assert caught.value.code == "policy-needs-identity"
