"""pdm locks, syncs and publishes with a backend beside it, or with the `keyring` on PATH."""

from __future__ import annotations

import pytest

from clients.harness import Job, distribution, refuse_exchanges, revoke_after
from clients.projects import (
    PDM_MODES,
    forget_the_token,
    overhear,
    pdm,
    pdm_project,
    pdm_publish,
    project_installed,
)

CODE = "exchange-refused"

modes = pytest.mark.parametrize("mode", PDM_MODES)


@pytest.mark.parametrize("user", [False, True], ids=["no-user", "user"])
@modes
def test_lock_and_sync_with_one_exchange(job: Job, mode: str, user: bool) -> None:
    """Nothing but the source's URL is needed; the lock file has no token."""
    pdm_project(job, job.index_with_user if user else "")
    pdm(job, mode, "lock").succeeded()
    pdm(job, mode, "sync").succeeded()
    assert project_installed(job)
    assert (job.folder / "pdm.lock").exists()
    assert job.exchanges() == job.sandbox.count("exchange") == 1


@pytest.mark.parametrize("user", [False, True], ids=["no-user", "user"])
def test_the_command_is_asked_in_a_way_of_its_own(job: Job, user: bool) -> None:
    """Without a user name for the empty one; with one, it stays in the URL."""
    pdm_project(job, job.index_with_user if user else "")
    pdm(job, "command", "lock").succeeded()
    what = f"{job.index_with_user} __token__" if user else f"{job.index} "
    assert job.asked == [f"--mode=creds get {what}"]


def test_its_threads_share_one_exchange(job: Job) -> None:
    """Without a store too: each thread asks after its first 401, and their process remembers."""
    pdm_project(job)
    pdm(job, "import", "lock").succeeded()
    overhear(job)
    job.env["GATEPASS_STORE"] = "off"
    pdm(job, "import", "sync").succeeded()
    assert set(job.asked) == {f"credential {job.index} None answered"}
    assert job.exchanges() == 2  # the lock's, and this one


@pytest.mark.parametrize("words", [(), ("--username", "__token__")], ids=["no-user", "user"])
@modes
def test_publish_needs_nothing_but_the_url(job: Job, mode: str, words: tuple[str, ...]) -> None:
    """With or without a user name it is one exchange."""
    distribution(job)
    pdm_publish(job, mode, *words).succeeded()
    assert job.sandbox.count("upload") == job.exchanges() == 1


def test_its_own_names_get_nothing(job: Job) -> None:
    """`pdm-repository-NAME` and `pdm-pypi-NAME` are names of its own, not registries."""
    overhear(job)
    distribution(job)
    pdm_publish(job, "import").succeeded()
    refuse_exchanges(job)
    forget_the_token(job)
    pdm_project(job)
    pdm(job, "import", "lock").failed()
    own = [line for line in job.asked if line.split()[1].startswith("pdm-")]
    assert {line.split()[1] for line in own} == {"pdm-repository-__unknown__", "pdm-pypi-pypi"}
    assert {line.rsplit(" ", 1)[1] for line in own} == {"nothing"}
    assert job.exchanges() == 2  # the publish's, and the refused one


@pytest.mark.parametrize("terminal", [False, True], ids=["log", "terminal"])
@modes
def test_a_failure_is_shown_once(job: Job, mode: str, terminal: bool) -> None:
    """Though pdm asks six times: one exchange, one block, one entry in the summary."""
    refuse_exchanges(job)
    pdm_project(job)
    done = pdm(job, mode, "lock", terminal=terminal).failed()
    assert done.blocks(CODE) == 1
    assert len(job.asked) == (6 if mode == "command" else 0)
    assert job.summary.count(f"error[{CODE}]") == 1
    assert job.exchanges() == 1


@modes
def test_a_second_run_shows_it_again(job: Job, mode: str) -> None:
    """Each run says why it failed; within seconds the failure itself is not repeated."""
    refuse_exchanges(job)
    pdm_project(job)
    for _ in range(2):
        assert pdm(job, mode, "lock").failed().blocks(CODE) == 1
    assert job.exchanges() == 1


def test_a_failure_in_its_threads_is_shown_once(job: Job) -> None:
    """A sync from a lock file asks from several threads, and says once why it failed."""
    pdm_project(job)
    pdm(job, "import", "lock").succeeded()
    refuse_exchanges(job)
    forget_the_token(job)
    assert pdm(job, "import", "sync").failed().blocks(CODE) == 1
    assert job.exchanges() == 2


def test_limit_outside_ci_a_log_has_no_block_of_the_command(pod: Job) -> None:
    """A limit of pdm with the command: no terminal, no CI, stderr dropped; `status` has it."""
    refuse_exchanges(pod)
    pdm_project(pod)
    assert pdm(pod, "command", "lock").failed().blocks(CODE) == 0
    assert f"error[{CODE}]" in pod.gatepass("status").out


@modes
def test_limit_a_revoked_token_is_not_exchanged_anew(job: Job, mode: str) -> None:
    """A limit: pdm doesn't say that it was refused, so a stored token serves until it ends."""
    job.keyring("get", job.index, "__token__").succeeded()
    job.sandbox.packagemanager.revoke_all()
    pdm_project(job)
    pdm(job, mode, "lock").failed()
    assert job.exchanges() == 1


@modes
def test_limit_a_token_revoked_mid_run_ends_the_run(job: Job, mode: str) -> None:
    """A limit: pdm asks once more after each 401, and is given the same token."""
    overhear(job) if mode == "import" else None
    revoke_after(job, "/gatepass-hello/")
    pdm_project(job)
    pdm(job, mode, "lock").failed()
    assert len(job.asked) > 1
    assert job.exchanges() == 1
