"""menda's cache of tokens as it is read: which token is whose, for which host, and until when."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gatepass.errors import IdentityError
from gatepass.identity import menda
from gatepass.identity.mendacache import Cache, mark
from gatepass.secret import Secret
from mendahome import HOST, LOGIN, PERSON, cache_path, cached, config, registry

NOW = 1_800_000_000.0
ROBOT = mark(HOST, "robot", Secret("s"))


def looked(home: Path, section: str = "default", *, mark: str = "", variables: bool = False) -> str:
    """The cached token; else, in brackets, why there is none."""
    path = str(cache_path(home))
    found = Cache(path, section, HOST, mark=mark, is_profile=not variables).look(NOW)
    assert (found.token is None) == bool(found.why)
    return found.token.reveal() if found.token else f"({found.why})"


def test_a_login_that_lasts(home: Path) -> None:
    """The ID token where there is one, as menda-keyring prefers it, else the access token."""
    cached(home, cached_at=NOW - 1000)
    assert looked(home) == LOGIN
    cached(home, cached_at=NOW - 1000, id_token="who-it-is")
    assert looked(home) == "who-it-is"
    cached(home, cached_at=NOW - 1000, id_token="")
    assert looked(home) == LOGIN


@pytest.mark.parametrize(
    ("age", "life", "holds"),
    [
        (0, 3600, True),
        (3539, 3600, True),
        (3540, 3600, False),
        (4000, 3600, False),
        (0, 60, False),
        (0, 61, True),
        (-60, 3600, True),
        (-61, 3600, False),
        (0, 400 * 86400, True),
        (0, 400 * 86400 + 1, False),
        (0, -1, False),
        (0, 0, False),
    ],
)
def test_sixty_seconds_before_its_end_it_is_over(
    home: Path, age: float, life: float, holds: bool
) -> None:
    """menda-keyring's margin; and what was cached in the future, or for years, is not relied on."""
    cached(home, cached_at=NOW - age, expires_in=life)
    assert (looked(home) == LOGIN) is holds


@pytest.mark.parametrize("name", ["cached_at", "expires_in"])
@pytest.mark.parametrize("value", [None, "nan", "inf", "-inf", "1e400", "-nan", " "])
def test_times_that_say_nothing(home: Path, name: str, value: str | None) -> None:
    """A time that is missing or absurd is a token that has expired."""
    cached(home, **{"cached_at": NOW, "expires_in": 3600, name: value})  # type: ignore[arg-type]
    assert looked(home) == "(when it ends can't be told from its cached_at and expires_in)"


@pytest.mark.parametrize("name", ["cached_at", "expires_in"])
def test_times_that_are_no_numbers(home: Path, name: str) -> None:
    """What menda-keyring calls invalid stops a person, with the same advice."""
    fields = {"cached_at": time.time(), "expires_in": 3600, name: "tomorrow"}
    cached(home, **fields)  # type: ignore[arg-type]
    config(home, PERSON)
    with pytest.raises(IdentityError) as caught:
        menda.detect({"HOME": str(home), "MENDA_PROFILE_ID": "default"}, registry())
    assert caught.value.code == "menda-cache-invalid"
    assert caught.value.why == f"{cache_path(home)} has invalid cached_at/expires_in"
    assert "`menda auth login`" in caught.value.do


@pytest.mark.parametrize(
    ("host", "holds"),
    [
        ("", True),
        (HOST, True),
        (HOST + "/", True),
        (HOST.upper().replace("HTTPS", "https"), True),
        ("https://other.menda.cloud", False),
        (HOST + "/other", False),
        ("http://api.example.menda.cloud", False),
        ("%", False),
    ],
)
def test_a_token_goes_to_its_own_host(home: Path, host: str, holds: bool) -> None:
    """A section without a host is the profile's own, which menda's CLI wrote."""
    cached(home, cached_at=NOW, host=host)
    why = "(what is cached was got from another host)"
    assert looked(home) == (LOGIN if holds else why)


def test_a_client_id_names_no_host(home: Path) -> None:
    """What lies under a client's id counts for the three variables only if it says for whom."""
    cached(home, "robot", cached_at=NOW)
    why = "(nothing says which host the cached token is for)"
    assert looked(home, "robot", mark=ROBOT, variables=True) == why
    cached(home, "robot", cached_at=NOW, host=HOST)
    assert looked(home, "robot", mark=ROBOT, variables=True) == LOGIN


def test_a_client_has_its_own_token(home: Path) -> None:
    """With another secret, id or host it is another client's; a person's login isn't marked."""
    cached(home, cached_at=NOW, host=HOST, gatepass=ROBOT, id_token="stale")
    assert looked(home, mark=ROBOT) == LOGIN  # ours is the access token alone
    others = [
        mark(HOST, "robot", Secret("x")),
        mark(HOST, "x", Secret("s")),
        mark("x", "x", Secret("x")),
    ]
    for other in others:
        assert looked(home, mark=other) == "(what is cached was got for another client)"
    cached(home, cached_at=NOW)
    assert looked(home, mark=ROBOT) == LOGIN


def test_the_mark_tells_fields_apart() -> None:
    """What one field ends with is not what the next begins with; the secret can't be read off."""
    assert mark("a", "b", Secret("cd")) != mark("a", "bc", Secret("d"))
    assert mark("a'", "b", Secret("\udcff")) != mark("a", "b", Secret("\udcff"))
    assert "cd" * 8 not in mark("a", "b", Secret("cd" * 8))


@pytest.mark.parametrize("token", ["", "two words", "caf\u00e9", "line\n  break", "x" * 16385])
def test_what_is_no_token(home: Path, token: str) -> None:
    """It would stand in a header: nothing is made of it."""
    cached(home, cached_at=NOW, token=token)
    assert looked(home).endswith("has what is no token)" if token else "it holds no token)")
    cached(home, cached_at=NOW, token="x" * 16384)
    assert looked(home) == "x" * 16384


@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666, 0o660])
def test_a_file_that_others_can_write_is_not_trusted(
    home: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """They could have put a token of theirs there, to be sent their packages; it is said aloud."""
    path = cached(home, cached_at=NOW, mode=mode)
    assert looked(home).startswith(f"({path} is not used: others can write it")
    assert "others can write it" in capsys.readouterr().err


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o644])
def test_a_file_that_others_can_read_serves(home: Path, mode: int) -> None:
    """menda's CLI may leave it so."""
    cached(home, cached_at=NOW, mode=mode)
    assert looked(home) == LOGIN


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away"
)
def test_somebody_elses_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else's is used, but root's: that is how files come into containers."""
    path = cached(home, cached_at=NOW, mode=0o644)
    os.chown(path, 12345, 12345)
    why = "it belongs to somebody else; look at what is in it, then take it over with chown"
    assert looked(home) == f"({path} is not used: {why})"
    os.chown(path, 0, 0)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert looked(home) == LOGIN


def test_a_link_to_a_file_of_ours(home: Path, tmp_path: Path) -> None:
    """A folder of dotfiles is where it points to."""
    path = cached(home, cached_at=NOW)
    path.rename(tmp_path / "real")
    path.symlink_to(tmp_path / "real")
    assert looked(home) == LOGIN


def test_no_file_no_section(home: Path) -> None:
    """Each is told apart from a token that has expired."""
    path = cache_path(home)
    assert looked(home) == f"(there is no {path})"
    cached(home, "other", cached_at=NOW)
    assert looked(home) == f"({path} has no section for it)"
    cached(home, cached_at=NOW - 3600)
    assert looked(home) == "(it has expired)"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[default\naccess_token = secret-text\n", "line 1 is neither [section] nor key = value"),
        (b"[default]\n" + b"#" * 1024 * 1024, "it has more than 1048576 bytes"),
        (b"\xff", "it is not UTF-8"),
    ],
)
def test_a_broken_file(home: Path, data: bytes, reason: str) -> None:
    """It is an error that asks for a hand, and shows nothing of what is in it."""
    cached(home).write_bytes(data)
    path = str(cache_path(home))
    found = Cache(path, "default", HOST, is_profile=True).look(NOW)
    assert (found.token, found.is_broken) == (None, True)
    assert found.why == f"{path} can't be read: {reason}"


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file(home: Path, kind: str) -> None:
    """A pipe would hold whoever reads it for ever."""
    path = cached(home)
    path.unlink()
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    found = Cache(str(path), "default", HOST, is_profile=True).look(NOW)
    assert (found.token, found.is_broken) == (None, True)
