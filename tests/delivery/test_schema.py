"""docs/config.schema.json: editors and gatepass read a config.toml alike, key by key."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from delivery.pages import DOCS, blocks
from gatepass.errors import ConfigError
from gatepass.settings import _CHOICES, file, load
from gatepass.settings.registries import _KINDS, _OF_AWS
from gatepass.settings.values import IDENTITIES
from gatepass.trust import jws

SCHEMA: dict[str, Any] = json.loads((DOCS / "config.schema.json").read_text(encoding="utf-8"))
TOP = SCHEMA["properties"]
REGISTRY = TOP["registries"]["additionalProperties"]
TYPES = {str: "string", int: "integer", bool: "boolean", list: "array", dict: "object"}
TABLES = [
    pytest.param(file._TOP, SCHEMA, id="top"),
    pytest.param(file._STORE, TOP["store"], id="store"),
    pytest.param(file._LOGIN, TOP["login"], id="login"),
    pytest.param(file._LOG, TOP["log"], id="log"),
    pytest.param(file._ISSUER, TOP["issuers"]["additionalProperties"], id="issuers"),
    pytest.param(file._REGISTRY, REGISTRY, id="registries"),
]
AWS = "acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
PPM = '[registries.a]\nurl = "https://ppm.example.com"\n'
TEAM = f'[registries.a]\nurl = "https://{AWS}"\n'
MIRROR = (
    '[registries.a]\nurl = "https://pypi.corp.example"\nkind = "codeartifact"\n'
    'domain = "acme"\nowner = "111122223333"\nregion = "eu-west-1"\n'
)


def schema_takes(text: str) -> bool:
    """Whether an editor would find nothing."""
    return Draft202012Validator(SCHEMA).is_valid(tomllib.loads(text))


def parser_takes(text: str, folder: Path) -> bool:
    """Whether gatepass reads it."""
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    try:
        load({"GATEPASS_CONFIG": str(path)})
    except ConfigError:
        return False
    return True


def test_the_schema_is_one() -> None:
    """By the rules of JSON Schema itself."""
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("table", "schema"), TABLES)
def test_the_parsers_keys_are_the_schemas(table: dict[str, type], schema: dict[str, Any]) -> None:
    """Each key with its type and a description, no other, and no unknown one allowed."""
    assert {key: TYPES[kind] for key, kind in table.items()} == {
        key: entry["type"] for key, entry in schema["properties"].items()
    }
    assert schema["additionalProperties"] is False
    for key, entry in schema["properties"].items():
        assert entry["description"].endswith("."), key


def test_the_words_that_may_be_chosen_are_the_parsers() -> None:
    """Of every key that takes one of a few words."""
    assert TOP["verify"]["enum"] == list(_CHOICES["verify"])
    assert TOP["store"]["properties"]["kind"]["enum"] == list(_CHOICES["kind"])
    for key in ("level", "format"):
        assert TOP["log"]["properties"][key]["enum"] == list(_CHOICES[key])
    for entry in (TOP["identity"], REGISTRY["properties"]["identity"]):
        assert entry["enum"] == ["auto", *IDENTITIES]
    assert REGISTRY["properties"]["kind"]["enum"] == list(_KINDS)
    algorithms = TOP["issuers"]["additionalProperties"]["properties"]["algorithms"]
    assert set(algorithms["items"]["enum"]) == set(jws.ALGORITHMS)


def test_what_is_for_codeartifact_is_refused_elsewhere() -> None:
    """In the schema's conditions, the same keys as in the parser."""
    for condition in (REGISTRY["allOf"][0], REGISTRY["allOf"][2]):
        assert condition["then"]["properties"] == dict.fromkeys(_OF_AWS, False)


@pytest.mark.parametrize("text", [b for b in blocks("toml") if "version = 1" in b.values[0]])
def test_examples_of_the_docs_are_valid(text: str) -> None:
    """What a reader copies shows no error in the editor."""
    Draft202012Validator(SCHEMA).validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        'identity = "gitlab"\nverify = "off"\ntrusted_issuers = []',
        'store = { kind = "system", dir = "/x" }\nlog = { file = "/var/log/gatepass" }',
        'login = { issuer = "https://login.corp.example/tenant", client_id = "g" }',
        'login = { issuer = "http://127.0.0.1:8080", client_id = "g" }',
        '[issuers."https://i"]\njwks = "https://i/keys"\nalgorithms = ["EdDSA", "PS512"]',
        '[issuers."https://i"]\njwks = ""',
        PPM,
        PPM + 'claims = { sub = "x", ref = { match = "refs/.*" } }\nindex = "pypi/latest"',
        PPM + 'identity = "auto"\naudience = ""',
        '[registries.a-b_C9]\nurl = "http://lab.corp.example:8080/x/"\nallow_http = true',
        '[registries.profile]\nurl = "https://files.example"',
        TEAM + 'role_arn = "arn"\nprofile = "p"\nduration = 0',
        TEAM + 'kind = "codeartifact"\nduration = 900',
        TEAM + "duration = 43200",
        MIRROR,
        MIRROR + 'role_arn = "arn"',
    ],
)
def test_both_take(text: str, tmp_path: Path) -> None:
    """What is right, for the editor and for gatepass."""
    text = f"version = 1\n{text}"
    assert parser_takes(text, tmp_path)
    assert schema_takes(text)


@pytest.mark.parametrize(
    "text",
    [
        'identiy = "file"',
        'identity = "jenkins"',
        'verify = "on"',
        "verify = false",
        'trusted_issuers = "https://i"',
        "trusted_issuers = [1]",
        'store = "off"',
        'store = { kind = "memory" }',
        'store = { directory = "/x" }',
        'log = { level = "loud" }',
        'log = { format = "yaml" }',
        'login = { issuer = "login.corp.example", client_id = "g" }',
        'login = { client = "g" }',
        '[issuers."https://i"]\njwks = "keys.json"',
        '[issuers."https://i"]\njwks = "http://i/keys"',
        '[issuers."https://i"]\nalgorithms = "RS256"',
        '[issuers."https://i"]\nkeys = "/x"',
        "[issuers]\nx = 1",
        "[registries]\na = 'https://ppm.example.com'",
        "[registries.a]",
        '[registries.file]\nurl = "https://ppm.example.com"',
        '[registries."a b"]\nurl = "https://ppm.example.com"',
        '[registries.""]\nurl = "https://ppm.example.com"',
        '[registries.a]\nurl = "ppm.example.com"',
        '[registries.a]\nurl = "ftp://ppm.example.com"',
        '[registries.a]\nurl = "https://u:p@ppm.example.com"',
        '[registries.a]\nurl = "https://ppm.example.com?x=1"',
        PPM + 'kind = "nexus"',
        PPM + 'identity = "jenkins"',
        PPM + 'token = "secret"',
        PPM + 'allow_http = "yes"',
        PPM + "claims = { sub = 1 }",
        PPM + 'claims = { sub = { matches = "x" } }',
        PPM + 'claims = { sub = { match = "x", also = "y" } }',
        PPM + 'role_arn = "arn"',
        PPM + 'kind = "packagemanager"\nduration = 0',
        PPM + 'kind = "codeartifact"',
        TEAM + "duration = 899",
        TEAM + "duration = 43201",
        TEAM + "duration = 0.5",
        TEAM + "duration = true",
        MIRROR.replace('owner = "111122223333"', 'owner = "1"'),
        MIRROR.replace('owner = "111122223333"\n', ""),
        MIRROR.replace('"acme"', '"Acme"'),
        MIRROR.replace('"eu-west-1"', '"europe"'),
    ],
)
def test_both_refuse(text: str, tmp_path: Path) -> None:
    """What is wrong, for the editor and for gatepass."""
    text = f"version = 1\n{text}"
    assert not parser_takes(text, tmp_path)
    assert not schema_takes(text)


@pytest.mark.parametrize("first", ["", "version = 2", "version = '1'", "version = true"])
def test_both_want_the_version(first: str, tmp_path: Path) -> None:
    """It is always there, and 1."""
    assert not parser_takes(f"{first}\n{PPM}", tmp_path)
    assert not schema_takes(f"{first}\n{PPM}")
