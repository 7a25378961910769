"""tokens.toml between us and posit-keyring 0.3.2: what one writes, the other reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clients import provision
from gatepass.realm import realm_of
from gatepass.secret import Secret
from gatepass.store.tokens import TokensFile
from support import run

pytestmark = pytest.mark.real

A, B = "https://ppm.example.com", "https://b.example.com/x"

FIND = """
import json, sys
from posit_keyring.token_file import TokenFileData
print(json.dumps([TokenFileData().find_connection(address) for address in sys.argv[1:]]))
"""
WRITE = """
import sys
from posit_keyring.token_file import write_token_to_file
write_token_to_file(sys.argv[1], sys.argv[2], "sso")
"""


@pytest.fixture
def env(base_env: dict[str, str]) -> dict[str, str]:
    """A home, and posit-keyring to be run in it."""
    python = provision.program("posit-keyring", "python")
    assert python.exists(), "no posit-keyring: `make test-real` builds its environment"
    return base_env


@pytest.fixture
def logins(env: dict[str, str]) -> TokensFile:
    return TokensFile(str(Path(env["HOME"]) / ".ppm" / "tokens.toml"))


def theirs(env: dict[str, str], code: str, *words: str) -> tuple[str, str]:
    """What their code prints, on both streams."""
    done = run([provision.program("posit-keyring", "python"), "-c", code, *words], env)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def find(env: dict[str, str], *addresses: str) -> list[str | None]:
    """What they find for each address; they say nothing where they can read the file."""
    out, err = theirs(env, FIND, *addresses)
    assert err == ""
    return list(json.loads(out))


def test_they_read_what_we_wrote(env: dict[str, str], logins: TokensFile) -> None:
    """A new file, a second login, a renewed one, and one less."""
    for address, token in ((A, "old"), (B, "b"), (A, "a" * 3000)):
        assert logins.put(address, Secret(token))
    assert find(env, A, B, "https://c.example.com") == ["a" * 3000, "b", None]
    assert logins.remove(realm_of(A))
    assert find(env, A, B) == [None, "b"]
    assert logins.remove(realm_of(B))
    assert find(env, A, B) == [None, None]


def test_we_read_what_they_wrote(env: dict[str, str], logins: TokensFile) -> None:
    """Their login is ours, in their spelling of the address too."""
    theirs(env, WRITE, A + "/", "theirs")
    theirs(env, WRITE, B, "b")
    assert logins.realms() == [realm_of(A), realm_of(B)]
    assert logins.get(realm_of(A)) == Secret("theirs")
    assert logins.get(realm_of(B)) == Secret("b")


def test_by_turns(env: dict[str, str], logins: TokensFile) -> None:
    """Each replaces the other's login in place: one entry, and the last token for both."""
    theirs(env, WRITE, B, "b")
    for turn in range(2):
        assert logins.put(A, Secret(f"ours-{turn}"))
        assert find(env, A, B) == [f"ours-{turn}", "b"]
        theirs(env, WRITE, A, f"theirs-{turn}")
        assert logins.get(realm_of(A)) == Secret(f"theirs-{turn}")
        assert logins.get(realm_of(B)) == Secret("b")
    assert Path(logins.path).read_text().count("[[connections]]") == 2


def test_after_they_forgot_all(env: dict[str, str], logins: TokensFile) -> None:
    """What they write when they have no entry is `connections = []`: there is place in it."""
    code = "import pathlib, toml; toml.dump({'connections': []}, open(sys.argv[1], 'w'))"
    Path(logins.path).parent.mkdir(mode=0o700)
    theirs(env, "import sys;" + code, logins.path)
    assert Path(logins.path).read_text() == "connections = []\n"
    assert logins.put(A, Secret("a"))
    assert find(env, A) == ["a"]


def test_we_keep_what_they_would_drop(env: dict[str, str], logins: TokensFile) -> None:
    """rspm's further key: they can't read the file any more, and their next write loses all
    other entries. Ours doesn't; and nothing of ours ever makes them do it."""
    snowflake = f'[[connections]]\naddress = "{B}"\ntoken = "b"\nauth_type = "sso"\n'
    snowflake += 'snowflake_connection = "wh"\n'
    file = Path(logins.path)
    file.parent.mkdir(mode=0o700)
    file.write_text(snowflake)
    file.chmod(0o600)
    assert logins.put(A, Secret("a"))
    assert file.read_text().startswith(snowflake)
    assert "it will be overwritten" in theirs(env, FIND, A)[1]
    assert logins.remove(realm_of(B))
    assert find(env, A) == ["a"]
