"""config.toml: where it is looked for, and how every key that is wrong is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatepass.errors import ConfigError
from gatepass.settings import file, load

ETC = "/etc/gatepass/config.toml"


def refused(tmp_path: Path, text: str, version: str = "version = 1\n") -> ConfigError:
    """The error for a file with this text."""
    path = tmp_path / "config.toml"
    path.write_text(version + text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load({"GATEPASS_CONFIG": str(path)})
    # A login may come from a variable as well.
    anywhere = ("bad-login-issuer", "login-incomplete")
    assert str(path) in str(caught.value) or caught.value.code in anywhere
    return caught.value


@pytest.mark.parametrize(
    ("env", "files"),
    [
        ({}, [ETC]),
        ({"HOME": "/home/u"}, [ETC, "/home/u/.config/gatepass/config.toml"]),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, [ETC, "/x/gatepass/config.toml"]),
        ({"HOME": "/h", "XDG_CONFIG_HOME": ""}, [ETC, "/h/.config/gatepass/config.toml"]),
        ({"HOME": "relative"}, [ETC]),
        ({"HOME": ""}, [ETC]),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "."}, [ETC, "/h/.config/gatepass/config.toml"]),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "rel"}, [ETC, "/h/.config/gatepass/config.toml"]),
    ],
)
def test_the_machines_file_then_the_users(env: dict[str, str], files: list[str]) -> None:
    """The machine's file speaks first, the user's after it; only absolute folders count."""
    assert list(file.paths(env)) == files


def test_the_current_directory_is_never_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repository with configuration files in it changes nothing."""
    text = 'version = 1\n[registries.evil]\nurl = "https://evil.test"\n'
    for place in (".", "gatepass", ".config/gatepass", ".gatepass"):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        for name in ("config.toml", "gatepass.toml", ".gatepass.toml", "pyproject.toml"):
            (tmp_path / place / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    for env in ({}, {"HOME": "."}, {"HOME": ""}, {"XDG_CONFIG_HOME": "."}):
        assert load(env).registries == ()


def test_the_user_replaces_the_machine_key_by_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later file's key wins, and each registry and issuer is one file's as a whole."""
    machine, user = tmp_path / "machine.toml", tmp_path / "user.toml"
    machine.write_text(
        'version = 1\nverify = "off"\nidentity = "github"\nlog = { level = "debug" }\n'
        '[issuers."https://i"]\njwks = "/m"\nalgorithms = ["RS256"]\n'
        '[issuers."https://j"]\njwks = "/m"\n'
        '[registries.a]\nurl = "https://a"\naudience = "machine"\n'
        '[registries.b]\nurl = "https://b"\n'
    )
    user.write_text(
        'version = 1\nidentity = "file"\nlog = { format = "json" }\n'
        '[issuers."https://i"]\njwks = "/u"\n'
        '[registries.a]\nurl = "https://a2"\n[registries.c]\nurl = "https://c"\n'
    )
    monkeypatch.setattr(file, "paths", lambda env: (str(machine), str(user)))
    settings = load({})
    assert not settings.verify
    assert (settings.log_level, settings.log_format) == ("warning", "json")
    assert settings.issuers["https://i"] == ("/u", ())
    assert settings.issuers["https://j"] == ("/m", ())
    assert [(r.name, r.url, r.audience, r.source) for r in settings.registries] == [
        ("a", "https://a2", None, str(user)),
        ("b", "https://b", None, str(machine)),
        ("c", "https://c", None, str(user)),
    ]
    assert {r.identity for r in settings.registries} == {"file"}


def test_absent_files_are_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, no folder, or a file in a folder's place: nothing is configured."""
    (tmp_path / "plain").write_text("")
    for path in ("none/config.toml", "plain/config.toml"):
        monkeypatch.setattr(file, "paths", lambda env, path=path: (str(tmp_path / path),))
        assert load({}).registries == ()
    monkeypatch.undo()
    assert load({"HOME": os.devnull}).registries == ()


def test_a_file_that_can_not_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there and can't be read is named with the reason, and not skipped."""
    monkeypatch.setattr(file, "paths", lambda env: (str(tmp_path),))
    with pytest.raises(ConfigError) as caught:
        load({})
    assert caught.value.code == "config-unreadable"
    assert caught.value.what == f"{tmp_path} can't be read: it is a folder"


@pytest.mark.parametrize("reachable", [True, False])
def test_a_file_that_is_denied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reachable: bool
) -> None:
    """In somebody else's home, inherited with HOME, it isn't ours; in a reachable one it is."""
    path = tmp_path / ".config" / "gatepass" / "config.toml"

    def denied(name: str, limit: int) -> None:
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(file, "paths", lambda env: (str(path),))
    monkeypatch.setattr(file.files, "read", denied)
    monkeypatch.setattr(os, "access", lambda where, mode: reachable)
    if not reachable:
        assert load({}).registries == ()
        return
    with pytest.raises(ConfigError, match="Permission denied"):
        load({})


@pytest.mark.parametrize("text", ["a = ", "[a", "\ufeffversion = 1", "a = 1\na = 2", "x = \x00"])
def test_what_is_not_toml_is_an_error(tmp_path: Path, text: str) -> None:
    """A syntax error is an error with the parser's reason."""
    error = refused(tmp_path, text)
    assert error.code == "config-not-toml"
    assert error.why


@pytest.mark.parametrize("data", [b"version = 1\n# \xff\n", b"version = 1\n#" + b"x" * 1024 * 1024])
def test_neither_other_encodings_nor_large_files(tmp_path: Path, data: bytes) -> None:
    """A file that isn't UTF-8, or has more than 1 MiB, is not read."""
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load({"GATEPASS_CONFIG": str(path)})
    assert caught.value.code == "config-not-toml"


@pytest.mark.parametrize(
    "version", ["", "version = 2\n", 'version = "1"\n', "version = true\n", "version = 0\n"]
)
def test_the_version_is_one(tmp_path: Path, version: str) -> None:
    """A file without `version = 1` is refused before any other key is judged."""
    assert refused(tmp_path, "nonsense = 1", version).code == "config-version"


@pytest.mark.parametrize(
    ("text", "key", "guess"),
    [
        ("identitty = 'github'", "identitty", "'identity'"),
        ("store = { knd = 'off' }", "store.knd", "'kind'"),
        ("log = { levle = 'debug' }", "log.levle", "'level'"),
        ("[issuers.x]\njwk = 'a'", "issuers.x.jwk", "'jwks'"),
        (
            "[registries.p]\nurl = 'https://h'\naudiance = 'x'",
            "registries.p.audiance",
            "'audience'",
        ),
        ("[registry.p]\nurl = 'https://h'", "registry", "'registries'"),
        ("allow_http = true", "allow_http", "remove it; known here: version, identity"),
        ("zzz = 1", "zzz", "remove it; known here"),
    ],
)
def test_an_unknown_key_is_refused_with_a_suggestion(
    tmp_path: Path, text: str, key: str, guess: str
) -> None:
    """A key that means nothing is an error that names it, and the one that was meant."""
    error = refused(tmp_path, text)
    assert error.code == "unknown-setting"
    assert error.what.endswith(f": {key}")
    assert guess in error.do


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("login = { issuer = 'https://login.corp' }", "login-incomplete"),
        ("login = { client_id = 'gatepass' }", "login-incomplete"),
        ("login = { issuer = 'http://login.corp', client_id = 'g' }", "bad-login-issuer"),
        ("login = { issuer = 'login.corp', client_id = 'g' }", "bad-login-issuer"),
        ("login = { issuer = 'https://a@login.corp', client_id = 'g' }", "bad-login-issuer"),
        ("login = { isuer = 'https://login.corp', client_id = 'g' }", "unknown-setting"),
        *(
            (f"[registries.p]\nurl = 'https://h'\n{key} = {value}", "not-codeartifact")
            for key, value in [
                ("role_arn", "'arn:aws:iam::111122223333:role/team-read'"),
                ("profile", "'corp-sso'"),
                ("duration", "0"),
                ("domain", "'acme'"),
                ("owner", "'111122223333'"),
                ("region", "'eu-west-1'"),
            ]
        ),
    ],
)
def test_a_key_that_can_not_mean_anything_is_refused(tmp_path: Path, text: str, code: str) -> None:
    """Half a login, and AWS' settings for a registry that isn't AWS', are errors."""
    assert refused(tmp_path, text).code == code


@pytest.mark.parametrize(
    ("text", "key", "takes"),
    [
        ("identity = 1", "identity", "a text"),
        ("verify = true", "verify", "a text"),
        ("trusted_issuers = 'https://a'", "trusted_issuers", "a list of texts"),
        ("trusted_issuers = ['https://a', 1]", "trusted_issuers", "a list of texts"),
        ("store = 'off'", "store", "a table"),
        ("store = { kind = 1 }", "store.kind", "a text"),
        ("store = { dir = false }", "store.dir", "a text"),
        ("log = 'debug'", "log", "a table"),
        ("log = { level = 10 }", "log.level", "a text"),
        ("log = { file = [] }", "log.file", "a text"),
        ("issuers = ['x']", "issuers", "a table"),
        ("[issuers]\nx = 'y'", "issuers.x", "a table"),
        ("[issuers.x]\njwks = 1", "issuers.x.jwks", "a text"),
        ("[issuers.x]\nalgorithms = 'RS256'", "issuers.x.algorithms", "a list of texts"),
        ("registries = 1", "registries", "a table"),
        ("[registries]\np = 'https://h'", "registries.p", "a table"),
        ("[[registries]]\nurl = 'https://h'", "registries", "a table"),
        ("[registries.p]\nurl = 1", "registries.p.url", "a text"),
        ("[registries.p]\naudience = ['a']", "registries.p.audience", "a text"),
        ("[registries.p]\nclaims = 'a'", "registries.p.claims", "a table"),
        ("[registries.p]\nallow_http = 'true'", "registries.p.allow_http", "true or false"),
        ("[registries.p]\nallow_http = 1", "registries.p.allow_http", "true or false"),
    ],
)
def test_a_wrong_type_is_refused(tmp_path: Path, text: str, key: str, takes: str) -> None:
    """A value of the wrong type is an error that names the key and says what it takes."""
    error = refused(tmp_path, text)
    assert error.code == "wrong-type"
    assert error.what == f"{key} in {tmp_path / 'config.toml'} must be {takes}"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("verify = 'no'", "verify"),
        ("identity = 'gitbub'", "identity"),
        ("identity = ''", "identity"),
        ("store = { kind = 'disk' }", "store.kind"),
        ("log = { level = 'loud' }", "log.level"),
        ("log = { format = 'xml' }", "log.format"),
        ("[registries.p]\nurl = 'https://h'\nkind = 'pypi'", "registries.p.kind"),
        ("[registries.p]\nurl = 'https://h'\nidentity = 'me'", "registries.p.identity"),
    ],
)
def test_a_wrong_word_is_refused(tmp_path: Path, text: str, key: str) -> None:
    """A word outside its list is an error that names the key."""
    error = refused(tmp_path, text)
    assert error.code == "bad-value"
    assert error.what.startswith(f"{key} in {tmp_path / 'config.toml'} is ")
    assert error.do.startswith(f"set {key} in {tmp_path / 'config.toml'} to ")


def test_a_key_can_not_inject_lines(tmp_path: Path) -> None:
    """A key with line breaks and escapes in it is shown on one harmless line."""
    error = refused(tmp_path, '"a\\n::error::\\u001b[1m" = 1')
    assert len(error.what.splitlines()) == 1
    assert "\x1b" not in error.what
