"""From a service string to CodeArtifact by way of menda cloud: its three ways, and its refusals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from gatepass import credential_for, transport
from gatepass.credential import UNKNOWN_LIFE, Credential
from gatepass.errors import GatepassError
from gatepass.identity import choose
from gatepass.sandbox import Sandbox
from mendahome import cache_path, cached, config, registry

LOGIN, REGISTRY = "/api/v1/auth/oauth2/token", "/api/v1/auth/registry/token"


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with Sandbox(aws=True) as running:
        yield running


@pytest.fixture(autouse=True)
def _way_out(world: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies and authorities are always the process's own."""
    for name, value in world.proxy.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)


@pytest.fixture
def trio(world: Sandbox, home: Path) -> dict[str, str]:
    """A job with the three variables."""
    return {**world.environment("menda"), "HOME": str(home)}


def profile(world: Sandbox, home: Path, **fields: str) -> dict[str, str]:
    """Somebody with a profile `default` for the sandbox."""
    lines = [f"{name} = {value}" for name, value in {"host": world.menda.url, **fields}.items()]
    config(home, "\n".join(["[default]", *lines, ""]))
    return {"HOME": str(home), "GATEPASS_STORE_DIR": str(home / "store")}


def machine(world: Sandbox, home: Path, secret: str = "") -> dict[str, str]:
    """An m2m profile."""
    own = {"client_id": world.menda.client_id, "client_secret": secret or world.menda.client_secret}
    return profile(world, home, auth_type="m2m", **own)


def asked(world: Sandbox, env: dict[str, str]) -> Credential:
    found = credential_for(world.aws.index_url, env=env)
    assert found is not None
    return found


def refusal(world: Sandbox, env: dict[str, str], service: str = "") -> GatepassError:
    with pytest.raises(GatepassError) as caught:
        credential_for(service or world.aws.index_url, env=env)
    for secret in (world.menda.client_secret, *world.aws.secrets()):
        assert secret not in str(caught.value)
    return caught.value


def paths(world: Sandbox) -> list[str]:
    """What menda cloud was asked, in order."""
    return [one.path for one in world.requests if one.party == "menda"]


def opens(world: Sandbox, found: Credential) -> bool:
    answer = requests.get(
        f"{world.aws.index_url}gatepass-hello/",
        auth=(found.username, found.secret.reveal()),
        verify=str(world.ca_file),
        proxies={"https": world.proxy.url},
        timeout=10,
    )
    return answer.status_code == 200


def test_the_three_variables(world: Sandbox, trio: dict[str, str]) -> None:
    """Two requests, no secret in a query, the repository is open; then none at all."""
    found = asked(world, trio)
    assert found.username == "aws"
    assert opens(world, found)
    assert found.expires_at is not None
    assert 12 * 3600 - 5 < found.expires_at - found.obtained_at <= 12 * 3600
    assert paths(world) == [LOGIN, REGISTRY]
    assert not [one for one in world.requests if "came" in one.note]
    assert asked(world, trio) == found
    assert paths(world) == [LOGIN, REGISTRY]


def test_a_machines_profile(world: Sandbox, home: Path) -> None:
    """The same, from `~/.menda/mendacfg`; its login serves the next registry token."""
    env = machine(world, home)
    assert opens(world, asked(world, env))
    asked(world, {**env, "GATEPASS_STORE_DIR": str(home / "another")})
    assert paths(world) == [LOGIN, REGISTRY, REGISTRY]


def test_a_persons_login(world: Sandbox, home: Path) -> None:
    """What `menda auth login` left is one request; an expired one is none, and says what to do."""
    env = profile(world, home)
    cached(home, token=world.menda.login())
    assert opens(world, asked(world, env))
    assert paths(world) == [REGISTRY]
    cached(home, token=world.menda.login(), cached_at=time.time() - 3600)
    error = refusal(world, env)
    assert (error.code, error.why) == ("menda-no-login", "it has expired")
    assert paths(world) == [REGISTRY]


@pytest.mark.parametrize("missing", [400, 401, 403, 415, 422])
def test_a_server_that_reads_the_query_alone(
    world: Sandbox, trio: dict[str, str], missing: int
) -> None:
    """It gets the secret there after it refused the form, and the journal says so."""
    world.menda.secret_in, world.menda.missing = "query", missing
    assert opens(world, asked(world, trio))
    notes = [one.note for one in world.requests if one.party == "menda"]
    assert ["the secret came in the query" in note for note in notes] == [False, True, False]


def test_a_wrong_secret(world: Sandbox, trio: dict[str, str], home: Path) -> None:
    """The server's own words, and what to check."""
    wrong = "not-the-secret-of-this-client"
    for env in ({**trio, "MENDA_CLIENT_SECRET": wrong}, machine(world, home, wrong)):
        error = refusal(world, env)
        assert error.code == "menda-client-refused"
        assert "oauth2/token returned HTTP 401" in error.what
        assert error.why == "invalid_client: the client is unknown or its secret wrong"
        assert wrong not in str(error)
    assert REGISTRY not in paths(world)


def test_another_secret_inherits_nothing(world: Sandbox, trio: dict[str, str]) -> None:
    """Neither the stored pass nor the cached login of the client whose secret it isn't."""
    asked(world, trio)
    assert refusal(world, {**trio, "MENDA_CLIENT_SECRET": "x"}).code == "menda-client-refused"


def test_another_host_gets_no_cached_token(world: Sandbox, trio: dict[str, str]) -> None:
    """menda-keyring would send it what the first host gave."""
    asked(world, trio)
    with Sandbox() as other:
        env = {**trio, "MENDA_HOST": other.menda.url}
        assert refusal(world, env).code == "menda-client-refused"
        assert paths(other) == [LOGIN, LOGIN]


def test_a_revoked_login(world: Sandbox, trio: dict[str, str], home: Path) -> None:
    """A client logs in anew by itself; a person is told to."""
    asked(world, trio)
    world.menda.revoke_all()
    elsewhere = {"GATEPASS_STORE_DIR": str(home / "another")}
    assert opens(world, asked(world, {**trio, **elsewhere}))
    assert paths(world) == [LOGIN, REGISTRY, REGISTRY, LOGIN, REGISTRY]
    cached(home, token=world.menda.login())
    world.menda.revoke_all()
    error = refusal(world, profile(world, home))
    assert (error.code, error.why) == ("menda-registry-refused", "Unauthorized")
    assert "`menda auth login`" in error.do


def test_no_right_to_the_registry(world: Sandbox, trio: dict[str, str], home: Path) -> None:
    """403, of which a second login changes nothing."""
    world.menda.permits = False
    error = refusal(world, trio)
    assert error.code == "menda-registry-refused"
    assert error.why == "User is not authorized to access this resource"
    assert paths(world) == [LOGIN, REGISTRY]
    assert not cache_path(home).exists()


@pytest.mark.parametrize("endpoint", ["token", "registry"])
def test_trouble_that_passes(world: Sandbox, trio: dict[str, str], endpoint: str) -> None:
    """A failure and a lost connection are tried again."""
    world.menda.fail_next(503, endpoint=endpoint)
    world.menda.fail_next(0, endpoint=endpoint)
    assert opens(world, asked(world, trio))


def test_a_domain_that_isnt_menda_clouds(world: Sandbox, trio: dict[str, str]) -> None:
    """The reply lists acme's repositories: no token is given out for tools'."""
    error = refusal(world, trio, world.aws.other_index_url)
    assert error.code == "menda-not-listed"
    assert error.why == f"it is for {world.aws.host}"
    assert credential_for(world.aws.index_url, env=trio)


@pytest.mark.parametrize("repositories", [[], ["private"], [{"name": "private", "format": "pypi"}]])
def test_a_list_without_addresses(
    world: Sandbox, trio: dict[str, str], repositories: list[object]
) -> None:
    """It holds nobody back; nor does an expiry in seconds."""
    world.menda.repositories, world.menda.expiry_as_number = repositories, True
    found = asked(world, trio)
    assert opens(world, found)
    assert found.expires_at is not None
    assert found.expires_at - found.obtained_at > UNKNOWN_LIFE


def test_the_cache_others_can_write(world: Sandbox, home: Path) -> None:
    """It is neither read nor replaced: a client logs in anew each time, a person is refused."""
    cached(home, token="planted", mode=0o666)
    asked(world, machine(world, home))
    assert paths(world) == [LOGIN, REGISTRY]
    assert "planted" in cache_path(home).read_text()
    error = refusal(world, profile(world, home))
    assert (error.code, "others can write it" in error.why) == ("menda-no-login", True)


def test_which_identity(world: Sandbox, trio: dict[str, str], home: Path) -> None:
    """What was said of menda outranks AWS; what was said of AWS, a profile that is found."""
    index, said = registry(world.aws.index_url), {"AWS_PROFILE": "corp"}
    assert choose({**trio, **said}, index).name == "menda"
    found = profile(world, home)
    cached(home)
    assert choose({**found, **said}, index).name == "aws"
    assert choose({**found, **said, "MENDA_PROFILE_ID": "default"}, index).name == "menda"
    assert choose(found, index).name == "menda"
    del trio["MENDA_CLIENT_SECRET"]
    assert refusal(world, {**trio, **said}).code == "menda-incomplete"
