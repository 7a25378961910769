"""The real posit-keyring and menda-keyring against the sandbox: it speaks as they expect."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import requests

from clients import provision
from clients.harness import need
from devices import TIMEOUT
from gatepass.sandbox import Sandbox
from support import run

pytestmark = pytest.mark.real

# A browser that posit-keyring opens: it reads the page, and presses what the person would press.
_BROWSER = """#!{python}
import re, sys, urllib.parse, urllib.request
code = re.search('name=user_code value="([^"]+)"', urllib.request.urlopen(sys.argv[1]).read().decode())[1]
for fields in ({{"user_code": code}}, {{"user_code": code, "decision": "{decision}"}}):
    form = urllib.parse.urlencode(fields).encode()
    urllib.request.urlopen(sys.argv[1].partition("?")[0], form).read()
"""  # noqa: E501 - one line of another program


@pytest.fixture(scope="module", autouse=True)
def _provisioned() -> None:
    """A failure, never a skip, where one of them isn't installed."""
    need("posit-keyring", "menda-keyring")


@pytest.fixture(params=[False, True], ids=["http", "tls"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(tls=request.param, prefix="/pkg") as sandbox:
        yield sandbox


class Machine:
    """Where one of the two is installed, and a person has a home."""

    def __init__(self, sandbox: Sandbox, env: dict[str, str], home: Path) -> None:
        self.sandbox, self.home = sandbox, home
        self.env = {**env, "BROWSER": "true"}

    def posit(self, **more: str) -> CompletedProcess[str]:
        env = {**self.env, **self.sandbox.environment("laptop"), **more}
        program = provision.program("posit-keyring", "keyring")
        return run([program, "get", self.sandbox.index_url, "__token__"], env)

    def menda(self, platform: str = "menda", **more: str) -> CompletedProcess[str]:
        env = {**self.env, **self.sandbox.environment(platform), **more}
        program = provision.program("menda-keyring", "keyring")
        return run([program, "get", self.sandbox.aws.index_url, "aws"], env)

    def write(self, name: str, **fields: object) -> None:
        """A profile `default` in one of menda's INI files."""
        path = self.home / ".menda" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{key} = {value}" for key, value in fields.items()]
        path.write_text("\n".join(["[default]", *lines, ""]))

    def browser(self, decision: str) -> str:
        """A program for $BROWSER."""
        path = self.home / "browser"
        path.write_text(_BROWSER.format(python=sys.executable, decision=decision))
        path.chmod(0o755)
        return str(path)

    def opens(self, url: str, user: str, secret: str) -> bool:
        verify = str(self.sandbox.ca_file or "") or True
        answer = requests.get(url, auth=(user, secret.strip()), verify=verify, timeout=TIMEOUT)
        return answer.status_code == 200


@pytest.fixture
def machine(sandbox: Sandbox, base_env: dict[str, str], home: Path) -> Machine:
    return Machine(sandbox, base_env, home)


def test_posit_keyring_logs_in(machine: Machine) -> None:
    """The device flow, the exchange, a token that opens the index; the second time it is kept."""
    done = machine.posit()
    assert done.returncode == 0, done.stderr
    assert machine.opens(machine.sandbox.index_url, "__token__", done.stdout)
    parties = [r.party for r in machine.sandbox.requests]
    assert parties == ["device", "device", "exchange", "index"]
    assert machine.sandbox.person.asked[0] in done.stderr
    again = machine.posit()
    assert again.stdout == done.stdout
    assert machine.sandbox.count("exchange") == 1


def test_posit_keyring_polls_until_the_person_answers(machine: Machine) -> None:
    """Pending twice, at the interval that it was told: nobody tells it to slow down."""
    machine.sandbox.person.approves(after_polls=2)
    done = machine.posit()
    assert done.returncode == 0, done.stderr
    pending = [r.note for r in machine.sandbox.requests if r.status == 400]
    assert pending == ["nobody has answered yet"] * 2


def test_posit_keyring_waits_for_a_server_that_holds_its_poll(machine: Machine) -> None:
    """One poll, answered when the person is there."""
    machine.sandbox.packagemanager.device.long_poll = True
    machine.sandbox.person.approves(after=1)
    began = time.monotonic()
    done = machine.posit()
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began >= 1
    assert machine.sandbox.count("device") == 2


@pytest.mark.parametrize(("decision", "status"), [("approve", 0), ("deny", 1)])
def test_posit_keyring_opens_the_page(
    base_env: dict[str, str], home: Path, decision: str, status: int
) -> None:
    """Nobody answers but the browser that it opened."""
    with Sandbox() as sandbox:
        sandbox.person.never()
        machine = Machine(sandbox, base_env, home)
        done = machine.posit(BROWSER=machine.browser(decision))
        assert done.returncode == status, done.stderr
        assert ("Access denied by user: the person said no" in done.stderr) == (status == 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("denied", "Access denied by user: the person said no"),
        ("expired", "Device authorization request expired: the device code has expired"),
        ("without", "404 Client Error"),
        ("broken", "502 Server Error"),
    ],
)
def test_posit_keyring_understands_what_it_is_refused(
    machine: Machine, change: str, said: str
) -> None:
    """Each answer arrives as what it means."""
    device = machine.sandbox.packagemanager.device
    if change == "denied":
        machine.sandbox.person.denies()
    elif change == "expired":
        # The code's own time: it would stop by itself when that is over which it was told.
        machine.sandbox.person.never()
        machine.sandbox.watch(lambda request: machine.sandbox.fault("idp=skew=301"))
    elif change == "without":
        device.enabled = False
    else:
        device.fail_next(502)
    done = machine.posit()
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


def test_menda_keyring_with_a_clients_secret(machine: Machine) -> None:
    """The three variables; the secret comes in the query, the registry token opens the index."""
    done = machine.menda()
    assert done.returncode == 0, done.stderr
    assert machine.opens(machine.sandbox.aws.loopback_index_url, "aws", done.stdout)
    first, second, _ = machine.sandbox.requests
    assert first.note == "client sandbox-ci, the secret came in the query"
    assert second.note == "a registry token"


def test_menda_keyring_with_a_profile(machine: Machine) -> None:
    """`auth_type = m2m` in mendacfg."""
    menda = machine.sandbox.menda
    secret = {"client_id": menda.client_id, "client_secret": menda.client_secret}
    machine.write("mendacfg", host=menda.url, auth_type="m2m", **secret)
    done = machine.menda("laptop")
    assert done.returncode == 0, done.stderr
    assert machine.opens(machine.sandbox.aws.loopback_index_url, "aws", done.stdout)


@pytest.mark.parametrize("key", ["access_token", "id_token"])
def test_menda_keyring_with_a_persons_login(machine: Machine, key: str) -> None:
    """A `u2m` profile and the login in the cache: one request, and no secret in it."""
    menda = machine.sandbox.menda
    machine.write("mendacfg", host=menda.url)
    login = {key: menda.login(), "cached_at": time.time(), "expires_in": 3600}
    machine.write("tokens/cache/.token", **login)
    done = machine.menda("laptop")
    assert done.returncode == 0, done.stderr
    assert machine.opens(machine.sandbox.aws.loopback_index_url, "aws", done.stdout)
    assert machine.sandbox.count("menda") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("secret", "oauth2/token returned HTTP 401"),
        ("form", "oauth2/token returned HTTP 400"),
        ("permits", "registry/token returned HTTP 403"),
    ],
)
def test_menda_keyring_understands_what_it_is_refused(
    machine: Machine, change: str, said: str
) -> None:
    """A wrong secret, a server that wants it in the form, and one that gives no registry token."""
    menda = machine.sandbox.menda
    menda.secret_in = "form" if change == "form" else "either"
    menda.permits = change != "permits"
    wrong = {"MENDA_CLIENT_SECRET": "another"} if change == "secret" else {}
    done = machine.menda(**wrong)
    assert done.returncode != 0
    assert said in done.stderr
