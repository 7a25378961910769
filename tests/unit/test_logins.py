"""Where a login rests, and what processes tell each other about it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from forge import claims, token
from gatepass.logins import KEYRING, Logins, Notes, name_of
from gatepass.realm import realm_of
from gatepass.secret import Secret
from gatepass.settings import Login, load
from gatepass.store import Store, system
from gatepass.store.folder import Folder
from gatepass.store.tokens import TokensFile
from laptops import FakeKeyring

ADDRESS = "https://ppm.example.com/pkg"
PROVIDER = Login("https://idp.example.com", "us")


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> FakeKeyring:
    """The system keyring of this test."""
    made = FakeKeyring()
    monkeypatch.setattr(system, "open_system", lambda env: made)
    return made


@pytest.fixture
def file(tmp_path: Path) -> TokensFile:
    """The tokens.toml of this test."""
    return TokensFile(str(tmp_path / "tokens.toml"))


def logins(file: TokensFile, store: str = "auto", **changes: Any) -> Logins:
    env = {
        "PACKAGEMANAGER_ADDRESS": ADDRESS,
        "PACKAGEMANAGER_SSO_TOKEN_FILE": file.path,
        "GATEPASS_STORE": store,
    }
    settings = load(env)
    return Logins(settings.registries[0]._replace(**changes), settings, env)


def secret(**changes: object) -> Secret:
    return Secret(token(claims(**changes)))


def times(file: TokensFile, kept: Secret) -> tuple[float, float | None]:
    """When a kept token was obtained and ends, as it is read back."""
    file.put(ADDRESS, kept)
    (held,) = logins(file).held()
    assert held.place == file.path
    assert held.credential.username == "__token__"
    assert held.credential.secret == kept
    return held.credential.obtained_at, held.credential.expires_at


def test_a_token_has_its_own_times(file: TokensFile) -> None:
    """They are read from the token: what wrote the file says none."""
    now = int(time.time())
    assert times(file, secret(iat=now - 100, exp=now + 500)) == (now - 100, now + 500)


def test_a_token_from_a_faster_clock_is_not_stale(file: TokensFile) -> None:
    """A server ahead of us by minutes would otherwise ask its people at each call."""
    now = time.time()
    obtained, expires = times(file, secret(iat=int(now) + 300, exp=int(now) + 3900))
    assert obtained <= time.time()
    assert expires == int(now) + 3900
    assert logins(file).held()[0].credential.is_fresh(time.time())


def test_an_api_token_has_no_end(file: TokensFile) -> None:
    """`rspm login` may keep one there: without `exp` it doesn't expire."""
    assert times(file, secret(exp=None))[1] is None
    assert times(file, Secret("opaque-token"))[1] is None
    assert logins(file).held()[0].credential.is_fresh(time.time())
    assert logins(file).held()[0].ends_in(time.time()) == float("inf")


def test_a_token_without_a_beginning_needs_a_quarter_of_an_hour(file: TokensFile) -> None:
    """Half of an unknown life can't be known."""
    now = time.time()
    times(file, secret(iat=None, exp=int(now) + 600))
    assert not logins(file).held()[0].credential.is_fresh(now)
    times(file, secret(iat="yesterday", exp=int(now) + 1000))
    assert logins(file).held()[0].credential.is_fresh(now)


def test_what_could_inject_is_not_used(
    file: TokensFile, ring: FakeKeyring, capsys: pytest.CaptureFixture[str]
) -> None:
    """A text that no token is stays where it is, and that is said without showing it."""
    ring.held[ADDRESS] = Secret("token with\nlines")
    assert logins(file, "system").held() == []
    seen = capsys.readouterr().err
    assert "characters that no token has" in seen
    assert "token with" not in seen


def test_the_file_by_default(file: TokensFile, ring: FakeKeyring) -> None:
    """A token goes where rspm, pak and posit-keyring find it; the keyring isn't touched."""
    kept = secret()
    assert logins(file).keep(kept) == file.path
    assert file.get(realm_of(ADDRESS)) == kept
    assert ring.held == {}
    assert not logins(file).keeps_refresh_tokens
    logins(file).keep_refresh_token(PROVIDER, Secret("r"))
    assert logins(file).refresh_token(PROVIDER) is None
    assert ring.held == {}


def test_the_system_keyring_where_it_was_chosen(file: TokensFile, ring: FakeKeyring) -> None:
    """Then the token leaves the file."""
    file.put(ADDRESS, secret(sub="before"))
    kept = secret()
    chosen = logins(file, "system")
    assert [held.place for held in chosen.held()] == [file.path]
    assert chosen.keep(kept) == KEYRING
    assert ring.held == {ADDRESS: kept}
    assert file.get(realm_of(ADDRESS)) is None
    assert [(held.credential.secret, held.place) for held in chosen.held()] == [(kept, KEYRING)]


def test_what_the_keyring_cannot_hold_goes_to_the_file(file: TokensFile, ring: FakeKeyring) -> None:
    """Windows' locker takes 1280 characters."""
    ring.largest = 10
    assert logins(file, "system").keep(secret()) == file.path
    logins(file, "system").keep_refresh_token(PROVIDER, Secret("r" * 11))
    assert ring.held == {}


def test_no_system_keyring_at_all(file: TokensFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for and not there: the file, and no refresh token; it is looked for once."""
    opened: list[object] = []
    monkeypatch.setattr(system, "open_system", lambda env: opened.append(env))
    chosen = logins(file, "system")
    assert chosen.keep(secret()) == file.path
    assert not chosen.keeps_refresh_tokens
    assert chosen.refresh_token(PROVIDER) is None
    chosen.keep_refresh_token(PROVIDER, Secret("r"))
    assert len(opened) == 1


def test_refresh_tokens(file: TokensFile, ring: FakeKeyring) -> None:
    """One for each registry, provider and client; no new one means that the old one is over."""
    chosen = logins(file, "system")
    assert chosen.keeps_refresh_tokens
    chosen.keep_refresh_token(PROVIDER, Secret("r1"))
    assert chosen.refresh_token(PROVIDER) == Secret("r1")
    assert chosen.refresh_token(Login(PROVIDER.issuer, "others")) is None
    assert logins(file, "system", realm=realm_of("https://h")).refresh_token(PROVIDER) is None
    chosen.keep_refresh_token(PROVIDER, None)
    assert ring.held == {}


@pytest.mark.parametrize(
    ("store", "changes", "kept"),
    [
        ("off", {}, secret()),
        ("auto", {"kind": "codeartifact"}, secret()),
        ("auto", {"claims": ("a rule",)}, secret()),
        ("auto", {}, secret(exp=None)),
        ("auto", {}, Secret("opaque")),
    ],
    ids=["off", "codeartifact", "policy", "no-end", "opaque"],
)
def test_what_is_not_for_the_shared_file(
    file: TokensFile, store: str, changes: dict[str, Any], kept: Secret
) -> None:
    """The store is off, the token isn't Package Manager's own login, or its end isn't in it."""
    assert logins(file, store, **changes).keep(kept) == ""
    assert not Path(file.path).exists()


@pytest.mark.parametrize("changes", [{"kind": "codeartifact"}, {"claims": ("a rule",)}])
def test_a_shared_token_satisfies_no_policy(file: TokensFile, changes: dict[str, Any]) -> None:
    """Nobody knows whose it is; and other kinds of registries have no such file."""
    file.put(ADDRESS, secret())
    assert logins(file, **changes).held() == []


def test_a_file_that_cannot_be_written(file: TokensFile, tmp_path: Path) -> None:
    """No place took it: the caller keeps it in the private folder."""
    Path(file.path).mkdir()
    assert logins(file).keep(secret()) == ""


def test_forgetting(file: TokensFile, ring: FakeKeyring) -> None:
    """All of it goes, other registries' stays, and what went is said."""
    chosen, other = logins(file, "system"), "https://other.example.com"
    file.put(other, secret())
    assert chosen.forget(PROVIDER) == []
    ring.held = {ADDRESS: secret(), "else": secret()}
    file.put(ADDRESS, secret())
    chosen.keep_refresh_token(PROVIDER, Secret("r"))
    assert chosen.forget(PROVIDER) == [
        f"the token in {file.path}",
        f"the token in {KEYRING}",
        f"the refresh token in {KEYRING}",
    ]
    assert file.realms() == [realm_of(other)]
    assert list(ring.held) == ["else"]
    assert chosen.forget(None) == []


@pytest.fixture
def store(tmp_path: Path) -> Store:
    folder = tmp_path / "store"
    folder.mkdir(mode=0o700)
    return Store(Folder(str(folder)))


FAILURE = {"code": "login-denied", "what": "what", "why": "why", "do": "do"}


def test_notes_of_a_login(store: Store) -> None:
    """How long others should wait, and that it is done, are two things."""
    mine = Notes(store, "k")
    assert (mine.left() <= 0, mine.is_known, mine.is_done) == (True, False, False)
    mine.ask(300)
    assert 299 < Notes(store, "k").left() <= 300
    assert not mine.is_known
    mine.done()
    assert mine.left() <= 0
    assert (mine.is_known, mine.is_done) == (True, True)
    mine.ask(300)
    mine.ask(0)
    assert mine.is_known
    later = Notes(store, "k")
    assert (later.is_known, later.is_done) == (True, False)
    assert not Notes(store, "other").is_known
    later.forget()
    assert not mine.is_known


@pytest.mark.parametrize("until", [1e300, float("inf"), "soon", None])
def test_a_broken_note_makes_nobody_wait_for_ever(store: Store, until: object) -> None:
    """An hour at most, whatever stands there."""
    store.note("login-k", {"until": until})
    assert Notes(store, "k").left() <= 3600


def test_a_failure_ends_what_waited_for_it(store: Store) -> None:
    """One of before is only for who wants to be spared it."""
    before = Notes(store, "k")
    before.fail({**FAILURE, "time": time.time()})
    after = Notes(store, "k")
    found = before.failure(0)
    assert found is not None
    assert (found.code, found.what, found.why, found.do) == ("login-denied", "what", "why", "do")
    assert after.failure(0) is None
    assert after.failure(10) is not None
    for shift in (-12, 500):  # too old; or of a clock that was set back since
        store.note("failure-k", {**FAILURE, "time": time.time() + shift})
        assert after.failure(10) is None


@pytest.mark.parametrize("record", [{}, {"time": "x"}, {"time": 2e9}, {"time": None}])
def test_half_a_failure_is_none(store: Store, record: dict[str, object]) -> None:
    """A record that was damaged or is another version's."""
    store.note("failure-k", record)
    assert Notes(store, "k").failure(10) is None


def test_whom_claims_name() -> None:
    """The best name for people, without control characters."""
    assert name_of({"sub": "42", "email": "me@example.com"}) == "me@example.com"
    assert name_of({"sub": "42", "preferred_username": "me\x1b"}) == "me?"
    assert name_of({"sub": "42", "email": 5}) == "42"
    assert name_of({"sub": ""}) == ""
