"""Logins at hostile servers, at terminals that take nothing, beside other users."""

from __future__ import annotations

import json
import os
import pty
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import forge
from gatepass import identity, report
from gatepass.errors import GatepassError, IdentityError, TransportError
from gatepass.identity.login import PersonsLogin
from gatepass.login import device, oidc, prompt
from gatepass.login.device import Invitation
from gatepass.login.person import Person
from gatepass.logins import Logins
from gatepass.realm import realm_of
from gatepass.sandbox import Sandbox
from gatepass.secret import Secret
from gatepass.settings import Login, load
from gatepass.settings import file as settings_file
from gatepass.store.tokens import TokensFile
from gatepass.transport import Deadline, Response, Transport
from laptops import Laptop
from wire import answer, wire

PPM = "https://ppm.example.com"
TOLD = {"device_code": "D" * 30, "user_code": "ABCD", "verification_uri": "https://idp.test/x"}


@pytest.fixture
def laptop(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    return Laptop(sandbox, tmp_path, monkeypatch)


@pytest.mark.parametrize("name", ["expires_in", "interval"])
@pytest.mark.parametrize(
    "number",
    ["NaN", "1e400", "-1", "-1e400", "true", "[]", "{}", '"1e9"', "null", "9" * 400],
)
def test_a_servers_numbers(name: str, number: str) -> None:
    """Whatever they are, a login has an end, and its polls a pause that has one too."""
    body = json.dumps(TOLD)[:-1] + f', "{name}": {number}}}'
    invited = device.invitation(Response(200, {}, body.encode()), PPM)
    assert 0 < invited.expires_in <= device.LONGEST
    assert 0 <= invited.interval <= device.LONGEST


class Broken:
    """A flow whose polls all end in this error."""

    name = PPM

    def __init__(self, code: str) -> None:
        self.code, self.polls = code, 0

    def begin(self, deadline: Deadline) -> Invitation:
        raise AssertionError

    def poll(self, invitation: Invitation, deadline: Deadline) -> Response:
        self.polls += 1
        raise TransportError(self.code, "no")


@pytest.mark.parametrize("code", ["redirect-refused", "answer-too-large"])
def test_what_no_later_poll_can_mend_ends_the_login(code: str) -> None:
    """The person would type the code, say yes, and hear of it in half an hour."""
    now, flow = [0.0], Broken(code)
    invited = Invitation(Secret("D"), "ABCD", "https://idp.test/x", "", 1800, 5)
    with pytest.raises(GatepassError):
        device.finish(
            flow, invited, clock=lambda: now[0], sleep=lambda s: now.append(now.pop() + s)
        )
    assert flow.polls < 4


def test_a_flow_that_never_ends_ends(laptop: Laptop) -> None:
    """A server that asks for ten polls a second, for ever, gets them for as long as it said."""
    laptop.sandbox.person.never()
    laptop.sandbox.packagemanager.device.interval = 0
    laptop.sandbox.packagemanager.device.expires_in = 1
    laptop.fails("login-expired")
    assert laptop.parties.count("device") < 15


def test_a_kept_token_with_a_number_without_measure(laptop: Laptop) -> None:
    """A registry's token can't make every later command fail, logout among them."""
    token = forge.token(forge.claims(iat=10**400, exp=int(time.time()) + 3600))
    assert laptop.file.put(laptop.sandbox.address, Secret(token))
    logins = Logins(laptop.registry(), load(laptop.env), laptop.env)
    assert [held.place for held in logins.held()] == [laptop.file.path]


@pytest.mark.parametrize("moment", ["NaN", "1e400", "-1e400", "true", '"x"'])
def test_a_kept_token_with_times_that_are_none(laptop: Laptop, moment: str) -> None:
    """It is looked at, and nothing fails."""
    payload = f'{{"exp": {moment}, "iat": {moment}, "sub": "me"}}'
    token = forge.token(payload)
    assert laptop.file.put(laptop.sandbox.address, Secret(token))
    assert len(Logins(laptop.registry(), load(laptop.env), laptop.env).held()) == 1


@pytest.mark.parametrize(
    "token",
    ["M" * 40, "M.C5_BAY!Qx*7Zk!pQrStUvWxYz01*abcdefghij!klm", "short-refresh-12"],
)
def test_a_provider_that_echoes_the_refresh_token(token: str) -> None:
    """Its words are shown without it, however it is made: Microsoft's have such characters."""
    with wire(b"") as server:
        metadata = {"issuer": server.url, "token_endpoint": server.url + "/t"}
        said = {"error": "invalid_request", "error_description": f"bad token {token}"}
        server.scripts = (answer(200, json.dumps(metadata)), answer(400, json.dumps(said)))
        with pytest.raises(IdentityError) as caught:
            oidc.renew(Login(server.url, "gp"), Secret(token), Transport(), Deadline())
    assert "bad token" in str(caught.value)
    assert token[:12] not in str(caught.value)


def test_a_refresh_token_is_sent_once(laptop: Laptop) -> None:
    """One whose answer was lost may have been replaced: sending it again would end the login."""
    with wire(b"") as server:
        metadata = {"issuer": server.url, "token_endpoint": server.url + "/t"}
        server.scripts = (answer(200, json.dumps(metadata)), b"")
        with pytest.raises(TransportError):
            oidc.renew(Login(server.url, "gp"), Secret("r" * 40), Transport(), Deadline())
        assert len([heard for heard in server.heard if heard.startswith(b"POST")]) == 1


def test_a_login_of_others_satisfies_no_policy(laptop: Laptop) -> None:
    """tokens.toml, which other programs write, is not looked at; its own flow proves nothing."""
    laptop.keep(lasts=3600)
    policy = load(laptop.env).registries[0]._replace(claims=(("sub", "me", False),))  # type: ignore[arg-type]
    assert Logins(policy, load(laptop.env), laptop.env).held() == []
    laptop.fails("policy-needs-identity", claims=policy.claims)


@pytest.mark.parametrize("name", ["CI", "KUBERNETES_SERVICE_HOST"])
def test_no_login_speaks_in_a_job_unasked(laptop: Laptop, name: str) -> None:
    """Though there is one, in the place where logins are."""
    home = Path(os.environ["HOME"])
    (home / ".ppm").mkdir()
    assert TokensFile(str(home / ".ppm/tokens.toml")).put(laptop.sandbox.address, Secret("a-token"))
    env = {**laptop.env, "HOME": str(home), "PACKAGEMANAGER_SSO_TOKEN_FILE": ""}
    assert isinstance(identity.choose(env, load(env).registries[0]), PersonsLogin)
    with pytest.raises(IdentityError, match=r"no-identity|kubernetes-no-token"):
        identity.choose({**env, name: "1"}, load(env).registries[0])


def ends(call: Callable[[], object], free: Callable[[], object], seconds: float = 1.5) -> bool:
    """Whether a call ends by itself; ``free`` lets it go."""

    def run() -> None:
        with suppress(Exception):
            call()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    held = thread.is_alive()
    if held:
        free()
        thread.join(5)
    return not held


@pytest.mark.parametrize("what", ["done", "report"])
def test_a_terminal_that_takes_nothing(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-S, a suspended ssh, a pty that nobody reads: the credential is there, and is given."""
    main, worker = pty.openpty()
    termios.tcflow(worker, termios.TCOOFF)
    with open(worker, "w") as terminal:
        monkeypatch.setattr(report, "open_terminal", lambda: open(os.dup(worker), "w"))  # noqa: SIM115
        calls = {
            "done": lambda: prompt.done(Person(terminal, has_browser=False), "logged in"),
            "report": lambda: report._to_terminal("an error"),
        }
        assert ends(calls[what], lambda: termios.tcflow(worker, termios.TCOON), 10)
    os.close(main)


def test_a_pipe_for_a_configuration(home: Path) -> None:
    """It holds nobody."""
    path = home / ".config/gatepass/config.toml"
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    free = lambda: os.close(os.open(path, os.O_WRONLY))  # noqa: E731
    assert ends(lambda: settings_file.load({"HOME": str(home)}), free, 1)


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe"])
def test_a_lock_that_another_user_put_there(tmp_path: Path, kind: str) -> None:
    """In a folder that others can write in: it is not followed, emptied, or waited for."""
    victim, lock = tmp_path / "victim", tmp_path / ".tokens.toml.lock"
    victim.write_text("precious")
    {
        "link": lambda: lock.symlink_to(victim),
        "hard link": lambda: os.link(victim, lock),
        "pipe": lambda: os.mkfifo(lock),
    }[kind]()
    file = TokensFile(str(tmp_path / "tokens.toml"))
    assert file.put(PPM, Secret("a-token"))
    assert file.get(realm_of(PPM)) == Secret("a-token")
    assert victim.read_text() == "precious"
