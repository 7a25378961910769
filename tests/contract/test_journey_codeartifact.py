"""From a service string to a CodeArtifact token, by every identity, at AWS' own host names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from gatepass import credential_for, transport
from gatepass.credential import Credential
from gatepass.errors import GatepassError
from gatepass.exchange import sts
from gatepass.sandbox import Sandbox

PLATFORMS = ("github", "gitlab", "kubernetes", "file", "aws")


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with Sandbox(aws=True) as running:
        yield running


@pytest.fixture(autouse=True)
def _way_out(world: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies and authorities are always the process's own."""
    for name, value in world.proxy.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)
    monkeypatch.setattr(sts, "_BACKOFF", 0.0, raising=False)


def asked(world: Sandbox, service: str, platform: str = "github", **more: str) -> Credential | None:
    return credential_for(service, env={**world.environment(platform), **more})


def refusal(world: Sandbox, service: str, platform: str = "github", **more: str) -> GatepassError:
    with pytest.raises(GatepassError) as caught:
        asked(world, service, platform, **more)
    for secret in world.aws.secrets():
        assert secret not in str(caught.value)
    return caught.value


def opens(world: Sandbox, url: str, found: Credential) -> bool:
    """Whether the repository takes the credential."""
    answer = requests.get(
        f"{url}gatepass-hello/",
        auth=(found.username, found.secret.reveal()),
        verify=str(world.ca_file),
        proxies={"https": world.proxy.url},
        timeout=10,
    )
    return answer.status_code == 200


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_identity_gets_a_token_that_opens_the_repository(
    world: Sandbox, platform: str
) -> None:
    """Web identity or keys: one token, user name aws, and the second call makes no request."""
    env = world.environment(platform)  # which mints GitLab's tokens anew each time
    found = credential_for(world.aws.index_url, env=env)
    assert found is not None
    assert found.username == "aws"
    assert opens(world, world.aws.index_url, found)
    before = len(world.requests)
    assert credential_for(world.aws.index_url, env=env) == found
    assert len(world.requests) == before
    assert (world.count("sts"), world.count("codeartifact")) == (int(platform != "aws"), 1)
    assert world.count("exchange") == 0
    assert not [request for request in world.requests if "came along" in request.note]


def test_the_token_ends_with_its_session(world: Sandbox) -> None:
    """duration=0: its life is what the role's session had left, not twelve hours."""
    found = asked(world, world.aws.index_url)
    assert found is not None
    assert found.expires_at is not None
    assert 3500 < found.expires_at - found.obtained_at <= 3600


def test_all_of_a_domains_addresses_share_one_token(world: Sandbox) -> None:
    """Classic, dual-stack, the origin, another format, another user's name: one exchange."""
    aws = world.aws
    first = asked(world, aws.index_url)
    assert first is not None
    for service in (
        aws.upload_url,
        aws.dual_stack_index_url,
        f"https://{aws.host}",
        f"https://me@{aws.host.upper()}/npm/private/",
    ):
        assert asked(world, service) == first
    named = credential_for(aws.index_url, "me", env=world.environment("github"))
    assert named == first._replace(username="me")
    assert asked(world, aws.host) is None  # it may be plain http that is asked for
    assert world.count("sts") == 1


def test_an_endpoint_of_ones_own_network(world: Sandbox) -> None:
    """The path of a VPC endpoint says whose domain it is."""
    found = asked(world, world.aws.vpc_index_url)
    assert found is not None
    assert opens(world, world.aws.vpc_index_url, found)


def test_two_domains_with_two_roles(world: Sandbox, tmp_path: Path) -> None:
    """Each by its own role, from the configuration; neither token opens the other's."""
    aws, config = world.aws, tmp_path / "config.toml"
    config.write_text(
        f'version = 1\n[registries.tools]\nurl = "https://{aws.other_host}"\n'
        f'role_arn = "{aws.other_role_arn}"\n'
    )
    more = {"GATEPASS_CONFIG": str(config)}
    acme = asked(world, aws.index_url, **more)
    tools = asked(world, aws.other_index_url, **more)
    assert acme is not None
    assert tools is not None
    assert opens(world, aws.index_url, acme)
    assert opens(world, aws.other_index_url, tools)
    assert not opens(world, aws.other_index_url, acme)
    roles = [r.note for r in world.requests if r.party == "sts"]
    assert ["ci-read" in roles[0], "tools" in roles[1]] == [True, True]


def test_a_role_that_may_not_is_told_apart_from_one_that_is_not_trusted(world: Sandbox) -> None:
    """The domain's refusal and the role's have their own errors, which say what to change."""
    assert refusal(world, world.aws.other_index_url).code.startswith("codeartifact-")
    error = refusal(world, world.aws.index_url, GATEPASS_ROLE_ARN=world.aws.runner_role_arn)
    assert error.code == "sts-access-denied"
    assert "repo:acme/widgets:ref:refs/heads/main" in str(error)


def test_the_runners_role_is_not_the_jobs(world: Sandbox) -> None:
    """In a runner's pod on EKS the injected role is never presented with the job's token."""
    injected = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
        "AWS_ROLE_ARN": world.aws.runner_role_arn,
    }
    assert asked(world, world.aws.index_url, **injected)
    (request,) = [r for r in world.requests if r.party == "sts"]
    assert "ci-read" in request.note


@pytest.mark.parametrize("fault", ["sts=idp-error", "sts=no-key", "sts=503", "codeartifact=503"])
def test_what_passes_is_tried_again(world: Sandbox, fault: str) -> None:
    """AWS could not reach the issuer, or had a bad moment: the next try gets it."""
    world.fault(fault)
    assert asked(world, world.aws.index_url)
    assert world.count("codeartifact") == 1


@pytest.mark.parametrize("platform", ["github", "gitlab", "file"])
def test_a_token_for_somebody_else_never_reaches_sts(world: Sandbox, platform: str) -> None:
    """Package Manager's token is not AWS': it is refused here, before a byte goes out."""
    token = world.issuer.mint(world.address)
    if platform == "gitlab":
        token = world.gitlab.issuer.mint(world.address)
    env = {
        "GATEPASS_ID_TOKEN": token,
        "GATEPASS_TRUSTED_ISSUERS": world.issuer.url,
        "STS_AMAZONAWS_COM_ID_TOKEN": "",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "",
    }
    role = {"GATEPASS_ROLE_ARN": world.aws.role_arn}
    assert refusal(world, world.aws.index_url, platform, **env, **role).code == "audience-mismatch"
    assert world.count("sts") == world.count("sts", 400) == world.count("sts", 403) == 0


def test_one_job_with_both_kinds(world: Sandbox) -> None:
    """Package Manager and CodeArtifact in one GitLab job: each gets the token made for it."""
    ppm = asked(world, world.index_url, "gitlab")
    aws = asked(world, world.aws.index_url, "gitlab")
    assert ppm is not None
    assert aws is not None
    assert (ppm.username, aws.username) == ("__token__", "aws")
    assert (world.count("exchange"), world.count("codeartifact")) == (1, 1)


@pytest.mark.parametrize("host", ["{}.evil.example", "x.{}", "{}:8443"])
def test_hosts_that_only_look_like_it_get_nothing(world: Sandbox, host: str) -> None:
    """None, no request."""
    assert asked(world, f"https://{host.format(world.aws.host)}/pypi/x/simple/") is None
    assert world.requests == []


def test_no_boto3_on_the_way_of_a_web_identity(world: Sandbox) -> None:
    """A fresh interpreter makes the whole exchange and has loaded no SDK."""
    code = (
        "import sys, gatepass; assert gatepass.credential_for(sys.argv[1]);"
        "print([m for m in ('boto3', 'botocore', 'urllib3') if m in sys.modules])"
    )
    env = {**world.environment("github"), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code, world.aws.index_url],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout.strip(), done.stderr) == ("['urllib3']", "")
