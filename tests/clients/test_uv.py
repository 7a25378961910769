"""uv installs, locks, syncs and publishes with the `keyring` on PATH."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients import provision
from clients.harness import (
    HELLO,
    Job,
    distribution,
    refuse_exchanges,
    revoke_after,
    uv,
    uv_install,
)

CODE = "exchange-refused"
PYTHON = provision.program("bare-pip-latest", "python")
PROJECT = """\
[project]
name = "demo"
version = "0"
requires-python = ">=3.11"
dependencies = ["gatepass-hello"]

[[tool.uv.index]]
name = "private"
url = "{url}"
default = true
"""
ALWAYS = 'authenticate = "always"\n'


def project(job: Job, *, url: str = "", more: str = "") -> None:
    """A project whose only index is the private one."""
    text = PROJECT.format(url=url or job.index) + more
    (job.folder / "pyproject.toml").write_text(text, encoding="utf-8")


def test_a_user_name_in_the_url_is_enough(job: Job) -> None:
    """uv asks for its password once, before any request."""
    uv_install(job).succeeded()
    assert job.installed()
    assert job.asked == [f"get {job.index} __token__"]
    assert job.exchanges() == 1


def test_limit_without_a_user_name_nobody_is_asked(job: Job) -> None:
    """A limit of uv: it needs a user name or `authenticate = "always"`."""
    uv_install(job, index=job.index).failed()
    assert job.asked == []
    assert job.exchanges() == 0


def test_limit_a_password_in_the_url_is_never_replaced(job: Job) -> None:
    """A limit of uv: with a password in the URL it asks nobody, though it be wrong."""
    uv_install(job, index=job.index.replace("://", "://__token__:wrong@")).failed()
    assert job.asked == []


def test_another_user_name_is_left_to_other_backends(job: Job) -> None:
    """Package Manager's tokens have one user name."""
    uv_install(job, index=job.index.replace("://", "://alice@")).failed()
    assert job.exchanges() == 0


def test_a_good_netrc_comes_first(job: Job) -> None:
    """What netrc answers is never asked of keyring."""
    netrc = Path(job.env["HOME"]) / ".netrc"
    token = job.sandbox.packagemanager.token()
    netrc.write_text(f"machine 127.0.0.1 login __token__ password {token}\n", encoding="utf-8")
    netrc.chmod(0o600)
    uv_install(job, index=job.index).succeeded()
    assert job.asked == []


@pytest.mark.parametrize("way", ["url", "variable", "always"])
def test_lock_and_sync_with_one_exchange(job: Job, way: str) -> None:
    """A user name in the URL, in UV_INDEX_PRIVATE_USERNAME, or `authenticate = "always"`."""
    more = ALWAYS if way == "always" else ""
    env = {"UV_INDEX_PRIVATE_USERNAME": "__token__"} if way == "variable" else {}
    project(job, url=job.index_with_user if way == "url" else "", more=more)
    uv(job, "lock", "--python", PYTHON, **env).succeeded()
    uv(job, "sync", "--python", PYTHON, **env).succeeded()
    words = f"get {job.index} " + ("--mode creds" if way == "always" else "__token__")
    assert job.asked == [words, words]
    assert job.exchanges() == 1
    assert "__token__" not in (job.folder / "uv.lock").read_text(encoding="utf-8")
    assert list((job.folder / ".venv").rglob("gatepass_hello.py"))


def test_nothing_to_do_asks_nobody(job: Job) -> None:
    """A sync of what is installed makes no request."""
    project(job, more=ALWAYS)
    uv(job, "sync", "--python", PYTHON).succeeded()
    asked, requests = job.asked, job.sandbox.requests
    uv(job, "sync", "--python", PYTHON).succeeded()
    assert (job.asked, job.sandbox.requests) == (asked, requests)


def test_settings_may_stand_in_uv_toml(job: Job) -> None:
    """The index with `authenticate = "always"`, and the provider, from uv's own file."""
    text = f'keyring-provider = "subprocess"\n[[index]]\nurl = "{job.index}"\ndefault = true\n'
    (job.folder / "uv.toml").write_text(text + ALWAYS, encoding="utf-8")
    where = ("--python", PYTHON, "--target", job.folder / "site")
    program = provision.program("uv", "uv")
    job.run(program, "pip", "install", *where, HELLO, path=["keyring"]).succeeded()
    assert job.asked == [f"get {job.index} --mode creds"]
    assert job.exchanges() == 1


def test_limit_always_wants_a_newer_keyring_command(job: Job) -> None:
    """A limit of uv: without a user name it needs keyring 25.2.1, and says so."""
    project(job, more=ALWAYS)
    done = uv(job, "lock", "--python", PYTHON, path=("keyring-24",)).failed()
    assert "keyring" in done.err
    assert job.exchanges() == 0


def test_an_old_keyring_command_serves_with_a_user_name(job: Job) -> None:
    """keyring 24, which some tools pin, is enough there."""
    uv_install(job, path=("keyring-24",)).succeeded()
    assert job.exchanges() == 1


def test_two_indexes_on_one_host_are_one_exchange(job: Job) -> None:
    """uv asks for each of them or keeps one answer per host: both take the same token."""
    extra = job.index_with_user.replace("/private/", "/local/")
    uv_install(job, "--extra-index-url", extra).succeeded()
    assert job.asked
    assert job.exchanges() == 1


def test_a_second_install_is_served_from_the_store(job: Job) -> None:
    """The stored token serves: nobody but the index is asked for anything."""
    uv_install(job).succeeded()
    before = job.requests("issuer", "github", "exchange", "status")
    uv_install(job, "--no-cache", "--reinstall").succeeded()
    assert job.requests("issuer", "github", "exchange", "status") == before


def test_limit_a_revoked_token_is_not_exchanged_anew(job: Job) -> None:
    """A limit: uv doesn't say that it was refused, so a stored token serves until it ends."""
    uv_install(job).succeeded()
    job.sandbox.packagemanager.revoke_all()
    done = uv_install(job, "--no-cache", "--reinstall").failed()
    assert "401 Unauthorized" in done.err
    assert job.exchanges() == 1


def test_limit_a_token_revoked_mid_run_ends_the_run(job: Job) -> None:
    """A limit of uv: it asks once per host and run."""
    revoke_after(job, "/gatepass-hello/")
    assert "401 Unauthorized" in uv_install(job, "--no-cache").failed().err
    assert len(job.asked) == job.exchanges() == 1


@pytest.mark.parametrize("terminal", [False, True], ids=["log", "terminal"])
def test_a_failure_is_shown_once_though_uv_asks_three_times(job: Job, terminal: bool) -> None:
    """For its URL, its host and its origin: one exchange, one block, one entry in the summary."""
    refuse_exchanges(job)
    done = uv_install(job, terminal=terminal).failed()
    assert [words.split()[1] for words in job.asked] == [job.index, job.host, f"http://{job.host}"]
    assert done.blocks(CODE) == 1
    assert job.summary.count(f"error[{CODE}]") == 1
    assert job.exchanges() == 1
    assert f"error[{CODE}]" in job.gatepass("status").out


def test_publish_with_a_user_name(job: Job) -> None:
    """`uv publish --username __token__` asks once, for the upload URL."""
    where = ("--publish-url", job.sandbox.upload_url)
    uv(job, "publish", *where, "--username", "__token__", distribution(job)).succeeded()
    assert job.asked == [f"get {job.sandbox.upload_url} __token__"]
    assert job.sandbox.count("upload") == job.exchanges() == 1


def test_limit_publish_without_a_user_name_asks_nobody(job: Job) -> None:
    """A limit of uv: "Missing credentials"."""
    done = uv(job, "publish", "--publish-url", job.sandbox.upload_url, distribution(job)).failed()
    assert "Missing credentials" in done.err
    assert job.asked == []


def test_a_failed_publish_is_shown_once_though_uv_asks_six_times(job: Job) -> None:
    """Its three names twice: one exchange, one block, one entry in the summary."""
    refuse_exchanges(job)
    where = ("--publish-url", job.sandbox.upload_url)
    done = uv(job, "publish", *where, "--username", "__token__", distribution(job)).failed()
    assert len(job.asked) == 6
    assert done.blocks(CODE) == 1
    assert job.summary.count(f"error[{CODE}]") == 1
    assert job.exchanges() == 1
