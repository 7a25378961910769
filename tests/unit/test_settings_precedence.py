"""Who outranks whom: the registry's table, GATEPASS_ variables, the file's top, the default."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepass.errors import ConfigError
from gatepass.realm import Address
from gatepass.settings import Issuer, Registry, Settings, load
from gatepass.settings.environment import in_ci, read

ADDRESS = {"PACKAGEMANAGER_ADDRESS": "https://ppm.example.com"}


def loaded(tmp_path: Path, text: str = "", **env: str) -> Settings:
    """The settings from a config file with `version = 1` and this text, and these variables."""
    file = tmp_path / "config.toml"
    file.write_text(f"version = 1\n{text}\n", encoding="utf-8")
    return load({"GATEPASS_CONFIG": str(file), **env})


def only(settings: Settings) -> Registry:
    """The one registry."""
    (registry,) = settings.registries
    return registry


def test_without_anything_there_are_defaults() -> None:
    """An empty environment gives no registry, verification, and the documented defaults."""
    assert load({}) == Settings(
        registries=(),
        verify=True,
        trusted_issuers=(),
        issuers={},
        jwks_file="",
        store="auto",
        store_dir="",
        log_level="warning",
        log_format="text",
        log_file="",
    )


@pytest.mark.parametrize(
    ("field", "variable", "said", "text", "written"),
    [
        ("store", "GATEPASS_STORE", "off", 'store = { kind = "file" }', "file"),
        ("store_dir", "GATEPASS_STORE_DIR", "/var/a", 'store = { dir = "/var/b" }', "/var/b"),
        ("log_level", "GATEPASS_LOG", "debug", 'log = { level = "error" }', "error"),
        ("log_format", "GATEPASS_LOG_FORMAT", "text", 'log = { format = "json" }', "json"),
        ("log_file", "GATEPASS_LOG_FILE", "/a", 'log = { file = "/b" }', "/b"),
        ("verify", "GATEPASS_VERIFY", True, 'verify = "off"', False),
        (
            "trusted_issuers",
            "GATEPASS_TRUSTED_ISSUERS",
            ("https://a",),
            'trusted_issuers = ["https://b", "https://c"]',
            ("https://b", "https://c"),
        ),
    ],
)
def test_a_variable_outranks_the_top_of_the_file(
    tmp_path: Path, field: str, variable: str, said: object, text: str, written: object
) -> None:
    """Each of our variables wins over the file's key, which wins over the default."""
    word = {True: "required", ("https://a",): "https://a"}.get(said, said)  # type: ignore[call-overload]
    default = getattr(load({}), field)
    assert getattr(loaded(tmp_path, text), field) == written != default
    assert getattr(loaded(tmp_path, text, **{variable: str(word)}), field) == said
    assert getattr(loaded(tmp_path, text, **{variable: "  "}), field) == written


@pytest.mark.parametrize(
    ("table", "variable", "top", "identity"),
    [
        ("", "", "", "auto"),
        ("", "", "github", "github"),
        ("", "file", "github", "file"),
        ("", "auto", "github", "auto"),
        ("token", "file", "github", "token"),
        ("auto", "file", "github", "auto"),
        ("token", "", "", "token"),
    ],
)
def test_an_identity_is_the_tables_the_variables_or_the_tops(
    tmp_path: Path, table: str, variable: str, top: str, identity: str
) -> None:
    """The registry's own identity, else GATEPASS_IDENTITY, else the file's, else auto."""
    lines = [f'identity = "{top}"' if top else ""]
    lines += ["[registries.p]", 'url = "https://h"', f'identity = "{table}"' if table else ""]
    env = {"GATEPASS_IDENTITY": variable} if variable else {}
    assert only(loaded(tmp_path, "\n".join(lines), **env)).identity == identity


@pytest.mark.parametrize(
    ("table", "variable", "address", "audience"),
    [
        ("", "", "", None),
        ("", "", "https://ppm.example.com", None),
        ("t", "v", "https://h", "t"),
        ("", "v", "https://h", "v"),
    ],
)
def test_an_audience_is_the_tables_else_the_variables(
    tmp_path: Path, table: str, variable: str, address: str, audience: str | None
) -> None:
    """Where PACKAGEMANAGER_ADDRESS is set, GATEPASS_AUDIENCE speaks for Package Manager."""
    text = '[registries.p]\nurl = "https://h"\n' + (f'audience = "{table}"' if table else "")
    env = {"GATEPASS_AUDIENCE": variable, "PACKAGEMANAGER_ADDRESS": address}
    found = loaded(tmp_path, text, **env).named("p")
    assert found is not None
    assert found.audience == audience


def test_an_audience_without_the_vendors_address_is_codeartifacts() -> None:
    """Elsewhere GATEPASS_AUDIENCE speaks for CodeArtifact, by name or by host, and for no other."""
    host = "acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
    env = {"GATEPASS_REGISTRIES": f"p=https://h c=https://{host}/pypi/", "GATEPASS_AUDIENCE": "v"}
    for more, audience in [({}, "v"), ({"PACKAGEMANAGER_ADDRESS": "https://ppm"}, None)]:
        settings = load({**env, **more})
        p, c = settings.named("p"), settings.named("c")
        by_host = settings.registry_for(Address("https", host, None, "/npm/x"))
        assert p
        assert c
        assert by_host
        assert (p.audience, c.audience, by_host.audience) == (None, audience, audience)
        assert p.expected_audience == "https://h"
        assert c.expected_audience == (audience or "sts.amazonaws.com")


@pytest.mark.parametrize("where", ["keys.jwks", "./keys.jwks", "http://h/keys", "~/keys", "C:keys"])
def test_keys_are_named_by_a_whole_path_or_an_https_url(tmp_path: Path, where: str) -> None:
    """A relative path would let a checkout bring keys of its own: refused, in both places."""
    for text, env in [
        (f'[issuers.x]\njwks = "{where}"', {}),
        ("", {"GATEPASS_JWKS_FILE": where}),
    ]:
        with pytest.raises(ConfigError) as caught:
            loaded(tmp_path, text, **env)
        assert caught.value.code == "bad-key-set-path"
    assert load({"GATEPASS_JWKS_FILE": "https://h/keys"}).jwks_file == "https://h/keys"


def test_the_address_is_kept_as_written() -> None:
    """Case and port stay as they were written; trailing slashes go."""
    registry = only(load({"PACKAGEMANAGER_ADDRESS": " https://PPM.Example.com:443/Pkg// "}))
    assert registry.url == "https://PPM.Example.com:443/Pkg"
    assert registry.audience is None


def test_the_file_outranks_the_vendors_address(tmp_path: Path) -> None:
    """A registry of the file keeps its name and keys where PACKAGEMANAGER_ADDRESS names it too."""
    text = '[registries.prod]\nurl = "https://PPM.example.com:443/"\naudience = "a"'
    registry = only(loaded(tmp_path, text, **ADDRESS))
    assert (registry.name, registry.audience) == ("prod", "a")
    assert registry.is_drop_in
    assert registry.source == str(tmp_path / "config.toml")


def test_our_variable_outranks_the_vendors() -> None:
    """A registry named in GATEPASS_REGISTRIES keeps that name at the vendor's address."""
    env = {"GATEPASS_REGISTRIES": "a=https://ppm.example.com/ b=https://h/x", **ADDRESS}
    settings = load(env)
    assert [(r.name, r.url, r.is_drop_in, r.source) for r in settings.registries] == [
        ("a", "https://ppm.example.com", True, "GATEPASS_REGISTRIES"),
        ("b", "https://h/x", False, "GATEPASS_REGISTRIES"),
    ]


def test_the_vendors_address_alone_is_a_registry() -> None:
    """PACKAGEMANAGER_ADDRESS makes one registry, called packagemanager."""
    registry = only(load(ADDRESS))
    assert (registry.name, registry.kind, registry.source, registry.is_drop_in) == (
        "packagemanager",
        "packagemanager",
        "PACKAGEMANAGER_ADDRESS",
        True,
    )


def test_trusted_issuers_by_variable_are_separated_by_spaces_or_commas(tmp_path: Path) -> None:
    """Spaces, commas and line breaks separate; nothing but them means nothing was said."""
    env = {"GATEPASS_TRUSTED_ISSUERS": "https://a, https://b\nhttps://c"}
    assert load(env).trusted_issuers == ("https://a", "https://b", "https://c")
    text = 'trusted_issuers = ["https://d"]'
    settings = loaded(tmp_path, text, GATEPASS_TRUSTED_ISSUERS=" , ")
    assert settings.trusted_issuers == ("https://d",)


def test_issuers_and_the_jwks_variable(tmp_path: Path) -> None:
    """An issuer's keys and algorithms are kept under its iss; the variable stands beside them."""
    text = (
        '[issuers."https://oidc.corp/k8s"]\njwks = "/etc/k8s.jwks"\nalgorithms = ["RS256"]\n'
        '[issuers."https://b"]'
    )
    settings = loaded(tmp_path, text, GATEPASS_JWKS_FILE="/x.jwks")
    assert settings.issuers == {
        "https://oidc.corp/k8s": Issuer("/etc/k8s.jwks", ("RS256",)),
        "https://b": Issuer(),
    }
    assert settings.jwks_file == "/x.jwks"


@pytest.mark.parametrize(
    "variable",
    [
        "PACKAGEMANAGER_ADDRESS",
        "GATEPASS_CONFIG",
        "GATEPASS_REGISTRIES",
        "GATEPASS_IDENTITY",
        "GATEPASS_TRUSTED_ISSUERS",
        "GATEPASS_JWKS_FILE",
        "GATEPASS_VERIFY",
        "GATEPASS_STORE",
        "GATEPASS_STORE_DIR",
        "GATEPASS_LOG",
        "GATEPASS_LOG_FORMAT",
        "GATEPASS_LOG_FILE",
    ],
)
@pytest.mark.parametrize("value", ["$CI_SECRET_hunter2", "${hunter2}", "  $hunter2"])
def test_an_unexpanded_variable_is_an_error(variable: str, value: str) -> None:
    """A value that starts with a dollar sign is refused by its variable's name, and not shown."""
    with pytest.raises(ConfigError) as caught:
        load({variable: value})
    assert caught.value.code == "unexpanded-variable"
    assert variable in caught.value.what
    assert "hunter2" not in str(caught.value)


def test_an_unexpanded_audience_is_an_error() -> None:
    """GATEPASS_AUDIENCE is read, and checked, where it speaks."""
    with pytest.raises(ConfigError) as caught:
        load({**ADDRESS, "GATEPASS_AUDIENCE": "$AUD"})
    assert caught.value.code == "unexpanded-variable"


def test_a_dollar_later_in_a_value_is_the_users() -> None:
    """Only the first character counts."""
    assert load({"GATEPASS_LOG_FILE": "/a$b"}).log_file == "/a$b"
    assert read({"X": " a$ "}, "X") == "a$"


@pytest.mark.parametrize(
    ("variable", "value", "guess"),
    [
        ("GATEPASS_VERIFY", "of", "off"),
        ("GATEPASS_VERIFY", "no", "one of these"),
        ("GATEPASS_VERIFY", "OFF", "one of these"),
        ("GATEPASS_STORE", "files", "file"),
        ("GATEPASS_LOG", "warn", "warning"),
        ("GATEPASS_LOG_FORMAT", "jsn", "json"),
        ("GATEPASS_IDENTITY", "gitub", "github"),
    ],
)
def test_a_wrong_word_is_refused_with_the_nearest(variable: str, value: str, guess: str) -> None:
    """A value outside its list is an error that lists the words, and suggests one that is near."""
    with pytest.raises(ConfigError) as caught:
        load({variable: value})
    assert caught.value.code == "bad-value"
    assert caught.value.what == f"{variable} is {value!r}"
    assert caught.value.do == f"set {variable} to {guess}"


def test_a_wrong_word_can_not_command_a_runner() -> None:
    """What somebody else wrote is made plain; GitHub's runner obeys ##[ within a line too."""
    with pytest.raises(ConfigError) as caught:
        load({"GATEPASS_VERIFY": "x ##[add-mask]a\n::add-mask::a"})
    assert caught.value.what == "GATEPASS_VERIFY is 'x # #[add-mask]a ::add-mask::a'"


@pytest.mark.parametrize(
    ("ci", "is_it"),
    [
        (None, False),
        ("", False),
        ("0", False),
        ("false", False),
        (" False ", False),
        ("true", True),
        ("1", True),
        ("woodpecker", True),
    ],
)
def test_ci_counts_unless_empty_zero_or_false(ci: str | None, is_it: bool) -> None:
    """CI counts unless it is empty, 0 or false."""
    assert in_ci({} if ci is None else {"CI": ci}) is is_it
