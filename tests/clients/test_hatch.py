"""hatch publishes with the backend in its own process, for a user name that it is told."""

from __future__ import annotations

import pytest

from clients.harness import Job, distribution, refuse_exchanges
from clients.projects import hatch_publish, overhear

CODE = "exchange-refused"
USER = ("--user", "__token__")


@pytest.mark.parametrize("way", ["flag", "variable", "no-prompt"])
def test_publish_with_a_user_name(job: Job, way: str) -> None:
    """From -u or HATCH_INDEX_USER: one question, for the upload's URL, and one exchange."""
    overhear(job)
    words = () if way == "variable" else (*USER, *(["--no-prompt"] if way == "no-prompt" else []))
    env = {"HATCH_INDEX_USER": "__token__"} if way == "variable" else {}
    hatch_publish(job, distribution(job), *words, **env).succeeded()
    assert job.asked == [f"password {job.place.upload} __token__ answered"]
    assert job.sandbox.count("upload") == job.exchanges() == 1


@pytest.mark.parametrize("words", [(), ("--no-prompt",)], ids=["prompt", "no-prompt"])
def test_limit_without_a_user_name_nobody_is_asked(job: Job, words: tuple[str, ...]) -> None:
    """A limit of hatch: it asks the person for one first, and has no way to ask keyring."""
    done = hatch_publish(job, distribution(job), *words).failed()
    assert ("Missing required option: user" if words else "Username for") in done.text
    assert job.exchanges() == 0


@pytest.mark.parametrize("terminal", [False, True], ids=["log", "terminal"])
def test_a_failure_is_shown_once(job: Job, terminal: bool) -> None:
    """One exchange, one block, one entry in the summary; then hatch says what it lacks."""
    refuse_exchanges(job)
    wheel = distribution(job)
    done = hatch_publish(job, wheel, *USER, "--no-prompt", terminal=terminal).failed()
    assert done.blocks(CODE) == 1
    assert "Missing required option: auth" in done.text
    assert job.summary.count(f"error[{CODE}]") == 1
    assert job.exchanges() == 1


def test_limit_without_no_prompt_hatch_asks_for_a_password(job: Job) -> None:
    """A limit of hatch: without a credential it asks for one, also where nobody is."""
    refuse_exchanges(job)
    done = hatch_publish(job, distribution(job), *USER).failed()
    assert "Password / Token" in done.text
    assert done.blocks(CODE) == 1


def test_limit_a_revoked_token_is_not_exchanged_anew(job: Job) -> None:
    """A limit: hatch doesn't say that it was refused, so a stored token serves until it ends."""
    job.keyring("get", job.place.upload, "__token__").succeeded()
    job.sandbox.packagemanager.revoke_all()
    assert "401" in hatch_publish(job, distribution(job), *USER, "--no-prompt").failed().text
    assert job.exchanges() == 1


def test_limit_a_typed_password_is_offered_to_keyring(job: Job) -> None:
    """A limit of hatch: it stores what was typed without asking, and gatepass stores nothing.

    The upload is done by then; where another backend follows, that one keeps the password.
    """
    refuse_exchanges(job)
    typed = job.sandbox.packagemanager.token()
    done = hatch_publish(job, distribution(job), *USER, input=f"{typed}\n").failed()
    assert "gatepass stores no passwords" in done.text
    assert job.sandbox.count("upload") == 1


def test_limit_hatch_takes_no_proxy(job: Job) -> None:
    """A limit of hatch: it goes straight to the registry, here past a proxy that refuses all."""
    for name in ("NO_PROXY", "no_proxy"):
        job.env[name] = ""
    assert job.env["HTTP_PROXY"]
    hatch_publish(job, distribution(job), *USER, "--no-prompt").succeeded()
    assert job.sandbox.count("upload") == 1
