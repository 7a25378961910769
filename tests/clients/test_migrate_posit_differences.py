"""From posit-keyring, what is different on purpose: what it does, and what gatepass does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.harness import need
from clients.machines import PM, PM_INDEX, PM_NAME, Both, third_backend, with_package_manager
from clients.migration import Row, Test, parameters
from clients.test_migrate_posit import OURS, PART, THEIRS, USER, logged_in
from wire import answer, wire

pytestmark = pytest.mark.real

LOGIN = ".ppm/tokens.toml"


@pytest.fixture(scope="module", autouse=True)
def _provisioned() -> None:
    """A failure, never a skip, where it isn't installed."""
    need("posit-keyring")


@pytest.fixture
def both(base_env: dict[str, str], tmp_path: Path) -> Iterator[Both]:
    with with_package_manager(base_env, tmp_path) as found:
        yield found


def gets_it(both: Both, url: str) -> None:
    """The old one gives out the token for this address; gatepass has no answer, and no error."""
    assert both.opens(PM_INDEX, USER, both.old.password(url, USER))
    done = both.new.keyring("get", url, USER).failed()
    assert done.text == ""


def look_alike(both: Both, row: Row) -> None:
    """A host that begins as the real one does."""
    gets_it(both, row.old[0])


def downgrade(both: Both, row: Row) -> None:
    """Plain http, where the address is https."""
    gets_it(both, row.old[0])


def plain_http(both: Both, row: Row) -> None:
    """What goes over the wire is heard by a proxy: everything, or nothing before it is allowed."""
    token = both.token.read_text()
    with wire(answer(403)) as listener:
        proxy = {"HTTP_PROXY": listener.url, "http_proxy": listener.url}
        env = {**row.variables(0), **proxy}
        plain, url = row.variables(0)["PACKAGEMANAGER_ADDRESS"], PM_INDEX.replace("https", "http")
        both.old.password(url, USER, **env)
        assert [token.encode() in request for request in listener.heard] == [True]
        assert both.new.keyring("get", url, USER, **env).failed().blocks("insecure-address") == 1
        assert len(listener.heard) == 1
        text = f'version = 1\n[registries.lab]\nurl = "{plain}"\nallow_http = true\n'
        both.new.write(".config/gatepass/config.toml", text)
        done = both.new.keyring("get", url, USER, **env).failed()
        assert "is plain http" in done.err
        assert token.encode() in listener.heard[1]


def job_before_login(both: Both, row: Row) -> None:
    """A login in the file: taken before the job's token, or left alone."""
    login = both.sandbox.packagemanager.token()
    entry = f'[[connections]]\naddress = "{PM}"\ntoken = "{login}"\nauth_type = "sso"\n'
    both.write(LOGIN, entry)
    both.set(CI="true")
    with both.requests("exchange") as asked:
        assert both.old.password(PM_INDEX, USER) == login
    assert asked == []
    with both.requests("exchange") as asked:
        secret = both.new.password(PM_INDEX, USER)
        assert secret != login
        assert both.opens(PM_INDEX, USER, secret)
    assert len(asked) == 1
    for name in ("PACKAGEMANAGER_IDENTITY_TOKEN_FILE", "CI"):
        del both.new.env[name]
    assert both.new.password(PM_INDEX, USER) == login
    assert both.new.keyring("get", PM_INDEX, USER, CI="true").failed().blocks("no-identity") == 1
    assert both.new.password(PM_INDEX, USER, CI="true", GATEPASS_IDENTITY="login") == login


def where_it_lies(both: Both, row: Row) -> None:
    """In the file of logins, or in a folder that only its owner can enter."""
    old, new = both.same_answer(PM_INDEX, USER)
    assert old in both.old.read(LOGIN)
    assert not (both.new.home / ".ppm").exists()
    holds = [file for file in both.new.home.rglob("*") if file.is_file() and holds_it(file, new)]
    assert holds
    for file in holds:
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def holds_it(file: Path, secret: str) -> bool:
    return secret in file.read_text(encoding="utf-8", errors="replace")


def no_keys(both: Both, row: Row) -> None:
    """The issuer answers nobody; the two remedies help."""
    both.sandbox.fault("issuer=404x*")
    assert both.opens(PM_INDEX, USER, both.old.password(PM_INDEX, USER))
    done = both.new.keyring("get", PM_INDEX, USER).failed()
    assert done.blocks("issuer-unreachable") == 1
    assert both.count("exchange") == 1
    keys = {"keys": [key.jwk() for key in both.sandbox.issuer.published()]}
    path = both.new.write("keys.json", json.dumps(keys))
    named, without = row.lines(2)[1:]
    for line in (named.replace("/etc/gatepass/keys.json", str(path)), without):
        name, _, value = line.partition("=")
        assert both.opens(PM_INDEX, USER, both.new.password(PM_INDEX, USER, **{name: value}))


def refused(both: Both, row: Row, code: str) -> None:
    """What the old one sends is refused by the server; gatepass says why, and sends nothing."""
    with both.requests("exchange") as asked:
        done = both.old.keyring("get", PM_INDEX, USER).failed()
    assert [one.status for one in asked] == [400]
    assert "400 Client Error" in done.err
    with both.requests("exchange") as asked:
        assert both.new.keyring("get", PM_INDEX, USER).failed().blocks(code) == 1
    assert asked == []
    assert f"[`{code}`]" in row.cells[2]


def expired(both: Both, row: Row) -> None:
    """A token of yesterday's."""
    now = int(time.time())
    both.mint(iat=now - 7200, nbf=now - 7200, exp=now - 3600)
    refused(both, row, "token-expired")


def for_the_cluster(both: Both, row: Row) -> None:
    """The one that every pod has mounted."""
    both.mint("https://kubernetes.default.svc.cluster.local")
    refused(both, row, "audience-api-server")


def waits(both: Both, row: Row, code: str) -> None:
    """The old one shows a code to nobody, until it has expired; gatepass ends at once."""
    both.sandbox.person.never()
    device = both.sandbox.packagemanager.device
    device.interval = device.expires_in = 1
    with both.requests("device") as asked:
        done = both.old.keyring("get", PM_INDEX, USER).failed()
    assert "enter the following code" in done.err
    assert len(asked) >= 2
    with both.requests("device") as asked:
        assert both.new.keyring("get", PM_INDEX, USER).failed().blocks(code) == 1
    assert asked == []


def no_file(both: Both, row: Row) -> None:
    """Missing, then empty."""
    both.token.unlink()
    waits(both, row, "token-file-missing")
    both.token.write_text("\n")
    waits(both, row, "token-file-empty")


def nothing_at_all(both: Both, row: Row) -> None:
    """A CI job without any identity."""
    both.unset("PACKAGEMANAGER_IDENTITY_TOKEN_FILE")
    both.set(CI="true")
    waits(both, row, "no-identity")


def slash(both: Both, row: Row) -> None:
    """The old one asks for another login."""
    both.unset("PACKAGEMANAGER_IDENTITY_TOKEN_FILE")
    login = both.old.password(PM_INDEX, USER)
    both.new.write(LOGIN, both.old.read(LOGIN))
    both.set(**row.variables(0))
    assert both.old.password(PM_INDEX, USER) != login
    assert both.new.password(PM_INDEX, USER) == login
    assert len(both.sandbox.person.asked) == 2


def no_name(both: Both, row: Row) -> None:
    """pip in import mode and twine ask like this, where no name is in the address."""
    command = row.old[0]
    assert both.old.shell(command).failed().out == ""
    user, secret = both.new.shell(command, prints_secret=True).succeeded().out.split()
    assert user == USER
    assert both.opens(PM_INDEX, user, secret)


def second_time(both: Both, row: Row) -> None:
    """What the second call asks of anybody."""
    both.same_answer(PM_INDEX, USER)
    counts = []
    for machine in both.machines:
        before = len(both.sandbox.requests)
        machine.password(PM_INDEX, USER)
        counts.append(len(both.sandbox.requests) - before)
    assert counts == [1, 0]


def next_job(both: Both, row: Row) -> None:
    """Another job's token in the same file, on the same machine."""
    first = both.same_answer(PM_INDEX, USER)
    both.mint(sub="repo:acme/gadgets:ref:refs/heads/main")
    second = both.same_answer(PM_INDEX, USER)
    assert second[0] == first[0]
    assert second[1] != first[1]
    assert "acme/gadgets" in [r.note for r in both.sandbox.requests if r.party == "exchange"][-1]


def priority(both: Both, row: Row) -> None:
    """With a third backend, as a desktop has one."""
    for machine, backend, number in ((both.old, THEIRS, "10"), (both.new, OURS, "9.95")):
        third_backend(machine)
        listed = machine.keyring("--list-backends").out
        assert f"{backend} (priority: {number})" in listed
        assert "keyring.backends.chainer.ChainerBackend (priority: 10)" in listed
    alone = {"PYTHON_KEYRING_BACKEND": THEIRS}
    assert both.old.keyring("get", "other", "bob", **alone).failed().out == ""
    assert both.new.password("other", "bob") == "kept by the third"


def other_entries(both: Both, row: Row) -> None:
    """A login at another server, which rspm wrote, and a new one at this."""
    both.unset("PACKAGEMANAGER_IDENTITY_TOKEN_FILE")
    key = row.old[-1]
    other = f'address = "https://other.example"\ntoken = "x"\nauth_type = "sso"\n{key} = "wh"\n'
    both.write(LOGIN, f"[[connections]]\n{other}")
    assert both.old.password(PM_INDEX, USER)
    assert "other.example" not in both.old.read(LOGIN)
    logged_in(both.new, both.new.program("gatepass"), "login")
    assert both.new.read(LOGIN).startswith(f"[[connections]]\n{other}")
    assert PM_NAME in both.new.read(LOGIN)


TESTS: dict[str, Test] = {
    "`https://ppm.example.com.evil.example/simple/`": look_alike,
    "`http://ppm.example.com/internal/": downgrade,
    "`PACKAGEMANAGER_ADDRESS=http://": plain_http,
    "a token file, and a login": job_before_login,
    "a token from a file has been exchanged": where_it_lies,
    "the keys of the token's issuer": no_keys,
    "the token has expired": expired,
    "the token is the pod's own": for_the_cluster,
    "the token file is missing": no_file,
    "a CI job has nothing": nothing_at_all,
    "`PACKAGEMANAGER_ADDRESS=https://ppm.example.com/`": slash,
    "nobody says a user name": no_name,
    "a second install": second_time,
    "the token file names another job's": next_job,
    "its priority": priority,
    "an entry of": other_entries,
}


@pytest.mark.parametrize(("test", "row"), parameters(PART, TESTS))
def test_difference(both: Both, test: Test, row: Row) -> None:
    """Each row of what is different, with both tools."""
    test(both, row)
