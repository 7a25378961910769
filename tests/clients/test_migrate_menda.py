"""From menda-keyring, line by line: the same lines give both a token that opens the repository."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients import provision
from clients.harness import need
from clients.machines import MENDA, Both, Machine, with_menda
from clients.migration import Row, Test, parameters
from gatepass.sandbox import Sandbox

pytestmark = pytest.mark.real

PART = "From menda-keyring"
USER = "aws"
CONFIG, CACHE = ".menda/mendacfg", ".menda/tokens/cache/.token"
THEIRS = "menda.keyring.backend.MendaCodeArtifactKeyring"
OURS = "gatepass.keyring_backend.GatepassKeyring"


@pytest.fixture(scope="module", autouse=True)
def _provisioned() -> None:
    """A failure, never a skip, where it isn't installed."""
    need("menda-keyring")


@pytest.fixture
def both(base_env: dict[str, str], tmp_path: Path) -> Iterator[Both]:
    with with_menda(base_env, tmp_path) as found:
        yield found


def index(both: Both) -> str:
    """CodeArtifact's own address of the repository."""
    return both.sandbox.aws.index_url


def trio(sandbox: Sandbox) -> dict[str, str]:
    """The three variables of a client."""
    return {
        "MENDA_HOST": MENDA,
        "MENDA_CLIENT_ID": sandbox.menda.client_id,
        "MENDA_CLIENT_SECRET": sandbox.menda.client_secret,
    }


def section(name: str, **fields: object) -> str:
    """A section of one of menda's files."""
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in fields.items()), ""])


def client(sandbox: Sandbox, name: str = "ci") -> str:
    """A client's profile."""
    own = {"client_id": sandbox.menda.client_id, "client_secret": sandbox.menda.client_secret}
    return section(name, host=MENDA, auth_type="m2m", **own)


def cached(sandbox: Sandbox, name: str = "default") -> str:
    """A person's login, as menda's own tool leaves it."""
    return section(name, access_token=sandbox.menda.login(), cached_at=time.time(), expires_in=3600)


def three_variables(both: Both, row: Row) -> None:
    """A client without any file."""
    names = [line.partition("=")[0] for line in row.old]
    given = trio(both.sandbox)
    assert sorted(names) == sorted(given)
    assert row.variables(1) == {"MENDA_HOST": given["MENDA_HOST"]}
    both.set(**given)
    both.same_answer(index(both), USER)


def profile_variable(both: Both, row: Row) -> None:
    """The profile of that name, and not the default one."""
    both.write(CONFIG, section("default") + client(both.sandbox))
    both.set(**row.variables(0))
    both.same_answer(index(both), USER)


def persons_profile(both: Both, row: Row) -> None:
    """A person's, whose login is in the cache."""
    name, where, kind = row.old
    both.write(where.removeprefix("~/"), f"{name}\nhost = {MENDA}\n{kind}\n")
    both.write(CACHE, cached(both.sandbox))
    both.same_answer(index(both), USER)


def clients_profile(both: Both, row: Row) -> None:
    """A client's, with its secret."""
    _, where, *keys = row.old
    text = client(both.sandbox)
    assert all(key in text for key in keys)
    both.write(where.removeprefix("~/"), text)
    both.set(MENDA_PROFILE_ID="ci")
    both.same_answer(index(both), USER)


def shared_cache(both: Both, row: Row) -> None:
    """One login for both; and what gatepass keeps for a client, the old one finds."""
    both.share_home()
    both.old.write(CONFIG, section("default", host=MENDA) + client(both.sandbox))
    both.old.write(row.old[0].removeprefix("~/"), cached(both.sandbox))
    with both.requests("menda") as asked:
        both.same_answer(index(both), USER)
    assert len(asked) == 2
    both.set(MENDA_PROFILE_ID="ci")
    both.new.password(index(both), USER)
    with both.requests("menda") as asked:
        both.same_answer(index(both), USER)
    assert [one.path.rpartition("/")[2] for one in asked] == ["token"]
    assert "registry" in asked[0].path


def keyring_get(both: Both, row: Row) -> None:
    """The command itself, as uv calls it."""
    both.set(**trio(both.sandbox))
    for machine, line in zip(both.machines, (row.old[0], row.new[0]), strict=True):
        secret = machine.shell(line, prints_secret=True).succeeded().out.strip()
        assert both.opens(index(both), USER, secret)


PROJECT = """\
[project]
name = "demo"
version = "0"
requires-python = ">=3.11"
dependencies = ["gatepass-hello"]

[tool.uv]
{provider}

[[tool.uv.index]]
name = "menda-private"
{url}
default = true
"""


def uv_sync(machine: Machine, lines: list[str]) -> None:
    """A project that uv locks and installs."""
    url, provider, name = lines
    text = PROJECT.format(url=url, provider=provider)
    (machine.folder / name).write_text(text, encoding="utf-8")
    python = str(provision.program("bare-pip-latest", "python"))
    machine.run("uv", "sync", "--no-cache", UV_PYTHON=python).succeeded()
    assert list((machine.folder / ".venv").rglob("gatepass_hello.py"))


def pyproject(both: Both, row: Row) -> None:
    """uv calls the `keyring` on PATH, as the file says."""
    both.set(**trio(both.sandbox))
    for machine, lines in zip(both.machines, (row.old, row.new), strict=True):
        uv_sync(machine, lines)


def index_variable(both: Both, row: Row) -> None:
    """pip imports the backend beside it."""
    both.set(**trio(both.sandbox))
    for machine, cell in zip(both.machines, (0, 1), strict=True):
        machine.installs(**row.variables(cell)).succeeded()


def list_backends(both: Both, row: Row) -> None:
    """Each says its own name."""
    command, theirs = row.old
    assert theirs in both.old.shell(command).succeeded().out
    assert row.new[0] in both.new.shell(command).succeeded().out


def tool_install(both: Both, row: Row) -> None:
    """The new line, run; the old one is how its environment was made. Then uv's command answers."""
    both.set(**trio(both.sandbox))
    both.tool_install(row.new[0])
    both.same_answer(index(both), USER)


TESTS: dict[str, Test] = {
    "`MENDA_HOST=https://": three_variables,
    "`MENDA_PROFILE_ID=": profile_variable,
    "`[default]` in `~/.menda/mendacfg`": persons_profile,
    "`[ci]` in `~/.menda/mendacfg`": clients_profile,
    "`~/.menda/tokens/cache/.token`": shared_cache,
    "`keyring get ": keyring_get,
    "`url = ": pyproject,
    "`PIP_INDEX_URL=": index_variable,
    "`keyring --list-backends`": list_backends,
    "`uv tool install ": tool_install,
}


@pytest.mark.parametrize(("test", "row"), parameters(PART, TESTS))
def test_line(both: Both, test: Test, row: Row) -> None:
    """Each line of the page, with both tools."""
    test(both, row)


def test_together_the_old_one_answers(both: Both) -> None:
    """Beside gatepass, menda-keyring still gives the token away; `gatepass setup` says so."""
    both.set(**trio(both.sandbox))
    look_alike = index(both).replace(".com/", ".com.evil.example/")
    both.new.env["PYTHONPATH"] = str(both.old.packages)
    listed = both.new.keyring("--list-backends").out
    assert f"{THEIRS} (priority: 10)" in listed
    assert f"{OURS} (priority: 9.95)" in listed
    assert both.opens(index(both), USER, both.new.password(look_alike, USER))
    address = index(both).partition("/pypi/")[0]
    done = both.new.run("gatepass", "setup", address, "--dry-run").succeeded()
    assert "menda-keyring is installed beside gatepass, and its backend comes before" in done.err


def test_and_back(both: Both) -> None:
    """After gatepass the old one finds all as it left it, and a login that was added."""
    both.share_home()
    text = client(both.sandbox)
    both.old.write(CONFIG, text)
    both.set(MENDA_PROFILE_ID="ci")
    assert both.opens(index(both), USER, both.new.password(index(both), USER))
    assert both.old.read(CONFIG) == text
    assert both.opens(index(both), USER, both.old.password(index(both), USER))
    assert both.count("menda", "/oauth2/token") == 1
