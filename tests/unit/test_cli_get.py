"""`gatepass get`: the secret alone on stdout, or nothing and the reason on stderr."""

from __future__ import annotations

import calendar
import json
import re
import time
from pathlib import Path

import pytest

from gatepass.cli import main
from gatepass.cli.times import rfc3339, span
from gatepass.sandbox import Sandbox
from support import gatepass


@pytest.fixture
def job(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """This process inside the sandbox's GitHub Actions job."""
    for name, value in sandbox.environment("github").items():
        monkeypatch.setenv(name, value)
    return sandbox


def test_the_secret_alone_is_printed(job: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on stdout, nothing on stderr, and the same line again without a request."""
    assert main(["get", job.index_url]) == 0
    seen = capsys.readouterr()
    assert re.fullmatch(r"[\w.~+/=-]+\n", seen.out)
    assert seen.err == ""
    before = len(job.requests)
    assert main(["get", job.address]) == 0
    assert capsys.readouterr().out == seen.out
    assert len(job.requests) == before


def test_a_name_serves_wherever_a_url_does(
    job: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The registry's name, its URL, its host and port alone: all the same credential."""
    monkeypatch.setenv("GATEPASS_REGISTRIES", f"prod={job.address}")
    host = job.address.removeprefix("http://")
    for target in ("prod", job.address, job.index_url, host):
        assert main(["get", target]) == 0
    assert len(set(capsys.readouterr().out.splitlines())) == 1
    assert job.count("exchange") == 1


def test_json_has_registry_user_secret_and_end(
    job: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """--json prints one object, its time in RFC 3339."""
    assert main(["get", "--json", job.address]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["get", job.address]) == 0
    assert found.pop("secret") == capsys.readouterr().out.strip()
    moment = time.strptime(found.pop("expires_at"), "%Y-%m-%dT%H:%M:%SZ")
    assert 3500 < calendar.timegm(moment) - time.time() <= 3600
    assert found == {"registry": "packagemanager", "username": "__token__"}


def test_json_without_a_known_end_has_null(
    job: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A ready-made token whose end nobody knows has null there."""
    monkeypatch.setenv("PACKAGEMANAGER_TOKEN", "ready")
    assert main(["get", job.address, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "registry": "packagemanager",
        "username": "__token__",
        "secret": "ready",
        "expires_at": None,
    }


@pytest.mark.parametrize("username", ["__token__", ""])
def test_the_registrys_user_is_served(
    job: Sandbox, username: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """--username with the registry's own name, or with none, changes nothing."""
    assert main(["get", job.address, "--username", username]) == 0
    assert capsys.readouterr().out


def test_another_user_is_an_error(job: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that isn't the registry's is an error, not an empty answer."""
    assert main(["get", job.address, "--username", "alice\x1b"]) == 1
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith("error[other-username]: ")
    assert r"'alice\x1b'" in seen.err
    assert job.requests == []


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("https://nobody.example/simple/", "https://nobody.example/simple/"),
        ("prd", "prd"),
        ("https://user:hunter2@nobody.example/", "nobody.example/"),
        ("hunter2@nobody", "nobody"),
        ("a\nb\x1b[1m", "a b?[1m"),
        ("x" * 500, "x" * 97 + "..."),
    ],
)
def test_what_is_not_ours_is_an_error(
    job: Sandbox, target: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown target is error[not-ours] with what is configured, and no password in it."""
    assert main(["get", target]) == 1
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.splitlines()[0] == (
        f"error[not-ours]: {shown} is no registry that gatepass knows"
    )
    assert f"configured: packagemanager ({job.address})" in seen.err
    assert "  do:  name one of these, or add it to GATEPASS_REGISTRIES or config.toml" in seen.err
    assert "hunter2" not in seen.err
    assert job.requests == []


def test_without_a_registry_nothing_is_ours(capsys: pytest.CaptureFixture[str]) -> None:
    """With nothing configured the error says so, and what to set."""
    assert main(["get", "https://h"]) == 1
    err = capsys.readouterr().err
    assert "no registry is configured" in err
    assert "PACKAGEMANAGER_ADDRESS=" in err


def test_a_failure_is_told_and_kept(job: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """The registry's no is on stderr, stdout is empty, and status shows it afterwards."""
    job.packagemanager.fail_next(400, body={"error": "invalid_grant"})
    assert main(["get", job.address]) == 1
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith("error[exchange-refused]: ")
    assert main(["status"]) == 0
    assert seen.err.strip() in capsys.readouterr().out


def test_a_person_who_tries_again_is_heard(
    job: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """get doesn't answer from a remembered failure: the second try makes the exchange."""
    job.packagemanager.fail_next(400, body={"error": "invalid_grant"})
    assert main(["get", job.address]) == 1
    assert main(["get", job.address]) == 0
    assert capsys.readouterr().out


def test_an_insecure_address_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plain http that nobody allowed is refused before anybody is asked who we are."""
    monkeypatch.setenv("PACKAGEMANAGER_ADDRESS", "http://ppm.corp")
    assert main(["get", "ppm.corp"]) == 1
    assert capsys.readouterr().err.startswith("error[insecure-address]: ")


def test_no_secret_leaves_but_the_one(
    sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path
) -> None:
    """At the most talkative level neither stderr nor the log file has any token in it."""
    log = tmp_path / "log"
    env = {**github_env, "GATEPASS_LOG": "debug", "GATEPASS_LOG_FORMAT": "json"}
    for more in ({}, {"GATEPASS_LOG_FILE": str(log)}):
        (tmp_path / "store").mkdir(mode=0o700, exist_ok=True)
        store = {"GATEPASS_STORE_DIR": str(tmp_path / "store" / str(len(more)))}
        done = gatepass("get", sandbox.address, env={**env, **more, **store})
        assert done.returncode == 0
        told = done.stderr + (log.read_text() if more else "")
        assert "exchanged" in told
        assert done.stdout.strip() not in told
        assert sandbox.github.request_token not in told
        assert "eyJ" not in told


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0.4, "0 s"),
        (119.4, "119 s"),
        (120, "2 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (43199, "11 h 59 min"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    """A length of time is shown in its one or two largest units."""
    assert span(seconds) == text


def test_moments() -> None:
    """A moment is shown in UTC, in whole seconds."""
    assert rfc3339(1_795_442_700.9) == "2026-11-23T14:05:00Z"
    assert rfc3339(0) == "1970-01-01T00:00:00Z"
