"""Real processes at real terminals log in at an OpenID provider, for both kinds of registries."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepass.sandbox import Sandbox
from support import BIN, gatepass, keyring, run
from terminal import Terminal

CREDS = ["--mode=creds", "--output=json"]
FLOW = ["issuer", "idp", "idp", "issuer", "issuer"]


@pytest.fixture
def laptop(sandbox: Sandbox, base_env: dict[str, str]) -> dict[str, str]:
    """A laptop with a provider, whose Package Manager has no login of its own."""
    sandbox.packagemanager.device.enabled = False
    return {**base_env, **sandbox.environment("laptop")}


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    """A sandbox in which AWS' own host names lead to its parties."""
    with Sandbox(aws=True) as running:
        yield running


@pytest.fixture
def at_aws(cloud: Sandbox, base_env: dict[str, str]) -> dict[str, str]:
    """A laptop whose person logs in to CodeArtifact, by a role for people."""
    given = cloud.environment("laptop")
    del given["PACKAGEMANAGER_ADDRESS"]
    return {**base_env, **given, "GATEPASS_ROLE_ARN": cloud.aws.role_arn}


def parties(sandbox: Sandbox) -> list[str]:
    """Who was asked, in order."""
    return [request.party for request in sandbox.requests]


def get(env: dict[str, str], url: str) -> tuple[dict[str, str], str]:
    """keyring's answer at a terminal, as JSON, and what the terminal showed."""
    with Terminal([BIN / "keyring", *CREDS, "get", url], env) as terminal:
        status, out, err = terminal.end()
        assert (status, err) == (0, ""), terminal.screen
        assert "eyJ" not in terminal.screen
        return json.loads(out), terminal.screen


def test_package_manager_by_a_provider(sandbox: Sandbox, laptop: dict[str, str]) -> None:
    """Its person logs in at the provider's page; the second call makes no request."""
    given, screen = get(laptop, sandbox.index_url)
    assert given["username"] == "__token__"
    assert f"log in to {sandbox.address}\n" in screen
    assert f"open: {sandbox.idp.url}/device?user_code=" in screen
    assert parties(sandbox) == ["device", *FLOW, "exchange"]
    again = keyring("get", sandbox.index_url, "__token__", env=laptop)
    assert again.stdout == given["password"] + "\n"
    assert len(sandbox.requests) == 7


def test_codeartifact_under_its_real_name(cloud: Sandbox, at_aws: dict[str, str]) -> None:
    """No configuration but the provider and the role: the host says all the rest."""
    given, screen = get(at_aws, cloud.aws.index_url)
    assert given["username"] == "aws"
    assert f"log in to https://{cloud.aws.host}\n" in screen
    assert parties(cloud) == [*FLOW, "sts", "codeartifact"]
    again = keyring("get", cloud.aws.index_url, "aws", env=at_aws)
    assert again.stdout == given["password"] + "\n"
    assert len(cloud.requests) == 7
    status = gatepass("status", env=at_aws).stdout
    assert f"address:  https://{cloud.aws.host}\n" in status
    assert "identity: login, " in status


def test_many_at_once(cloud: Sandbox, at_aws: dict[str, str], tmp_path: Path) -> None:
    """Four processes, one prompt, one credential."""
    cloud.person.approves(after_polls=2)
    one = f"'{BIN / 'gatepass'}' get {cloud.aws.index_url}"
    script = "".join(f"{one} > '{tmp_path}/{number}' & " for number in range(4)) + "wait"
    with Terminal(["sh", "-c", script], at_aws) as terminal:
        terminal.end(120)
        assert terminal.screen.count("log in to") == 1
    assert len(cloud.person.asked) == 1
    answers = {(tmp_path / str(number)).read_text() for number in range(4)}
    assert len(answers) == 1
    assert answers != {""}


def test_nobody_is_there(cloud: Sandbox, at_aws: dict[str, str]) -> None:
    """No request to anybody, and the variable that helps a machine."""
    done = run([BIN / "gatepass", "get", cloud.aws.index_url], at_aws, start_new_session=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[no-person]: ")
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in done.stderr
    assert cloud.requests == []


def test_denied(sandbox: Sandbox, laptop: dict[str, str]) -> None:
    """The person's no ends it, and no token of anybody's is exchanged."""
    sandbox.person.denies(after_polls=1)
    with Terminal([BIN / "gatepass", "get", sandbox.address], laptop) as terminal:
        status, out, err = terminal.end()
    assert (status, out) == (1, "")
    assert err.startswith("error[login-denied]: ")
    assert "exchange" not in parties(sandbox)


def test_login_and_logout(sandbox: Sandbox, laptop: dict[str, str]) -> None:
    """Both by command; what is forgotten has to be asked for again."""
    with Terminal([BIN / "gatepass", "login"], laptop) as terminal:
        status, out, err = terminal.end()
    assert (status, out) == (0, "")
    assert err.startswith(f"gatepass: logged in to {sandbox.address} as ")
    assert "logged in as" in gatepass("status", env=laptop).stdout
    assert "forgotten: the token in " in gatepass("logout", env=laptop).stderr
    done = run([BIN / "gatepass", "get", sandbox.address], laptop, start_new_session=True)
    assert done.stderr.startswith("error[no-person]: ")


def test_a_provider_without_an_answer(sandbox: Sandbox, laptop: dict[str, str]) -> None:
    """An issuer that is not there is an error within the transport's bounds, before any prompt."""
    began = time.monotonic()
    env = {**laptop, "GATEPASS_LOGIN_ISSUER": "http://127.0.0.1:9"}
    with Terminal([BIN / "gatepass", "get", sandbox.address], env) as terminal:
        status, _, err = terminal.end()
        assert "log in to" not in terminal.screen
    assert status == 1
    assert err.startswith("error[unreachable]: no answer from http://127.0.0.1:9")
    assert time.monotonic() - began < 60
