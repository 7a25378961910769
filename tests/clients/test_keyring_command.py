"""The `keyring` command: what it prints for our registries, and that it leaves others alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from clients.harness import USER, Job, refuse_exchanges

OTHERS = """\
import json, os, pathlib
from keyring.backend import KeyringBackend

FILE = pathlib.Path(os.environ["OTHER_KEYRING"])


class Other(KeyringBackend):
    priority = 5

    def _all(self):
        return json.loads(FILE.read_text()) if FILE.exists() else {}

    def get_password(self, service, username):
        return self._all().get(f"{service} {username}")

    def set_password(self, service, username, password):
        FILE.write_text(json.dumps({**self._all(), f"{service} {username}": password}))

    def delete_password(self, service, username):
        FILE.write_text(json.dumps({k: v for k, v in self._all().items()
                                    if k != f"{service} {username}"}))
"""


@pytest.fixture
def chained(job: Job) -> Job:
    """The job with a second backend: keyring's chainer then asks both."""
    folder = job.folder / "other"
    about = folder / "other_keyring-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "other_keyring.py").write_text(OTHERS, encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: other-keyring\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[keyring.backends]\nother = other_keyring\n")
    job.env |= {"PYTHONPATH": str(folder), "OTHER_KEYRING": str(job.folder / "passwords.json")}
    return job


def opens(job: Job, token: str) -> bool:
    """Whether the index takes the token."""
    verify = str(job.sandbox.ca_file) if job.sandbox.ca_file else True
    url = f"{job.index}gatepass-hello/"
    return requests.get(url, auth=(USER, token), verify=verify, timeout=10).status_code == 200


@pytest.mark.parametrize("environment", ["keyring", "keyring-24"])
def test_get_prints_the_token_and_nothing_else(job: Job, environment: str) -> None:
    """One line on standard output, which opens the index; nothing on standard error."""
    done = job.keyring("get", job.index, USER, environment=environment).succeeded()
    assert done.out.count("\n") == 1
    assert done.err == ""
    assert opens(job, done.out.strip())
    assert job.exchanges() == 1


@pytest.mark.parametrize("words", [(), (USER,), ("",)], ids=["no-user", "user", "empty-user"])
def test_creds_mode_prints_user_and_token(job: Job, words: tuple[str, ...]) -> None:
    """Two lines; an empty user name, as pdm passes it, counts as none."""
    done = job.keyring("--mode", "creds", "get", job.index, *words).succeeded()
    user, token = done.out.splitlines()
    assert user == USER
    assert opens(job, token)


def test_json_prints_both(job: Job) -> None:
    """As pip from 26.2 on asks for it."""
    words = ("--mode=creds", "--output=json", "get", job.index)
    answer = json.loads(job.keyring(*words).succeeded().out)
    assert answer["username"] == USER
    assert opens(job, answer["password"])
    only = json.loads(job.keyring("--output=json", "get", job.index, USER).succeeded().out)
    assert only == {"password": answer["password"]}


@pytest.mark.parametrize(
    "shape",
    [
        "{index}",
        "{bare}",
        "http://__token__@{host}/private/latest/simple/",
        "{host}",
        "http://{host}",
        "{index}?page=1",
        "{upload}",
    ],
)
def test_every_name_of_the_registry_is_the_same_registry(job: Job, shape: str) -> None:
    """What clients pass for one index: with and without slash, user, path, as host alone."""
    names = {"index": job.index, "bare": job.index.rstrip("/"), "host": job.host}
    done = job.keyring("get", shape.format(**names, upload=job.sandbox.upload_url), USER)
    assert opens(job, done.succeeded().out.strip())


@pytest.mark.parametrize(
    "service",
    [
        "https://example.com/simple/",
        "python-poetry-check",
        "poetry-repository-private",
        "pdm-pypi-private",
        "pdm-repository-__unknown__",
        "http://127.0.0.1:1/simple/",
    ],
)
def test_foreign_services_get_no_answer_and_cause_nothing(job: Job, service: str) -> None:
    """Status 1, not a word, no request, and no folder made."""
    before = sorted(Path(job.env["RUNNER_TEMP"]).rglob("*"))
    for words in (("get", service, USER), ("--mode", "creds", "get", service)):
        done = job.keyring(*words)
        assert (done.status, done.text) == (1, "")
    assert job.sandbox.requests == []
    assert sorted(Path(job.env["RUNNER_TEMP"]).rglob("*")) == before


def test_another_user_name_gets_no_answer(job: Job) -> None:
    """Package Manager's tokens have one user name; the rest is other backends' business."""
    done = job.keyring("get", job.index, "alice")
    assert (done.status, done.text) == (1, "")
    assert job.sandbox.requests == []


def test_a_failure_prints_nothing_on_standard_output(job: Job) -> None:
    """The block is on standard error, the status 1: never a traceback, never half a password."""
    refuse_exchanges(job)
    done = job.keyring("get", job.index, USER)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error[exchange-refused]")
    assert "Traceback" not in done.err


def test_a_person_who_asks_twice_is_told_twice(job: Job) -> None:
    """Two commands of one shell are two runs, though the failure is remembered between them."""
    refuse_exchanges(job)
    program = 'keyring get "$0" __token__; keyring get "$0" __token__'
    done = job.run("/bin/sh", "-c", program, job.index, path=["keyring"])
    assert done.blocks("exchange-refused") == 2
    assert job.exchanges() == 1


@pytest.mark.parametrize("action", ["set", "del"])
def test_alone_it_stores_and_deletes_nothing(job: Job, action: str) -> None:
    """Without another backend keyring says that this isn't done here."""
    done = job.keyring(action, job.index, USER, input="typed\n")
    assert done.status == 1
    assert "gatepass stores no passwords" in done.err
    assert job.sandbox.requests == []


def test_other_passwords_pass_on_to_the_next_backend(chained: Job) -> None:
    """set, get and del of a foreign service reach the other backend through keyring's chainer."""
    chained.keyring("set", "https://example.com", "bob", input="hunter2\n").succeeded()
    assert chained.keyring("get", "https://example.com", "bob").out == "hunter2\n"
    chained.keyring("del", "https://example.com", "bob").succeeded()
    assert chained.keyring("get", "https://example.com", "bob").status == 1
    assert chained.sandbox.requests == []


def test_a_password_set_for_our_registry_never_hides_the_token(chained: Job) -> None:
    """It goes to the other backend, and ours answers before that one."""
    chained.keyring("set", chained.index, USER, input="typed\n").succeeded()
    assert opens(chained, chained.keyring("get", chained.index, USER).succeeded().out.strip())


def test_after_our_failure_the_next_backend_is_asked(chained: Job) -> None:
    """A failure of ours is None and no exception, so the chain goes on."""
    refuse_exchanges(chained)
    chained.keyring("set", chained.index, USER, input="typed\n").succeeded()
    done = chained.keyring("get", chained.index, USER).succeeded()
    assert done.out == "typed\n"
    assert done.blocks("exchange-refused") == 1
