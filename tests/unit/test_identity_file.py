"""A token in a file or a variable: which one counts, and every way in which it can be broken."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatepass.errors import IdentityError
from gatepass.identity import choose, file
from gatepass.identity.base import Unable
from gatepass.identity.file import LARGEST, TokenFile
from gatepass.settings import Registry, load
from gatepass.transport import Deadline, Transport

DROP_IN = "PACKAGEMANAGER_IDENTITY_TOKEN_FILE"
ADDRESS = {"PACKAGEMANAGER_ADDRESS": "https://ppm.example.com"}


def registry(**env: str) -> Registry:
    """The one registry of these variables; at PACKAGEMANAGER_ADDRESS unless they say otherwise."""
    (found,) = load(env or ADDRESS).registries
    return found


def detected(**env: str) -> TokenFile:
    found = file.detect(env, registry())
    assert isinstance(found, TokenFile)
    return found


def token_of(identity: TokenFile) -> str:
    """What it would present; no request is made for it."""
    return identity.subject_token("any", Transport(), Deadline(0)).reveal()


@contextmanager
def unprivileged() -> Iterator[None]:
    """Run as nobody where we are root, since root reads files of mode 000."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_the_order_of_the_variables(tmp_path: Path) -> None:
    """The registry's own variable, the replaced tool's file, the plain variable, and our file."""
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_text("from-file")
    other.write_text("from-our-file")
    env = {
        "GATEPASS_ID_TOKEN_PACKAGEMANAGER": "by-name",
        DROP_IN: str(path),
        "GATEPASS_ID_TOKEN": "plain",
        "GATEPASS_ID_TOKEN_FILE": str(other),
    }
    for origin, token in zip(env, ["by-name", "from-file", "plain", "from-our-file"], strict=True):
        found = detected(**env)
        assert (found.origin, token_of(found)) == (origin, token)
        assert found.label == f"the token in {origin}"
        env = {name: value for name, value in env.items() if name != origin}
    assert file.detect({}, registry()) is None


def test_a_variable_of_another_registry_is_not_read() -> None:
    """GATEPASS_ID_TOKEN_<NAME> speaks for the registry of that name; dashes are underscores."""
    env = {"GATEPASS_ID_TOKEN_MY_INDEX": "mine"}
    assert file.detect(env, registry(GATEPASS_REGISTRIES="other=https://h")) is None
    found = file.detect(env, registry(GATEPASS_REGISTRIES="my-index=https://h"))
    assert isinstance(found, TokenFile)
    assert token_of(found) == "mine"


@pytest.mark.parametrize(
    ("env", "origin", "unsaid"),
    [
        (ADDRESS, DROP_IN, True),
        ({**ADDRESS, "GATEPASS_AUDIENCE": "a"}, DROP_IN, False),
        ({"GATEPASS_REGISTRIES": "p=https://ppm.example.com"}, DROP_IN, False),
        (ADDRESS, "GATEPASS_ID_TOKEN_FILE", False),
        (ADDRESS, "GATEPASS_ID_TOKEN", False),
    ],
)
def test_only_the_replaced_tools_file_needs_no_audience(
    env: dict[str, str], origin: str, unsaid: bool
) -> None:
    """The audience goes unsaid only for its file at its address, when nobody set one."""
    found = file.detect({origin: "/x"}, registry(**env))
    assert isinstance(found, TokenFile)
    assert found.audience_is_unsaid is unsaid
    assert not found.can_remint
    assert found.issuers == ()


@pytest.mark.parametrize(
    ("gitlab", "server", "issuers"),
    [
        ("true", "https://gitlab.corp/", ("https://gitlab.corp",)),
        ("true", "", ("https://gitlab.com",)),
        ("false", "https://gitlab.corp", ()),
        ("", "https://gitlab.corp", ()),
    ],
)
@pytest.mark.parametrize("name", ["GATEPASS_ID_TOKEN", "GATEPASS_ID_TOKEN_FILE"])
def test_in_gitlab_our_variables_hold_gitlabs_token(
    name: str, gitlab: str, server: str, issuers: tuple[str, ...]
) -> None:
    """In a GitLab job a token passed to us must be by that GitLab; elsewhere it names its own."""
    env = {name: "/t", "GITLAB_CI": gitlab, "CI_SERVER_URL": server}
    assert detected(**env).issuers == issuers
    assert detected(**{**env, DROP_IN: "/t", name: ""}).issuers == ()


def test_white_space_around_a_token_goes(tmp_path: Path) -> None:
    """A trailing newline is the editor's, not the token's."""
    path = tmp_path / "t"
    path.write_bytes(b"\n a.b.c \r\n")
    assert token_of(detected(**{DROP_IN: f" {path} "})) == "a.b.c"
    assert token_of(detected(GATEPASS_ID_TOKEN=" a.b.c\n")) == "a.b.c"


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    """Its owner may replace it: token and fingerprint are those of the moment."""
    path = tmp_path / "t"
    path.write_text("one")
    found = detected(**{DROP_IN: str(path)})
    assert (token_of(found), found.fingerprint()) == ("one", "one")
    path.write_text("two")
    assert (token_of(found), found.fingerprint()) == ("two", "two")


def error_of(path: object) -> IdentityError:
    """The error of a named file, the same from the token and from the fingerprint."""
    found = detected(**{DROP_IN: str(path)})
    with pytest.raises(IdentityError) as caught:
        token_of(found)
    with pytest.raises(IdentityError) as again:
        found.fingerprint()
    assert str(again.value) == str(caught.value)
    assert caught.value.what.startswith(f"{DROP_IN} names {path}, ")
    return caught.value


def test_a_missing_file(tmp_path: Path) -> None:
    """A named file that isn't there is an error at once."""
    error = error_of(tmp_path / "none")
    assert error.code == "token-file-missing"
    assert error.do == f"write the identity token there before this step, or unset {DROP_IN}"


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_an_empty_file(tmp_path: Path, text: str) -> None:
    """A file with nothing but white space is an error at once."""
    path = tmp_path / "t"
    path.write_text(text)
    assert error_of(path).code == "token-file-empty"


def test_an_unreadable_file(tmp_path: Path) -> None:
    """A file that this user may not read is an error with the system's reason."""
    path = tmp_path / "t"
    path.write_text("secret")
    path.chmod(0)
    with unprivileged():
        error = error_of(path)
    assert error.code == "token-file-unreadable"
    assert "Permission denied" in error.what
    assert error.do == f"let this user read it, or unset {DROP_IN}"


def test_a_file_below_a_file(tmp_path: Path) -> None:
    """A path that leads through a file is unreadable, with the reason."""
    (tmp_path / "t").write_text("x")
    error = error_of(tmp_path / "t" / "u")
    assert error.code == "token-file-unreadable"
    assert "Not a directory" in error.what


def test_a_folder(tmp_path: Path) -> None:
    """A folder is said to be one."""
    error = error_of(tmp_path)
    assert error.code == "token-file-folder"
    assert error.do == f"name the token's file in it, or unset {DROP_IN}"


def test_a_file_over_the_limit(tmp_path: Path) -> None:
    """16 KiB are read, and one byte more is refused."""
    path = tmp_path / "t"
    path.write_text("x" * LARGEST)
    assert len(token_of(detected(**{DROP_IN: str(path)}))) == LARGEST == 16 * 1024
    path.write_text("x" * (LARGEST + 1))
    error = error_of(path)
    assert error.code == "token-file-too-large"
    assert error.do.startswith("check that it is the right file")


def test_an_endless_device() -> None:
    """A device named by mistake is not read at all, and said to be no file."""
    for device in ("/dev/zero", os.devnull):
        error = error_of(device)
        assert error.code == "token-file-unreadable"
        assert "it is not a file" in error.what


@pytest.mark.parametrize("with_writer", [False, True])
def test_a_fifo_does_not_hang(tmp_path: Path, with_writer: bool) -> None:
    """A FIFO is refused at once: several processes ask, and each would drain it for the others."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR) if with_writer else None
    try:
        codes: list[str] = []
        worker = threading.Thread(target=lambda: codes.append(error_of(path).code), daemon=True)
        worker.start()
        worker.join(10)
        assert codes == ["token-file-unreadable"]
    finally:
        if writer is not None:
            os.close(writer)


@pytest.mark.parametrize("data", ["tökén".encode(), b"\xff\xfe", "\ufeffa.b.c".encode()])
def test_what_is_not_ascii_is_no_jwt(tmp_path: Path, data: bytes) -> None:
    """Binary files and texts with other letters are refused without being shown."""
    path = tmp_path / "t"
    path.write_bytes(data)
    error = error_of(path)
    assert error.code == "not-a-jwt"


def test_an_error_never_shows_what_the_file_holds(tmp_path: Path) -> None:
    """The path is repeated, the content isn't."""
    path = tmp_path / "t"
    path.write_text("hunter2" * 5000)
    assert "hunter2" not in str(error_of(path))


def test_a_variable_over_the_limit() -> None:
    """A variable with more than a token's worth is refused, by its name and unseen."""
    assert token_of(detected(GATEPASS_ID_TOKEN="x" * LARGEST))
    with pytest.raises(IdentityError) as caught:
        file.detect({"GATEPASS_ID_TOKEN": "hunter2" * LARGEST}, registry())
    assert caught.value.code == "token-too-large"
    assert "GATEPASS_ID_TOKEN" in caught.value.what
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        DROP_IN,
        "GATEPASS_ID_TOKEN",
        "GATEPASS_ID_TOKEN_PACKAGEMANAGER",
        "GATEPASS_ID_TOKEN_FILE",
    ],
)
@pytest.mark.parametrize("value", ["", "  "])
def test_a_variable_set_to_nothing_is_remembered(name: str, value: str) -> None:
    """An empty variable is how CI passes a token it failed to make: told if nothing else acts."""
    found = file.detect({name: value}, registry())
    assert isinstance(found, Unable)
    assert (found.name, found.label) == ("file", name)
    with pytest.raises(IdentityError) as caught:
        choose({name: value}, registry())
    assert caught.value.code == "token-variable-empty"
    assert name in caught.value.what


def test_an_empty_variable_before_a_full_one_is_passed_over() -> None:
    """The first variable that holds something counts."""
    found = detected(**{DROP_IN: "", "GATEPASS_ID_TOKEN": "t"})
    assert found.origin == "GATEPASS_ID_TOKEN"
