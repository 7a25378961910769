"""twine uploads with the backend in its own process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clients import provision
from clients.harness import Done, Job, distribution, refuse_exchanges

CODE = "exchange-refused"


def upload(job: Job, *words: str, wheel: Path | None = None, **options: Any) -> Done:
    """`twine upload` of one wheel to the sandbox."""
    program = provision.program("twine", "twine")
    where = ("--repository-url", job.place.upload)
    return job.run(program, "upload", *where, *words, wheel or distribution(job), **options)


@pytest.mark.parametrize(
    "words", [(), ("-u", "__token__"), ("--non-interactive",), ("--verbose",)], ids=str
)
def test_nothing_but_the_url_is_needed(job: Job, words: tuple[str, ...]) -> None:
    """twine asks for the user name, then for its password: one exchange."""
    upload(job, *words).succeeded()
    assert job.sandbox.count("upload") == 1
    assert job.exchanges() == 1


def test_the_user_name_may_stand_in_a_variable(job: Job) -> None:
    """TWINE_USERNAME=__token__ changes nothing."""
    job.env["TWINE_USERNAME"] = "__token__"
    upload(job).succeeded()
    assert job.exchanges() == 1


def test_without_a_store_it_is_still_one_exchange(job: Job) -> None:
    """twine asks twice in one process, which remembers what no folder holds."""
    job.env["GATEPASS_STORE"] = "off"
    upload(job).succeeded()
    assert job.exchanges() == 1


@pytest.mark.parametrize("terminal", [False, True], ids=["log", "terminal"])
def test_a_failure_is_shown_once(job: Job, terminal: bool) -> None:
    """One exchange, one block, one entry in the summary; then twine says what it lacks."""
    refuse_exchanges(job)
    done = upload(job, "--non-interactive", terminal=terminal).failed()
    assert done.blocks(CODE) == 1
    assert job.summary.count(f"error[{CODE}]") == 1
    assert "Credential not found" in done.out
    assert job.exchanges() == 1


def test_limit_without_non_interactive_twine_prompts(job: Job) -> None:
    """A limit of twine: without a credential it asks for a user name, also where nobody is."""
    refuse_exchanges(job)
    done = upload(job).failed()
    assert "Enter your username" in done.out
    assert done.blocks(CODE) == 1


def test_limit_a_revoked_token_is_not_exchanged_anew(job: Job) -> None:
    """A limit: twine doesn't say that it was refused, so a stored token serves until it ends."""
    job.keyring("get", job.sandbox.upload_url, "__token__").succeeded()
    job.sandbox.packagemanager.revoke_all()
    assert "401 Unauthorized" in upload(job).failed().out
    assert job.exchanges() == 1
