"""From menda-keyring, what is different on purpose: what it does, and what gatepass does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.harness import need
from clients.machines import MENDA, Both, third_backend, with_menda
from clients.migration import Row, Test, parameters
from clients.test_migrate_menda import (
    CACHE,
    CONFIG,
    PART,
    USER,
    cached,
    client,
    index,
    section,
    trio,
)
from wire import answer, wire

pytestmark = pytest.mark.real


@pytest.fixture(scope="module", autouse=True)
def _provisioned() -> None:
    """A failure, never a skip, where it isn't installed."""
    need("menda-keyring")


@pytest.fixture
def both(base_env: dict[str, str], tmp_path: Path) -> Iterator[Both]:
    with with_menda(base_env, tmp_path) as found:
        found.set(**trio(found.sandbox))
        yield found


def look_alike(both: Both, row: Row) -> None:
    """A host with CodeArtifact's name in it."""
    assert both.opens(index(both), USER, both.old.password(row.old[0], USER))
    assert both.new.keyring("get", row.old[0], USER).failed().text == ""


def refused(both: Both, row: Row, code: str) -> None:
    """The old one has an answer, and gatepass says why it has none."""
    url = next((line for line in row.old if line.startswith("http")), index(both))
    assert both.opens(index(both), USER, both.old.password(url, USER))
    assert both.new.keyring("get", url, USER).failed().blocks(code) == 1
    assert f"[`{code}`]" in row.cells[2]


def plain_index(both: Both, row: Row) -> None:
    """CodeArtifact's own host, by plain http."""
    refused(both, row, "insecure-address")


def not_listed(both: Both, row: Row) -> None:
    """Another company's domain; one that lists nothing holds nobody back."""
    refused(both, row, "menda-not-listed")
    both.sandbox.menda.repositories = []
    assert both.new.password(row.old[0], USER, GATEPASS_STORE="off")


def plain_host(both: Both, row: Row) -> None:
    """What goes over the wire is heard by a proxy: the secret, or nothing."""
    secret = both.sandbox.menda.client_secret.encode()
    with wire(answer(403)) as listener:
        env = {**row.variables(0), "HTTP_PROXY": listener.url, "http_proxy": listener.url}
        both.old.password(index(both), USER, **env)
        assert [secret in request for request in listener.heard] == [True]
        assert both.new.keyring("get", index(both), USER, **env).failed().blocks("menda-bad-host")
        assert len(listener.heard) == 1


def where_the_secret_goes(both: Both, row: Row) -> None:
    """The journal tells where it came; a server that wants it in the address gets it there."""
    for machine, in_query in ((both.old, True), (both.new, False)):
        with both.requests("menda") as asked:
            assert both.opens(index(both), USER, machine.password(index(both), USER))
        assert ("the secret came in the query" in asked[0].note) is in_query
    both.sandbox.menda.secret_in = "query"
    secret = both.new.password(index(both), USER, GATEPASS_STORE="off")
    assert both.opens(index(both), USER, secret)


def incomplete(both: Both, row: Row) -> None:
    """The default profile's client answers for the old one."""
    both.unset(row.old[0])
    both.write(CONFIG, client(both.sandbox, "default"))
    refused(both, row, "menda-incomplete")


def percent(both: Both, row: Row) -> None:
    """Alone and doubled."""
    both.unset(*trio(both.sandbox))
    both.sandbox.menda.client_secret = "50%off"
    text = client(both.sandbox, "default")
    assert row.old[0] in text
    both.write(CONFIG, text)
    assert "InterpolationSyntaxError" in both.old.keyring("get", index(both), USER).failed().err
    assert both.opens(index(both), USER, both.new.password(index(both), USER))
    both.write(CONFIG, text.replace("50%off", row.lines(2)[0]))
    both.same_answer(index(both), USER)


def another_hosts_login(both: Both, row: Row) -> None:
    """The new host hears the first one's token, or a client's login."""
    text = cached(both.sandbox, both.sandbox.menda.client_id)
    token = text.partition("access_token = ")[2].partition("\n")[0].encode()
    both.write(CACHE, text)
    with wire(answer(403)) as host:
        both.set(MENDA_HOST=host.url)
        both.old.password(index(both), USER)
        assert [token in request for request in host.heard] == [True]
        both.new.password(index(both), USER)
        assert len(host.heard) > 1
        assert not [request for request in host.heard[1:] if token in request]


def without_an_end(both: Both, row: Row) -> None:
    """Neither cached_at nor expires_in."""
    both.unset(*trio(both.sandbox))
    both.write(CONFIG, section("default", host=MENDA))
    both.write(CACHE, section("default", access_token=both.sandbox.menda.login()))
    refused(both, row, "menda-no-login")
    both.write(CONFIG, client(both.sandbox, "default"))
    with both.requests("menda") as asked:
        both.same_answer(index(both), USER)
    assert [one.path.rpartition("/")[2] for one in asked] == ["token"] * 3
    assert ["oauth2" in one.path for one in asked] == [False, True, False]


def others_can_write(both: Both, row: Row) -> None:
    """The profile's client is sent wherever they say."""
    both.unset(*trio(both.sandbox))
    both.write(CONFIG, client(both.sandbox, "default"))
    both.same_answer(index(both), USER)
    for machine in both.machines:
        (machine.home / CONFIG).chmod(0o666)
    refused(both, row, "menda-config-unsafe")


def in_a_job(both: Both, row: Row) -> None:
    """Named, it speaks there too."""
    both.unset(*trio(both.sandbox))
    both.write(CONFIG, section("default", host=MENDA))
    both.write(CACHE, cached(both.sandbox))
    both.set(CI="true")
    refused(both, row, "menda-not-asked")
    both.set(**row.variables(2))
    both.same_answer(index(both), USER)


def second_time(both: Both, row: Row) -> None:
    """What the second call asks of anybody."""
    both.same_answer(index(both), USER)
    counts = []
    for machine in both.machines:
        before = len(both.sandbox.requests)
        machine.password(index(both), USER)
        counts.append(len(both.sandbox.requests) - before)
    assert counts == [2, 0]


def passwords_of_others(both: Both, row: Row) -> None:
    """With a third backend, as a desktop has one, and the chain of all of them."""
    chain = {"PYTHON_KEYRING_BACKEND": "keyring.backends.chainer.ChainerBackend"}
    kept = []
    for machine in both.machines:
        file = third_backend(machine)
        line = f"printf %s my-password | {row.old[0]}"
        machine.shell(line, **chain).succeeded()
        kept.append(file.read_text())
    assert kept == ["kept by the third", "my-password"]
    assert both.new.password("other", "bob") == "my-password"


def no_name(both: Both, row: Row) -> None:
    """pip in import mode and twine ask like this, where no name is in the address."""
    command = row.old[0]
    assert both.old.shell(command).failed().out == ""
    user, secret = both.new.shell(command, prints_secret=True).succeeded().out.split()
    assert user == row.lines(2)[0] == USER
    assert both.opens(index(both), user, secret)


def dual_stack(both: Both, row: Row) -> None:
    """The form of host without `.d.`"""
    (url,) = row.old
    assert both.old.keyring("get", url, USER).failed().out == ""
    assert both.opens(url, USER, both.new.password(url, USER))


def no_profile(both: Both, row: Row) -> None:
    """Both say that it isn't there; the one at length."""
    both.unset(*trio(both.sandbox))
    both.write(CONFIG, client(both.sandbox))
    both.set(MENDA_PROFILE_ID="staging")
    done = both.old.keyring("get", index(both), USER).failed()
    assert "ProfileNotFoundError" in done.err
    assert len(done.err.splitlines()) > 25
    done = both.new.keyring("get", index(both), USER).failed()
    assert done.blocks("menda-no-profile") == 1
    assert len(done.err.splitlines()) < 6


TESTS: dict[str, Test] = {
    "`https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com.evil.example/": look_alike,
    "`http://acme-111122223333.": plain_index,
    "`https://tools-444455556666.": not_listed,
    "`MENDA_HOST=http://": plain_host,
    "the client's secret goes to menda cloud": where_the_secret_goes,
    "`MENDA_CLIENT_SECRET` is missing": incomplete,
    "`client_secret = 50%off`": percent,
    "a login in the cache came from another host": another_hosts_login,
    "the cached login doesn't say": without_an_end,
    "others can write `~/.menda/mendacfg`": others_can_write,
    "a person's login, where `CI`": in_a_job,
    "a second install": second_time,
    "`keyring set other bob`": passwords_of_others,
    "nobody says a user name": no_name,
    "`https://acme-111122223333.codeartifact.eu-west-1.on.aws/": dual_stack,
    "the profile is missing": no_profile,
}


@pytest.mark.parametrize(("test", "row"), parameters(PART, TESTS))
def test_difference(both: Both, test: Test, row: Row) -> None:
    """Each row of what is different, with both tools."""
    test(both, row)
