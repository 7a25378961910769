"""From `aws codeartifact login`, what is different on purpose, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clients import provision
from clients.harness import leaks, need
from clients.machines import Both, Machine, with_aws_login
from clients.migration import Row, Test, parameters
from clients.test_migrate_aws_login import PART, PIP_CONF, PYPIRC, installs, lines, login
from clients.test_migrate_codeartifact import CONFIG, config, given, index

pytestmark = pytest.mark.real


@pytest.fixture(scope="module", autouse=True)
def _provisioned() -> None:
    """A failure, never a skip, where they aren't installed."""
    need("awscli", "posit-keyring", "bare-pip-latest")


@pytest.fixture
def both(base_env: dict[str, str], tmp_path: Path) -> Iterator[Both]:
    with with_aws_login(base_env, tmp_path) as found:
        yield found


def holding(machine: Machine) -> list[Path]:
    """The files of a home that hold a token."""
    files = [path for path in machine.home.rglob("*") if path.is_file()]
    return [f for f in files if leaks(f.read_text(encoding="utf-8", errors="replace"))]


def where_it_lies(both: Both, row: Row) -> None:
    """Whoever reads pip's file has it; gatepass' folder is its owner's alone."""
    login(both)
    for machine, line in zip(
        both.machines, lines("`aws codeartifact login --tool twine "), strict=True
    ):
        machine.shell(line).succeeded()
    found = {str(path.relative_to(both.old.home)) for path in holding(both.old)}
    assert found == {PIP_CONF, PYPIRC}
    (held,) = holding(both.new)
    assert (held.stat().st_mode & 0o777, held.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def lifetime(both: Both, row: Row) -> None:
    """With a user's keys, and with a role's session of an hour."""
    login(both)
    both.set(AWS_PROFILE="staging")
    login(both)
    seconds = [one for one, _ in given(both)]
    assert seconds[::2] == [43200, 43200]
    assert seconds[1] == 3600
    assert 3580 < seconds[3] <= 3600


def duration_zero(both: Both, row: Row) -> None:
    """A role's session of an hour."""
    both.set(AWS_PROFILE="staging")
    both.new.write(CONFIG, config(["[registries.acme]", row.lines(2)[0]]))
    login(both, row.old[0], "")
    (theirs, _), (ours, _) = given(both)
    assert theirs == 43200
    assert 3580 < ours <= 3600


def recorded(machine: Machine, name: str, real: Path) -> Path:
    """Put a program before the real one on PATH that writes down how it is called; its log."""
    folder = machine.folder / "recorded"
    folder.mkdir(exist_ok=True)
    log, script = folder / f"{name}.log", folder / name
    script.write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {real} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    machine.path.insert(0, folder)
    return log


def who_sees_it(both: Both, row: Row) -> None:
    """How pip and keyring are called."""
    pip = provision.program("bare-pip-latest", "pip")
    theirs = recorded(both.old, "pip", pip)
    ours = recorded(both.new, "pip", pip)
    both.new.programs["pip"] = ours.with_suffix("")
    login(both)
    called = recorded(both.new, "keyring", both.new.home / ".local" / "bin" / "keyring")
    both.new.env["GATEPASS_STORE"] = "off"
    installs(both.new)
    text = theirs.read_text(encoding="utf-8")
    assert "config set global.index-url https://aws:" in text
    assert leaks(text)
    assert "get https://acme-111122223333." in called.read_text(encoding="utf-8")
    assert leaks(ours.read_text(encoding="utf-8") + called.read_text(encoding="utf-8")) == []


def index_before(both: Both, row: Row) -> None:
    """pip's file as somebody wrote it."""
    before = "# ours\n[global]\nindex-url = https://pypi.corp.example/simple/\n"
    both.write(PIP_CONF, before)
    login(both)
    assert "pypi.corp.example" not in both.old.read(PIP_CONF)
    both.new.shell(row.lines(2)[0]).succeeded()
    assert both.new.read(PIP_CONF) == before


def password_before(both: Both, row: Row) -> None:
    """What the AWS command wrote yesterday."""
    old, new = lines("`aws codeartifact login --tool twine ")
    both.old.shell(old).succeeded()
    before = both.old.read(PYPIRC)
    both.new.write(PYPIRC, before)
    both.old.shell(old).succeeded()
    assert leaks(both.old.read(PYPIRC))
    assert both.old.read(PYPIRC) != before
    done = both.new.shell(new).failed()
    assert done.blocks("setup-file") == 1
    assert "[codeartifact] has a password there" in done.err
    assert both.new.read(PYPIRC) == before


TESTS: dict[str, Test] = {
    "where the token lies": where_it_lies,
    "how long it opens the domain": lifetime,
    "`--duration-seconds 0`": duration_zero,
    "who sees the token meanwhile": who_sees_it,
    "`pip.conf` named another index": index_before,
    "a password from before": password_before,
}


@pytest.mark.parametrize(("test", "row"), parameters(PART, TESTS))
def test_difference(both: Both, test: Test, row: Row) -> None:
    """Each row of what is different, with both tools."""
    test(both, row)


def test_and_back(both: Both) -> None:
    """`gatepass setup --undo` leaves pip to the AWS command, which finds what it wrote."""
    both.share_home()
    old, new = lines()
    both.old.shell(old).succeeded()
    before = both.old.read(PIP_CONF)
    both.new.shell(new).succeeded()
    installs(both.new)
    assert both.new.read(PIP_CONF) != before
    both.new.shell("gatepass setup --undo").succeeded()
    assert both.old.read(PIP_CONF) == before
    installs(both.old)
    both.old.shell(old).succeeded()
    installs(both.old)
    assert index(both).partition("://")[2] in both.old.read(PIP_CONF)
