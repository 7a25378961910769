"""Whatever goes wrong inside the backend, a client gets None and a person the reason."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepass import keyring_backend, report
from gatepass.keyring_backend import GatepassKeyring
from gatepass.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own terminal is not written to."""
    monkeypatch.setattr(report, "_to_terminal", lambda text: False)


@pytest.fixture
def job(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """This process inside the sandbox's GitHub Actions job."""
    for name, value in sandbox.environment("github").items():
        monkeypatch.setenv(name, value)
    return sandbox


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.text()
    | st.builds("{}{}{}".format, st.sampled_from(["https://", "127.0.0.1:9", ""]), st.text(),
                st.sampled_from(["", "/", "127.0.0.1:9/", ":443", "@127.0.0.1:9"])),
    st.none() | st.text(),
)  # fmt: skip
def test_nothing_makes_it_raise(service: str, username: str | None) -> None:
    """Whatever text comes as service and user, the answer is a credential or None."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PACKAGEMANAGER_ADDRESS", "http://127.0.0.1:9")
        patch.setenv("PACKAGEMANAGER_TOKEN", "ready")
        found = GatepassKeyring().get_credential(service, username)
        assert found is None or (found.username, found.password) == ("__token__", "ready")
        assert GatepassKeyring().get_password(service, username) in (None, "ready")  # type: ignore[arg-type]


def test_a_failure_is_none_and_an_error_on_stderr(
    job: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """A registry that refuses gives None; the reason stands on stderr, nothing on stdout."""
    job.packagemanager.fail_next(400, body={"error": "invalid_grant"})
    assert GatepassKeyring().get_credential(job.index_url, None) is None
    seen = capsys.readouterr()
    assert seen.err.startswith("error[exchange-refused]: ")
    assert "invalid_grant" in seen.err
    assert seen.out == ""


def test_a_failure_is_remembered_for_the_next_call(
    job: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client that asks three times fails once, and is told once."""
    job.packagemanager.fail_next(400, body={"error": "invalid_grant"})
    for service in (job.index_url, job.address, job.index_url):
        assert GatepassKeyring().get_credential(service, None) is None
    assert job.count("exchange", 400) == 1
    assert job.count("exchange") == 0
    assert capsys.readouterr().err.count("error[") == 1


def test_settings_that_can_not_be_read_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken variable is an error on stderr, for an address, and None."""
    monkeypatch.setenv("GATEPASS_VERIFY", "of")
    assert GatepassKeyring().get_credential("https://ppm.example.com", None) is None
    assert capsys.readouterr().err.startswith("error[bad-value]: GATEPASS_VERIFY")


@pytest.mark.parametrize("where", ["gatepass.resolve.credential_for", "gatepass.resolve.load"])
def test_a_fault_of_ours_is_none_and_tells_nothing_secret(
    job: Sandbox, where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception inside us is None and an `internal` error without the exception's text."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("eyJ-secret")

    monkeypatch.setattr(where, broken)
    assert GatepassKeyring().get_credential(job.index_url, None) is None
    seen = capsys.readouterr()
    assert "error[internal]: gatepass itself failed: RuntimeError at test_keyring" in seen.err
    assert "eyJ-secret" not in seen.err + seen.out
    assert "Traceback" not in seen.err


@pytest.mark.parametrize(
    "also", ["gatepass.settings.load", "gatepass.report.report", "gatepass.store.open_store"]
)
def test_a_fault_while_telling_is_none_too(
    job: Sandbox, also: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where even the report fails, the error still reaches stderr and no exception the client."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("eyJ-secret")

    monkeypatch.setattr("gatepass.resolve.credential_for", broken)
    monkeypatch.setattr(also, broken)
    assert GatepassKeyring().get_credential(job.index_url, None) is None
    err = capsys.readouterr().err
    assert "error[internal]" in err
    assert "eyJ-secret" not in err


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interruption_passes(
    kind: type[BaseException], job: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C is the user's, not a failure: it goes through, and the lock is free afterwards."""

    def interrupted(*_: object, **__: object) -> None:
        raise kind

    with monkeypatch.context() as patch:
        patch.setattr("gatepass.resolve.credential_for", interrupted)
        with pytest.raises(kind):
            GatepassKeyring().get_credential(job.index_url, None)
    assert not keyring_backend._one_at_a_time.locked()
    assert GatepassKeyring().get_credential(job.index_url, None)


def test_an_address_that_was_refused_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plain-http registry that nobody allowed is an error, never a silent None."""
    monkeypatch.setenv("PACKAGEMANAGER_ADDRESS", "http://ppm.corp")
    assert GatepassKeyring().get_credential("http://ppm.corp/simple/", None) is None
    assert capsys.readouterr().err.startswith("error[insecure-address]: http://ppm.corp")
