"""A certified OpenID provider, not written by us, as the issuer of the whole journey."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest

import forge
from gatepass import credential_for, peek, present, transport
from gatepass.errors import GatepassError
from gatepass.trust.keys import KeySource
from provider import provision
from provider.running import Provider, running
from support import gatepass
from wire import Wire, answer, wire

pytestmark = pytest.mark.real

FILE, DROP_IN = "GATEPASS_ID_TOKEN_FILE", "PACKAGEMANAGER_IDENTITY_TOKEN_FILE"
PASS = "made-by-the-registry"
GIVEN = {
    "access_token": PASS,
    "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    "token_type": "Bearer",
    "expires_in": 3600,
}

algorithms = pytest.mark.parametrize("alg", ["RS256", "ES256"])


class Job:
    """A machine with an identity token in a file, in this process; ``passed``: seconds that its
    key sets' clock, which stands still, says have passed."""

    def __init__(self, provider: Provider, registry: Wire, folder: Path) -> None:
        self.provider, self.registry, self.file = provider, registry, folder / "token"
        self.store, self.passed = folder / "store", 0.0
        self.env = {
            "PACKAGEMANAGER_ADDRESS": registry.url,
            "GATEPASS_TRUSTED_ISSUERS": provider.issuer,
            "GATEPASS_STORE_DIR": str(self.store),
            "HOME": str(folder),
        }

    def mint(self, alg: str = "RS256", **claims: object) -> str:
        """A token for the registry."""
        return self.provider.mint(self.registry.url, alg, **claims)

    def present(self, token: str, variable: str = FILE, **env: str) -> str:
        """``ok``, the registry having got exactly this token once, or the error's code, it having
        got nothing."""
        self.file.write_text(token, encoding="ascii")
        before = len(self.registry.heard)
        try:
            found = credential_for(
                f"{self.registry.url}/internal/latest/simple/",
                env={**self.env, variable: str(self.file), **env},
            )
        except GatepassError as error:
            assert self.registry.heard[before:] == []
            return error.code
        assert found is not None
        assert (found.username, found.secret.reveal()) == ("__token__", PASS)
        assert [exchanged(request) for request in self.registry.heard[before:]] == [token]
        return "ok"

    def held(self) -> set[str]:
        """The key ids in the one key set that is cached on disk."""
        (path,) = self.store.glob("jwks-*")
        return {key["kid"] for key in json.loads(path.read_bytes())[0]["keys"]}


def exchanged(request: bytes) -> str:
    """The subject token of a request; the request is what RFC 8693 section 2.1 asks for."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode("ascii").lower().splitlines()
    assert lines[0] == "post /__api__/token http/1.1"
    assert "content-type: application/x-www-form-urlencoded" in lines
    assert not any(line.startswith("authorization:") for line in lines)
    form = parse_qs(body.decode("ascii"), strict_parsing=True)
    (token,) = form.pop("subject_token")
    assert form == {
        "grant_type": ["urn:ietf:params:oauth:grant-type:token-exchange"],
        "subject_token_type": ["urn:ietf:params:oauth:token-type:id_token"],
    }
    return token


def kid(token: str) -> str:
    """The key that a token says it is signed with."""
    return str(jwt.get_unverified_header(token)["kid"])


@pytest.fixture
def provider(base_env: dict[str, str]) -> Iterator[Provider]:
    """The provider, running; a failure, never a skip, where it isn't installed."""
    missing = provision.stale()
    if missing:
        pytest.fail(f"not built, or out of date: {', '.join(missing)}. run: make real-parts")
    with running(base_env) as started:
        yield started


@pytest.fixture
def job(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """A job beside a registry that gives a token to whoever asks: what is refused, we refused."""
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)
    given = answer(200, json.dumps(GIVEN), "Content-Type: application/json")
    with wire(given) as registry:
        made = Job(provider, registry, tmp_path)
        start = time.time()
        source = partial(KeySource, clock=lambda: start + made.passed)
        monkeypatch.setattr(present, "KeySource", source)
        yield made


class TestTokens:
    """Real discovery, real keys, real signatures."""

    @algorithms
    @pytest.mark.parametrize("variable", [FILE, DROP_IN])
    def test_a_token_is_verified_and_exchanged(self, job: Job, alg: str, variable: str) -> None:
        """With either algorithm and either variable, by the keys that discovery leads to."""
        token = job.mint(alg)
        assert jwt.get_unverified_header(token)["alg"] == alg
        assert job.present(token, variable) == "ok"
        assert kid(token) in job.held()

    @algorithms
    def test_a_changed_claim_is_a_bad_signature(self, job: Job, alg: str) -> None:
        """One claim more in the payload, and the signature is not by these keys."""
        token = job.mint(alg)
        header, _, signature = token.split(".")
        forged = forge.b64(json.dumps({**peek.claims(token), "role": "administrator"}))
        assert job.present(f"{header}.{forged}.{signature}") == "bad-signature"

    @pytest.mark.parametrize("setting", [{}, {"GATEPASS_AUDIENCE": "https://ppm.example.com"}])
    def test_a_token_for_another_client_is_refused(self, job: Job, setting: dict[str, str]) -> None:
        """A good token for anybody but the registry, or but the audience that was set."""
        other = job.provider.mint("https://other.example.com")
        assert job.present(other, **setting) == "audience-mismatch"
        expected = setting.get("GATEPASS_AUDIENCE", job.registry.url)
        assert job.present(job.provider.mint(expected), **setting) == "ok"

    def test_the_drop_in_variable_holds_an_audience_that_was_set(self, job: Job) -> None:
        """Its users never had to say one, but one who did means it."""
        other = job.provider.mint("https://other.example.com")
        wanted = {"GATEPASS_AUDIENCE": job.registry.url}
        assert job.present(other, DROP_IN, **wanted) == "audience-mismatch"
        assert job.present(other, DROP_IN) == "ok"

    def test_another_provider_is_not_trusted(self, job: Job) -> None:
        """The issuer that was named is the only one."""
        env = {"GATEPASS_TRUSTED_ISSUERS": "https://idp.example.com"}
        assert job.present(job.mint(), **env) == "issuer-not-allowed"


class TestKeys:
    """The provider's keys change, or can't be had, while a key set is cached on disk."""

    @algorithms
    def test_new_keys_are_found_after_the_cool_down(self, job: Job, alg: str) -> None:
        """Within thirty seconds a new key is unknown and the old one serves; then the reverse."""
        assert job.present(job.mint(alg)) == "ok"
        early, late, before = job.mint(alg), job.mint(alg), job.held()
        job.provider.rotate(keep_old=False)
        fresh = job.mint(alg)
        job.passed = 29
        assert job.present(fresh) == "unknown-key"
        assert job.present(early) == "ok"
        assert job.held() == before
        job.passed = 31
        assert job.present(fresh) == "ok"
        assert job.held().isdisjoint(before)
        assert job.present(late) == "unknown-key"

    @algorithms
    def test_old_keys_that_are_published_on_still_count(self, job: Job, alg: str) -> None:
        """Both generations verify from one key set."""
        old = job.mint(alg)
        job.provider.rotate(keep_old=True)
        fresh = job.mint(alg)
        assert kid(old) != kid(fresh)
        assert [job.present(fresh), job.present(old)] == ["ok", "ok"]
        assert job.held() > {kid(old), kid(fresh)}

    def test_an_old_key_is_unknown_to_who_holds_nothing(self, job: Job) -> None:
        """A token by a key that is gone, and no cache that would still have it."""
        old = job.mint()
        job.provider.rotate(keep_old=False)
        assert job.present(old) == "unknown-key"

    def test_stale_keys_serve_while_the_provider_is_down(self, job: Job) -> None:
        """For an hour after their five minutes, and then no more; without a cache not at all."""
        assert job.present(job.mint()) == "ok"
        stale, late = job.mint(), job.mint()
        job.provider.stop()
        job.passed = 300 + 3600 - 1
        assert job.present(stale) == "ok"
        job.passed = 300 + 3600 + 1
        assert job.present(late) == "issuer-unreachable"
        assert job.present(late, GATEPASS_STORE="off") == "issuer-unreachable"


def test_the_command_prints_the_registry_s_token(job: Job, base_env: dict[str, str]) -> None:
    """`gatepass get`, in a process of its own: asked twice, one exchange, of exactly that token."""
    token = job.mint("ES256")
    job.file.write_text(token, encoding="ascii")
    env = {**base_env, **job.env, FILE: str(job.file)}
    for _ in range(2):
        done = gatepass("get", f"{job.registry.url}/internal/latest/simple/", env=env)
        assert (done.returncode, done.stdout.strip()) == (0, PASS), done.stderr
    assert [exchanged(request) for request in job.registry.heard] == [token]
