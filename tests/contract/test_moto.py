"""STS as somebody else reads its documents: moto's server, which takes any token and role."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from awsfiles import STATIC, configure
from awsfiles import keys as keys_of_the_chain
from awswire import ROLE, request
from clients import provision
from clients.harness import need
from gatepass import transport
from gatepass.errors import ExchangeError
from gatepass.exchange import codeartifact, sts
from gatepass.exchange.sigv4 import Keys, query_string, signed
from gatepass.transport import Deadline, Transport
from support import Guard, child_env

pytestmark = pytest.mark.real

START = 60  # seconds: it loads much of AWS


@pytest.fixture(scope="module")
def moto(refusal: Guard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server."""
    need("moto")
    env = child_env(tmp_path_factory.mktemp("moto"), refusal.url)
    command = [str(provision.program("moto", "moto_server")), "-H", "127.0.0.1", "-p", "0"]
    file = tmp_path_factory.mktemp("moto") / "said"
    with file.open("wb") as said, subprocess.Popen(command, env=env, stderr=said) as server:
        try:
            yield _address(server, file)
        finally:
            server.kill()


def _address(server: subprocess.Popen[bytes], file: Path) -> str:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and server.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:\d+", file.read_text(errors="replace")):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"moto's server did not start: {file.read_text(errors='replace')}")


def caller(url: str, keys: Keys) -> str:
    """Who STS says that the keys are: GetCallerIdentity, signed by us."""
    query = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")]
    response = Transport().send(
        "GET",
        f"{url}/?{query_string(query)}",
        headers=lambda: signed(
            keys,
            "GET",
            url.partition("://")[2],
            "/",
            query,
            region="eu-west-1",
            service="sts",
            now=time.time(),
        ),
        deadline=Deadline(20),
    )
    found = re.search("<Arn>(.*)</Arn>", response.body.decode())
    assert found, response
    return found[1]


def test_a_web_identitys_keys(moto: str) -> None:
    """Its answer is read: keys which are the role's session of that name."""
    keys = sts.assume(request(moto))
    session = "arn:aws:sts::111122223333:assumed-role/ci-read/acme-widgets-1234567890"
    assert caller(moto, keys) == session


def test_a_profile_that_assumes_a_role(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's chain at the same server: its keys sign for us, too."""
    configure(
        f"[profile team]\nrole_arn = {ROLE}\nsource_profile = base\nrole_session_name = me\n",
        f"[base]\n{STATIC}",
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto)
    keys = keys_of_the_chain("team")
    assert keys.session_token is not None
    assert caller(moto, keys) == "arn:aws:sts::111122223333:assumed-role/ci-read/me"


def test_a_codeartifact_that_is_none(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto has no CodeArtifact, and answers with a page: it is not shown."""
    monkeypatch.setattr(transport, "_ATTEMPTS", 1)
    with pytest.raises(ExchangeError) as caught:
        codeartifact.exchange(request(moto))
    assert caught.value.code == "codeartifact-failed"
    assert "<" not in str(caught.value)
