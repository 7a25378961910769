"""From `aws codeartifact login`, line by line: pip, twine, uv and poetry go on working."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from awsclient import browse
from clients import provision
from clients.harness import leaks, need
from clients.machines import Both, Machine, with_aws_login
from clients.migration import Row, Test, parameters, rows
from clients.projects import poetry_project
from clients.test_migrate_codeartifact import CONFIG, OCTAVIA, config, given, index
from support import ROOT

pytestmark = pytest.mark.real

PART = "From aws codeartifact login"
PIP_CONF, PYPIRC, NPMRC = ".config/pip/pip.conf", ".pypirc", ".npmrc"
NODE = ROOT / ".tools" / "node" / "bin"
BY_FILE = {"PIP_KEYRING_PROVIDER": ""}
"""What pip.conf says of the provider holds."""


@pytest.fixture(scope="module", autouse=True)
def _provisioned() -> None:
    """A failure, never a skip, where they aren't installed."""
    need("awscli", "posit-keyring", "bare-pip-latest")


@pytest.fixture
def both(base_env: dict[str, str], tmp_path: Path) -> Iterator[Both]:
    with with_aws_login(base_env, tmp_path) as found:
        yield found


def lines(start: str = "`aws codeartifact login --tool pip ") -> tuple[str, str]:
    """The old line and the new of another row, to which something is added."""
    (row,) = [row for row in rows() if row.part == PART and row.key.startswith(start)]
    return row.old[0], row.new[0]


def installs(machine: Machine) -> None:
    """pip with nothing but its file."""
    machine.installs(**BY_FILE).succeeded()


def login(both: Both, *more: str) -> None:
    """Both lines for pip, with something behind each; then pip installs."""
    for machine, text, word in zip(both.machines, lines(), more or ("", ""), strict=True):
        machine.shell(f"{text} {word}").succeeded()
        installs(machine)


def for_pip(both: Both, row: Row) -> None:
    """The address is in pip's file, with the token or without."""
    for machine, line in zip(both.machines, (row.old[0], row.new[0]), strict=True):
        machine.shell(line).succeeded()
        installs(machine)
    old, new = (machine.read(PIP_CONF) for machine in both.machines)
    assert leaks(old)
    assert leaks(new) == []
    assert [who for _, who in given(both)] == [OCTAVIA] * 2


def for_twine(both: Both, row: Row) -> None:
    """The address is in twine's file, with the token or without."""
    for machine, line in zip(both.machines, (row.old[0], row.new[0]), strict=True):
        machine.shell(line).succeeded()
        assert f"{index(both).partition('/pypi/')[0]}/pypi/local/" in machine.read(PYPIRC)
    old, new = (machine.read(PYPIRC) for machine in both.machines)
    assert leaks(old)
    assert leaks(new) == []


def upload(both: Both, row: Row) -> None:
    """By the name that either has given to the repository."""
    setups = lines("`aws codeartifact login --tool twine ")
    uploads = row.old[0], row.new[0]
    for machine, setup, line in zip(both.machines, setups, uploads, strict=True):
        machine.shell(setup).succeeded()
        machine.distribution()
        machine.shell(line).succeeded()
    assert both.count("upload") == 2


def for_npm(both: Both, row: Row) -> None:
    """npm's file has AWS' token; gatepass prints one that serves as well."""
    assert (NODE / "npm").exists(), "no npm: `make real-parts` builds its environment"
    both.old.path.append(NODE)
    both.old.shell(row.old[0]).succeeded()
    (token,) = re.findall(r"/npm/private/:_authToken=(\S+)", both.old.read(NPMRC))
    ours = both.new.shell(row.new[-1], prints_secret=True).succeeded().out.strip()
    url = f"{index(both).partition('/pypi/')[0]}/npm/private/hello"
    for secret in (token, ours):
        bearer = {"Authorization": f"Bearer {secret}"}
        assert browse(both.sandbox).get(url, headers=bearer, timeout=10).status_code == 200


def profile(both: Both, row: Row) -> None:
    """An option there; a variable or a line of config.toml here."""
    both.unset("AWS_PROFILE")
    both.new.env |= row.variables(1)
    login(both, row.old[0], "")
    both.unset("AWS_PROFILE")
    both.new.write(CONFIG, config(row.new))
    both.new.env["GATEPASS_STORE"] = "off"
    installs(both.new)
    assert {who for _, who in given(both)} == {OCTAVIA}


def region(both: Both, row: Row) -> None:
    """Without it the AWS command doesn't know where to ask."""
    both.unset("AWS_DEFAULT_REGION", "AWS_REGION")
    assert "region" in both.old.shell(lines()[0]).failed().err
    login(both, row.old[0], "")
    assert row.cells[1].startswith("nothing")


def duration(both: Both, row: Row) -> None:
    """Both ask for half an hour."""
    both.new.write(CONFIG, config(row.new))
    login(both, row.old[0], "")
    assert [seconds for seconds, _ in given(both)] == [1800] * 2


def endpoint_type(both: Both, row: Row) -> None:
    """The other host, by an option or in the address."""
    old = f"{lines()[0]} {row.old[0]}"
    for machine, line in zip(both.machines, (old, row.new[0]), strict=True):
        machine.shell(line).succeeded()
        assert both.sandbox.aws.dual_stack_host in machine.read(PIP_CONF)
        installs(machine)


def dry_run(both: Both, row: Row) -> None:
    """Neither writes anything; one prints the token."""
    old, new = lines()
    before = [sorted(machine.home.rglob("*")) for machine in both.machines]
    assert leaks(both.old.shell(f"{old} {row.old[0]}").succeeded().out)
    shown = both.new.shell(f"{new} {row.new[0]}").succeeded()
    assert "+index-url = https://aws@acme-111122223333." in shown.out
    assert leaks(shown.text) == []
    assert [sorted(machine.home.rglob("*")) for machine in both.machines] == before


def pip_config(both: Both, row: Row) -> None:
    """With the token in the address, or a backend beside pip."""
    both.new.environments["pip"] = "pip-latest"
    both.old.env["CODEARTIFACT_AUTH_TOKEN"] = both.sandbox.aws.token()
    for machine, line in zip(both.machines, (row.old[0], row.new[0]), strict=True):
        machine.shell(line).succeeded()
        machine.installs().succeeded()


def token_in_a_variable(both: Both, row: Row) -> None:
    """Whatever reads the variable is served."""
    for machine, line in zip(both.machines, (row.old[0], row.new[0]), strict=True):
        text = f'{line}; printf %s "$CODEARTIFACT_AUTH_TOKEN"'
        secret = machine.shell(text, prints_secret=True).succeeded().out
        assert both.opens(index(both), "aws", secret)


def with_the_token(both: Both, row: Row) -> None:
    """What the row sets for each: the old machine has the token in a variable."""
    token = both.sandbox.aws.token()
    values = row.variables(0)
    assert "$CODEARTIFACT_AUTH_TOKEN" in values.values()
    both.old.env |= {
        name: value.replace("$CODEARTIFACT_AUTH_TOKEN", token) for name, value in values.items()
    }
    both.new.env |= row.variables(1)


def twine_variables(both: Both, row: Row) -> None:
    """twine asks the backend beside it for the password."""
    with_the_token(both, row)
    both.set(TWINE_REPOSITORY_URL=both.sandbox.aws.upload_url)
    for machine in both.machines:
        machine.run("twine", "upload", "--non-interactive", machine.distribution()).succeeded()
    assert both.count("upload") == 2


def uv_variables(both: Both, row: Row) -> None:
    """uv asks the `keyring` on PATH."""
    with_the_token(both, row)
    python = provision.program("bare-pip-latest", "python")
    for machine in both.machines:
        site = machine.folder / "site"
        where = ("--python", python, "--target", site, "--no-cache")
        chosen = ("--default-index", f"private={index(both)}")
        machine.run("uv", "pip", "install", *where, *chosen, "gatepass-hello").succeeded()
        assert (site / "gatepass_hello.py").exists()


def poetry_variables(both: Both, row: Row) -> None:
    """poetry asks the backend beside it."""
    with_the_token(both, row)
    assert row.variables(1) == {}
    both.set(POETRY_VIRTUALENVS_IN_PROJECT="true")
    # poetry's environment has gatepass: on the old machine nobody asks it.
    both.old.env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    for machine in both.machines:
        machine.environments["poetry"] = "poetry-2"
        poetry_project(machine, index(both))  # type: ignore[arg-type]  # it needs a folder alone
        machine.run("poetry", "lock").succeeded()
        machine.run("poetry", "install").succeeded()
        assert list((machine.folder / ".venv").rglob("gatepass_hello.py"))


TESTS: dict[str, Test] = {
    "`aws codeartifact login --tool pip ": for_pip,
    "`aws codeartifact login --tool twine ": for_twine,
    "`twine upload -r codeartifact ": upload,
    "`aws codeartifact login --tool npm ": for_npm,
    "`--profile ": profile,
    "`--region ": region,
    "`--duration-seconds 1800`": duration,
    "`--endpoint-type ": endpoint_type,
    "`--dry-run`": dry_run,
    "`pip config set ": pip_config,
    "`export CODEARTIFACT_AUTH_TOKEN=": token_in_a_variable,
    "`TWINE_USERNAME=": twine_variables,
    "`UV_INDEX_PRIVATE_USERNAME=": uv_variables,
    "`POETRY_HTTP_BASIC_PRIVATE_USERNAME=": poetry_variables,
}


@pytest.mark.parametrize(("test", "row"), parameters(PART, TESTS))
def test_line(both: Both, test: Test, row: Row) -> None:
    """Each line of the page, with both tools."""
    test(both, row)
