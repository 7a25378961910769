"""Writing tokens.toml: what is ours is changed, and all the rest stays as it was."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from gatepass.realm import realm_of
from gatepass.secret import Secret
from gatepass.store import connections
from gatepass.store.tokens import TokensFile

A, B = "https://ppm.example.com", "https://b.example.com/x"
NEW = f'[[connections]]\naddress = "{A}"\ntoken = "new"\nauth_type = "sso"\n'

OTHERS = """\
# Written by hand.
version = 2

[[connections]]
  address = "https://b.example.com/x/"   # at work
  token = 'b'
  auth_type = "classic"
  snowflake_connection = "wh"
  [connections.extra]
  list = [ 1,
           2 ]

# The one of the lab:
[[connections]]
address = 'http://lab.example.com'
token = "lab"

[settings]
when = 1979-05-27T07:32:00Z # a date
"""

TABLES = OTHERS[OTHERS.index("[[connections]]") :]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the logins lie: below a home that has no folder for them."""
    return tmp_path / ".ppm" / "tokens.toml"


def having(file: Path, text: str) -> TokensFile:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text(text, newline="")
    file.chmod(0o600)
    return TokensFile(str(file))


def put(file: Path, word: str = "new", address: str = A) -> bool:
    return TokensFile(str(file)).put(address, Secret(word))


def entries(file: Path) -> list[dict[str, object]]:
    return list(tomllib.loads(file.read_text())["connections"])


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


class TestPut:
    """A login is kept."""

    @pytest.mark.parametrize("umask", [0, 0o022, 0o077])
    def test_the_first(self, file: Path, umask: int) -> None:
        """The folder is made 0700 and the file 0600, whatever the umask; exactly three keys."""
        before = os.umask(umask)
        try:
            assert put(file)
        finally:
            os.umask(before)
        assert file.read_text() == NEW
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert sorted(path.name for path in file.parent.iterdir()) == [
            ".tokens.toml.lock",
            "tokens.toml",
        ]
        assert (file.parent / ".tokens.toml.lock").stat().st_mode & 0o777 == 0o600

    def test_the_second_of_one_server_replaces_it(self, file: Path) -> None:
        """The file does not grow."""
        assert put(file, "old")
        assert put(file)
        assert file.read_text().rstrip() == NEW.rstrip()

    def test_all_else_is_kept(self, file: Path) -> None:
        """Other entries, unknown keys, tables, dates, comments, indents: every single line."""
        logins = having(file, OTHERS)
        assert put(file)
        after = lines(file.read_text())
        assert [line for line in after if line not in lines(NEW)] == [
            line for line in lines(OTHERS) if line not in lines(NEW)
        ]
        assert len(after) == len(lines(OTHERS)) + 4
        assert logins.get(realm_of(A)) == Secret("new")
        assert logins.get(realm_of(B)) == Secret("b")

    def test_an_entry_in_place_keeps_its_own_keys(self, file: Path) -> None:
        """Only token and auth_type are changed, where they stand; comments beside them stay."""
        text = f'[[connections]]\ntoken = "old" # t\nwhat = 1\naddress = "{A}" # a\n' + TABLES
        having(file, text)
        assert put(file)
        expected = text.replace('"old"', '"new"').replace("# a\n", '# a\nauth_type = "sso"\n')
        assert lines(file.read_text()) == lines(expected)

    def test_every_spelling_of_a_login_gets_it(self, file: Path) -> None:
        """A program that was configured with a slash at the end finds the new login too."""
        having(file, NEW.replace(A, A + "/").replace("new", "old"))
        assert put(file)
        assert [(e["address"], e["token"]) for e in entries(file)] == [(A + "/", "new"), (A, "new")]

    def test_the_address_is_written_as_configured(self, file: Path) -> None:
        """The others compare it letter for letter."""
        assert put(file, address="HTTPS://PPM.Example.com:443/")
        assert entries(file)[0]["address"] == "HTTPS://PPM.Example.com:443/"

    def test_what_is_no_login_stays(self, file: Path) -> None:
        """... unless it has exactly our address: then the others would never see ours."""
        other = f'[[connections]]\naddress = "{A}/"\ntoken = "api"\nauth_type = "classic"\n'
        having(file, other)
        assert put(file)
        assert [e["token"] for e in entries(file)] == ["api", "new"]
        having(file, other.replace(A + "/", A))
        assert put(file)
        assert entries(file) == [{"address": A, "token": "new", "auth_type": "sso"}]

    def test_the_same_again_writes_nothing(self, file: Path) -> None:
        """And is kept, as was asked."""
        assert put(file)
        before = file.stat().st_ino
        assert put(file)
        assert file.stat().st_ino == before

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "# mine",
            "connections = []\n",
            "connections = []\nx = 1\n[other]\ny = 1\n",
            'connections = [{address = "https://b.example.com", token = "b"}]\nx = 1\n',
            'connections = [ # c\n  {address = "https://b.example.com", token = "b"},\n]\n[t]\n',
            '[[connections]]\r\naddress = "https://b.example.com"\r\ntoken = "b"\r\n',
            '[[connections]]\naddress = "https://b.example.com"\ntoken = "b"',
            "[[connections]]\na = 1\n[t]\nx = 1\n[[connections]]\nb = 1\n",
            '[a]\nx."y z".w = """\n[[connections]]\n"""\n[[a.b]]\n[[a.b]]\n',
        ],
    )
    def test_any_form_of_the_file(self, file: Path, text: str) -> None:
        """What was there means what it meant, and ours is the last entry; removed, it is as
        before."""
        logins = having(file, text)
        before = tomllib.loads(text)
        assert put(file)
        after = tomllib.loads(file.read_text())
        ours = {"address": A, "token": "new", "auth_type": "sso"}
        assert after.pop("connections") == [*before.get("connections", []), ours]
        assert after == {key: before[key] for key in before if key != "connections"}
        assert logins.remove(realm_of(A))
        assert connections.read(file.read_text()) == {k: v for k, v in before.items() if v != []}

    def test_a_file_that_others_could_read_is_private_afterwards(self, file: Path) -> None:
        """Our write mends it."""
        having(file, OTHERS)
        file.chmod(0o644)
        assert put(file)
        assert file.stat().st_mode & 0o777 == 0o600


class TestRemove:
    """A login is forgotten."""

    def test_every_entry_of_the_realm(self, file: Path) -> None:
        """Whatever its spelling and kind; of the rest nothing is lost, comments least of all."""
        gone = f'[[connections]]\naddress = "{A}/"\ntoken = "api"\nauth_type = "classic"\n'
        logins = having(file, NEW + "\n" + TABLES.replace("# The one", gone + "# The one"))
        assert logins.remove(realm_of(A))
        assert logins.get(realm_of(A)) is None
        assert lines(file.read_text()) == lines(TABLES)

    @pytest.mark.parametrize("place", ["first", "middle", "last", "only"])
    def test_comments_below_it_stay(self, file: Path, place: str) -> None:
        """They speak of what follows: the next entry, the next table."""
        other = '[[connections]]\naddress = "https://{}.example.com"\n'
        above = other.format("b") if place in ("middle", "last") else ""
        below = "\n# of c\n" + other.format("c") if place in ("first", "middle") else "\n"
        rest = "# of t\n[t]\nx = 1\n"
        logins = having(file, f"# top\n{above}{NEW}# below\n{below}{rest}")
        assert logins.remove(realm_of(A))
        wanted = lines(f"# top\n{above}# below\n{below}{rest}")
        assert sorted(lines(file.read_text())) == sorted(wanted)
        if place != "only":
            assert lines(file.read_text()) == wanted

    def test_nothing_to_remove(self, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
        """No file, no such entry: False, no warning, and nothing is made or written."""
        assert not TokensFile(str(file)).remove(realm_of(A))
        assert not file.parent.exists()
        logins = having(file, OTHERS)
        before = file.stat().st_ino
        assert not logins.remove(realm_of(A))
        assert (file.read_text(), file.stat().st_ino) == (OTHERS, before)
        assert capfd.readouterr().err == ""
