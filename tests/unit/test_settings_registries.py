"""Which registries there are, and which addresses, names and policies are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepass.errors import ConfigError
from gatepass.realm import parse
from gatepass.settings import Claim, Settings, load


def loaded(tmp_path: Path, text: str, **env: str) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text("version = 1\n" + text, encoding="utf-8")
    return load({"GATEPASS_CONFIG": str(path), **env})


def refusal(**env: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(env)
    return caught.value


def serving(settings: Settings, service: str) -> str | None:
    """The name of the registry that answers for a service string."""
    address = parse(service)
    assert address is not None
    found = settings.registry_for(address)
    return found.name if found else None


def test_the_longest_prefix_wins() -> None:
    """Of the registries that cover an address the one with the longest prefix answers."""
    names = "c=https://h/a/b a=https://h b=https://h/a d=https://h:8443/a/b/c"
    settings = load({"GATEPASS_REGISTRIES": names})
    assert serving(settings, "https://h/a/b/simple/") == "c"
    assert serving(settings, "https://h/a/bc/") == "b"
    assert serving(settings, "https://h/a/b/c/") == "c"
    assert serving(settings, "https://h/x") == "a"
    assert serving(settings, "h") is None
    assert serving(settings, "https://h:8443/a/b/c/simple/") == "d"
    assert serving(settings, "https://h:8443/a/b/") is None
    assert serving(settings, "https://evil.test/a/b/") is None


def test_registries_by_variable() -> None:
    """name=URL pairs are separated by any white space; an = in the URL is the URL's."""
    settings = load({"GATEPASS_REGISTRIES": " a=https://h/x=y \n b-2=https://i\t"})
    assert [(r.name, r.url) for r in settings.registries] == [
        ("a", "https://h/x=y"),
        ("b-2", "https://i"),
    ]
    found = settings.named("b-2")
    assert found is not None
    assert found.url == "https://i"
    assert settings.named("B-2") is None


@pytest.mark.parametrize("value", ["https://h", "a=", "a=https://h b", "a"])
def test_a_word_that_is_no_pair_is_refused(value: str) -> None:
    """GATEPASS_REGISTRIES with anything but pairs is an error."""
    assert refusal(GATEPASS_REGISTRIES=value).code == "bad-registries"


@pytest.mark.parametrize(
    "env",
    [
        {"GATEPASS_REGISTRIES": "https://user:hunter2@h"},
        {"GATEPASS_REGISTRIES": "https://user:hunter2@h/?a=b"},
        {"GATEPASS_REGISTRIES": "a=https://user:hunter2@h"},
        {"PACKAGEMANAGER_ADDRESS": "https://user:hunter2@h"},
        {"PACKAGEMANAGER_ADDRESS": "https://hunter2@h:99999"},
    ],
)
def test_a_password_in_an_address_is_not_repeated(env: dict[str, str]) -> None:
    """Whatever is wrong with an address that has an @, the error doesn't show it."""
    error = refusal(**env)
    assert "hunter2" not in str(error)
    assert "not shown" in error.what


@pytest.mark.parametrize("name", ["", "a.b", "a b", "é", "file", "FILE", "a/b", "$a"])
def test_a_name_must_fit_into_variables(tmp_path: Path, name: str) -> None:
    """A registry's name is letters, digits, - and _, and not `file`."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f'[registries."{name}"]\nurl = "https://h"')
    assert caught.value.code == "bad-registry-name"


@pytest.mark.parametrize(
    "address",
    [
        "ppm.example.com",
        "https://",
        "ftp://h",
        "https://h/?x",
        "https://h/a/../b",
        "https://h\\x",
        "https://h:port",
        "https://\uff50pm.example.com",
    ],
)
def test_a_bad_address_is_refused(address: str) -> None:
    """An address that can't be a realm is an error with the reason, and with what was written."""
    error = refusal(PACKAGEMANAGER_ADDRESS=address)
    assert error.code == "bad-address"
    assert (
        error.what == f"PACKAGEMANAGER_ADDRESS is not an address that gatepass can use: {address}"
    )
    assert error.why


def test_a_bad_address_in_the_file_is_named_by_its_table(tmp_path: Path) -> None:
    """The error says which registry of the file is wrong."""
    with pytest.raises(ConfigError, match=r"registries\.p is not an address"):
        loaded(tmp_path, '[registries.p]\nurl = "nope"')


def test_a_registry_needs_a_url(tmp_path: Path) -> None:
    """A table without url is an error that says so."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, '[registries.p]\naudience = "a"')
    assert caught.value.code == "no-address"
    assert "registries.p" in caught.value.what


@pytest.mark.parametrize(
    ("text", "env", "do"),
    [
        (
            '[registries.a]\nurl = "https://h"\n[registries.b]\nurl = "https://H:443/"',
            {},
            "remove one",
        ),
        (
            '[registries.my-a]\nurl = "https://h"\n[registries.MY_A]\nurl = "https://i"',
            {},
            "another name",
        ),
        ('[registries.a]\nurl = "https://h"', {"GATEPASS_REGISTRIES": "a=https://i"}, "another"),
        ("", {"GATEPASS_REGISTRIES": "a=https://h A=https://i"}, "another name"),
        (
            "",
            {
                "GATEPASS_REGISTRIES": "packagemanager=https://h",
                "PACKAGEMANAGER_ADDRESS": "https://i",
            },
            "another name",
        ),
    ],
)
def test_two_registries_that_are_one_are_refused(
    tmp_path: Path, text: str, env: dict[str, str], do: str
) -> None:
    """One realm under two names in the file, or two names that share a variable, is an error."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, **env)
    assert caught.value.code == "duplicate-registry"
    assert do in caught.value.do


def test_a_variable_that_repeats_the_file_is_no_error(tmp_path: Path) -> None:
    """A variable that names a realm of the file adds nothing to it."""
    env = {"GATEPASS_REGISTRIES": "b=https://h a=https://h/"}
    settings = loaded(tmp_path, '[registries.a]\nurl = "https://h"', **env)
    assert [r.name for r in settings.registries] == ["a"]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://ppm.corp", False),
        ("http://127.0.0.1:8080", True),
        ("http://localhost/p", True),
        ("http://[::1]", True),
        ("http://127.0.0.1.evil.test", False),
        ("https://ppm.corp", True),
    ],
)
def test_plain_http_only_to_this_machine(url: str, allowed: bool) -> None:
    """By variable, plain http is for loopback alone."""
    for env in ({"PACKAGEMANAGER_ADDRESS": url}, {"GATEPASS_REGISTRIES": f"a={url}"}):
        assert load(env).registries[0].is_insecure is not allowed


@pytest.mark.parametrize("value", [True, False])
def test_the_file_may_allow_http(tmp_path: Path, value: bool) -> None:
    """allow_http in the registry's own table of the file is the one way to plain http."""
    text = f'[registries.p]\nurl = "http://ppm.corp"\nallow_http = {str(value).lower()}'
    settings = loaded(tmp_path, text, PACKAGEMANAGER_ADDRESS="http://ppm.corp")
    assert settings.registries[0].is_insecure is not value


def test_an_insecure_registry_answers_for_its_host() -> None:
    """Plain http that nobody allowed is found by any address of its host, to say why."""
    env = {"GATEPASS_REGISTRIES": "bad=http://h/p good=https://h/q"}
    settings = load(env)
    assert serving(settings, "https://h/q/simple/") == "good"
    for service in ("http://h/p/simple/", "http://h/", "h", "https://h/", "h:99"):
        assert serving(settings, service) == "bad"
    assert serving(settings, "https://other/") is None


def test_an_insecure_registry_yields_to_one_that_may(tmp_path: Path) -> None:
    """Where an allowed registry covers the address, the refused one beside it doesn't speak."""
    text = '[registries.good]\nurl = "http://h"\nallow_http = true'
    settings = loaded(tmp_path, text, GATEPASS_REGISTRIES="bad=http://h/p")
    assert serving(settings, "http://h/p/simple/") == "good"


def test_a_claims_policy(tmp_path: Path) -> None:
    """Exact texts and patterns are kept in their order."""
    text = (
        '[registries.p]\nurl = "https://h"\n'
        'claims = { repository_owner_id = "123", ref = { match = "refs/heads/.*" } }'
    )
    assert loaded(tmp_path, text).registries[0].claims == (
        Claim("repository_owner_id", "123", is_pattern=False),
        Claim("ref", "refs/heads/.*", is_pattern=True),
    )


@pytest.mark.parametrize(
    "rule",
    ["1", "true", '["a"]', "{}", '{ matches = "a" }', "{ match = 1 }", '{ match = "(" }',
     '{ match = "a", extra = "b" }'],
)  # fmt: skip
def test_a_bad_claims_policy_is_refused(tmp_path: Path, rule: str) -> None:
    """A rule that is neither a text nor a pattern, or a pattern that is none, is an error."""
    text = f'[registries.p]\nurl = "https://h"\nclaims = {{ sub = {rule} }}'
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert caught.value.code == "bad-claims-policy"
    assert "registries.p.claims.sub" in caught.value.what


def test_a_full_file_loads(tmp_path: Path) -> None:
    """Every key of the reference that this version has works together."""
    text = """
identity = "auto"
verify = "required"
trusted_issuers = ["https://gitlab.corp"]
store = { kind = "auto", dir = "" }
log = { level = "warning", format = "text", file = "" }
[issuers."https://oidc.corp/k8s"]
jwks = "/etc/gatepass/k8s.jwks"
algorithms = ["RS256"]
[registries.prod]
url = "https://pkgs.corp/prod"
kind = "packagemanager"
audience = "https://pkgs.corp/prod"
identity = "auto"
allow_http = false
claims = { repository_owner_id = "123" }
"""
    (registry,) = loaded(tmp_path, text).registries
    assert registry.name == "prod"
    assert registry.realm.prefix == "/prod"
    assert registry.audience == "https://pkgs.corp/prod"
    assert not registry.is_drop_in
