"""One machine, one store: however many ask it is one exchange, and each only gets its own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import pytest

from clients import provision
from clients.harness import USER, Done, Job, distribution, leaks, pip, uv_install
from clients.projects import hatch_publish, pdm, pdm_project, poetry, poetry_project
from clients.test_twine import upload

CROWD = 100


def test_a_hundred_at_once_are_one_exchange(job: Job) -> None:
    """All print the same token, and nothing else, within a minute."""
    program = provision.program("keyring", "keyring")
    started = time.monotonic()
    crowd = [
        subprocess.Popen(
            [program, "get", job.index, USER],
            env=job.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(CROWD)
    ]
    answers = [(*one.communicate(timeout=60), one.returncode) for one in crowd]
    took = time.monotonic() - started
    assert len(set(answers)) == 1
    token, err, status = answers[0]
    assert (err, status) == ("", 0)
    assert leaks(token), "it is a token"
    assert job.exchanges() == job.sandbox.count("exchange") == 1
    assert job.sandbox.count("github") == 1
    assert took < 60


def token_of(job: Job, **env: str) -> str:
    """What `keyring get` prints; empty where it has no answer."""
    return job.keyring("get", job.index, USER, **env).out.strip()


def test_a_later_job_on_the_runner_gets_its_own(job: Job) -> None:
    """Another request token is another job, though the store's folder be the same."""
    first = token_of(job)
    earlier = job.sandbox.github.request_token
    job.sandbox.github.request_token = later = "a-request-token-of-the-next-job"
    second = token_of(job, ACTIONS_ID_TOKEN_REQUEST_TOKEN=later)
    assert second not in ("", first)
    assert job.exchanges() == 2
    assert token_of(job, ACTIONS_ID_TOKEN_REQUEST_TOKEN=earlier) == first
    assert job.exchanges() == 2


def test_a_later_job_that_is_refused_gets_nothing(job: Job) -> None:
    """A request token that GitHub doesn't know opens nothing, whatever lies in the store."""
    assert token_of(job)
    assert token_of(job, ACTIONS_ID_TOKEN_REQUEST_TOKEN="somebody-elses") == ""
    assert job.exchanges() == 1


def test_another_token_file_is_another_identity(pod: Job) -> None:
    """The file's content counts, not its name."""
    first = token_of(pod)
    pod.env |= pod.sandbox.environment("file")  # a fresh token at the same path
    second = token_of(pod)
    assert second not in ("", first)
    assert pod.exchanges() == 2


def test_another_audience_is_another_credential(job: Job) -> None:
    """What was exchanged for one audience is never given out for a second one."""
    assert token_of(job)
    assert token_of(job, GATEPASS_AUDIENCE="https://another.example.com") == ""
    assert job.exchanges() == 2
    assert job.sandbox.count("exchange") == 1


def poetry_lock(job: Job, version: str = "2") -> Done:
    """`poetry lock`, with a timeout of two seconds on its requests."""
    poetry_project(job)
    return poetry(job, version, "lock", POETRY_REQUESTS_TIMEOUT="2")


def pdm_lock(job: Job, mode: str = "command") -> Done:
    """`pdm lock`, likewise."""
    pdm_project(job)
    return pdm(job, mode, "lock", PDM_REQUEST_TIMEOUT="2")


CLIENTS: dict[str, Callable[[Job], Done]] = {
    "pip": lambda job: pip(job, "latest", "subprocess", "--timeout=2"),
    "uv": lambda job: uv_install(job, UV_HTTP_TIMEOUT="2"),
    "twine": upload,
    "poetry": poetry_lock,
    "pdm": pdm_lock,
    "hatch": lambda job: hatch_publish(job, distribution(job), "--user", USER),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_clients_wait_for_a_slow_exchange(job: Job, client: str) -> None:
    """None of them has a timeout on keyring: six seconds are waited for."""
    job.sandbox.watch(lambda request: time.sleep(6 if request.party == "exchange" else 0))
    CLIENTS[client](job).succeeded()
    assert job.exchanges() == 1


def test_clients_share_one_exchange(job: Job) -> None:
    """keyring and all the clients, one after another in one job."""
    assert token_of(job)
    pip(job, "latest", "import").succeeded()
    pip(job, "25.3", "subprocess", index=job.index_with_user).succeeded()
    uv_install(job).succeeded()
    poetry_lock(job, "1.8").succeeded()
    poetry_lock(job).succeeded()
    pdm_lock(job).succeeded()
    pdm_lock(job, "import").succeeded()
    wheel = distribution(job)
    hatch_publish(job, wheel, "--user", USER).succeeded()
    upload(job, wheel=wheel).succeeded()
    assert job.exchanges() == 1
