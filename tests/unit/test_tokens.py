"""Reading tokens.toml: which entry counts, and which file is used at all."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from gatepass.errors import ConfigError
from gatepass.realm import Realm, realm_of
from gatepass.store import tokens
from gatepass.store.tokens import TokensFile

A = "https://ppm.example.com"


def jwt(**claims: object) -> str:
    """A token that says something of itself."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.sig"


def entry(address: str, token: str, auth_type: str = "sso", more: str = "") -> str:
    return (
        f'[[connections]]\naddress = "{address}"\ntoken = "{token}"\n'
        f'auth_type = "{auth_type}"\n{more}\n'
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the logins lie, in a folder that is there; no file yet."""
    folder = tmp_path / ".ppm"
    folder.mkdir(mode=0o700)
    return folder / "tokens.toml"


def write(file: Path, text: str | bytes, mode: int = 0o600) -> TokensFile:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    file.chmod(mode)
    return TokensFile(str(file))


def found(logins: TokensFile, url: str = A) -> str | None:
    secret = logins.get(realm_of(url))
    return secret.reveal() if secret else None


class TestPath:
    """Where the file is."""

    def test_below_the_home(self) -> None:
        """As with rspm, pak and posit-keyring."""
        assert tokens.path({"HOME": "/home/ada"}) == "/home/ada/.ppm/tokens.toml"

    def test_without_a_home_in_the_environment(self) -> None:
        """The system knows it too."""
        assert tokens.path({}) == os.path.expanduser("~/.ppm/tokens.toml")

    @pytest.mark.parametrize(
        ("said", "path"), [("/srv/t.toml", "/srv/t.toml"), ("~/t.toml", "/home/ada/t.toml")]
    )
    def test_where_the_variable_says(self, said: str, path: str) -> None:
        """pak's own variable, in which a tilde is the home."""
        env = {"HOME": "/home/ada", "PACKAGEMANAGER_SSO_TOKEN_FILE": said}
        assert tokens.path(env) == path

    def test_a_reference_that_nothing_replaced(self) -> None:
        """It names no file."""
        with pytest.raises(ConfigError, match="PACKAGEMANAGER_SSO_TOKEN_FILE starts with a"):
            tokens.path({"PACKAGEMANAGER_SSO_TOKEN_FILE": "$HOME/t.toml"})


class TestWhichEntry:
    """Addresses are compared as realms, never by their letters."""

    @pytest.mark.parametrize(
        "address", [A, A + "/", "HTTPS://PPM.example.com:443", "https://ppm.example.com."]
    )
    def test_every_spelling_is_found(self, file: Path, address: str) -> None:
        """Slash, port, case and trailing dot make no other server."""
        assert found(write(file, entry(address, "t"))) == "t"

    @pytest.mark.parametrize(
        "address",
        [
            "https://ppm.example.com.evil.test",
            "https://ppm.example.com/prefix",
            "https://ppm.example.com:8443",
            "http://ppm.example.com",
            "https://ada@ppm.example.com",
            "ppm.example.com",
            "",
        ],
    )
    def test_another_realm_is_another(self, file: Path, address: str) -> None:
        """Host, port, scheme and prefix are compared whole; what can't be read is nobody's."""
        assert found(write(file, entry(address, "t"))) is None

    def test_a_prefix_is_part_of_it(self, file: Path) -> None:
        """Two servers on one host have two logins."""
        logins = write(file, entry(A + "/a", "one") + entry(A + "/b/", "two") + entry(A, "root"))
        assert [found(logins, A + p) for p in ("/a", "/b", "", "/c")] == [
            "one",
            "two",
            "root",
            None,
        ]

    def test_the_longest_life_wins(self, file: Path) -> None:
        """Two programs with two spellings replace their own entries: order says nothing."""
        old, new = jwt(exp=1000), jwt(exp=2000)
        for first, second in ((old, new), (new, old)):
            assert found(write(file, entry(A, first) + entry(A + "/", second))) == new

    def test_a_token_without_an_end_never_ends(self, file: Path) -> None:
        """Package Manager's API tokens may have no exp; nor does what is no JWT say one."""
        for token in (jwt(sub="x"), "opaque", jwt(exp="soon")):
            assert found(write(file, entry(A, token) + entry(A + "/", jwt(exp=9**9)))) == token

    def test_a_login_outranks_what_is_none(self, file: Path) -> None:
        """... however long the other lives: a new login replaces logins only."""
        text = entry(A, "for-ever", "classic") + entry(A + "/", jwt(exp=1))
        assert found(write(file, text)) == jwt(exp=1)
        assert found(write(file, entry(A, "for-ever", "classic"))) == "for-ever"

    @pytest.mark.parametrize(
        "token",
        ['""', '"  "', "7", '"a b"', '"a\\nb"', '"a\\u0000"', '"ä"', "[]"],
        ids=["empty", "blank", "number", "space", "line", "nul", "umlaut", "list"],
    )
    def test_what_could_not_be_sent_is_no_token(self, file: Path, token: str) -> None:
        """... and does not hide the usable one."""
        text = f'[[connections]]\naddress = "{A}"\ntoken = {token}\nauth_type = "sso"\n'
        logins = write(file, text)
        assert (found(logins), logins.realms()) == (None, [])
        assert found(write(file, entry(A + "/", "good") + text)) == "good"

    def test_entries_that_lack_something(self, file: Path) -> None:
        """They are nobody's, and no error."""
        text = '[[connections]]\ntoken = "t"\n[[connections]]\naddress = 7\n' + entry(A, " t ")
        assert found(write(file, text)) == "t"

    def test_realms(self, file: Path) -> None:
        """Each once, with or without a living token, as they stand."""
        b = "https://b.example.com:444/x/"
        text = entry(A, jwt(exp=1)) + entry(b, "t") + entry(A + "/", "t") + entry("?", "t")
        assert write(file, text).realms() == [
            realm_of(A),
            Realm("https", "b.example.com", 444, "/x"),
        ]


class TestWhichFile:
    """Ours, a regular file, and written by nobody else."""

    def test_none_is_no_login_and_no_warning(
        self, file: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Neither is one that is empty, or has no connections."""
        assert found(TokensFile(str(file))) is None
        assert found(TokensFile(str(file.parent / "no" / "t.toml"))) is None
        for text in ("", "# mine\n", "x = 1\n", "connections = []\n"):
            assert found(write(file, text)) is None
        assert capfd.readouterr().err == ""

    @pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
    def test_others_can_write_it(
        self, file: Path, mode: int, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Then it may hold anybody's token, and is not used; the warning says what to do."""
        assert found(write(file, entry(A, "t"), mode)) is None
        assert "others can write it; look at what is in it, then chmod" in capfd.readouterr().err

    @pytest.mark.parametrize("mode", [0o640, 0o604])
    def test_others_can_read_it(
        self, file: Path, mode: int, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """It is used, with a warning: the programs that share it leave it so for a moment."""
        assert found(write(file, entry(A, "t"), mode)) == "t"
        assert capfd.readouterr().err.count(f"others can read the logins in {file}: chmod 600") == 1

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
    def test_it_is_somebody_elses(self, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
        """Their login is not ours: sudo pip in somebody's home."""
        logins = write(file, entry(A, "t"))
        os.chown(file, 12345, -1)
        assert found(logins) is None
        assert "belongs to somebody else" in capfd.readouterr().err

    @pytest.mark.parametrize("what", ["pipe", "folder", "device"])
    def test_it_is_no_file(self, file: Path, what: str, capfd: pytest.CaptureFixture[str]) -> None:
        """Nothing waits for the other end of a pipe."""
        if what == "pipe":
            os.mkfifo(file, 0o600)
        elif what == "folder":
            file.mkdir()
        else:
            file.symlink_to("/dev/null")
        assert found(TokensFile(str(file))) is None
        assert "are not used: " in capfd.readouterr().err

    @pytest.mark.parametrize("text", [b"[[", b"\xff", b"a = 1\na = 2\n", b"connections = 7\n",
        b"connections = [1]\n", b"[connections]\nx = 1\n", b"x = " + b"[" * 5000])  # fmt: skip
    def test_it_can_not_be_read(
        self, file: Path, text: bytes, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A warning and no login."""
        assert found(write(file, text)) is None
        assert f"the logins in {file} are not used: " in capfd.readouterr().err

    def test_it_is_huge(self, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
        """A part of it would be another file."""
        assert found(write(file, entry(A, "t") + "#" * 1024 * 1024)) is None
        assert "more than 1048576 bytes" in capfd.readouterr().err

    def test_a_relative_path(self, capfd: pytest.CaptureFixture[str]) -> None:
        """A checkout could hold it."""
        assert found(TokensFile("tokens.toml")) is None
        assert "it is no absolute path" in capfd.readouterr().err

    def test_a_byte_order_mark_and_windows_lines(self, file: Path) -> None:
        """An editor may have put them there."""
        text = b"\xef\xbb\xbf" + entry(A, "t").replace("\n", "\r\n").encode()
        assert found(write(file, text)) == "t"

    def test_inline_tables(self, file: Path) -> None:
        """The same data in TOML's other form."""
        assert found(write(file, f'connections = [{{address = "{A}", token = "t"}}]\n')) == "t"

    def test_half_of_it_is_given_a_moment(
        self, file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """The other programs empty the file and then fill it."""
        for half in ("", '[[connections]]\naddress = "'):
            logins = write(file, half)
            monkeypatch.setattr(
                "gatepass.store.tokens.time.sleep", lambda _: write(file, entry(A, "t")) and None
            )
            assert found(logins) == "t"
        assert capfd.readouterr().err == ""
