"""menda's files: INI as menda-keyring reads it, without its faults; and hosts, written anyhow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatepass.errors import ConfigError
from gatepass.identity import menda
from gatepass.identity.menda import Client
from gatepass.secret import Secret
from mendahome import HOST, MACHINE, PERSON, SECRET, TRIO, config, detected, registry

CHOICE = "MENDA_PROFILE_ID"


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    """Of a user with an empty home."""
    return {"HOME": str(home)}


def refused(env: dict[str, str]) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        menda.detect(env, registry())
    return caught.value


def test_values_of_all_profiles(env: dict[str, str], home: Path) -> None:
    """[DEFAULT] speaks for each section, keys count in any case: as configparser has it."""
    config(home, f"\ufeff[DEFAULT]\nHost = {HOST}\n" + MACHINE.replace(f"host = {HOST}\n", ""))
    assert detected({**env, CHOICE: "ci"}).host == HOST


@pytest.mark.parametrize(
    ("written", "meant"),
    [("a%b", "a%b"), ("50%", "50%"), ("a%%b", "a%b"), ("%(client_id)s!", "robot!"), ("%%", "%")],
)
def test_percent_signs(env: dict[str, str], home: Path, written: str, meant: str) -> None:
    """Those over which menda-keyring fails are taken as they are; what it reads, it reads so."""
    config(home, MACHINE.replace(SECRET, written))
    client = detected({**env, CHOICE: "ci"}).client
    assert client == Client("robot", Secret(meant))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"client_secret = {SECRET}\n", "line 1 is neither [section] nor key = value"),
        (f"[default]\n{SECRET}\n", "line 2 is neither [section] nor key = value"),
        (f"[default]\nhost = x\n{SECRET}\n", "line 3 is neither [section] nor key = value"),
        (PERSON + f"host = {SECRET}\n", "line 4 sets a key that was set before"),
        (PERSON + PERSON, "line 4 begins a section that was there before"),
        ("[default]\n#" + "x" * 65536, "it has more than 65536 bytes"),
        ("[default]\nhost = \udcff\n", "it is not UTF-8"),
    ],
)
def test_a_file_that_is_no_ini(env: dict[str, str], home: Path, text: str, reason: str) -> None:
    """The line is named, its text is not: it may be a secret."""
    path = config(home, "")
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    error = refused({**env, CHOICE: "ci"})
    assert (error.code, error.what) == (
        "menda-config-malformed",
        f"{path} can't be understood: {reason}",
    )
    assert SECRET not in str(error)


def test_a_file_that_cant_be_read(env: dict[str, str], home: Path) -> None:
    """A folder in its place is said so, and is nothing that waits."""
    (home / ".menda" / "mendacfg").mkdir(parents=True)
    assert refused({**env, CHOICE: "ci"}).code == "menda-config-unreadable"


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_can_write(env: dict[str, str], home: Path, mode: int) -> None:
    """It is not used, and what to type is said."""
    config(home, MACHINE).chmod(mode)
    error = refused({**env, CHOICE: "ci"})
    assert (error.code, error.do) == (
        "menda-config-unsafe",
        "look at the hosts in it, then chmod 600 it",
    )
    config(home, MACHINE).chmod(0o644)
    assert detected({**env, CHOICE: "ci"}).profile == "ci"


def test_somebody_elses_file(
    env: dict[str, str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root's alone is used: that is how files come into containers."""
    path = config(home, MACHINE)
    mine = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    if mine == 0:
        assert detected({**env, CHOICE: "ci"}).profile == "ci"
        os.chown(path, 12345, -1)
    assert "chown" in refused({**env, CHOICE: "ci"}).do


def test_a_pipe_in_its_place_holds_nobody(env: dict[str, str], home: Path) -> None:
    """Nor would its writer's words be used."""
    (home / ".menda").mkdir()
    os.mkfifo(home / ".menda" / "mendacfg", 0o600)
    assert refused({**env, CHOICE: "ci"}).code == "menda-config-unreadable"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("https://API.menda.test/", "https://api.menda.test"),
        ("https://menda.test:8443/base/", "https://menda.test:8443/base"),
        ("api.menda.test", "https://api.menda.test"),
        ("http://127.0.0.1:5700", "http://127.0.0.1:5700"),
        ("http://localhost:5700/", "http://localhost:5700"),
        ("http://api.menda.test", None),
        ("ftp://api.menda.test", None),
        ("https://user:secret@api.menda.test", None),
        ("https://api.menda.test?x", None),
        ("'https://api.menda.test'", None),
    ],
)
def test_hosts(env: dict[str, str], home: Path, said: str, meant: str | None) -> None:
    """https, or http on this machine; the variable and the profile are judged alike."""
    variables = {**env, **TRIO, "MENDA_HOST": said}
    config(home, MACHINE.replace(HOST, said))
    profile = {**env, CHOICE: "ci"}
    if meant is not None:
        assert [detected(variables).host, detected(profile).host] == [meant, meant]
        return
    for each, place in ((variables, "MENDA_HOST"), (profile, "host of [ci] in ")):
        error = refused(each)
        assert (error.code, error.what.startswith(place)) == ("menda-bad-host", True)
        assert "user:secret" not in str(error)
        assert "https://" in error.do


def test_without_a_home_variable_the_systems_is_used(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    """As menda-keyring's `Path.home()` does."""
    monkeypatch.setenv("HOME", str(home))
    config(home, MACHINE)
    assert detected({CHOICE: "ci"}).profile == "ci"
