"""The keyring backend in process: what it answers, and what it leaves to others."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.credentials import Credential, SimpleCredential

from gatepass import report
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


def names(credential: Credential | None) -> str | None:
    return credential.username if credential else None


def test_its_place_among_the_backends() -> None:
    """It stands below the chainer, above the system's keyrings and another tool's 9.9."""
    assert GatepassKeyring.priority == 9.95
    assert GatepassKeyring().viable


@pytest.mark.parametrize("username", [None, "", "__token__"])
def test_a_credential_for_nobody_in_particular_or_the_token_user(
    job: Sandbox, username: str | None
) -> None:
    """None, the empty name and __token__ are answered, by one exchange for all calls."""
    backend = GatepassKeyring()
    first = backend.get_credential(job.index_url, username)
    assert isinstance(first, SimpleCredential)
    assert first.username == "__token__"
    assert first.password == backend.get_password(job.index_url, "__token__")
    assert first.password == backend.get_password(job.index_url, "")
    assert job.count("exchange") == 1


@pytest.mark.parametrize(
    "username",
    ["alice", "__poetry_source_empty_username__", "__TOKEN__", " __token__", "aws", "token"],
)
def test_other_users_are_left_to_others(
    job: Sandbox, username: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any other name is another backend's: None, no request, nothing printed."""
    backend = GatepassKeyring()
    assert backend.get_credential(job.index_url, username) is None
    assert backend.get_password(job.index_url, username) is None
    assert job.requests == []
    assert capsys.readouterr() == ("", "")


def test_every_name_that_clients_give_an_index(job: Sandbox) -> None:
    """URL with and without slash, user, query, host and origin alone, upload: one password."""
    host = job.address.removeprefix("http://")
    services = [
        job.index_url,
        job.index_url.rstrip("/"),
        job.index_url.replace("//", "//__token__@", 1),
        job.index_url + "gatepass-hello/?x=y#z",
        job.upload_url,
        job.address,
        host,
    ]
    backend = GatepassKeyring()
    passwords = {backend.get_password(service, "__token__") for service in services}
    assert len(passwords) == 1
    assert None not in passwords
    assert job.count("exchange") == 1


def test_nothing_is_stored_or_deleted_here() -> None:
    """Setting and deleting raise NotImplementedError, which the chainer takes for `not mine`."""
    with pytest.raises(NotImplementedError):
        GatepassKeyring().set_password("https://h", "u", "p")
    with pytest.raises(NotImplementedError):
        GatepassKeyring().delete_password("https://h", "u")


class Others(KeyringBackend):
    """The user's own keychain."""

    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.held = {("https://other.example", "bob"): "bobs"}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def get_credential(self, service: str, username: str | None) -> Credential | None:
        return SimpleCredential("bob", "bobs") if service == "https://other.example" else None

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


def test_the_chainer_passes_on(job: Sandbox) -> None:
    """With another backend behind us every call for what isn't ours reaches it."""
    others = Others()
    chain = SimpleNamespace(
        backends=[GatepassKeyring(), others], _validate_username=lambda username: None
    )
    assert ChainerBackend.get_password(chain, "https://other.example", "bob") == "bobs"
    assert names(ChainerBackend.get_credential(chain, "https://other.example", None)) == "bob"
    assert names(ChainerBackend.get_credential(chain, job.index_url, None)) == "__token__"
    ChainerBackend.set_password(chain, job.index_url, "alice", "p")
    assert ChainerBackend.get_password(chain, job.index_url, "alice") == "p"
    ChainerBackend.delete_password(chain, job.index_url, "alice")
    assert ChainerBackend.get_password(chain, job.index_url, "alice") is None


@pytest.mark.parametrize(
    "service",
    [
        "python-poetry-check",
        "poetry-repository-internal",
        "pdm-pypi-internal",
        "pdm-repository-__unknown__",
        "My Application",
        "system",
        "gh:github.com",
        "user@host.example",
        "ppm.example.com/path",
        "ftp://ppm.example.com",
        "https://ppm.example.com\\@evil.test",
        "",
        None,
        7,
        b"https://ppm.example.com",
    ],
)
def test_what_is_no_address_does_not_even_read_the_settings(
    service: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program's name for itself is answered None without a look at environment or files."""

    def load(*_: object) -> None:
        pytest.fail("the settings were read")

    monkeypatch.setattr("gatepass.resolve.load", load)
    monkeypatch.setattr("gatepass.settings.load", load)
    assert GatepassKeyring().get_credential(service, None) is None  # type: ignore[arg-type]
    assert GatepassKeyring().get_password(service, "u") is None  # type: ignore[arg-type]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("service", ["https://pypi.org/simple/", "pypi.org", "https://evil.test/"])
def test_another_registry_is_answered_none_without_a_word(
    job: Sandbox, service: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What isn't configured gets None, no request and nothing printed."""
    assert GatepassKeyring().get_credential(service, None) is None
    assert job.requests == []
    assert capsys.readouterr() == ("", "")


def test_eight_threads_are_one_exchange(job: Sandbox) -> None:
    """Eight backends asked at once in eight threads give one password by one exchange."""
    barrier, found = threading.Barrier(8), []

    def ask() -> None:
        backend = GatepassKeyring()
        barrier.wait()
        found.append(backend.get_password(job.index_url, "__token__"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 8
    assert len(set(found)) == 1
    assert found[0]
    assert (job.count("github"), job.count("exchange")) == (1, 1)


def test_eight_threads_are_one_exchange_without_a_store(
    job: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where no folder holds the credential: this process remembers it."""
    monkeypatch.setenv("GATEPASS_STORE", "off")
    test_eight_threads_are_one_exchange(job)
