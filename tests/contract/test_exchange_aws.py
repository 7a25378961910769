"""CodeArtifact through the whole journey, against a sandbox that checks tokens and signatures."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from awswire import SESSION, sts_error
from gatepass.sandbox import Sandbox
from support import gatepass, run
from wire import answer, wire

JOBS = ("github", "gitlab", "kubernetes", "file")
ASKS = """
import json, sys
from gatepass import credential_for
found = credential_for(sys.argv[1])
print(json.dumps([found.username, found.secret.reveal(), sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    """AWS by its real names, through the sandbox's proxy, with its own authority."""
    with Sandbox(aws=True) as sandbox:
        yield sandbox


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def job(world: Sandbox, base: dict[str, str], store: Path, platform: str) -> dict[str, str]:
    return {**base, **world.environment(platform), "GATEPASS_STORE_DIR": str(store)}


def asked(world: Sandbox, before: int) -> list[str]:
    """Which of AWS' services were asked since; what they noted names no stray secret."""
    since = world.requests[before:]
    assert not any("came along" in one.note for one in since)
    return [one.party for one in since if one.party in ("sts", "codeartifact")]


def opens(world: Sandbox, env: dict[str, str], token: str, url: str) -> bool:
    """Whether a client in that environment is let in with the token."""
    code = (
        "import requests, sys\n"
        "print(requests.get(sys.argv[1], auth=('aws', sys.argv[2]), timeout=20).status_code)"
    )
    return run([sys.executable, "-c", code, url, token], env).stdout == "200\n"


@pytest.mark.parametrize("platform", JOBS)
def test_a_job_gets_a_domains_token(
    world: Sandbox, base_env: dict[str, str], store: Path, platform: str
) -> None:
    """STS, then CodeArtifact, once; no AWS SDK is loaded, and the store never sees AWS' keys."""
    env = job(world, base_env, store, platform)
    before = len(world.requests)
    done = run([sys.executable, "-c", ASKS, world.aws.index_url], env)
    assert done.stderr == ""
    username, token, modules = json.loads(done.stdout)
    assert username == "aws"
    assert asked(world, before) == ["sts", "codeartifact"]
    assert not [name for name in modules if name.partition(".")[0] in ("boto3", "botocore")]
    assert opens(world, env, token, world.aws.index_url)
    kept = b"".join(file.read_bytes() for file in store.rglob("*") if file.is_file())
    assert token.encode() in kept
    assert not [one for one in world.aws.secrets() if one != token and one.encode() in kept]
    done = run([sys.executable, "-c", ASKS, world.aws.upload_url], env)
    assert json.loads(done.stdout)[:2] == ["aws", token]
    assert asked(world, before) == ["sts", "codeartifact"]
    if not any(name.startswith("COVERAGE_") for name in env):
        warm = set(json.loads(done.stdout)[2])
        assert not warm & {"requests", "jwt", "email", "ssl", "hmac", "random", "urllib.parse"}


def test_two_domains_of_one_job_have_two_roles(
    world: Sandbox, base_env: dict[str, str], store: Path, tmp_path: Path
) -> None:
    """From the config: each domain's token is earned by its own role, and opens only that one."""
    aws = world.aws
    config = tmp_path / "config.toml"
    config.write_text(
        f'version = 1\n[registries.one]\nurl = "https://{aws.host}"\nrole_arn = "{aws.role_arn}"\n'
        f'[registries.two]\nurl = "https://{aws.other_host}"\nrole_arn = "{aws.other_role_arn}"\n'
    )
    env = {**job(world, base_env, store, "github"), "GATEPASS_CONFIG": str(config)}
    tokens = [gatepass("get", name, env=env).stdout.strip() for name in ("one", "two")]
    urls = (aws.index_url, aws.other_index_url)
    assert [[opens(world, env, token, url) for url in urls] for token in tokens] == [
        [True, False],
        [False, True],
    ]


def test_a_role_that_does_not_trust_the_job(
    world: Sandbox, base_env: dict[str, str], store: Path
) -> None:
    """One request; the trust policy that would fit is on stderr, and nothing on stdout."""
    env = job(world, base_env, store, "github")
    env["GATEPASS_ROLE_ARN"] = world.aws.runner_role_arn
    before = len(world.requests)
    done = gatepass("get", world.aws.index_url, env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[sts-access-denied]")
    assert '"repo:acme/widgets:ref:refs/heads/main"' in done.stderr
    assert asked(world, before) == ["sts"]


def test_a_role_without_the_domain(world: Sandbox, base_env: dict[str, str], store: Path) -> None:
    """The second step's refusal, with its permissions."""
    env = job(world, base_env, store, "github")
    done = gatepass("get", world.aws.other_index_url, env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[codeartifact-access-denied]")
    assert "For account 111122223333 the domain's policy" in done.stderr


def test_the_second_permission(world: Sandbox, base_env: dict[str, str], store: Path) -> None:
    """sts:GetServiceBearerToken, which people forget."""
    env = job(world, base_env, store, "github")
    world.aws.codeartifact.bearer_allowed = False
    try:
        done = gatepass("get", world.aws.index_url, env=env)
    finally:
        world.aws.codeartifact.bearer_allowed = True
    assert "error[codeartifact-access-denied]" in done.stderr
    assert "sts:GetServiceBearerToken" in done.stderr


def test_a_hiccup_of_the_provider_passes(
    world: Sandbox, base_env: dict[str, str], store: Path
) -> None:
    """STS couldn't reach the issuer twice: the job goes on, each try with a new token."""
    env = job(world, base_env, store, "github")
    body = sts_error("IDPCommunicationError").partition(b"\r\n\r\n")[2].decode()
    world.aws.fail_next(400, service="sts", times=2, body=body)
    before, minted = len(world.requests), world.count("github")
    done = gatepass("get", world.aws.index_url, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert asked(world, before) == ["sts", "sts", "sts", "codeartifact"]
    assert world.count("github") - minted == 3


def test_a_secret_key_of_another_is_a_wrong_signature(
    world: Sandbox, base_env: dict[str, str], store: Path
) -> None:
    """The sandbox computes every signature anew."""
    env = job(world, base_env, store, "aws")
    env["AWS_SECRET_ACCESS_KEY"] = env["AWS_SECRET_ACCESS_KEY"][::-1]
    done = gatepass("get", world.aws.index_url, env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[codeartifact-signature]")
    assert env["AWS_SECRET_ACCESS_KEY"] not in done.stderr


def test_keys_in_the_environment(world: Sandbox, base_env: dict[str, str], store: Path) -> None:
    """One request for an hour's token; STS isn't asked, and no AWS SDK loaded."""
    env = job(world, base_env, store, "aws")
    before = len(world.requests)
    done = run([sys.executable, "-c", ASKS, world.aws.index_url], env)
    assert done.stderr == ""
    _, token, modules = json.loads(done.stdout)
    assert opens(world, env, token, world.aws.index_url)
    assert asked(world, before) == ["codeartifact"]
    assert "3600 s" in [one for one in world.requests if one.party == "codeartifact"][-1].note
    assert "botocore" not in modules


@pytest.mark.parametrize("platform", ["github", "aws"])
def test_awss_own_authorities(
    world: Sandbox, base_env: dict[str, str], store: Path, platform: str
) -> None:
    """AWS_CA_BUNDLE speaks for AWS' hosts, before all other variables, and for no others."""
    env = job(world, base_env, store, platform)
    wrong = {**env, "AWS_CA_BUNDLE": certifi.where()}
    done = gatepass("get", world.aws.index_url, env=wrong)
    assert done.stderr.startswith("error[tls-failed]")
    assert ".amazonaws.com" in done.stderr
    right = {**env, "AWS_CA_BUNDLE": str(world.ca_file)}
    if platform == "aws":  # a job asks its platform and its issuer too
        right["REQUESTS_CA_BUNDLE"] = right["SSL_CERT_FILE"] = certifi.where()
    assert gatepass("get", world.aws.index_url, env=right).stderr == ""


def test_a_profile(world: Sandbox, base_env: dict[str, str], store: Path, home: Path) -> None:
    """boto3's own chain finds its keys in the person's files, in a process of its own."""
    env = job(world, base_env, store, "aws")
    lines = [f"{name.lower()} = {env.pop(name)}" for name in list(world.aws.keys())]
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text("\n".join(["[team]", *lines, ""]))
    done = run([sys.executable, "-c", ASKS, world.aws.index_url], {**env, "AWS_PROFILE": "team"})
    assert done.stderr == ""
    _, token, modules = json.loads(done.stdout)
    assert opens(world, env, token, world.aws.index_url)
    assert "botocore" in modules
    gone = gatepass("get", world.aws.index_url, env={**env, "AWS_PROFILE": "other"})
    assert gone.stderr.startswith("error[aws-profile-missing]")
    assert "Traceback" not in gone.stderr


def test_a_single_sign_on(base_env: dict[str, str], home: Path, store: Path) -> None:
    """A person who ran `aws sso login`: the portal gives a role's keys, and those sign."""
    folder = home / ".aws" / "sso" / "cache"
    folder.mkdir(parents=True)
    start = "https://corp.awsapps.example/start"
    (home / ".aws" / "config").write_text(
        f"[profile corp]\nsso_start_url = {start}\nsso_region = eu-west-1\n"
        "sso_account_id = 111122223333\nsso_role_name = Reader\n"
    )
    login = {"accessToken": "of-the-portal", "expiresAt": "2099-01-01T00:00:00Z"}
    name = hashlib.sha1(start.encode(), usedforsecurity=False).hexdigest()
    (folder / f"{name}.json").write_text(json.dumps(login))
    given = {
        "accessKeyId": "ASIAEXAMPLEEXAMPLE12",
        "secretAccessKey": "secret",
        "sessionToken": SESSION,
        "expiration": int(time.time() + 3600) * 1000,
    }
    token = {"authorizationToken": "the-pass", "expiration": time.time() + 3600}
    replies = [answer(200, json.dumps(one)) for one in ({"roleCredentials": given}, token)]
    with wire(*replies) as server:
        env = {**base_env, "AWS_PROFILE": "corp", "GATEPASS_STORE_DIR": str(store)}
        env["AWS_ENDPOINT_URL"] = server.url
        url = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com/pypi/x/simple/"
        done = gatepass("get", url, env=env)
    assert (done.stdout, done.stderr) == ("the-pass\n", "")
    assert b"x-amz-sso_bearer_token: of-the-portal" in server.heard[0]
    assert b"duration=0 " in server.heard[1]


def test_no_credentials_are_said_at_once(base_env: dict[str, str], store: Path) -> None:
    """Off EC2 nobody waits for a metadata service."""
    env = {**base_env, "GATEPASS_IDENTITY": "aws", "GATEPASS_STORE_DIR": str(store)}
    env["AWS_EC2_METADATA_DISABLED"] = "true"
    url = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com/"
    done = gatepass("get", url, env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "error[" in done.stderr
    assert "Traceback" not in done.stderr
