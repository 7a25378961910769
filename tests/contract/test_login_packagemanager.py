"""Real processes at real terminals log in to Package Manager: one prompt, one token, no traces."""

from __future__ import annotations

import json
import shlex
import sys
import time
import tomllib
from pathlib import Path

import pytest

from gatepass.sandbox import Sandbox
from support import BIN, gatepass, keyring, run
from terminal import Terminal

CREDS = ["--mode=creds", "--output=json"]


@pytest.fixture
def env(sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """A laptop that knows its Package Manager's address, and nothing of a provider."""
    names = ("PACKAGEMANAGER_ADDRESS", "GATEPASS_STORE_DIR", "NO_PROXY", "no_proxy")
    given = sandbox.environment("laptop")
    return {**base_env, **{name: given[name] for name in names}, "TMPDIR": str(tmp_path)}


def asked(sandbox: Sandbox) -> int:
    """How many prompts there were to show."""
    return len(sandbox.person.asked)


def in_tokens_file(home: Path) -> str:
    """The one token of ~/.ppm/tokens.toml."""
    (entry,) = tomllib.loads((home / ".ppm" / "tokens.toml").read_text())["connections"]
    assert (home / ".ppm" / "tokens.toml").stat().st_mode & 0o777 == 0o600
    return str(entry["token"])


def test_the_prompt_goes_to_the_terminal_and_the_token_to_stdout(
    sandbox: Sandbox, env: dict[str, str], home: Path
) -> None:
    """Though the caller swallows standard error; and the second call asks nobody anything."""
    sandbox.person.approves(after_polls=1)
    with Terminal([BIN / "keyring", *CREDS, "get", sandbox.index_url], env) as terminal:
        terminal.wait_for(f"log in to {sandbox.address}\n")
        terminal.wait_for("left")
        status, out, err = terminal.end()
        assert (status, err) == (0, "")
        assert sandbox.person.asked[0] in terminal.screen
        assert "waiting, 5:00 left" in terminal.screen
        assert "eyJ" not in terminal.screen
    given = json.loads(out)
    assert given["username"] == "__token__"
    assert given["password"] == in_tokens_file(home)
    before = len(sandbox.requests)
    again = keyring("get", sandbox.index_url, "__token__", env=env)
    assert (again.stdout, again.stderr) == (given["password"] + "\n", "")
    assert len(sandbox.requests) == before


def test_a_standard_error_that_is_the_terminal_shows_it_once(
    sandbox: Sandbox, env: dict[str, str]
) -> None:
    """gatepass get at a shell: nothing is written twice."""
    command = [BIN / "gatepass", "get", sandbox.address]
    with Terminal(command, env, stderr="visible") as terminal:
        status, out, _ = terminal.end()
        assert terminal.screen.count("log in to") == 1
    assert status == 0
    assert out.startswith("eyJ")


@pytest.mark.parametrize("said_no", [False, True], ids=["yes", "no"])
def test_many_at_once_are_one_prompt(
    sandbox: Sandbox, env: dict[str, str], tmp_path: Path, said_no: bool
) -> None:
    """Eight processes that need a login: one asks, all use the answer, a no included."""
    person = sandbox.person
    (person.denies if said_no else person.approves)(after_polls=3)
    command = shlex.join([str(BIN / "keyring"), "get", sandbox.index_url, "__token__"])
    script = "".join(f"{command} > {tmp_path}/{number} & " for number in range(8)) + "wait"
    with Terminal(["sh", "-c", script], env) as terminal:
        terminal.end(120)
        screen = terminal.screen
    assert asked(sandbox) == 1
    assert screen.count("log in to") == 1
    assert sandbox.count("exchange") == (0 if said_no else 1)
    answers = {(tmp_path / str(number)).read_text() for number in range(8)}
    assert len(answers) == 1
    assert (answers == {""}) is said_no


def ends(sandbox: Sandbox, env: dict[str, str], seconds: float = 60) -> tuple[str, str]:
    """`gatepass get` without a credential: its screen, and its standard error."""
    with Terminal([BIN / "gatepass", "get", sandbox.address], env) as terminal:
        status, out, err = terminal.end(seconds)
        assert (status, out) == (1, "")
        return terminal.screen, err


def test_denied(sandbox: Sandbox, env: dict[str, str], home: Path) -> None:
    """The person says no: one error, nothing kept."""
    sandbox.person.denies(after_polls=1)
    _, err = ends(sandbox, env)
    assert err.startswith("error[login-denied]: ")
    assert not (home / ".ppm").exists()


def test_expired(sandbox: Sandbox, env: dict[str, str]) -> None:
    """Nobody answers until the code's end, which the server named."""
    sandbox.person.never()
    sandbox.packagemanager.device.expires_in = 2
    screen, err = ends(sandbox, env)
    assert "waiting, 0:02 left" in screen
    assert err.startswith("error[login-expired]: ")


def test_a_failure_is_told_at_the_terminal(sandbox: Sandbox, env: dict[str, str]) -> None:
    """keyring's own error output may be swallowed too; asked again at once, it is remembered."""
    sandbox.person.denies()
    with Terminal([BIN / "keyring", "get", sandbox.index_url, "__token__"], env) as terminal:
        terminal.end()
        assert "error[login-denied]" in terminal.screen
    keyring("get", sandbox.index_url, "__token__", env=env)
    assert asked(sandbox) == 1


def succeeds(sandbox: Sandbox, env: dict[str, str]) -> None:
    with Terminal([BIN / "gatepass", "get", sandbox.address], env) as terminal:
        status, out, err = terminal.end()
    assert (status, err) == (0, "")
    assert out.startswith("eyJ")
    assert asked(sandbox) == 1


def polls(sandbox: Sandbox) -> list[int]:
    """The statuses of all polls."""
    return [r.status for r in sandbox.requests if r.path.endswith("/device_access")]


def test_slow_down(sandbox: Sandbox, env: dict[str, str]) -> None:
    """A server that wants fewer polls gets five seconds more between them."""
    slow = {"error": "slow_down"}
    sandbox.packagemanager.device.interval = 0
    sandbox.packagemanager.device.fail_next(400, body=slow)
    succeeds(sandbox, env)
    assert polls(sandbox) == [400, 200]


def test_a_server_that_holds_the_poll(sandbox: Sandbox, env: dict[str, str]) -> None:
    """One request from the beginning to the person's yes."""
    sandbox.packagemanager.device.long_poll = True
    sandbox.person.approves(after=1.5)
    succeeds(sandbox, env)
    assert polls(sandbox) == [200]


def test_lost_connections(sandbox: Sandbox, env: dict[str, str]) -> None:
    """A poll that is cut, and one that the server can't work on, are sent again."""
    sandbox.packagemanager.device.interval = 0
    sandbox.packagemanager.device.fail_next(0)
    sandbox.packagemanager.device.fail_next(503)
    succeeds(sandbox, env)
    assert len(polls(sandbox)) == 3


@pytest.mark.parametrize("command", ["keyring", "gatepass"])
def test_ctrl_c(sandbox: Sandbox, env: dict[str, str], home: Path, command: str) -> None:
    """It ends at once, without a traceback; the next one is asked anew and not told of it."""
    sandbox.person.never()
    words = ["get", sandbox.index_url, *(["__token__"] if command == "keyring" else [])]
    with Terminal([BIN / command, *words], env) as terminal:
        terminal.wait_for("left")
        terminal.interrupt()
        status, out, err = terminal.end()
        assert (status, out, err) == (130, "", "")
        assert terminal.screen.rstrip().endswith("the login was stopped, nothing is kept")
        assert "Traceback" not in terminal.screen
    assert not (home / ".ppm").exists()
    sandbox.person.approves()
    with Terminal([BIN / command, *words], env) as terminal:
        assert terminal.end()[0] == 0
    assert asked(sandbox) == 2


@pytest.mark.parametrize("command", ["keyring", "gatepass"])
def test_nobody_is_there(sandbox: Sandbox, env: dict[str, str], command: str) -> None:
    """In a session without a terminal no login starts: not one request, and an error."""
    words = ["get", sandbox.index_url, *(["__token__"] if command == "keyring" else [])]
    done = run([BIN / command, *words], env, start_new_session=True)
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert done.stderr.startswith("error[no-person]: ")
    assert sandbox.requests == []


@pytest.mark.parametrize("chosen", [False, True])
def test_ci_starts_nothing(sandbox: Sandbox, env: dict[str, str], chosen: bool) -> None:
    """Not even at a terminal, and not even where a login was chosen."""
    more = {"CI": "true", **({"GATEPASS_IDENTITY": "login"} if chosen else {})}
    _, err = ends(sandbox, {**env, **more})
    assert err.startswith(f"error[{'no-person' if chosen else 'no-identity'}]: ")
    assert sandbox.requests == []


def test_ci_may_use_a_login_that_was_chosen(sandbox: Sandbox, env: dict[str, str]) -> None:
    """A stored one serves where GATEPASS_IDENTITY=login says so."""
    with Terminal([BIN / "gatepass", "login"], env) as terminal:
        assert terminal.end()[0] == 0
    before = len(sandbox.requests)
    in_ci = {**env, "CI": "true", "GATEPASS_IDENTITY": "login"}
    assert gatepass("get", sandbox.address, env=in_ci).stdout.startswith("eyJ")
    assert len(sandbox.requests) == before


def test_the_browser_alone(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    """No terminal, but a desktop: where its person logged in before, the page opens."""
    page = tmp_path / "opened"
    browser = tmp_path / "browser"
    code = (
        f"#!{sys.executable}\nimport sys\nopen({str(page)!r}, 'w').write(sys.argv[1])\n"
        "print('noise')\n"
    )
    browser.write_text(code)
    browser.chmod(0o755)
    desktop = {**env, "BROWSER": str(browser)}
    first = run([BIN / "gatepass", "get", sandbox.address], desktop, start_new_session=True)
    assert "no earlier login" in first.stderr
    assert sandbox.requests == []
    with Terminal([BIN / "gatepass", "login"], env) as terminal:
        assert terminal.end()[0] == 0
    sandbox.packagemanager.revoke_all()
    Path(env["HOME"], ".ppm", "tokens.toml").unlink()
    sandbox.person.approves(after_polls=1)
    done = run([BIN / "gatepass", "get", sandbox.address], desktop, start_new_session=True)
    assert done.returncode == 0
    assert done.stdout.startswith("eyJ")
    assert done.stdout.count("\n") == 1
    assert page.read_text() == f"{sandbox.idp.url}/device?user_code={sandbox.person.asked[1]}"


def test_a_browser_gets_no_terminal(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    """One that runs in terminals (w3m, lynx) would take ours, and wait in it for ever."""
    found, browser = tmp_path / "found", tmp_path / "browser"
    browser.write_text(
        f"#!/bin/sh\nif (: > /dev/tty) 2>/dev/null; then echo yes > {found}.new\n"
        f"else echo no > {found}.new; fi\nmv {found}.new {found}\n"
    )
    browser.chmod(0o755)
    sandbox.person.never()
    command = [BIN / "gatepass", "get", sandbox.address]
    with Terminal(command, {**env, "BROWSER": str(browser)}) as terminal:
        terminal.wait_for("your browser opens it")
        end = time.monotonic() + 30
        while not found.exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert found.read_text() == "no\n"


def test_a_prompt_never_reads_standard_input(sandbox: Sandbox, env: dict[str, str]) -> None:
    """What is piped into a client's child is not for us."""
    code = (
        "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:], input=b'y\\n').returncode)"
    )
    command = [sys.executable, "-c", code, BIN / "gatepass", "get", sandbox.address]
    with Terminal(command, env) as terminal:
        status, out, _ = terminal.end()
    assert status == 0
    assert out.startswith("eyJ")


def test_posit_keyring_would_find_it(sandbox: Sandbox, env: dict[str, str], home: Path) -> None:
    """The entry is the replaced tool's own: address as configured, three keys and no other."""
    with Terminal([BIN / "gatepass", "login"], env) as terminal:
        assert terminal.end()[0] == 0
    (entry,) = tomllib.loads((home / ".ppm" / "tokens.toml").read_text())["connections"]
    assert entry == {
        "address": sandbox.address,
        "token": in_tokens_file(home),
        "auth_type": "sso",
    }
