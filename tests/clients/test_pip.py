"""pip installs from the private index: each pip, each way to ask keyring, with and without user."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients import provision
from clients.harness import BUILT, Job, pip, revoke_after
from clients.provision import PIPS

OLD = ("23.2.1", "25.3")
"""pips that ask the command only for a user name they know."""
NEW = ("26.2", "latest")
MODES = ("import", "subprocess")


@pytest.mark.parametrize("user", [False, True], ids=["no-user", "user"])
@pytest.mark.parametrize("version", PIPS)
def test_import_mode_installs_with_one_exchange(job: Job, version: str, user: bool) -> None:
    """A backend beside pip is asked in pip's own process, whatever the URL says."""
    pip(job, version, "import", index=job.index_with_user if user else "").succeeded()
    assert job.installed()
    assert job.exchanges() == job.sandbox.count("exchange") == 1


@pytest.mark.parametrize("user", [False, True], ids=["no-user", "user"])
@pytest.mark.parametrize("version", NEW)
def test_subprocess_mode_needs_no_user_name_any_more(job: Job, version: str, user: bool) -> None:
    """From 26.2 on pip asks the command for user name and password, once."""
    pip(job, version, "subprocess", index=job.index_with_user if user else "").succeeded()
    assert job.installed()
    name = " __token__" if user else ""
    assert job.asked == [f"--mode=creds --output=json get {job.index}{name}"]
    assert job.exchanges() == 1


@pytest.mark.parametrize("version", OLD)
def test_subprocess_mode_of_older_pips_works_with_a_user_name(job: Job, version: str) -> None:
    """With __token__@ in the URL they ask for its password, once."""
    pip(job, version, "subprocess", index=job.index_with_user).succeeded()
    assert job.installed()
    assert job.asked == [f"get {job.index} __token__"]
    assert job.exchanges() == 1


@pytest.mark.parametrize("version", OLD)
def test_limit_older_pips_never_ask_the_command_without_a_user_name(job: Job, version: str) -> None:
    """A limit of pip before 26.2: it prompts for a user name instead."""
    done = pip(job, version, "subprocess").failed()
    assert "User for" in done.out
    assert job.asked == []
    assert job.exchanges() == 0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", PIPS)
def test_no_input_asks_a_keyring_that_was_named(job: Job, version: str, mode: str) -> None:
    """--no-input with an explicit provider serves like without."""
    pip(job, version, mode, "--no-input", index=job.index_with_user).succeeded()
    assert job.installed()
    assert job.exchanges() == 1


@pytest.mark.parametrize("version", PIPS)
def test_limit_no_input_without_a_named_provider_asks_nobody(job: Job, version: str) -> None:
    """A limit of pip: its default provider is off together with prompts."""
    pip(job, version, "auto", "--no-input").failed()
    assert job.exchanges() == 0


@pytest.mark.parametrize("version", PIPS)
def test_the_default_provider_finds_a_backend_beside_pip(job: Job, version: str) -> None:
    """Without any setting pip imports keyring where it can."""
    pip(job, version, "auto").succeeded()
    assert job.exchanges() == 1


def test_the_default_provider_finds_the_command(job: Job) -> None:
    """Without any setting pip calls `keyring` where it can't import it."""
    program = provision.program("bare-pip-latest", "python")
    words = ("--target", str(job.folder / "site"), "--index-url", job.index, "gatepass-hello")
    job.run(program, "-m", "pip", "install", *words, path=["keyring"]).succeeded()
    assert len(job.asked) == job.exchanges() == 1


def test_limit_import_mode_without_keyring_says_nothing(job: Job) -> None:
    """A limit of pip: where keyring can't be imported it goes on without a credential."""
    done = pip(job, "latest", "import", environment="bare-pip-latest").failed()
    assert "keyring" not in done.text.lower()
    assert job.exchanges() == 0


def test_limit_pip_skips_a_keyring_of_its_own_environment(job: Job) -> None:
    """A limit of pip: the command has to come from another environment."""
    program = provision.program("pip-latest", "python")
    own = str(Path(program).parent)
    words = ("--target", str(job.folder / "site"), "--index-url", job.index, "gatepass-hello")
    provider = ("--keyring-provider", "subprocess")
    done = job.run(program, "-m", "pip", "install", *provider, *words, PATH=own).failed()
    assert "User for" in done.out
    assert job.exchanges() == 0


def test_limit_new_pips_want_a_newer_keyring_command(job: Job) -> None:
    """A limit of pip from 26.2 on: commands before 25.2.1 can't print JSON."""
    done = pip(job, "latest", "subprocess", path=("keyring-24",)).failed()
    assert "outdated" in done.text
    assert job.exchanges() == 0


def test_an_old_keyring_command_serves_an_old_pip(job: Job) -> None:
    """keyring 24, which some tools pin, is enough where pip knows the user name."""
    pip(job, "25.3", "subprocess", index=job.index_with_user, path=("keyring-24",)).succeeded()
    assert job.exchanges() == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", PIPS)
def test_a_second_install_is_served_from_the_store(job: Job, version: str, mode: str) -> None:
    """The stored token serves: nobody but the index is asked for anything."""
    pip(job, version, mode, index=job.index_with_user).succeeded()
    before = job.requests("issuer", "github", "exchange", "status")
    pip(job, version, mode, "--no-cache-dir", index=job.index_with_user).succeeded()
    assert job.requests("issuer", "github", "exchange", "status") == before
    assert job.exchanges() == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", PIPS)
def test_build_isolation_takes_the_provider_from_the_environment(
    job: Job, version: str, mode: str
) -> None:
    """What a build needs comes from the private index too, with the same one exchange.

    Except 26.2 in import mode, whose isolated pip can't import keyring: a limit of that one.
    """
    index = job.index_with_user
    done = pip(job, version, mode, index=index, projects=(BUILT,), PIP_KEYRING_PROVIDER=mode)
    limited = (version, mode) == ("26.2", "import")
    assert (done.status == 0) is not limited, done
    assert job.installed(BUILT) is not limited
    assert job.exchanges() == 1


@pytest.mark.parametrize("version", ["25.3", "latest"])
def test_limit_build_isolation_does_not_hear_of_the_flag(job: Job, version: str) -> None:
    """A limit of pip: --keyring-provider is not passed on, and --no-input turns the default off."""
    index = job.index_with_user
    pip(job, version, "subprocess", "--no-input", index=index, projects=(BUILT,)).failed()
    assert job.exchanges() == 1
    assert len(job.asked) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", ["23.2.1", "26.2", "latest"])
def test_limit_a_revoked_token_is_not_exchanged_anew(job: Job, version: str, mode: str) -> None:
    """A limit: pip doesn't say that it was refused, so a stored token serves until it ends."""
    pip(job, version, mode, index=job.index_with_user).succeeded()
    job.sandbox.packagemanager.revoke_all()
    done = pip(job, version, mode, "--no-input", "--no-cache-dir", index=job.index_with_user)
    assert "401 Error, Credentials not correct" in done.failed().err
    assert job.exchanges() == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", ["23.2.1", "26.2", "latest"])
def test_limit_a_token_revoked_mid_run_ends_the_run(job: Job, version: str, mode: str) -> None:
    """A limit, likewise: pip asks once more, and is given the same token."""
    revoke_after(job, "/gatepass-hello/")
    done = pip(job, version, mode, "--no-input", "--no-cache-dir", index=job.index_with_user)
    assert "401" in done.failed().err
    assert job.exchanges() == 1
