"""The files that decide whose AWS keys botocore finds: where they are, what is told from them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatepass.identity import aws
from gatepass.realm import parse
from gatepass.settings import Registry, load

URL = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com/pypi/team/simple/"
NOWHERE = {"AWS_EC2_METADATA_DISABLED": "true"}


def registry() -> Registry:
    address = parse(URL)
    assert address is not None
    found = load({}).registry_for(address)
    assert found is not None
    return found


def whose(**env: str) -> str:
    who = aws.detect({"AWS_PROFILE": "p", **env}, registry())
    assert who is not None
    return who.fingerprint()


@pytest.fixture
def home() -> Path:
    """This process's own, where botocore looks."""
    return Path(os.environ["HOME"])


@pytest.mark.parametrize(
    "file",
    [
        ".aws/config",
        ".aws/credentials",
        ".aws/sso/cache/a.json",
        ".aws/login/cache/a.json",
        ".boto",
    ],
)
@pytest.mark.parametrize("is_said", [True, False])
def test_every_file_that_botocore_reads_counts(home: Path, file: str, is_said: bool) -> None:
    """New, changed and removed again; whether HOME was passed on or not."""
    env = {"HOME": str(home)} if is_said else {}
    path = home / file
    path.parent.mkdir(parents=True, exist_ok=True)
    before = whose(**env)
    path.write_bytes(b"\xff\xfe")
    first = whose(**env)
    path.write_bytes(b"\xfe\xff")
    assert len({before, first, whose(**env)}) == 3
    path.unlink()
    assert whose(**env) == before


@pytest.mark.parametrize("variable", ["BOTO_CONFIG", "AWS_CREDENTIAL_FILE", "AWS_CONFIG_FILE"])
def test_files_that_a_variable_names_count(tmp_path: Path, variable: str) -> None:
    """By their contents, too."""
    (tmp_path / "f").write_text("a")
    seen = [whose(), whose(**{variable: str(tmp_path / "f")})]
    (tmp_path / "f").write_text("b")
    assert len({*seen, whose(**{variable: str(tmp_path / "f")})}) == 3


def test_a_logins_cache_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_LOGIN_CACHE_DIRECTORY, in which botocore replaces variables."""
    monkeypatch.setenv("PLACE", str(tmp_path))
    env = {"AWS_LOGIN_CACHE_DIRECTORY": "$PLACE/logins"}
    before = whose(**env)
    (tmp_path / "logins").mkdir()
    (tmp_path / "logins" / "a.json").write_text("{}")
    assert whose(**env) != before


def test_a_cache_is_looked_at_within_bounds(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many files, so many bytes; other files than botocore's are none."""
    monkeypatch.setattr(aws, "_CACHED", 8)
    monkeypatch.setattr(aws, "_CACHED_FILES", 2)
    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    (cache / "a.json").write_text("12345678")
    (cache / "b.json").write_text("b")
    before = whose()
    (cache / "a.json").write_text("123456789")
    (cache / "c.json").write_text("c")
    (cache / "a.txt").write_text("a")
    assert whose() == before
    (cache / "b.json").write_text("B")
    assert whose() != before


def test_a_relative_home_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the current directory has makes nobody a candidate; a variable's own path may."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nsso_session = corp\n")
    assert aws.detect_configured({**NOWHERE, "HOME": "."}, registry()) is None
    named = {**NOWHERE, "AWS_CONFIG_FILE": os.path.join(".aws", "config")}
    assert aws.detect_configured(named, registry())


def test_without_the_variable_the_home_is_the_processs(home: Path) -> None:
    """As botocore has it."""
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text("[default]\nsso_session = corp\n")
    assert aws.detect_configured(NOWHERE, registry())
