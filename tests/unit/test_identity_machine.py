"""A CI job that can't say who it is, on a machine that has an identity of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepass.errors import IdentityError
from gatepass.identity import choose
from gatepass.settings import Registry, load

HOST = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
ROLE = {"GATEPASS_ROLE_ARN": "arn:aws:iam::111122223333:role/ci-read"}
FORKS = {
    "github": {"GITHUB_ACTIONS": "true", "CI": "true"},
    "gitlab": {"GITLAB_CI": "true", "CI": "true", "CI_SERVER_URL": "https://gitlab.example.com"},
}
MACHINES = {
    "a container's role": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/keys"},
    "a cluster's token": {
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/runner",
    },
}


def registry(env: dict[str, str]) -> Registry:
    (found,) = load({"GATEPASS_REGISTRIES": f"team={HOST}", **env}).registries
    return found


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("platform", FORKS)
def test_a_named_role_is_the_jobs_alone(platform: str, machine: str) -> None:
    """Nobody who sends a fork's pull request gets what the runner's machine may do."""
    env = {**FORKS[platform], **MACHINES[machine], **ROLE}
    with pytest.raises(IdentityError) as caught:
        choose(env, registry(env))
    codes = {"github": "github-permission", "gitlab": "gitlab-no-token"}
    assert caught.value.code == codes[platform]


@pytest.mark.parametrize("platform", FORKS)
def test_a_pods_token_does_not_take_the_jobs_role(platform: str, tmp_path: Path) -> None:
    """A token that is projected into the runner's pod is the runner's."""
    (tmp_path / "token").write_text("a.b.c")
    env = {**FORKS[platform], **ROLE, "GATEPASS_KUBERNETES_TOKEN_FILE": str(tmp_path / "token")}
    with pytest.raises(IdentityError):
        choose(env, registry(env))


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("platform", FORKS)
def test_the_machine_speaks_where_it_was_meant(platform: str, machine: str) -> None:
    """As AWS' own tools have it, where no role was named; and where the choice was said."""
    env = {**FORKS[platform], **MACHINES[machine]}
    assert choose(env, registry(env)).name in ("aws", "kubernetes")
    if machine == "a container's role":
        chosen = {**env, **ROLE, "GATEPASS_IDENTITY": "aws"}
        assert choose(chosen, registry(chosen)).name == "aws"


def test_keys_of_the_job_come_before_its_platform() -> None:
    """What a step or a secret of the job's put there was said, and is no machine's."""
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x" * 40}
    env = {**FORKS["github"], **ROLE, **keys}
    assert choose(env, registry(env)).name == "aws"


def test_outside_of_ci_a_role_is_for_whoever_is_there() -> None:
    """No job was meant: the machine is all there is."""
    env = {**ROLE, **MACHINES["a container's role"]}
    assert choose(env, registry(env)).name == "aws"
