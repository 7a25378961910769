"""An issuer's keys through the whole journey: rotation, an issuer that is down, no verification."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import forge
from forgery import Forgery, key_set
from gatepass import credential_for, transport
from gatepass.errors import ConfigError
from gatepass.sandbox import Sandbox
from wire import answer, wire


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)


@pytest.fixture
def forgery(sandbox: Sandbox, tmp_path: Path) -> Forgery:
    return Forgery(sandbox, tmp_path)


def age_key_sets(forgery: Forgery, seconds: float) -> None:
    """Make the cached key sets older: as if that much time had passed."""
    for path in Path(forgery.env["GATEPASS_STORE_DIR"]).glob("jwks-*"):
        document, fetched, asked, max_age = json.loads(path.read_text())
        path.write_text(json.dumps([document, fetched - seconds, asked - seconds, max_age]))


class TestRotation:
    """The issuer's keys change while a key set is cached."""

    @pytest.mark.parametrize("keep_old", [True, False])
    def test_a_cached_set_is_refetched_after_the_cool_down(
        self, forgery: Forgery, keep_old: bool
    ) -> None:
        """Within thirty seconds a new key is unknown; after them it is found, and old ones go."""
        issuer, address = forgery.sandbox.issuer, forgery.sandbox.address
        assert forgery.present(issuer.mint(address)) == "ok"
        old, aside = issuer.mint(address), issuer.mint(address)
        issuer.rotate(keep_old=keep_old)
        fresh = issuer.mint(address)
        assert forgery.present(fresh) == "unknown-key"
        # Without the old key the registry itself knows better than our cache.
        known = "ok" if keep_old else "reached the registry: exchange-refused"
        assert forgery.present(old) == known
        age_key_sets(forgery, 31)
        assert forgery.present(fresh) == "ok"
        assert forgery.present(aside) == ("ok" if keep_old else "unknown-key")

    def test_stale_keys_serve_for_an_hour_while_the_issuer_is_down(self, forgery: Forgery) -> None:
        """... and then no more."""
        issuer, address = forgery.sandbox.issuer, forgery.sandbox.address
        assert forgery.present(issuer.mint(address)) == "ok"
        issuer.fail_next(503, times=99)
        age_key_sets(forgery, 300 + 3500)
        assert forgery.present(issuer.mint(address)) == "ok"
        age_key_sets(forgery, 200)
        assert forgery.present(issuer.mint(address)) == "issuer-unreachable"

    def test_without_a_cache_there_is_no_wait(self, forgery: Forgery) -> None:
        """GATEPASS_STORE=off fetches the keys each time."""
        issuer, address = forgery.sandbox.issuer, forgery.sandbox.address
        assert forgery.present(issuer.mint(address), GATEPASS_STORE="off") == "ok"
        issuer.rotate(keep_old=False)
        assert forgery.present(issuer.mint(address), GATEPASS_STORE="off") == "ok"

    def test_an_issuer_that_is_down(self, forgery: Forgery) -> None:
        """The error names the remedies; a file of keys is one of them, and so is `off`."""
        token = forgery.sign()
        forgery.sandbox.issuer.fail_next(503, times=20)
        assert forgery.present(token) == "issuer-unreachable"
        jwk = forgery.sandbox.issuer.published()[0].jwk()
        keys = key_set(forgery.file.parent, jwk)
        assert forgery.ask(GATEPASS_JWKS_FILE=keys) == "ok"
        assert forgery.ask(GATEPASS_VERIFY="off", GATEPASS_STORE="off") == "ok"


class TestVerifyOff:
    """GATEPASS_VERIFY=off, through the whole journey."""

    def test_it_says_so_each_time_and_asks_no_keys(
        self, forgery: Forgery, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A bad signature then reaches the registry, which refuses it itself."""
        token = forgery.sign()[:-20] + "A" * 20
        assert forgery.present(token, GATEPASS_VERIFY="off").startswith("reached the registry")
        assert "GATEPASS_VERIFY=off" in capsys.readouterr().err
        assert {request.party for request in forgery.sandbox.requests} == {"exchange"}
        assert forgery.present(forgery.sign(), GATEPASS_VERIFY="off") == "ok"
        capsys.readouterr()
        for _ in range(2):  # from the store
            assert forgery.ask(GATEPASS_VERIFY="off") == "ok"
        assert capsys.readouterr().err.count("GATEPASS_VERIFY=off") == 2

    def test_a_claims_policy_refuses_it(self, forgery: Forgery, tmp_path: Path) -> None:
        """A policy on claims that nobody verified holds nothing; nor does a self-named issuer's."""
        config = tmp_path / "config.toml"
        config.write_text(
            f'version = 1\n[registries.prod]\nurl = "{forgery.sandbox.address}"\n'
            'claims = { sub = { match = "repo:acme/widgets|x" } }\n'
        )
        with_policy = {"GATEPASS_CONFIG": str(config)}
        off = forgery.present(forgery.sign(), GATEPASS_VERIFY="off", **with_policy)
        assert off == "policy-needs-signature"
        assert forgery.ask(**with_policy) == "ok"
        token = forgery.sign(forgery.claims(sub="repo:acme/widgets/evil"))
        assert forgery.present(token, **with_policy) == "claims-policy"
        token = forgery.sign(forgery.claims(iss="https://self.test"))
        code = forgery.present(token, GATEPASS_TRUSTED_ISSUERS=None, **with_policy)
        assert code == "policy-needs-issuer"


class TestConfigured:
    """What config.toml says of an issuer."""

    def ask(self, forgery: Forgery, table: str, **env: str) -> str:
        config = forgery.file.parent / "config.toml"
        issuer = forgery.sandbox.issuer.url
        config.write_text(f'version = 1\n[issuers."{issuer}"]\n{table}\n')
        return forgery.present(forgery.sign(), GATEPASS_CONFIG=str(config), **env)

    def test_an_issuers_own_keys_come_before_the_variables(
        self, forgery: Forgery, tmp_path: Path
    ) -> None:
        """No request goes to the issuer; the file for everybody is not looked at."""
        keys = key_set(tmp_path, forgery.sandbox.issuer.published()[0].jwk())
        everybodys = str(tmp_path / "absent.json")
        assert self.ask(forgery, f'jwks = "{keys}"', GATEPASS_JWKS_FILE=everybodys) == "ok"
        assert forgery.sandbox.count("issuer") == 0
        assert self.ask(forgery, "", GATEPASS_JWKS_FILE=everybodys) == "bad-key-set"

    def test_an_issuers_algorithms_are_narrowed(self, forgery: Forgery) -> None:
        """A token by another algorithm is refused before any key is asked for."""
        assert self.ask(forgery, 'algorithms = ["ES256", "PS256"]') == "token-algorithm"
        assert forgery.sandbox.requests == []
        assert self.ask(forgery, 'algorithms = ["RS256"]') == "ok"


def test_plain_http_only_where_the_configuration_allows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """... with a warning each time; a proxy plays the registry here, and gets the exchange."""
    config = tmp_path / "config.toml"
    env = {
        "GATEPASS_CONFIG": str(config),
        "GATEPASS_STORE": "off",
        "GATEPASS_VERIFY": "off",
        "GATEPASS_ID_TOKEN": forge.token(forge.claims(aud="http://ppm.test")),
    }
    table = 'version = 1\n[registries.prod]\nurl = "http://ppm.test"\n'
    with wire(answer(200, '{"access_token": "opaque"}')) as server:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, server.url)
        config.write_text(table)
        with pytest.raises(ConfigError, match="insecure-address"):
            credential_for("http://ppm.test/simple", env=env)
        assert server.heard == []
        config.write_text(table + "allow_http = true\n")
        found = credential_for("http://ppm.test/simple", env=env)
        assert found is not None
        assert found.secret.reveal() == "opaque"
        assert server.heard[0].startswith(b"POST http://ppm.test/__api__/token ")
    assert "http://ppm.test is plain http" in capsys.readouterr().err
