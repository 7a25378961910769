"""A failed exchange reaches the person or the log, once, even where pip drops stderr."""

from __future__ import annotations

import pytest

from clients.harness import HELLO, Job, pip, refuse_exchanges
from clients.provision import PIPS

CODE = "exchange-refused"
REASON = "no role fits this token"
NEW = ("26.2", "latest")


def typed_nothing() -> str:
    """What a person types who has no user name to give: pip asks for one after each None."""
    return "\n" * 8


@pytest.mark.parametrize("user", [False, True], ids=["no-user", "user"])
@pytest.mark.parametrize("version", PIPS)
def test_import_mode_shows_the_block_once(job: Job, version: str, user: bool) -> None:
    """pip's own stderr has it, though pip asks twice; one exchange was tried."""
    refuse_exchanges(job)
    done = pip(job, version, "import", index=job.index_with_user if user else "").failed()
    assert done.err.count(f"error[{CODE}]") == done.blocks(CODE) == 1
    assert REASON in done.err
    assert job.exchanges() == 1


@pytest.mark.parametrize("version", PIPS)
def test_subprocess_mode_in_ci_shows_it_in_the_log(job: Job, version: str) -> None:
    """No terminal, pip's stderr a pipe: once in the log, once in the summary, one exchange.

    pip from 26.2 on reads keyring's stderr and drops it.
    """
    refuse_exchanges(job)
    done = pip(job, version, "subprocess", index=job.index_with_user).failed()
    assert len(job.asked) == 2
    assert done.err.count(f"error[{CODE}]") == done.blocks(CODE) == 1
    assert job.summary.count(f"error[{CODE}]") == 1
    assert REASON in done.err
    assert REASON in job.summary
    assert job.exchanges() == 1


@pytest.mark.parametrize("version", NEW)
def test_without_a_user_name_it_is_in_the_log_too(job: Job, version: str) -> None:
    """The way that new pips are used: no user name in the URL."""
    refuse_exchanges(job)
    done = pip(job, version, "subprocess").failed()
    assert done.err.count(f"error[{CODE}]") == 1
    assert job.exchanges() == 1


@pytest.mark.parametrize("mode", ["import", "subprocess"])
@pytest.mark.parametrize("version", PIPS)
def test_a_person_at_a_terminal_sees_it_once(pod: Job, version: str, mode: str) -> None:
    """The block is on the terminal although pip from 26.2 on swallows keyring's stderr."""
    refuse_exchanges(pod)
    index = pod.index_with_user
    done = pip(pod, version, mode, index=index, terminal=True, input=typed_nothing()).failed()
    assert done.blocks(CODE) == 1
    assert REASON in done.out
    assert pod.exchanges() == 1


@pytest.mark.parametrize("version", NEW)
def test_on_a_terminal_without_a_user_name_too(pod: Job, version: str) -> None:
    """As above, the way that new pips are used."""
    refuse_exchanges(pod)
    done = pip(pod, version, "subprocess", terminal=True, input=typed_nothing()).failed()
    assert done.blocks(CODE) == 1
    assert pod.exchanges() == 1


def test_several_projects_show_it_once(job: Job) -> None:
    """pip asks anew for each project that it can't find; the log still has one block."""
    refuse_exchanges(job)
    projects = (HELLO, "gatepass-greeting")
    done = pip(job, "latest", "subprocess", "--no-input", projects=projects).failed()
    assert done.blocks(CODE) == 1
    assert job.exchanges() == 1


@pytest.mark.parametrize("mode", ["import", "subprocess"])
def test_a_second_run_shows_it_again(job: Job, mode: str) -> None:
    """Each run says why it failed; within seconds the failure itself is not repeated."""
    refuse_exchanges(job)
    for _ in range(2):
        assert pip(job, "latest", mode).failed().blocks(CODE) == 1
    assert job.summary.count(f"error[{CODE}]") == 1
    assert job.exchanges() == 1


def test_status_shows_the_last_error_afterwards(job: Job) -> None:
    """What scrolled away is still there to be asked for."""
    refuse_exchanges(job)
    pip(job, "26.2", "subprocess").failed()
    done = job.gatepass("status").succeeded()
    assert "last error" in done.out
    assert done.out.count(f"error[{CODE}]") == 1
    assert REASON in done.out


def test_limit_outside_ci_a_log_of_new_pips_has_no_block(pod: Job) -> None:
    """A limit of pip from 26.2 on: no terminal, no CI, stderr dropped; `status` still has it."""
    refuse_exchanges(pod)
    assert pip(pod, "latest", "subprocess").failed().blocks(CODE) == 0
    assert f"error[{CODE}]" in pod.gatepass("status").out


def test_a_job_that_may_not_have_a_token_is_told_so(job: Job) -> None:
    """Without `id-token: write` there is no request at all, and the log says what to write."""
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        del job.env[name]
    done = pip(job, "latest", "subprocess").failed()
    assert done.err.count("id-token: write") >= 1
    assert job.requests("github", "issuer", "exchange") == []


@pytest.mark.parametrize("terminal", [False, True], ids=["log", "terminal"])
@pytest.mark.parametrize("mode", ["import", "subprocess"])
@pytest.mark.parametrize("version", ["25.3", "latest"])
def test_inside_build_isolation_it_is_shown_too(
    job: Job, version: str, mode: str, terminal: bool
) -> None:
    """Only the build's own pip asks here. A log has the block once.

    A terminal may have it twice: at once, and where pip afterwards shows what its child wrote.
    """
    refuse_exchanges(job)
    folder = job.folder / "local"
    folder.mkdir()
    text = '[build-system]\nrequires = ["gatepass-greeting"]\nbuild-backend = "unused"\n'
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    where = {"index": job.index_with_user, "projects": (str(folder),), "terminal": terminal}
    typed = typed_nothing() if terminal else ""
    done = pip(job, version, mode, **where, input=typed, PIP_KEYRING_PROVIDER=mode).failed()
    assert done.blocks(CODE) in ((1, 2) if terminal else (1,))
    assert job.summary.count(f"error[{CODE}]") == 1
    assert job.exchanges() == 1
