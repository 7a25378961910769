"""AWS' own clients, and those of packages, work against the sandbox: which proves the sandbox."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import requests

from awsclient import TIMEOUT
from clients import provision
from clients.harness import need
from gatepass.sandbox import Sandbox, wheel
from support import run

pytestmark = pytest.mark.real

BOTO3 = """
import boto3, json
from botocore.exceptions import ClientError
try:
    me = boto3.client("sts").get_caller_identity()["Arn"]
    client = boto3.client("codeartifact")
    found = client.get_authorization_token(
        domain="acme", domainOwner="111122223333", durationSeconds=0 if "assumed" in me else 900
    )
    print(json.dumps([me, found["authorizationToken"], found["expiration"].timestamp()]))
except ClientError as error:
    code = error.response["Error"]["Code"]
    print(json.dumps([code, error.response["ResponseMetadata"]["HTTPStatusCode"]]))
"""
CLI = ["codeartifact", "get-authorization-token", "--domain", "acme"]
ROLE = "arn:aws:sts::111122223333:assumed-role/ci-read/"


@pytest.fixture(params=["endpoints", "endpoints-tls", "names"])
def world(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """AWS at loopback endpoints without and with TLS, or by its real names through the proxy."""
    options = {"tls": request.param == "endpoints-tls", "aws": request.param == "names"}
    with Sandbox(**options) as sandbox:
        yield sandbox


def keys(sandbox: Sandbox, base: dict[str, str]) -> dict[str, str]:
    """The environment of a machine with a user's keys."""
    return {**base, **sandbox.environment("aws")}


def web_identity(sandbox: Sandbox, base: dict[str, str], folder: Path) -> dict[str, str]:
    """The environment of a machine with a web identity and no keys."""
    user = sandbox.aws.keys()
    env = {name: value for name, value in keys(sandbox, base).items() if name not in user}
    token = folder / "web-identity"
    token.write_text(sandbox.issuer.mint("sts.amazonaws.com"), encoding="ascii")
    given = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": sandbox.aws.role_arn}
    return {**env, **given}


def boto3(env: dict[str, str]) -> list[str]:
    """What boto3 found, in a process of its own: who it is, the token, its end; or an error."""
    done = run([sys.executable, "-c", BOTO3], env)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[str] = json.loads(done.stdout)
    return found


def aws(env: dict[str, str], *words: str) -> CompletedProcess[str]:
    """`aws WORDS...`."""
    return run([provision.program("awscli", "aws"), *words, "--output", "json"], env)


def opens(sandbox: Sandbox, token: str) -> bool:
    """Whether the token opens the private index."""
    url, auth = sandbox.aws.loopback_index_url, ("aws", token)
    verify = str(sandbox.ca_file) if sandbox.ca_file else True
    return requests.get(url, auth=auth, timeout=TIMEOUT, verify=verify).status_code == 200


@pytest.fixture(scope="module", autouse=True)
def _provisioned() -> None:
    """A failure, never a skip, where a client isn't installed; whose gatepass does not matter."""
    need("awscli", "uv")


def test_boto3_with_keys(world: Sandbox, base_env: dict[str, str]) -> None:
    """It signs, is recognised, and its token opens the index."""
    me, token, _ = boto3(keys(world, base_env))
    assert me == "arn:aws:iam::111122223333:user/octavia"
    assert opens(world, token)


def test_boto3_with_a_web_identity(
    world: Sandbox, base_env: dict[str, str], tmp_path: Path
) -> None:
    """Its own chain finds the file, assumes the role, and signs with the session's keys."""
    me, token, _ = boto3(web_identity(world, base_env, tmp_path))
    assert me.startswith(ROLE)
    assert opens(world, token)
    assert {r.status for r in world.requests} == {200}
    assert "came along" not in str(world.requests)


@pytest.mark.parametrize("kind", ["keys", "web-identity"])
def test_the_aws_command(
    world: Sandbox, base_env: dict[str, str], tmp_path: Path, kind: str
) -> None:
    """`get-authorization-token` and `get-caller-identity`, with either identity."""
    env = keys(world, base_env) if kind == "keys" else web_identity(world, base_env, tmp_path)
    done = aws(env, *CLI)
    assert done.returncode == 0, done.stderr
    assert opens(world, json.loads(done.stdout)["authorizationToken"])
    done = aws(env, "sts", "get-caller-identity")
    expected = "arn:aws:iam::111122223333:user/octavia" if kind == "keys" else ROLE
    assert json.loads(done.stdout)["Arn"].startswith(expected)


def test_the_names_need_no_endpoint(base_env: dict[str, str]) -> None:
    """What `environment` gives is enough, and leads nobody anywhere else."""
    with Sandbox(aws=True) as sandbox:
        me, token, _ = boto3({**base_env, **sandbox.environment("file")})
        assert me.startswith(ROLE)
        assert opens(sandbox, token)
        assert sandbox.proxy.refused == []


def test_errors_are_understood(sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path) -> None:
    """boto3 reads code and status of each service's errors."""
    env = keys(sandbox, base_env)
    assert boto3({**env, "AWS_SECRET_ACCESS_KEY": "x" * 40}) == ["SignatureDoesNotMatch", 403]
    assert boto3({**env, "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}) == [
        *("InvalidClientTokenId", 403),
    ]
    assert boto3({**env, "AWS_DEFAULT_REGION": "us-east-1"}) == ["SignatureDoesNotMatch", 403]
    sandbox.aws.grants.clear()
    assert boto3(env) == ["AccessDeniedException", 403]
    done = aws(env, *CLI)
    assert done.returncode != 0
    assert "(AccessDeniedException)" in done.stderr
    job = web_identity(sandbox, base_env, tmp_path)
    assert boto3({**job, "AWS_ROLE_ARN": sandbox.aws.runner_role_arn}) == ["AccessDenied", 403]


@pytest.mark.parametrize(
    ("fault", "found", "asked"),
    [("idp-error", ROLE, 3), ("no-key", "InvalidIdentityToken", 1)],
)
def test_what_passes_is_tried_again(
    sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path, fault: str, found: str, asked: int
) -> None:
    """boto3 asks again after the one error, and gives up after the other, as it is known to do."""
    sandbox.fault(f"sts={fault}")
    assert str(boto3(web_identity(sandbox, base_env, tmp_path))[0]).startswith(found)
    assert len([r for r in sandbox.requests if r.party == "sts"]) == asked


@pytest.fixture
def proxied(base_env: dict[str, str]) -> Iterator[tuple[Sandbox, dict[str, str], str]]:
    """A sandbox with AWS' names, an environment that leads there, and a token."""
    with Sandbox(aws=True) as sandbox:
        env = {**base_env, **sandbox.environment("aws")}
        yield sandbox, env, sandbox.aws.token()


World = tuple[Sandbox, dict[str, str], str]


@pytest.mark.parametrize("url", ["index_url", "dual_stack_index_url", "vpc_index_url"])
def test_pip_installs(proxied: World, tmp_path: Path, url: str) -> None:
    """From each form of host, an sdist whose build needs the index too."""
    sandbox, env, token = proxied
    index = getattr(sandbox.aws, url).replace("://", f"://aws:{token}@")
    options = ["--no-input", "--no-cache-dir", "--target", tmp_path / "site", "--index-url", index]
    done = run([sys.executable, "-m", "pip", "install", *options, "gatepass-built"], env)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "gatepass_built.py").exists()
    assert sandbox.proxy.refused == []


@pytest.mark.parametrize("client", ["twine", "uv"])
def test_uploads_arrive(proxied: World, tmp_path: Path, client: str) -> None:
    """twine's and uv's, at the address that CodeArtifact names for it."""
    sandbox, env, token = proxied
    name, data = wheel.build("gatepass-upload", "1.0", "Goes up", {"gatepass_upload.py": "X = 1\n"})
    (tmp_path / name).write_bytes(data)
    url = sandbox.aws.upload_url
    if client == "twine":
        words = ["upload", "--non-interactive", "--repository-url", url, "-u", "aws", "-p", token]
    else:
        words = ["publish", "--publish-url", url, "--username", "aws", "--password", token]
    done = run([provision.program(client, client), *words, tmp_path / name], env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sandbox.count("upload") == 1
    assert sandbox.proxy.refused == []
