"""The journey under every identity, and two registries in one job, each with its own token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gatepass import credential_for
from gatepass.errors import GatepassError
from gatepass.identity.gitlab import by_audience
from gatepass.sandbox import JOBS, Sandbox
from support import gatepass

ISSUER_OF = {
    "github": lambda sandbox: sandbox.issuer.url,
    "gitlab": lambda sandbox: sandbox.gitlab.url,
    "kubernetes": lambda sandbox: sandbox.kubernetes.issuer.url,
    "file": lambda sandbox: sandbox.issuer.url,
}
# Whom each identity asks, in order, for one credential.
ASKED = {
    "github": ["github", "issuer", "issuer", "exchange"],
    "gitlab": ["issuer", "issuer", "exchange"],
    "kubernetes": ["kubernetes", "exchange"],
    "file": ["issuer", "issuer", "exchange"],
}


def test_every_platform_of_the_sandbox_is_here() -> None:
    """A platform whose job holds an identity token is tried here, when it is added there."""
    assert set(ISSUER_OF) == set(ASKED) == set(JOBS)


@pytest.fixture(params=[False, True], ids=["http", "tls"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox without and with TLS, whose authority this machine then trusts."""
    with Sandbox(tls=request.param) as sandbox:
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            if sandbox.ca_file:
                monkeypatch.setenv(name, str(sandbox.ca_file))
        yield sandbox


def parties(sandbox: Sandbox) -> list[str]:
    """Who was asked, in order; nobody saw a credential that was meant for another."""
    for request in sandbox.requests:
        assert "came along" not in request.note
        assert "somebody else" not in request.note
    return [request.party for request in sandbox.requests]


@pytest.mark.parametrize("platform", JOBS)
def test_a_credential(world: Sandbox, platform: str) -> None:
    """One exchange, with the platform's own issuer, then the store; nobody else hears anything."""
    env = world.environment(platform)
    first = credential_for(world.index_url, env=env)
    assert first is not None
    assert first.username == "__token__"
    assert parties(world) == ASKED[platform]
    assert world.requests[-1].note.endswith(f"issuer {ISSUER_OF[platform](world)}")
    assert credential_for(world.upload_url, env=env) == first
    assert parties(world) == ASKED[platform]


@pytest.mark.parametrize("platform", JOBS)
def test_the_next_token_is_another_identity(world: Sandbox, platform: str) -> None:
    """What one job, pod or file earned is not given to the next."""
    credential_for(world.index_url, env=world.environment(platform))
    if platform == "github":
        world.github.request_token = "of-the-next-job"
    world.kubernetes.rotate_tokens()
    credential_for(world.index_url, env=world.environment(platform))
    assert world.count("exchange") == 2


@pytest.mark.parametrize("platform", JOBS)
def test_whoami(world: Sandbox, base_env: dict[str, str], platform: str) -> None:
    """It names the winner once, shows its verified claims and no token, and exchanges nothing."""
    done = gatepass("whoami", env={**base_env, **world.environment(platform)})
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    # In GitLab the token that was passed is both a passed token and the job's.
    name = "file" if platform == "gitlab" else platform
    assert [line.split()[1] for line in lines if "wins:" in line] == [f"{name},"]
    assert "  claims, verified:" in lines
    assert f"    - iss: {ISSUER_OF[platform](world)}" in lines
    assert any(line.startswith("    - aud: ") and world.address in line for line in lines)
    assert "eyJ" not in done.stdout
    assert "self-named" not in done.stdout
    assert parties(world) == ASKED[platform][:-1]


@pytest.mark.parametrize("platform", JOBS)
def test_get_prints_a_token_that_works(
    world: Sandbox, base_env: dict[str, str], platform: str
) -> None:
    """Through the command line, in a process of its own."""
    done = gatepass("get", world.address, env={**base_env, **world.environment(platform)})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("eyJ")
    assert world.count("exchange") == 1


@pytest.fixture
def team() -> Iterator[Sandbox]:
    """Another company's registry, with its own audience and issuers."""
    with Sandbox() as running:
        yield running


def trusting(registry: Sandbox, *issuers: object) -> None:
    """Let a registry trust these issuers too: one job, two registries that know its platform."""
    registry._federation += issuers  # type: ignore[arg-type]


def both(first: Sandbox, second: Sandbox, platform: str, naming: str = "") -> dict[str, str]:
    """One job of the first sandbox's platform that has a token for each of the two registries."""
    env = first.environment(platform)
    env["GATEPASS_REGISTRIES"] = f"team={second.address}"
    if platform == "gitlab":
        name = by_audience(second.address) if naming == "audience" else "GATEPASS_ID_TOKEN_TEAM"
        env[name] = first.gitlab.issuer.mint(second.address)
        trusting(second, first.gitlab.issuer)
    elif platform == "kubernetes":
        first.kubernetes.project("team", second.address)
        trusting(second, first.kubernetes.issuer)
    else:
        trusting(second, first.issuer)
        if platform == "file":
            env["GATEPASS_ID_TOKEN_TEAM"] = first.issuer.mint(second.address)
    return env


WAYS = [("github", ""), ("gitlab", "name"), ("gitlab", "audience"), ("kubernetes", ""),
        ("file", "")]  # fmt: skip


@pytest.mark.parametrize(("platform", "naming"), WAYS)
def test_one_job_and_two_registries(
    sandbox: Sandbox, team: Sandbox, platform: str, naming: str
) -> None:
    """Each is given the token that is for it, and never the other's: both journals say so."""
    env = both(sandbox, team, platform, naming)
    mine = credential_for(sandbox.index_url, env=env)
    theirs = credential_for(team.index_url, env=env)
    assert mine is not None
    assert theirs is not None
    assert mine.secret.reveal() != theirs.secret.reveal()
    for registry in (sandbox, team):
        exchanges = [one for one in registry.requests if one.party == "exchange"]
        assert [one.status for one in exchanges] == [200]
        parties(registry)
    assert parties(team) == ["exchange"]
    # From the store, too, each has its own.
    assert credential_for(team.index_url, env=env) == theirs
    assert credential_for(sandbox.index_url, env=env) == mine


@pytest.mark.parametrize("platform", ["gitlab", "kubernetes", "file"])
def test_without_a_token_of_its_own_the_second_registry_gets_nothing(
    sandbox: Sandbox, team: Sandbox, platform: str
) -> None:
    """The first one's token is refused before it is sent; the journal there stays empty."""
    env = sandbox.environment(platform)
    env["GATEPASS_REGISTRIES"] = f"team={team.address}"
    trusting(team, sandbox.issuer, sandbox.gitlab.issuer)
    assert credential_for(sandbox.index_url, env=env)
    with pytest.raises(GatepassError) as caught:
        credential_for(team.index_url, env=env)
    codes = {"kubernetes": "kubernetes-no-audience"}
    assert caught.value.code == codes.get(platform, "audience-mismatch")
    assert team.requests == []


@pytest.mark.parametrize("platform", ["gitlab", "file"])
def test_two_tokens_that_were_swapped_go_nowhere(
    sandbox: Sandbox, team: Sandbox, platform: str
) -> None:
    """Each under the other's name: neither registry hears of either."""
    env = both(sandbox, team, platform)
    env.pop("PACKAGEMANAGER_IDENTITY_TOKEN_FILE", None)
    issuer = sandbox.gitlab.issuer if platform == "gitlab" else sandbox.issuer
    env["GATEPASS_ID_TOKEN"] = issuer.mint(team.address)
    env["GATEPASS_ID_TOKEN_TEAM"] = issuer.mint(sandbox.address)
    for registry in (sandbox, team):
        with pytest.raises(GatepassError, match="audience-mismatch"):
            credential_for(registry.index_url, env=env)
    assert "exchange" not in parties(sandbox) + parties(team)


def test_the_files_in_a_pod_may_be_called_anything(sandbox: Sandbox, team: Sandbox) -> None:
    """It is the audience that counts: names that were swapped change nothing."""
    env = both(sandbox, team, "kubernetes")
    sandbox.kubernetes.project("ppm", team.address)
    sandbox.kubernetes.project("team", sandbox.address)
    for registry in (sandbox, team):
        assert credential_for(registry.index_url, env=env)
        assert registry.count("exchange") == 1


def test_two_audiences_at_one_registry_are_two_credentials(base_env: dict[str, str]) -> None:
    """The audience that is set for a registry is what the platform is asked for, and the store
    keeps what it earned apart."""
    with Sandbox(audience="https://named.test") as sandbox:
        env = {**base_env, **sandbox.environment("github")}
        with pytest.raises(GatepassError, match="exchange-refused"):
            credential_for(sandbox.index_url, env=env)
        assert credential_for(
            sandbox.index_url, env={**env, "GATEPASS_AUDIENCE": "https://named.test"}
        )
        asked = [one.note for one in sandbox.requests if one.party == "github"]
        assert asked == [f"audience {sandbox.address}", "audience https://named.test"]


def test_the_audience_variable_speaks_for_one_registry_alone(
    sandbox: Sandbox, base_env: dict[str, str]
) -> None:
    """GATEPASS_AUDIENCE is PACKAGEMANAGER_ADDRESS's: a further registry is asked for by its own."""
    with Sandbox() as other:
        env = {
            **base_env,
            **sandbox.environment("github"),
            "GATEPASS_AUDIENCE": sandbox.packagemanager.audience,
            "GATEPASS_REGISTRIES": f"team={other.address}",
        }
        assert gatepass("get", "packagemanager", env=env).returncode == 0
        refused = gatepass("get", "team", env=env)
        assert refused.returncode == 1
        asked = [r.note for r in sandbox.requests if r.party == "github"]
        assert asked == [f"audience {sandbox.address}", f"audience {other.address}"]


def test_what_a_cluster_injects_is_not_the_jobs(sandbox: Sandbox, base_env: dict[str, str]) -> None:
    """A job on a runner in EKS is itself: the runner pod's web identity file is never presented."""
    injected = sandbox.kubernetes.token_dir / "sts"
    env = {
        **base_env,
        **sandbox.environment("kubernetes"),
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(injected),
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/runner",
    }
    as_pod = gatepass("whoami", env=env)
    assert "wins:      kubernetes" in as_pod.stdout
    assert "sts.amazonaws.com" not in as_pod.stdout
    as_job = gatepass("whoami", env={**env, **sandbox.environment("github")})
    assert "wins:      github" in as_job.stdout
    assert "present:   kubernetes" in as_job.stdout
