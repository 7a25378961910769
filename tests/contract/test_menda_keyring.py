"""menda-keyring 0.0.2 itself beside us: same variables and files, same answer, one cache."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from clients import provision
from clients.harness import need
from gatepass import credential_for, transport
from gatepass.errors import GatepassError
from gatepass.sandbox import Sandbox
from mendahome import cache_path, cached, config
from support import run

pytestmark = pytest.mark.real

LOGIN, REGISTRY = "/api/v1/auth/oauth2/token", "/api/v1/auth/registry/token"


@pytest.fixture(scope="module", autouse=True)
def _provisioned() -> None:
    """A failure, never a skip, where it isn't installed."""
    need("menda-keyring")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """menda cloud at plain http on loopback, which both may use."""
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)
    with Sandbox() as running:
        yield running


class Both:
    """A user who has the two of them, and one home."""

    def __init__(self, world: Sandbox, base: dict[str, str], home: Path) -> None:
        self.world, self.base, self.home = world, base, home

    def theirs(self, **env: str) -> tuple[str, str]:
        """menda-keyring's answer, and the last line of what it says."""
        program = provision.program("menda-keyring", "keyring")
        words = [program, "get", self.world.aws.index_url, "aws"]
        done = run(words, {**self.base, **env})
        return done.stdout.strip(), "".join(done.stderr.splitlines()[-1:])

    def ours(self, **env: str) -> str:
        """Our answer, with nothing of our own store."""
        where = {"HOME": str(self.home), "GATEPASS_STORE": "off"}
        if env.pop("keep", ""):
            where.pop("GATEPASS_STORE")
        found = credential_for(self.world.aws.index_url, env={**where, **env})
        assert found
        return found.secret.reveal()

    def error(self, **env: str) -> GatepassError:
        with pytest.raises(GatepassError) as caught:
            self.ours(**env)
        return caught.value

    def trio(self, **other: str) -> dict[str, str]:
        menda = self.world.menda
        return {
            "MENDA_HOST": menda.url,
            "MENDA_CLIENT_ID": menda.client_id,
            "MENDA_CLIENT_SECRET": menda.client_secret,
            **other,
        }

    def profile(self, name: str = "default", **fields: str) -> None:
        lines = [f"{key} = {value}" for key, value in fields.items()]
        config(self.home, "\n".join([f"[{name}]", *lines, ""]))

    def machine(self, name: str) -> None:
        menda = self.world.menda
        own = {"client_id": menda.client_id, "client_secret": menda.client_secret}
        self.profile(name, host=menda.url, auth_type="m2m", **own)

    def opens(self, token: str) -> bool:
        url = self.world.aws.loopback_index_url
        return requests.get(url, auth=("aws", token), timeout=10).status_code == 200

    def asked(self) -> list[str]:
        """What menda cloud has been asked since the last time."""
        paths = [one.path for one in self.world.requests[self._seen :]]
        self._seen = len(self.world.requests)
        return [path for path in paths if path in (LOGIN, REGISTRY)]

    _seen = 0


@pytest.fixture
def both(world: Sandbox, base_env: dict[str, str], home: Path) -> Both:
    return Both(world, base_env, home)


@pytest.mark.parametrize("way", ["trio", "machine", "person"])
def test_same_variables_same_answer(both: Both, way: str) -> None:
    """A token that opens the same repository, by each of its three ways."""
    env: dict[str, str] = {}
    if way == "trio":
        env = both.trio()
    elif way == "machine":
        both.machine("ci")
        env = {"MENDA_PROFILE_ID": "ci"}
    else:
        both.profile(host=both.world.menda.url)
        cached(both.home, token=both.world.menda.login())
    for token in (both.theirs(**env)[0], both.ours(**env)):
        assert both.opens(token)


@pytest.mark.parametrize("way", ["trio", "profile"])
def test_it_reads_what_we_wrote(both: Both, way: str) -> None:
    """Our login spares it its own: one request instead of two, and no secret in a query."""
    both.machine("ci")
    env = both.trio() if way == "trio" else {"MENDA_PROFILE_ID": "ci"}
    cached(both.home, "somebody", token="else", id_token="also", odd="50%off")
    both.ours(**env, keep="yes")
    assert both.asked() == [LOGIN, REGISTRY]
    assert both.opens(both.theirs(**env)[0])
    assert both.asked() == [REGISTRY]
    assert "somebody" in cache_path(both.home).read_text()
    before = cache_path(both.home).read_bytes()
    both.ours(**env)
    assert both.asked() == [REGISTRY]
    assert cache_path(both.home).read_bytes() == before


def test_a_secret_with_a_percent_sign(both: Both) -> None:
    """Doubled, as menda-keyring needs it, both read the same; alone, only we can."""
    menda = both.world.menda
    menda.client_secret = "50%off"
    for written, is_theirs in (("50%%off", True), ("50%off", False)):
        both.profile(
            host=menda.url,
            auth_type="m2m",
            client_id=menda.client_id,
            client_secret=written,
        )
        assert bool(both.theirs()[0]) is is_theirs
        assert both.opens(both.ours())


def symptoms(both: Both, name: str) -> dict[str, str]:
    """Make one thing wrong; the variables of whoever meets it."""
    menda, host = both.world.menda, both.world.menda.url
    if name == "wrong-secret":
        return both.trio(MENDA_CLIENT_SECRET="wrong")
    if name == "no-permission":
        menda.permits = False
        return both.trio()
    if name == "server-error":
        menda.fail_next(500, endpoint="registry", times=8)
        return both.trio()
    if name != "no-file":
        both.profile("me", host=host)
    if name == "no-host":
        both.profile("me", auth_type="u2m")
    if name == "no-client":
        both.profile("me", host=host, auth_type="m2m", client_id="x")
    if name == "expired":
        cached(both.home, "me", cached_at=time.time() - 3600)
    if name == "invalid":
        cached(both.home, "me", expires_in="an hour")
    return {"MENDA_PROFILE_ID": "you" if name == "no-profile" else "me"}


@pytest.mark.parametrize(
    ("symptom", "code"),
    [
        ("no-file", "menda-config-missing"),
        ("no-profile", "menda-no-profile"),
        ("no-host", "menda-no-host"),
        ("no-client", "menda-no-client"),
        ("no-login", "menda-no-login"),
        ("expired", "menda-no-login"),
        ("invalid", "menda-cache-invalid"),
        ("wrong-secret", "menda-client-refused"),
        ("no-permission", "menda-registry-refused"),
        ("server-error", "menda-failed"),
    ],
)
def test_same_symptom_same_words(both: Both, symptom: str, code: str) -> None:
    """What menda-keyring's page of troubles is about, we say in its words, and what to do."""
    env = symptoms(both, symptom)
    answer, said = both.theirs(**env)
    error = both.error(**env)
    assert (answer, error.code) == ("", code)
    assert error.do
    words = re.search(
        r"(\S+/token returned HTTP \d+)|(invalid cached_at/expires_in)", error.what + error.why
    )
    assert (words[0] if words else error.what) in said
