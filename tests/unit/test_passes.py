"""The passes of `gatepass exec`: found by realm or domain, and nowhere else where they are set."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

import passes as given
from gatepass import credential_for, realm
from gatepass.answer import Failed, answer
from gatepass.credential import Credential
from gatepass.errors import ConfigError, GatepassError, IdentityError
from gatepass.resolve import credential_at
from gatepass.settings import load
from gatepass.store import passes
from gatepass.store.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A pass for https://ppm.example.com, and one for a domain of CodeArtifact."""
    aws = given.registry(given.AWS, "team")
    return given.folder_with(
        tmp_path / "pass",
        (given.registry(), given.credential()),
        (aws, given.credential("made-up.aws", user="aws")),
    )


def find(folder: Folder, url: str) -> passes.Pass | None:
    address = realm.parse(url)
    assert address is not None
    return passes.find(folder, address)


def asked(folder: Folder, url: str, user: str | None = None, **env: str) -> Credential | None:
    return credential_for(url, user, env={"GATEPASS_PASS": folder.path, **env})


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        (given.PPM, given.SECRET),
        (given.PPM + "/internal/latest/simple/", given.SECRET),
        ("https://__token__@ppm.example.com:443/x", given.SECRET),
        (given.AWS + "/pypi/private/simple/", "made-up.aws"),
        (given.DUAL + "/pypi/private/simple/", "made-up.aws"),
        ("https://ppm.example.com.evil.test/", None),
        ("http://ppm.example.com/", None),
        ("ppm.example.com", None),
        ("https://ppm.example.com:444/", None),
        ("https://acme-999922223333.d.codeartifact.eu-west-1.amazonaws.com/", None),
        ("https://acme-111122223333.d.codeartifact.us-east-1.amazonaws.com/", None),
        ("https://pypi.org/simple/", None),
    ],
)
def test_a_pass_is_found_by_realm_or_domain(folder: Folder, url: str, secret: str | None) -> None:
    """Scheme, host and port are compared whole; a domain has several hosts."""
    found = find(folder, url)
    assert (found.credential.secret.reveal() if found else None) == secret


def test_the_longest_prefix_wins(tmp_path: Path) -> None:
    """Of two registries on one host the one that lies deeper."""
    held = [
        (given.registry(f"https://h.example{path}", name), given.credential(f"secret-{name}"))
        for path, name in (("", "top"), ("/a", "deep"))
    ]
    folder = given.folder_with(tmp_path / "pass", *held)
    for url, name in (("https://h.example/b", "top"), ("https://h.example/a/simple", "deep")):
        found = find(folder, url)
        assert found is not None
        assert found.name == name


def test_what_is_written_is_what_is_read(folder: Folder) -> None:
    """Every field comes back; the files are for their owner alone."""
    before = given.credential("made-up.none", life=None)
    passes.write(folder, given.registry(), before)
    found = find(folder, given.PPM)
    assert found is not None
    assert found == ("prod", "packagemanager", given.registry().realm, None, before)
    for name in folder.names():
        assert stat.S_IMODE(os.stat(os.path.join(folder.path, name)).st_mode) == 0o600
    assert [one.name for one in passes.passes(folder)] == ["prod", "team"]


@pytest.mark.parametrize(
    ("url", "user", "got"),
    [
        (given.PPM, None, "__token__"),
        (given.PPM, "", "__token__"),
        (given.PPM, "alice", None),
        (given.AWS, None, "aws"),
        (given.AWS, "bob", "bob"),
    ],
)
def test_user_names_are_as_without_a_pass(
    folder: Folder, url: str, user: str | None, got: str | None
) -> None:
    """Package Manager's tokens have one name; CodeArtifact echoes the one that it was asked for."""
    found = asked(folder, url, user)
    assert (found.username if found else None) == got


def test_nothing_else_is_read_for_a_pass(folder: Folder) -> None:
    """No settings, no identity: broken ones don't matter to what is there."""
    broken = {"GATEPASS_CONFIG": "/no/such", "GATEPASS_REGISTRIES": "x", "GATEPASS_ID_TOKEN": "$X"}
    found = asked(folder, given.PPM, **broken)
    assert found is not None
    assert found.secret.reveal() == given.SECRET


def test_a_registry_without_a_pass_is_an_error(folder: Folder) -> None:
    """It is ours, and an identity that is there is not asked: never a way around."""
    env = {"GATEPASS_REGISTRIES": "lab=https://lab.example", "PACKAGEMANAGER_TOKEN": "tok"}
    env["PACKAGEMANAGER_ADDRESS"] = "https://other.example"
    for url in (
        "https://lab.example/x",
        "https://other.example/",
        given.DUAL.replace("acme", "beta"),
    ):
        with pytest.raises(IdentityError, match="no-pass"):
            asked(folder, url, **env)
    assert asked(folder, "https://pypi.org/simple/", **env) is None
    assert asked(folder, "not an address", **env) is None


def test_plain_http_that_nobody_allowed_is_the_same_error_as_outside(folder: Folder) -> None:
    """Of Package Manager too: not that a pass is missing, which would help nobody."""
    env = {"GATEPASS_REGISTRIES": "lab=http://lab.example"}
    for url in ("http://lab.example/x", "https://lab.example/", "lab.example:80"):
        with pytest.raises(ConfigError, match="insecure-address"):
            asked(folder, url, **env)


def test_plain_http_that_is_allowed_has_its_own_pass_alone(tmp_path: Path) -> None:
    """At the very address that was allowed, and not at the domain's others."""
    clear = given.AWS.replace("https://", "http://")
    config = tmp_path / "config.toml"
    config.write_text(f'version = 1\n[registries.team]\nurl = "{clear}"\nallow_http = true\n')
    team = load({"GATEPASS_CONFIG": str(config)}).named("team")
    assert team is not None
    folder = given.folder_with(tmp_path / "pass", (team, given.credential(user="aws")))
    for url in (clear, given.AWS, given.DUAL):
        assert find(folder, url) is not None
    assert find(folder, given.DUAL.replace("https://", "http://")) is None


def test_a_registry_is_found_by_its_settings_too(folder: Folder) -> None:
    """As `gatepass get NAME` asks."""
    env = {"GATEPASS_PASS": folder.path, "GATEPASS_REGISTRIES": f"prod={given.PPM}"}
    settings = load(env)
    found = credential_at(settings.registries[0], settings, env)
    assert found is not None
    assert found.secret.reveal() == given.SECRET


def test_a_pass_that_ended_is_an_error(tmp_path: Path) -> None:
    """It is not handed out, and nothing is tried instead."""
    old = given.credential()._replace(obtained_at=10.0, expires_at=20.0)
    folder = given.folder_with(tmp_path / "pass", (given.registry(), old))
    with pytest.raises(IdentityError, match="pass-ended"):
        asked(folder, given.PPM)


def test_little_life_left_is_enough(tmp_path: Path) -> None:
    """A store would not hand it out any more; here is nobody who could make another."""
    folder = given.folder_with(
        tmp_path / "pass", (given.registry(), given.credential(life=3600)._replace(obtained_at=1.0))
    )
    assert asked(folder, given.PPM) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"kind": "other"},
        {"kind": "codeartifact"},
        {"realm": ["https", "ppm.example.com", 443]},
        {"realm": ["ftp", "ppm.example.com", 443, ""]},
        {"realm": ["https", "PPM.example.com", 443, ""]},
        {"realm": ["https", "ppm.example.com@evil.test", 443, ""]},
        {"realm": [["https"], "ppm.example.com", 443, ""]},
        {"realm": ["https", "ppm.example.com", 443, "/a/../b"]},
        {"aws": ["acme", "111122223333", "eu-west-1"]},
        {"secret": "two\nlines"},
        {"secret": "a b"},
        {"secret": ""},
        {"secret": "x" * 8193},
        {"username": "a\tb"},
        {"expires_at": 5},
        {"expires_at": "soon"},
        {"expires_at": float("nan")},
        {"obtained_at": None},
    ],
    ids=str,
)
def test_a_changed_pass_is_refused(folder: Folder, change: dict[str, object]) -> None:
    """Whatever `gatepass exec` could not have written: none of it is used."""
    file = Path(folder.path) / "prod.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ConfigError) as caught:
        asked(folder, given.PPM)
    assert caught.value.code == "pass-broken"
    assert given.SECRET not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"format": 1}', "[" * 100_000])
def test_a_file_that_is_no_pass_is_refused(folder: Folder, text: str) -> None:
    """Half a file, another kind of file: an error, never a pass that is passed over."""
    (Path(folder.path) / "prod.json").write_text(text)
    with pytest.raises(ConfigError, match="pass-broken"):
        asked(folder, given.AWS)


def test_a_domain_with_broken_parts_is_refused(folder: Folder) -> None:
    """Its three parts are what AWS could have."""
    file = Path(folder.path) / "team.json"
    record = json.loads(file.read_text())
    for wrong in (["acme", "1", "eu-west-1"], ["acme"], ["ACME", "111122223333", "eu-west-1"]):
        file.write_text(json.dumps({**record, "aws": wrong}))
        with pytest.raises(ConfigError, match="pass-broken"):
            asked(folder, given.AWS)


def test_files_that_are_being_written_are_passed_over(folder: Folder) -> None:
    """The parent replaces a pass while clients read."""
    (Path(folder.path) / ".new-prod.json-x").write_text("{")
    (Path(folder.path) / ".half.json").write_text("{")
    assert asked(folder, given.PPM) is not None


def refusal(path: str) -> GatepassError:
    with pytest.raises(ConfigError) as caught:
        credential_for(given.PPM, env={"GATEPASS_PASS": path, "PACKAGEMANAGER_ADDRESS": given.PPM})
    assert caught.value.code == "pass-folder"
    return caught.value


def test_the_folder_must_be_there(tmp_path: Path) -> None:
    """Gone, relative, or no folder at all: an error, and no other way is tried."""
    assert "no absolute path" in refusal("pass").what
    assert "there is none" in refusal(str(tmp_path / "gone")).what
    (tmp_path / "file").write_text("")
    assert "no folder" in refusal(str(tmp_path / "file")).what


def test_a_reference_that_nobody_replaced_is_told() -> None:
    """As for every variable of ours."""
    with pytest.raises(ConfigError, match="unexpanded-variable"):
        credential_for(given.PPM, env={"GATEPASS_PASS": "$PASS"})


def test_the_keyring_face_uses_the_pass(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """User and password; an error is told, and foreign services get no answer."""
    monkeypatch.setenv("GATEPASS_PASS", folder.path)
    assert answer(given.PPM, None) == ("__token__", given.SECRET)
    assert answer("https://pypi.org/simple/", None) is None
    monkeypatch.setenv("PACKAGEMANAGER_ADDRESS", "https://other.example")
    with pytest.raises(Failed):
        answer("https://other.example/simple/", None)
    assert "error[no-pass]" in capsys.readouterr().err
