"""From posit-keyring, line by line: the same lines give both a token that opens the repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clients import provision
from clients.harness import need
from clients.machines import PM, PM_INDEX, PM_NAME, Both, Machine, with_package_manager
from clients.migration import Row, Test, parameters
from terminal import Terminal

pytestmark = pytest.mark.real

PART = "From posit-keyring"
USER = "__token__"
INDEX_WITH_USER = PM_INDEX.replace("://", f"://{USER}@")
KEYRINGRC = ".config/python_keyring/keyringrc.cfg"
THEIRS = "posit_keyring.backends.PackageManagerKeyring"
OURS = "gatepass.keyring_backend.GatepassKeyring"


@pytest.fixture(scope="module", autouse=True)
def _provisioned() -> None:
    """A failure, never a skip, where it isn't installed."""
    need("posit-keyring")


@pytest.fixture
def both(base_env: dict[str, str], tmp_path: Path) -> Iterator[Both]:
    with with_package_manager(base_env, tmp_path) as found:
        yield found


def address(both: Both, row: Row) -> None:
    """Without it neither has an answer."""
    both.unset("PACKAGEMANAGER_ADDRESS")
    assert [machine.password(PM_INDEX, USER) for machine in both.machines] == ["", ""]
    both.set(**row.variables(0))
    both.same_answer(PM_INDEX, USER)


def token_file(both: Both, row: Row) -> None:
    """The file's token is exchanged by both."""
    (name,) = row.variables(0)
    both.unset(name)
    both.set(**{name: str(both.token)})
    with both.requests("exchange") as asked:
        both.same_answer(PM_INDEX, USER)
    assert [one.status for one in asked] == [200, 200]


def keyring_get(both: Both, row: Row) -> None:
    """The command itself, as it is documented."""
    for machine, line in zip(both.machines, [row.old[0], row.new[0]], strict=True):
        secret = machine.shell(line, prints_secret=True).succeeded().out.strip()
        assert both.opens(PM_INDEX, USER, secret)


def logged_in(machine: Machine, *words: str | Path) -> str:
    """Run a program at a terminal, where a person logs in; what it prints."""
    with Terminal(words, machine.env) as terminal:
        terminal.wait_for("ppm.example.com")
        status, out, _ = terminal.end()
    assert status == 0, terminal.screen
    return out.strip()


def shared_logins(both: Both, row: Row) -> None:
    """One login for both, whoever began; and the sandbox's person is asked once each time."""
    assert row.old == row.new == ["~/.ppm/tokens.toml"]
    both.unset("PACKAGEMANAGER_IDENTITY_TOKEN_FILE")
    both.share_home()
    secret = both.old.password(PM_INDEX, USER)
    assert both.opens(PM_INDEX, USER, secret)
    assert both.new.password(PM_INDEX, USER) == secret
    assert len(both.sandbox.person.asked) == 1
    (both.old.home / ".ppm" / "tokens.toml").unlink()
    logged_in(both.new, both.new.program("gatepass"), "login")
    secret = both.old.password(PM_INDEX, USER)
    assert both.opens(PM_INDEX, USER, secret)
    assert both.new.password(PM_INDEX, USER) == secret
    assert len(both.sandbox.person.asked) == 2


def login_by_itself(both: Both, row: Row) -> None:
    """Whoever asks first starts it: the old one in any case, ours where a person can be asked."""
    both.unset("PACKAGEMANAGER_IDENTITY_TOKEN_FILE")
    secret = both.old.password(PM_INDEX, USER)
    assert both.opens(PM_INDEX, USER, secret)
    secret = logged_in(both.new, both.new.program("keyring"), "get", PM_INDEX, USER)
    assert both.opens(PM_INDEX, USER, secret)
    assert len(both.sandbox.person.asked) == 2
    both.new.env["BROWSER"] = ""
    done = both.new.shell(row.new[-1]).failed()
    assert done.blocks("no-person") == 1


def index_variable(both: Both, row: Row) -> None:
    """pip imports the backend beside it."""
    for machine, cell in zip(both.machines, (0, 1), strict=True):
        machine.installs(**row.variables(cell)).succeeded()


def pip_conf(both: Both, row: Row) -> None:
    """The user's file, as it is."""
    both.unset("PIP_CONFIG_FILE")
    for machine, lines in zip(both.machines, (row.old, row.new), strict=True):
        machine.write(".config/pip/pip.conf", f"[global]\n{lines[0]}\n")
        machine.installs().succeeded()


def pip_conf_backend(both: Both, row: Row) -> None:
    """pip takes no notice of it, with either."""
    both.unset("PIP_CONFIG_FILE")
    both.write(".config/pip/pip.conf", f"[global]\n{row.old[0]}\n")
    for machine in both.machines:
        machine.installs("--index-url", INDEX_WITH_USER).succeeded()
    assert row.cells[1].startswith("nothing")


def uv_install(both: Both, row: Row) -> None:
    """uv calls the `keyring` on PATH."""
    python = provision.program("bare-pip-latest", "python")
    for machine, lines in zip(both.machines, (row.old, row.new), strict=True):
        site = machine.folder / "site"
        machine.shell(f"{lines[0]} --python {python} --target {site} --no-cache").succeeded()
        assert (site / "gatepass_hello.py").exists()


def twine_variables(both: Both, row: Row) -> None:
    """Address and user name in variables."""
    for machine, cell in zip(both.machines, (0, 1), strict=True):
        words = ("upload", "--non-interactive", machine.distribution())
        machine.run("twine", *words, **row.variables(cell)).succeeded()
    assert both.count("upload") == 2


def pypirc(both: Both, row: Row) -> None:
    """Both in twine's file, without a password."""
    section, _, *settings = row.old
    name = section.strip("[]")
    lines = ["[distutils]", "index-servers =", f"    {name}", section, *settings]
    both.write(".pypirc", "\n".join([*lines, ""]))
    for machine in both.machines:
        words = ("upload", "--non-interactive", "-r", name, machine.distribution())
        machine.run("twine", *words).succeeded()
    assert both.count("upload") == 2


def backend_variable(both: Both, row: Row) -> None:
    """What names the old one is no name any more: keyring itself fails."""
    assert both.opens(PM_INDEX, USER, both.old.password(PM_INDEX, USER, **row.variables(0)))
    failed = both.new.keyring("get", PM_INDEX, USER, **row.variables(0)).failed()
    assert "ModuleNotFoundError" in failed.err
    for env in ({}, row.variables(1)):
        assert both.opens(PM_INDEX, USER, both.new.password(PM_INDEX, USER, **env))


def keyringrc(both: Both, row: Row) -> None:
    """The same in keyring's own file."""
    both.write(KEYRINGRC, f"[backend]\n{row.old[0]}\n")
    assert both.opens(PM_INDEX, USER, both.old.password(PM_INDEX, USER))
    failed = both.new.keyring("get", PM_INDEX, USER).failed()
    assert "ModuleNotFoundError" in failed.err
    for text in ("", f"[backend]\n{row.new[0]}\n"):
        both.new.write(KEYRINGRC, text)
        assert both.opens(PM_INDEX, USER, both.new.password(PM_INDEX, USER))


def list_backends(both: Both, row: Row) -> None:
    """Each says its own name."""
    command, theirs = row.old
    (ours,) = row.new
    assert theirs in both.old.shell(command).succeeded().out
    assert ours in both.new.shell(command).succeeded().out


def tool_install(both: Both, row: Row) -> None:
    """The new line, run; the old one is how its environment was made. Then uv's command answers."""
    both.tool_install(row.new[0])
    both.same_answer(PM_INDEX, USER)


TESTS: dict[str, Test] = {
    "`PACKAGEMANAGER_ADDRESS=https://ppm.example.com`": address,
    "`PACKAGEMANAGER_IDENTITY_TOKEN_FILE=": token_file,
    "`keyring get ": keyring_get,
    "`~/.ppm/tokens.toml`": shared_logins,
    "a login in the browser": login_by_itself,
    "`PIP_INDEX_URL=": index_variable,
    "`index-url = ": pip_conf,
    "`keyring_backend = ": pip_conf_backend,
    "`uv pip install ": uv_install,
    "`TWINE_REPOSITORY_URL=": twine_variables,
    "`[package-manager]` in `~/.pypirc`": pypirc,
    "`PYTHON_KEYRING_BACKEND=": backend_variable,
    "`default-keyring = ": keyringrc,
    "`keyring --list-backends`": list_backends,
    "`uv tool install ": tool_install,
}


@pytest.mark.parametrize(("test", "row"), parameters(PART, TESTS))
def test_line(both: Both, test: Test, row: Row) -> None:
    """Each line of the page, with both tools."""
    test(both, row)


def test_together_the_old_one_answers(both: Both) -> None:
    """Beside gatepass, posit-keyring still gives the token away; `gatepass setup` says so."""
    look_alike = PM_INDEX.replace(PM_NAME, f"{PM_NAME}.evil.example")
    both.new.env["PYTHONPATH"] = str(both.old.packages)
    listed = both.new.keyring("--list-backends").out
    assert f"{THEIRS} (priority: 10)" in listed
    assert f"{OURS} (priority: 9.95)" in listed
    secret = both.new.password(look_alike, USER)
    assert both.opens(PM_INDEX, USER, secret)
    done = both.new.run("gatepass", "setup", f"work={PM}", "--dry-run").succeeded()
    assert "posit-keyring is installed beside gatepass, and its backend comes before" in done.err


def test_and_back(both: Both) -> None:
    """After gatepass the old one finds all as it left it, and the logins that were added."""
    both.share_home()
    both.new.password(PM_INDEX, USER)
    assert not (both.old.home / ".ppm").exists()
    logged_in(both.new, both.new.program("gatepass"), "login")
    both.unset("PACKAGEMANAGER_IDENTITY_TOKEN_FILE")
    assert both.opens(PM_INDEX, USER, both.old.password(PM_INDEX, USER))
    assert len(both.sandbox.person.asked) == 1
