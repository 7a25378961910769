"""`gatepass login`, `logout`, and what `status` shows of logins."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from forge import claims, token
from gatepass.cli import main
from gatepass.cli.login import sign_in_now
from gatepass.realm import realm_of
from gatepass.sandbox import Sandbox
from gatepass.secret import Secret
from gatepass.settings import load
from laptops import Laptop


class Command:
    """Runs `gatepass WORDS...` in this process, on the laptop."""

    def __init__(self, laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
        self.laptop, self._capsys = laptop, capsys

    def __call__(self, *words: str, status: int = 0) -> tuple[str, str]:
        """Standard output and standard error; neither shows a token."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.laptop.env.items():
                patch.setenv(name, value)
            assert main(list(words)) == status
        seen = self._capsys.readouterr()
        assert "eyJ" not in seen.out + seen.err
        return seen.out, seen.err


@pytest.fixture
def laptop(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    sandbox.packagemanager.device.interval = 0
    return Laptop(sandbox, tmp_path, monkeypatch)


@pytest.fixture
def run(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(laptop, capsys)


def test_login_says_who_until_when_and_where(laptop: Laptop, run: Command) -> None:
    """On standard error: standard output is for data."""
    out, err = run("login")
    assert out == ""
    first, second = err.splitlines()
    assert first.startswith(
        f"gatepass: logged in to {laptop.sandbox.address} as 00u5150octavia, until 20"
    )
    assert first.endswith(("(1 h 0 min)", "(59 min)"))
    assert second == f"  it rests in {laptop.file.path}"
    assert laptop.file.realms() == [realm_of(laptop.sandbox.address)]


def test_login_asks_though_a_login_is_stored(laptop: Laptop, run: Command) -> None:
    """That is what it is for; any URL of the registry names it, or its name."""
    for number, words in enumerate([[], [laptop.sandbox.index_url], ["packagemanager"]], 1):
        run("login", *words)
        assert len(laptop.sandbox.person.asked) == number


def test_login_where_nobody_is(laptop: Laptop, run: Command) -> None:
    """An error, exit status 1, no request, and `status` shows it again."""
    laptop.person_is_here = False
    _, err = run("login", status=1)
    assert err.startswith("error[no-person]: ")
    assert laptop.parties == []
    assert "error[no-person]" in run("status")[0]


def test_login_with_the_store_off(laptop: Laptop, run: Command) -> None:
    """A login that nothing keeps is said to be one."""
    laptop.env["GATEPASS_STORE"] = "off"
    assert "it is kept nowhere" in run("login")[1]


def test_login_says_when_it_will_not_be_used(laptop: Laptop, run: Command) -> None:
    """Something that was set speaks before a login: without a word of it the login is a riddle."""
    laptop.env["PACKAGEMANAGER_TOKEN"] = "ready"
    _, err = run("login")
    assert "(PACKAGEMANAGER_TOKEN) speaks for this registry" in err
    assert "GATEPASS_IDENTITY=login" in err
    laptop.env["GATEPASS_IDENTITY"] = "github"
    assert "speaks" not in run("login")[1]


def test_which_registry(laptop: Laptop, run: Command) -> None:
    """The only one that has a login; else it has to be said."""
    address = laptop.sandbox.address
    laptop.env["GATEPASS_REGISTRIES"] = (
        "team=https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
    )
    run("login")
    laptop.env["GATEPASS_REGISTRIES"] += f" second={address}/second"
    _, err = run("login", status=2)
    assert err.startswith("error[which-registry]: say which registry")
    assert f"second ({address}/second), packagemanager ({address})" in err
    assert "do:  gatepass login second" in err
    assert "which-registry" in run("logout", status=2)[1]


def test_no_registry_to_log_in_to(laptop: Laptop, run: Command) -> None:
    """None at all; or none with a login, and then what gives it one."""
    del laptop.env["PACKAGEMANAGER_ADDRESS"]
    assert "error[no-registry]" in run("login", status=2)[1]
    laptop.env["GATEPASS_REGISTRIES"] = (
        "team=https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
    )
    _, err = run("login", status=2)
    assert "no registry here has a login" in err
    assert "GATEPASS_LOGIN_ISSUER" in err
    assert "error[login-no-provider]" in run("login", "team", status=1)[1]
    laptop.with_provider()
    assert "error[no-role]" in run("login", status=1)[1]


def test_login_to_plain_http_is_refused(laptop: Laptop, run: Command) -> None:
    """No form with a code goes where others read."""
    laptop.env["PACKAGEMANAGER_ADDRESS"] = "http://ppm.example.com"
    assert "error[insecure-address]" in run("login", status=1)[1]


def test_setup_logs_in_the_same_way(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`gatepass setup` calls it with a registry and settings that it has already."""
    for name, value in laptop.env.items():
        monkeypatch.setenv(name, value)
    settings = load(laptop.env)
    assert sign_in_now(settings.registries[0], settings) == 0
    assert "logged in to" in capsys.readouterr().err


def test_logout(laptop: Laptop, run: Command) -> None:
    """The token goes, others' stay, and how long a copy of it is still good is said."""
    other = "https://other.example.com"
    laptop.file.put(other, Secret(token(claims())))
    run("login")
    out, err = run("logout")
    assert out == ""
    first, second = err.splitlines()
    address = laptop.sandbox.address
    assert first == (
        f"gatepass: logged out of {address}, forgotten: the token in {laptop.file.path}"
    )
    assert second.startswith("  it can't be taken back: a copy of it stays good until 20")
    assert laptop.file.realms() == [realm_of(other)]
    laptop.person_is_here = False
    laptop.fails("no-person")
    assert laptop.knew[-1] is False
    assert run("logout")[1] == f"gatepass: there was no login to {address}\n"


def test_logout_everywhere(laptop: Laptop, run: Command) -> None:
    """System keyring, refresh token and the private folder."""
    laptop.sandbox.packagemanager.device.enabled = False
    laptop.sandbox.idp.interval = 0
    laptop.with_provider()
    laptop.env["GATEPASS_STORE"] = "system"
    run("login")
    assert len(laptop.ring.held) == 2
    laptop.ring.largest = 100  # this one goes to the folder, since the file can't be written
    Path(laptop.file.path).mkdir()
    run("login")
    assert len(laptop.store.entries()) == 1
    _, err = run("logout")
    assert "forgotten: the token in the system keyring" in err
    assert "the refresh token in the system keyring, 1 stored credential\n" in err
    assert (laptop.ring.held, laptop.store.entries()) == ({}, [])


def test_logout_of_what_has_no_end_or_is_over(laptop: Laptop, run: Command) -> None:
    """An API token is good until it is revoked; one that has ended needs no word."""
    laptop.file.put(laptop.sandbox.address, Secret(token(claims(exp=None))))
    assert "until somebody revokes it" in run("logout")[1]
    laptop.keep(lasts=-5)
    assert len(run("logout")[1].splitlines()) == 1


def test_logout_where_there_can_be_no_login(laptop: Laptop, run: Command) -> None:
    """A registry without one may still have stored credentials."""
    laptop.env["GATEPASS_REGISTRIES"] = (
        "team=https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
    )
    assert "there was no login to https://acme" in run("logout", "team")[1]


def test_status_shows_logins(laptop: Laptop, run: Command) -> None:
    """Whose, until when, and where; others' by their address alone."""
    run("login")
    laptop.file.put("https://other.example.com", Secret(token(claims())))
    out, _ = run("status")
    address = laptop.sandbox.address
    assert "packagemanager: logged in as 00u5150octavia, until 20" in out
    assert f"  address:  {address}\n  rests in: {laptop.file.path}\n" in out
    assert f"{laptop.file.path} has logins to others too: https://other.example.com\n" in out
    assert "nothing is stored" not in out


def test_status_shows_what_is_over_and_what_has_no_end(laptop: Laptop, run: Command) -> None:
    """Both are read from the token itself."""
    laptop.keep(lasts=-5)
    assert "packagemanager: logged in as me, expired\n" in run("status")[0]
    laptop.file.put(laptop.sandbox.address, Secret(token({"iat": int(time.time())})))
    assert "packagemanager: logged in, without an end\n" in run("status")[0]
