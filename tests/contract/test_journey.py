"""From a service string to a credential, against the sandbox."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from forgery import now
from gatepass import credential_for, store, transport
from gatepass.errors import GatepassError
from gatepass.sandbox import Sandbox
from support import gatepass, keyring


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)


def job(sandbox: Sandbox, **more: str) -> dict[str, str]:
    return {**sandbox.environment("github"), **more}


def refusal(sandbox: Sandbox, env: dict[str, str], **options: Any) -> GatepassError:
    with pytest.raises(GatepassError) as caught:
        credential_for(sandbox.index_url, env=env, **options)
    return caught.value


def test_one_exchange_serves_until_it_is_stale(sandbox: Sandbox) -> None:
    """The second call makes no request at all, and gives the same credential."""
    first = credential_for(sandbox.index_url, env=job(sandbox))
    requests = len(sandbox.requests)
    assert credential_for(sandbox.upload_url, env=job(sandbox)) == first
    assert len(sandbox.requests) == requests
    assert sandbox.count("exchange") == 1


def test_the_order_of_the_journey(sandbox: Sandbox) -> None:
    """Platform, issuer's metadata, keys, exchange: nothing else, and nothing twice."""
    credential_for(sandbox.index_url, env=job(sandbox))
    assert [request.party for request in sandbox.requests] == [
        *("github", "issuer", "issuer", "exchange")
    ]
    assert not any("came along" in request.note for request in sandbox.requests)


def test_what_is_not_ours_is_answered_without_io(sandbox: Sandbox, tmp_path: Path) -> None:
    """None, no request, no folder; also for a user name that is somebody else's."""
    env = job(sandbox, GATEPASS_STORE_DIR=str(tmp_path / "store"))
    for service in ("https://pypi.org/simple", "poetry-repository-x", "", sandbox.address + ".x"):
        assert credential_for(service, env=env) is None
    assert credential_for(sandbox.index_url, "somebody", env=env) is None
    assert (sandbox.requests, (tmp_path / "store").exists()) == ([], False)


def test_the_user_name_is_put_on_the_answer_and_is_not_in_the_key(sandbox: Sandbox) -> None:
    """None, empty and __token__ are answered by one exchange."""
    for name in (None, "", "__token__"):
        found = credential_for(sandbox.index_url, name, env=job(sandbox))
        assert found is not None
        assert found.username == "__token__"
    assert sandbox.count("exchange") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"GATEPASS_TRUSTED_ISSUERS": "https://x.test"},
        {"GATEPASS_VERIFY": "off"},
        {"GATEPASS_AUDIENCE": "https://same.test"},
    ],
)
def test_other_rules_do_not_share_a_credential(
    change: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another audience, issuer list or verify mode exchanges for itself."""
    with Sandbox(
        audience="https://same.test" if "GATEPASS_AUDIENCE" in change else None
    ) as sandbox:
        env = job(sandbox)
        if "GATEPASS_AUDIENCE" in change:
            assert refusal(sandbox, env).code == "exchange-refused"
        else:
            credential_for(sandbox.index_url, env=env)
        credential_for(sandbox.index_url, env={**env, **change})
        credential_for(sandbox.index_url, env={**env, **change})
        assert len([r for r in sandbox.requests if r.party == "exchange"]) == 2


def test_the_next_job_inherits_nothing(sandbox: Sandbox) -> None:
    """Another request token or another file's content is another identity."""
    credential_for(sandbox.index_url, env=job(sandbox))
    sandbox.github.request_token = "of the next job"
    credential_for(sandbox.index_url, env=job(sandbox))
    assert sandbox.count("exchange") == 2
    env = sandbox.environment("file")
    for _ in range(2):
        credential_for(sandbox.index_url, env=env)
    assert sandbox.count("exchange") == 3
    credential_for(sandbox.index_url, env=sandbox.environment("file"))
    assert sandbox.count("exchange") == 4


def test_a_damaged_store_costs_one_exchange(sandbox: Sandbox, tmp_path: Path) -> None:
    """Every file of it, damaged: the journey is made again, and what it gives is stored."""
    env = job(sandbox, GATEPASS_STORE_DIR=str(tmp_path / "store"))
    for damage in (b"", b"{}", b"[]", b"\xff", b'{"username": 5}', b"[1, 2, 3, 4]"):
        before = sandbox.count("exchange")
        for path in (tmp_path / "store").glob("*"):
            path.write_bytes(damage)
        assert credential_for(sandbox.index_url, env=env)
        assert credential_for(sandbox.index_url, env=env)
        assert sandbox.count("exchange") == before + 1


@pytest.mark.parametrize(("status", "times"), [(0, 1), (503, 2), (500, 1), (429, 1), (408, 3)])
def test_github_mints_anew_for_each_attempt(sandbox: Sandbox, status: int, times: int) -> None:
    """So a lost reply or a busy server is tried again, with a token that was never shown."""
    sandbox.packagemanager.refuse_replay = True
    sandbox.packagemanager.fail_next(status, times=times)
    assert credential_for(sandbox.index_url, env=job(sandbox))
    assert sandbox.count("github") == times + 1
    assert (sandbox.count("exchange", status), sandbox.count("exchange")) == (times, 1)


@pytest.mark.parametrize(
    ("status", "again"),
    [(0, False), (500, False), (408, False), (425, False), (429, True), (502, True), (503, True),
     (504, True)],
)  # fmt: skip
def test_a_token_that_cannot_be_minted_anew_is_not_shown_twice(
    sandbox: Sandbox, status: int, again: bool
) -> None:
    """... after a lost reply; only where the server says that it didn't work on it."""
    sandbox.packagemanager.fail_next(status)
    env = sandbox.environment("file")
    if again:
        assert credential_for(sandbox.index_url, env=env)
    else:
        assert refusal(sandbox, env).code in ("unreachable", "exchange-failed", "exchange-refused")
    attempts = [request for request in sandbox.requests if request.party == "exchange"]
    assert len(attempts) == (2 if again else 1)


class TestRememberedFailures:
    """A client that asks three times fails once; a person who asks again is heard."""

    def test_keyring_remembers_and_get_does_not(
        self, sandbox: Sandbox, github_env: dict[str, str]
    ) -> None:
        """Within ten seconds, whichever process asks."""
        sandbox.packagemanager.fail_next(403, times=9)
        for _ in range(3):
            done = keyring("get", sandbox.index_url, "__token__", env=github_env)
            assert done.stdout == ""
        assert sandbox.count("exchange", 403) == 1
        for asked in (2, 3):
            assert gatepass("get", sandbox.index_url, env=github_env).returncode == 1
            assert sandbox.count("exchange", 403) == asked

    def test_for_ten_seconds(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its texts come back as they were; then the registry is asked again."""
        env, clock = job(sandbox), [float(now())]
        monkeypatch.setattr("gatepass.resolve.time.time", lambda: clock[0])
        sandbox.packagemanager.fail_next(403, times=9, body={"error": "no"})
        first = refusal(sandbox, env, remember=True)
        clock[0] += 9.9
        assert str(refusal(sandbox, env, remember=True)) == str(first)
        assert sandbox.count("exchange", 403) == 1
        refusal(sandbox, env)
        assert sandbox.count("exchange", 403) == 2
        clock[0] += 10.1
        refusal(sandbox, env, remember=True)
        assert sandbox.count("exchange", 403) == 3

    @pytest.mark.parametrize("record", ["{}", "[]", '{"time": "x"}', '{"time": 1e999}', "{"])
    def test_a_damaged_memory_is_none(self, sandbox: Sandbox, tmp_path: Path, record: str) -> None:
        """The registry is asked, as if nothing had been remembered."""
        env = job(sandbox, GATEPASS_STORE_DIR=str(tmp_path / "s"))
        sandbox.packagemanager.fail_next(403)
        refusal(sandbox, env, remember=True)
        [path] = (tmp_path / "s").glob("failure-*")
        path.write_text(record)
        assert credential_for(sandbox.index_url, env=env, remember=True)


ASK = """
import sys
from gatepass import credential_for
for _ in range(2):
    print(credential_for(sys.argv[1]).secret.reveal())
"""


def test_without_a_store_each_process_exchanges_once(
    sandbox: Sandbox, github_env: dict[str, str]
) -> None:
    """GATEPASS_STORE=off: a process asks once for itself, and leaves nothing behind."""
    env = {**github_env, "GATEPASS_STORE": "off"}
    for exchanges in (1, 2):
        done = subprocess.run(
            [sys.executable, "-c", ASK, sandbox.index_url],
            env=env, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert len(set(done.stdout.split())) == 1
        assert sandbox.count("exchange") == exchanges
    assert list(Path(env["RUNNER_TEMP"]).iterdir()) == []


def test_revoked_is_not_our_business_until_it_is_stale(sandbox: Sandbox) -> None:
    """A stored credential that was revoked is handed out: only the registry knows."""
    env = job(sandbox)
    first = credential_for(sandbox.index_url, env=env)
    sandbox.packagemanager.revoke_all()
    assert credential_for(sandbox.index_url, env=env) == first


def test_a_ready_token_is_neither_exchanged_nor_stored(sandbox: Sandbox, tmp_path: Path) -> None:
    """PACKAGEMANAGER_TOKEN is handed out as it is."""
    secret = sandbox.packagemanager.token()
    env = {
        "PACKAGEMANAGER_ADDRESS": sandbox.address,
        "PACKAGEMANAGER_TOKEN": secret,
        "GATEPASS_STORE_DIR": str(tmp_path / "s"),
    }
    found = credential_for(sandbox.index_url, env=env)
    assert found is not None
    assert found.secret.reveal() == secret
    assert sandbox.requests == []
    assert not (tmp_path / "s").exists()
    assert store._memory == {}
