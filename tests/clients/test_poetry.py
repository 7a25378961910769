"""poetry 2 and 1.8 lock, install and publish with the backend in their own process.

poetry 1.8 pins keyring 24, the oldest that gatepass works with.
"""

from __future__ import annotations

import pytest

from clients.harness import Job, distribution, refuse_exchanges, revoke_after
from clients.projects import (
    POETRIES,
    forget_the_token,
    overhear,
    poetry,
    poetry_project,
    poetry_publish,
    project_installed,
)

CODE = "exchange-refused"

pytestmark = pytest.mark.parametrize("version", POETRIES)


def test_lock_and_install_with_one_exchange(job: Job, version: str) -> None:
    """Nothing but the source's URL is needed; the lock file has that URL, and no token."""
    poetry_project(job)
    poetry(job, version, "lock").succeeded()
    poetry(job, version, "install").succeeded()
    assert project_installed(job)
    assert job.index.rstrip("/") in (job.folder / "poetry.lock").read_text(encoding="utf-8")
    assert job.exchanges() == job.sandbox.count("exchange") == 1


def test_its_threads_share_one_exchange(job: Job, version: str) -> None:
    """Without a store too: each thread asks, and their process remembers."""
    poetry_project(job)
    poetry(job, version, "lock").succeeded()
    overhear(job)
    job.env["GATEPASS_STORE"] = "off"
    poetry(job, version, "install", POETRY_INSTALLER_MAX_WORKERS="4").succeeded()
    answered = [line for line in job.asked if line.endswith(" answered")]
    assert len(answered) >= 2
    assert {line.split()[1] for line in answered} <= {job.index, job.index.rstrip("/")}
    assert job.exchanges() == 2  # the lock's, and this one


def test_its_own_names_get_nothing(job: Job, version: str) -> None:
    """`poetry-repository-NAME` and the like are names of its own in keyring, not registries."""
    overhear(job)
    distribution(job)
    poetry_publish(job, version, "--no-interaction").succeeded()
    own = [line for line in job.asked if "://" not in line.split()[1]]
    assert "poetry-repository-private" in {line.split()[1] for line in own}
    assert {line.rsplit(" ", 1)[1] for line in own} == {"nothing"}
    assert job.exchanges() == 1


def test_the_user_name_may_stand_in_a_variable(job: Job, version: str) -> None:
    """POETRY_HTTP_BASIC_<NAME>_USERNAME=__token__ changes nothing."""
    poetry_project(job)
    poetry(job, version, "lock", POETRY_HTTP_BASIC_PRIVATE_USERNAME="__token__").succeeded()
    assert job.exchanges() == 1


def test_limit_with_a_user_name_in_the_url_nobody_is_asked(job: Job, version: str) -> None:
    """A limit of poetry: it sends that name with an empty password."""
    poetry_project(job, job.index_with_user)
    assert "Authorization error" in poetry(job, version, "lock").failed().err
    assert job.exchanges() == 0


def test_publish_needs_nothing_but_the_url(job: Job, version: str) -> None:
    """The repository's URL, from a variable here; one exchange."""
    distribution(job)
    poetry_publish(job, version, "--no-interaction").succeeded()
    assert job.sandbox.count("upload") == job.exchanges() == 1


def test_a_failed_publish_is_shown_once(job: Job, version: str) -> None:
    """One exchange, one block; then poetry says what the registry answered."""
    refuse_exchanges(job)
    distribution(job)
    done = poetry_publish(job, version, "--no-interaction").failed()
    assert done.blocks(CODE) == job.exchanges() == 1
    assert "401" in done.err


@pytest.mark.parametrize("terminal", [False, True], ids=["log", "terminal"])
def test_a_failure_is_shown_once(job: Job, version: str, terminal: bool) -> None:
    """Though poetry asks for several names: one exchange, one block, one entry in the summary."""
    refuse_exchanges(job)
    poetry_project(job)
    done = poetry(job, version, "lock", terminal=terminal).failed()
    assert done.blocks(CODE) == 1
    assert "Authorization error" in done.text
    assert job.summary.count(f"error[{CODE}]") == 1
    assert job.exchanges() == 1


def test_a_failure_in_its_threads_is_shown_once(job: Job, version: str) -> None:
    """An install from a lock file asks from several threads, and says once why it failed."""
    poetry_project(job)
    poetry(job, version, "lock").succeeded()
    refuse_exchanges(job)
    forget_the_token(job)
    done = poetry(job, version, "install", POETRY_INSTALLER_MAX_WORKERS="4").failed()
    assert done.blocks(CODE) == 1
    assert job.exchanges() == 2


def test_a_second_run_shows_it_again(job: Job, version: str) -> None:
    """Each run says why it failed; within seconds the failure itself is not repeated."""
    refuse_exchanges(job)
    poetry_project(job)
    for _ in range(2):
        assert poetry(job, version, "lock").failed().blocks(CODE) == 1
    assert job.exchanges() == 1


def test_limit_a_revoked_token_is_not_exchanged_anew(job: Job, version: str) -> None:
    """A limit: poetry doesn't say that it was refused, so a stored token serves until it ends."""
    job.keyring("get", job.index, "__token__").succeeded()
    job.sandbox.packagemanager.revoke_all()
    poetry_project(job)
    assert "Authorization error" in poetry(job, version, "lock").failed().err
    assert job.exchanges() == 1


def test_limit_a_token_revoked_mid_run_ends_the_run(job: Job, version: str) -> None:
    """A limit of poetry: a 401 is never a reason for it to ask again."""
    overhear(job)
    revoke_after(job, "/gatepass-hello/")
    poetry_project(job)
    assert "401" in poetry(job, version, "lock").failed().err
    assert len([line for line in job.asked if line.endswith(" answered")]) == 1
    assert job.exchanges() == 1
