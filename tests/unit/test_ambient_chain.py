"""boto3's own chain: profiles, assumed roles, processes, containers and instances."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from awsfiles import STATIC, configure, failed, keys
from awswire import KEY_ID, SECRET_KEY, SESSION
from gatepass import ec2
from gatepass.exchange import chain
from gatepass.exchange.sigv4 import Keys
from gatepass.secret import Secret
from wire import answer, wire

STATIC_KEYS = Keys("AKIAEXAMPLEEXAMPLE12", Secret(SECRET_KEY), None)
TEMPORARY = Keys(KEY_ID, Secret(SECRET_KEY), Secret(SESSION))
HANDED_OUT = {
    "Code": "Success",
    "AccessKeyId": KEY_ID,
    "SecretAccessKey": SECRET_KEY,
    "Token": SESSION,
    "Expiration": "2099-01-01T00:00:00Z",
}


@pytest.fixture(autouse=True)
def _no_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever these tests run, they are not on EC2."""
    monkeypatch.setattr(ec2, "on_ec2", lambda env: False)


def assumed_role() -> bytes:
    body = (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
        f"<Credentials><AccessKeyId>{KEY_ID}</AccessKeyId><SecretAccessKey>{SECRET_KEY}"
        f"</SecretAccessKey><SessionToken>{SESSION}</SessionToken>"
        "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
        "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>"
    )
    return answer(200, body, "Content-Type: text/xml")


def test_the_default_profile() -> None:
    """Static keys of `~/.aws/credentials`."""
    configure(credentials=f"[default]\n{STATIC}")
    assert keys() == STATIC_KEYS


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_the_environment_names_a_profile(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every AWS tool."""
    configure(credentials=f"[default]\naws_access_key_id = x\n[team]\n{STATIC}")
    monkeypatch.setenv(variable, "team")
    assert keys() == STATIC_KEYS


def test_the_registrys_profile_outranks_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its keys too: a registry that names a profile means that one."""
    configure(credentials=f"[team]\n{STATIC}")
    monkeypatch.setenv("AWS_PROFILE", "missing")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHEROTHEROTHER1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    assert keys("team") == STATIC_KEYS


@pytest.mark.parametrize(
    ("region", "asked"),
    [
        ({}, "eu-west-1"),
        ({"AWS_REGION": "us-east-1"}, "us-east-1"),
        ({"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-2"}, "us-east-2"),
    ],
)
def test_a_profile_that_assumes_a_role(
    region: dict[str, str], asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STS is asked at the configured endpoint, in a region, though nobody said one."""
    configure(
        "[profile team]\nrole_arn = arn:aws:iam::111122223333:role/team\nsource_profile = base\n",
        f"[base]\n{STATIC}",
    )
    for name, value in region.items():
        monkeypatch.setenv(name, value)
    with wire(assumed_role()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        assert keys("team") == TEMPORARY
    head, _, body = server.heard[0].decode().partition("\r\n\r\n")
    assert parse_qs(body)["RoleArn"] == ["arn:aws:iam::111122223333:role/team"]
    assert f"/{asked}/sts/aws4_request" in head


def process(folder: Path, code: str) -> str:
    """A config whose default profile runs Python code for its keys."""
    script = folder / "process.py"
    script.write_text(f"import json, sys, time\n{code}\n", encoding="utf-8")
    return f"[default]\ncredential_process = {sys.executable} {script}\n"


def test_a_process_prints_the_keys(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What it prints is for us alone: nothing of it reaches our own output."""
    printed = {"Version": 1, "SessionToken": SESSION, **HANDED_OUT}
    noise = "print('told on the side', file=sys.stderr)"
    configure(process(tmp_path, f"{noise}\nprint({json.dumps(json.dumps(printed))})"))
    assert keys() == TEMPORARY
    assert capfd.readouterr() == ("", "")


def test_a_processs_words_are_shown_without_keys(tmp_path: Path) -> None:
    """It may print its whole environment when it fails."""
    configure(process(tmp_path, f"sys.exit('vault is locked: {SECRET_KEY} {KEY_ID}')"))
    error = failed()
    assert error.code == "aws-chain-failed"
    assert "vault is locked: **** ****" in error.why


@pytest.mark.parametrize(
    "printed", ["no JSON " + SECRET_KEY, "[]", '{"Version": 2}', '{"Version": 1}']
)
def test_a_process_that_prints_something_else(tmp_path: Path, printed: str) -> None:
    """Of what is no answer, only its kind is told."""
    configure(process(tmp_path, f"print({printed!r})"))
    error = failed()
    assert error.code == "aws-chain-failed"
    assert KEY_ID not in str(error)


def test_a_process_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it longer than the bound; and the reserve for CodeArtifact is kept."""
    over = tmp_path / "over"
    wait = f"import os\nwhile not os.path.exists({str(over)!r}): time.sleep(0.05)"
    configure(process(tmp_path, f"{wait}\nsys.exit('late')"))
    monkeypatch.setattr(chain, "LONGEST", 1.5)
    began = time.monotonic()
    error = failed()
    assert error.code == "aws-chain-slow"
    assert error.do == "try `aws sts get-caller-identity --profile default`"
    monkeypatch.setattr(chain, "LONGEST", 20.0)
    assert failed(seconds=5.5).code == "aws-chain-slow"
    assert failed(seconds=1).code == "aws-chain-slow"
    assert time.monotonic() - began < 10
    over.touch()
    for thread in threading.enumerate():
        if thread.name == "gatepass-aws":
            thread.join(10)
    assert logging.getLogger("botocore").propagate


def test_a_container_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """ECS and EKS Pod Identity: an address and a token in the environment."""
    with wire(answer(200, json.dumps(HANDED_OUT))) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url + "/v1/credentials")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "opens-the-agent")
        assert keys() == TEMPORARY
    assert b"Authorization: opens-the-agent" in server.heard[0]


def instance(*more: bytes) -> tuple[bytes, ...]:
    """What the metadata service says: its token, the role's name, the role's keys."""
    said = (b"metadata-token", b"runner", json.dumps(HANDED_OUT).encode())
    return tuple(answer(200, body) for body in said) + more


@pytest.mark.parametrize("told_by", ["variable", "profile"])
def test_an_instance_role_where_the_user_points_at_one(
    told_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the variable, or in the profile: then it is asked, wherever this is."""
    monkeypatch.undo()  # the real on_ec2
    with wire(*instance()) as server:
        if told_by == "variable":
            monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)
        else:
            configure(f"[default]\nec2_metadata_service_endpoint = {server.url}\n")
        assert keys() == TEMPORARY
    assert server.heard[0].startswith(b"PUT /latest/api/token")


@pytest.mark.parametrize("is_instance", [True, False])
def test_metadata_is_asked_only_on_an_instance(
    is_instance: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere nobody answers there, and it takes seconds to find that out."""
    from botocore.credentials import InstanceMetadataFetcher

    asked: list[bool] = []
    monkeypatch.setattr(
        InstanceMetadataFetcher,
        "retrieve_iam_role_credentials",
        lambda self: asked.append(True) or {},
    )
    monkeypatch.setattr(ec2, "on_ec2", lambda env: is_instance)
    error = failed()
    assert error.code == "aws-no-credentials"
    assert asked == [True] * is_instance


def test_another_environment_is_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 reads the process's: another's keys would be stored under this one's name."""
    from awsfiles import ME
    from awswire import request
    from gatepass.errors import IdentityError

    configure(credentials=f"[default]\n{STATIC}")
    for env in ({"AWS_PROFILE": "team"}, {"HOME": "/elsewhere"}, {"BOTO_CONFIG": "/x"}):
        with pytest.raises(IdentityError) as caught:
            chain.keys(request("http://127.0.0.1:1", ME)._replace(env=env))
        assert caught.value.code == "aws-other-environment"
        assert next(iter(env)) in caught.value.what
    same = {"HOME": os.environ["HOME"], "GATEPASS_LOG": "info"}
    assert chain.keys(request("http://127.0.0.1:1", ME)._replace(env=same)) == STATIC_KEYS
    monkeypatch.setenv("AWS_PROFILE", "team")
    with pytest.raises(IdentityError):
        chain.keys(request("http://127.0.0.1:1", ME)._replace(env=same))
