"""What each platform's job is given for AWS is enough to get a token there, by AWS' own names."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests

from awsclient import ACME, AUDIENCE, TIMEOUT, Keys, Signer, browse, content, query_of, web_identity
from gatepass.sandbox import JOBS, Sandbox, clean
from support import gatepass

STS = "https://sts.eu-west-1.amazonaws.com/"
CODEARTIFACT = "https://codeartifact.eu-west-1.amazonaws.com/v1/authorization-token"


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """One with AWS' names, for all tests that change nothing."""
    with Sandbox(aws=True) as sandbox:
        yield sandbox


def subject_token(sandbox: Sandbox, platform: str, env: dict[str, str]) -> tuple[str, str]:
    """The job's token for STS and its role, by what stands in its environment alone."""
    if platform == "file":
        token = Path(env["AWS_WEB_IDENTITY_TOKEN_FILE"]).read_text(encoding="ascii").strip()
        return token, env["AWS_ROLE_ARN"]
    if platform == "kubernetes":
        token = Path(env["GATEPASS_KUBERNETES_TOKEN_FILE"], "sts").read_text(encoding="ascii")
    elif platform == "gitlab":
        token = env["STS_AMAZONAWS_COM_ID_TOKEN"]
    else:
        answer = requests.get(
            env["ACTIONS_ID_TOKEN_REQUEST_URL"],
            {"audience": AUDIENCE},
            headers={"Authorization": "bearer " + env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]},
            timeout=TIMEOUT,
            verify=env["REQUESTS_CA_BUNDLE"],
        )
        token = answer.json()["value"]
    return token, env["GATEPASS_ROLE_ARN"]


@pytest.mark.parametrize("platform", JOBS)
def test_a_job_gets_from_its_token_to_a_package(shared: Sandbox, platform: str) -> None:
    """STS, CodeArtifact and the index, each at its real name behind the proxy."""
    env = shared.environment(platform)
    token, role = subject_token(shared, platform, env)
    assert role == shared.aws.role_arn
    with browse(shared) as web:
        fields = web_identity(shared, token, RoleArn=role)
        given = content(web.post(STS, fields, timeout=TIMEOUT), "Credentials")
        keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        query = query_of({**ACME, "duration": "0"})
        headers = Signer(keys, region=env["AWS_REGION"]).headers("POST", CODEARTIFACT, query, b"")
        answer = web.post(f"{CODEARTIFACT}?{query}", headers=headers, timeout=TIMEOUT)
        auth = ("aws", answer.json()["authorizationToken"])
        for url in (
            shared.aws.index_url,
            shared.aws.dual_stack_index_url,
            shared.aws.vpc_index_url,
        ):
            assert web.get(url, auth=auth, timeout=TIMEOUT).status_code == 200
        assert web.get(shared.aws.other_index_url, auth=auth, timeout=TIMEOUT).status_code == 401


@pytest.mark.parametrize("platform", [*JOBS, "aws"])
def test_every_job_finds_the_way(shared: Sandbox, platform: str) -> None:
    """The region twice, since SDKs disagree; the proxy, and whom to trust behind it."""
    env = shared.environment(platform)
    assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert env["HTTPS_PROXY"] == env["https_proxy"] == shared.proxy.url
    assert env["REQUESTS_CA_BUNDLE"] == env["SSL_CERT_FILE"] == str(shared.ca_file)
    assert env["NO_PROXY"] == env["no_proxy"] == "127.0.0.1,localhost"
    assert not [name for name in env if name.startswith("AWS_ENDPOINT_URL")]
    assert not [name for name in clean(env) if name.startswith(("AWS_", "STS_AMAZONAWS"))]


def test_a_gitlab_job_has_a_token_for_each_audience(shared: Sandbox) -> None:
    """One for Package Manager, one for STS; both live for an hour."""
    env = shared.environment("gitlab")
    for name, audience in (
        ("GATEPASS_ID_TOKEN", shared.packagemanager.audience),
        ("STS_AMAZONAWS_COM_ID_TOKEN", AUDIENCE),
    ):
        claims = jwt.decode(env[name], options={"verify_signature": False})
        assert claims["aud"] == audience
        assert claims["exp"] - claims["iat"] == 3600


def test_the_web_identity_file_is_new_at_each_call(shared: Sandbox) -> None:
    """Another file than Package Manager's; for its owner alone."""
    env = shared.environment("file")
    path = Path(env["AWS_WEB_IDENTITY_TOKEN_FILE"])
    first = path.read_text(encoding="ascii")
    assert str(path) != env["PACKAGEMANAGER_IDENTITY_TOKEN_FILE"]
    assert path.is_relative_to(shared.folder)
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert shared.environment("file") == env
    assert path.read_text(encoding="ascii") != first


def test_a_machine_with_keys_has_no_job(shared: Sandbox) -> None:
    """The user's keys, no metadata service, a store of its own; and nobody's token."""
    env = shared.environment("aws")
    assert {**env, **shared.aws.keys()} == env
    assert env["AWS_EC2_METADATA_DISABLED"] == "true"
    assert Path(env["GATEPASS_STORE_DIR"]).is_relative_to(shared.folder)
    assert not [name for name in env if "TOKEN" in name or "ROLE" in name or name == "CI"]


def test_a_laptop_has_the_way_and_no_identity(shared: Sandbox) -> None:
    """Who sits there is known after a login."""
    env = shared.environment("laptop")
    assert env["AWS_REGION"] == "eu-west-1"
    assert env["HTTPS_PROXY"] == shared.proxy.url
    way = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE")
    assert not [name for name in env if name.startswith("AWS_") and name not in way]


def test_without_names_only_a_machine_with_keys_hears_of_aws() -> None:
    """It is led to the endpoints on loopback; the jobs have nothing to do with AWS."""
    with Sandbox() as sandbox:
        for platform in JOBS:
            env = sandbox.environment(platform)
            assert not [name for name in env if name.startswith("AWS_") or "ROLE" in name]
            assert "HTTPS_PROXY" not in env
        env = sandbox.environment("aws")
        assert env["AWS_ENDPOINT_URL_STS"] == sandbox.aws.sts_url
        assert env["AWS_ENDPOINT_URL_CODEARTIFACT"] == sandbox.aws.codeartifact_url
        assert env["AWS_ENDPOINT_URL_STS"].startswith("http://127.0.0.1:")
        assert "HTTPS_PROXY" not in env
        with pytest.raises(ValueError, match="only with names"):
            _ = sandbox.proxy


def test_aws_starts_when_it_is_asked_for_and_ends_with_the_rest() -> None:
    """Until then nothing listens; afterwards there is none."""
    with Sandbox() as sandbox:
        assert sandbox._aws is None
        aws = sandbox.aws
        assert sandbox.aws is aws
        assert requests.get(aws.sts_url, timeout=TIMEOUT).status_code == 400
    with pytest.raises(requests.ConnectionError):
        requests.get(aws.sts_url, timeout=TIMEOUT)
    with Sandbox() as sandbox:
        pass
    with pytest.raises(RuntimeError, match="does not run"):
        _ = sandbox.aws


def test_with_tls_the_endpoints_have_it_too() -> None:
    """At https://localhost, without any name of AWS."""
    with Sandbox(tls=True) as sandbox:
        answer = requests.post(
            sandbox.aws.sts_url, web_identity(sandbox), timeout=TIMEOUT, verify=str(sandbox.ca_file)
        )
        assert sandbox.aws.sts_url.startswith("https://localhost:")
        assert content(answer, "Credentials")


def test_names_of_ones_own_stand_beside_those_of_aws() -> None:
    """The same proxy leads to both, and to nothing else."""
    with (
        Sandbox(aws=True, names={"idp.corp.example": "gitlab"}) as sandbox,
        browse(sandbox) as web,
    ):
        url = "https://idp.corp.example/.well-known/openid-configuration"
        assert web.get(url, timeout=TIMEOUT).status_code == 200
        assert web.get(sandbox.aws.index_url, timeout=TIMEOUT).status_code == 401
        assert web.get(sandbox.aws.other_index_url, timeout=TIMEOUT).status_code == 401
        for name in (
            "evil-111122223333.d.codeartifact.eu-west-1.amazonaws.com",
            "sts.amazonaws.com",
        ):
            with pytest.raises(requests.exceptions.ProxyError):
                web.get(f"https://{name}/", timeout=TIMEOUT)
        assert [where.partition(":")[0][:4] for where in sandbox.proxy.refused] == ["evil", "sts."]


@pytest.mark.parametrize("words", [["--aws"], ["--as", "aws"]])
def test_the_command_leads_there_too(base_env: dict[str, str], words: list[str]) -> None:
    """The names of the index and of the upload stand beside Package Manager's own."""
    script = 'echo "$CODEARTIFACT_INDEX_URL $CODEARTIFACT_UPLOAD_URL $INDEX_URL $AWS_REGION"'
    done = gatepass("sandbox", *words, "--", "sh", "-c", script, env=base_env)
    assert (done.returncode, done.stderr) == (0, "")
    index, upload, other, region = done.stdout.split()
    host = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
    assert (index, upload) == (f"{host}/pypi/private/simple/", f"{host}/pypi/local/")
    assert other.startswith("https://localhost:")
    assert region == "eu-west-1"
