"""menda cloud: hostile answers, files that others can write, and tokens that are another's."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest

from gatepass import credential_for
from gatepass.errors import GatepassError
from gatepass.identity.mendacache import Cache
from gatepass.secret import Secret
from mendahome import (
    INDEX,
    LOGGED_IN,
    LOGIN,
    SECRET,
    cache_path,
    cached,
    client,
    config,
    given,
)
from wire import answer, wire

NOWHERE = {"AWS_EC2_METADATA_DISABLED": "true", "GATEPASS_STORE": "off"}


def code(env: dict[str, str], url: str = INDEX) -> str:
    """The error that asking ends in; empty where a credential is given."""
    try:
        assert credential_for(url, env={**NOWHERE, **env})
    except GatepassError as error:
        return error.code
    return ""


@pytest.mark.parametrize("mode", [0o666, 0o622])
def test_a_mendacfg_that_others_can_write_sends_no_login(home: Path, mode: int) -> None:
    """The cache is refused for less; and this file decides who is sent what is in it."""
    cached(home)  # as menda's own CLI leaves it: no host is said
    with wire(given()) as evil:
        config(home, f"[default]\nhost = {evil.url}\n").chmod(mode)
        code({"HOME": str(home)})
        assert not any(LOGIN.encode() in heard for heard in evil.heard)


def test_a_mendacfg_of_somebody_else_sends_no_login(home: Path) -> None:
    """Likewise for the file's owner."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    cached(home)
    with wire(given()) as evil:
        os.chown(config(home, f"[default]\nhost = {evil.url}\n"), 12345, -1)
        code({"HOME": str(home)})
        assert not any(LOGIN.encode() in heard for heard in evil.heard)


def test_a_cached_login_goes_to_no_other_host(home: Path) -> None:
    """Not even where the profile's host was changed."""
    with wire(given()) as other:
        config(home, f"[default]\nhost = {other.url}\n")
        cached(home, host="https://api.example.menda.cloud")
        assert code({"HOME": str(home)}) == "menda-no-login"
        assert other.heard == []


def test_a_clients_token_is_no_persons_login(home: Path) -> None:
    """A profile that was a machine's, and is a person's now, has no login yet."""
    with wire(LOGGED_IN, given()) as server:
        env = {"HOME": str(home), "MENDA_PROFILE_ID": "default", "GATEPASS_STORE": "auto"}
        machine = "auth_type = m2m\nclient_id = robot\nclient_secret = s\n"
        config(home, f"[default]\nhost = {server.url}\n{machine}")
        assert code(env) == ""
        config(home, f"[default]\nhost = {server.url}\nauth_type = u2m\n")
        assert code(env) == "menda-no-login"


def test_a_store_that_is_off_in_the_file_is_off(home: Path) -> None:
    """Whoever keeps nothing has no token of ours on the disk."""
    file = home / "config.toml"
    file.write_text('version = 1\nstore = { kind = "off" }\n')
    with wire(LOGGED_IN, given()) as server:
        env = client(home, server, GATEPASS_CONFIG=str(file), GATEPASS_STORE="")
        assert code(env) == ""
        assert not cache_path(home).exists()


@pytest.mark.parametrize("place", ["CI", "KUBERNETES_SERVICE_HOST"])
def test_a_persons_login_is_not_a_jobs(home: Path, place: str) -> None:
    """A runner's user may have logged in once: its jobs are somebody else's."""
    with wire(given()) as server:
        config(home, f"[default]\nhost = {server.url}\n")
        cached(home)
        assert code({"HOME": str(home), place: "1"}) != ""
        assert server.heard == []


@pytest.mark.parametrize(
    "error",
    ["5", "null", "true", '"invalid_client"', "[]", "{}"],
)
def test_an_error_of_any_type(home: Path, error: str) -> None:
    """What a server says is wrong may be anything."""
    with wire(answer(400, f'{{"error": {error}}}')) as server:
        assert code(client(home, server)) == "menda-client-refused"


@pytest.mark.parametrize("number", ["NaN", "1e400", "-1", "9" * 400, "[]", "{}", '"nan"', "true"])
def test_times_that_are_none(home: Path, number: str) -> None:
    """Both answers: nothing lives for ever, and nothing fails."""
    login = answer(200, f'{{"access_token": "abc", "expires_in": {number}}}')
    pass_ = answer(200, f'{{"token": "abc", "expiry": {number}}}')
    with wire(login, pass_) as server:
        found = credential_for(INDEX, env={**NOWHERE, **client(home, server)})
        assert found
        assert found.expires_at is not None
        assert found.expires_at - found.obtained_at <= 300


@pytest.mark.parametrize(
    ("repositories", "ends"),
    [
        ('[5, null, {"url": []}, {"url": "https://other.evil/"}]', "menda-not-listed"),
        ('["evil-999988887777"]', "menda-not-listed"),
        (f'["{INDEX.replace("eu-west-1", "us-east-1")}"]', "menda-not-listed"),
        (f'["{INDEX.replace(".com/", ".com.evil.test/")}"]', "menda-not-listed"),
        (f'["https://evil.test/?{INDEX}"]', "menda-not-listed"),
        (f'["https://{INDEX[8:35]}@evil.test/"]', "menda-not-listed"),
        (f'["https://evil.test/", "{INDEX}"]', ""),
    ],
)
def test_lists_that_surprise(home: Path, repositories: str, ends: str) -> None:
    """What is listed is compared as a whole, and only what is there counts."""
    reply = answer(200, f'{{"token": "abc", "repositories": {repositories}}}')
    with wire(LOGGED_IN, reply) as server:
        assert code(client(home, server)) == ends


def test_a_host_with_its_log_open_and_a_server_that_breaks_off(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The secret travels in the query, the connection breaks: no log, cause or frame's line of
    text has it (as `pip -vvv` and `poetry -vvv` would print them)."""
    caplog.set_level(logging.DEBUG)
    with wire(answer(400, "{}"), b"") as server:
        with pytest.raises(GatepassError) as caught:
            credential_for(INDEX, env={**NOWHERE, **client(home, server)})
        assert any(f"client_secret={SECRET}".encode() in heard for heard in server.heard)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert "oauth2/token" in caplog.text
    assert SECRET not in caplog.text + told


KILLED = """
import os, sys
from gatepass.identity.mendacache import Cache
from gatepass.secret import Secret
os.replace = lambda *_: os.kill(os.getpid(), 9)
Cache(sys.argv[1], "ci", "https://h", mark="x").keep(Secret("a-token"), 3600, 1e9)
"""


def test_what_a_killed_writer_left_is_deleted_in_time(home: Path) -> None:
    """A day later, by the next one who writes; the cache itself is whole."""
    path = cached(home, "other")
    before = path.read_text()
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=30)
    assert path.read_text() == before
    (left,) = path.parent.glob(".token-new-*")
    os.utime(left, (0, 0))
    Cache(str(path), "ci", "https://h", mark="x").keep(Secret("new"), 3600, time.time())
    assert os.listdir(path.parent) == [".token"]


def test_a_disk_that_takes_nothing_costs_the_cache_alone(home: Path) -> None:
    """The write fails in its middle: the credential is given, the old file whole, no other left."""
    path = cached(home, "other")
    before = path.read_text()
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40)); "
        "from gatepass import credential_for; print(credential_for(sys.argv[1]).username)"
    )
    with wire(LOGGED_IN, given()) as server:
        env = {**os.environ, **client(home, server), "GATEPASS_STORE_DIR": str(home / "s")}
        env = {name: text for name, text in env.items() if not name.startswith("COVERAGE_")}
        command = [sys.executable, "-B", "-c", program, INDEX]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30)
    assert done.stdout == "aws\n", done.stderr
    assert path.read_text() == before
    assert os.listdir(path.parent) == [".token"]
    assert json.dumps(SECRET) not in done.stderr
