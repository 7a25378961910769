"""AWS' own identities: whose keys they are, whose role it is, and what is never put together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

import forge
from gatepass.errors import GatepassError
from gatepass.identity import Unable, aws, choose, find, webidentity
from gatepass.realm import parse
from gatepass.settings import Registry, load

URL = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com/pypi/team/simple/"
ROLE, RUNNERS = "arn:aws:iam::111122223333:role/ci", "arn:aws:iam::111122223333:role/runner"
JOB = {
    "CI": "true",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://run.example/x?api-version=2.0",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "r",
}
RUNNER_POD = {
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
    "AWS_ROLE_ARN": RUNNERS,
    "KUBERNETES_SERVICE_HOST": "10.0.0.1",
}


def at(env: dict[str, str]) -> Registry:
    address = parse(URL)
    assert address is not None
    found = load(env).registry_for(address)
    assert found is not None
    return found


def chosen(env: dict[str, str]) -> tuple[str, str, str]:
    """Who speaks, by what, and with which role."""
    who = choose(env, at(env))
    return who.name, who.origin, who.role_arn


def refused(env: dict[str, str]) -> GatepassError:
    with pytest.raises(GatepassError) as caught:
        choose(env, at(env))
    return caught.value


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".aws").mkdir()
    return tmp_path


class TestRoles:
    """A role is presented with its own token, and with no other."""

    def test_the_job_has_the_role_that_was_named_for_us(self) -> None:
        """GATEPASS_ROLE_ARN; the runner's own, in AWS_ROLE_ARN, is not the job's."""
        env = {**JOB, **RUNNER_POD, "GATEPASS_ROLE_ARN": ROLE}
        assert chosen(env) == ("github", "ACTIONS_ID_TOKEN_REQUEST_URL", ROLE)

    def test_a_job_without_a_role_gives_way_to_its_runners_pod(self) -> None:
        """The injected token, with the injected role: what the runner may do, as before."""
        origin = "AWS_WEB_IDENTITY_TOKEN_FILE"
        assert chosen({**JOB, **RUNNER_POD}) == ("kubernetes", origin, RUNNERS)

    def test_a_job_that_may_not_ask_never_lends_its_role_to_the_runner(self) -> None:
        """Without id-token: write the pod doesn't speak for it; where no role was named for the job
        it does, with its own."""
        env = {"CI": "true", "GITHUB_ACTIONS": "true", **RUNNER_POD}
        assert refused({**env, "GATEPASS_ROLE_ARN": ROLE}).code == "github-permission"
        assert chosen(env) == ("kubernetes", "AWS_WEB_IDENTITY_TOKEN_FILE", RUNNERS)

    def test_a_pod_of_ones_own_may_have_another_role(self) -> None:
        """Outside of CI what was named for us outranks what the cluster injected."""
        assert chosen({**RUNNER_POD, "GATEPASS_ROLE_ARN": ROLE})[2] == ROLE
        assert chosen(RUNNER_POD)[2] == RUNNERS

    def test_a_job_without_any_role_is_told_what_to_set(self) -> None:
        """AWS gives nothing without one."""
        error = refused(JOB)
        assert error.code == "no-role"
        assert "GATEPASS_ROLE_ARN" in error.do

    def test_a_role_for_a_projected_token(self, tmp_path: Path) -> None:
        """A pod's own projected token goes with the role named for us, else with the pod's."""
        token = tmp_path / "token"
        token.write_text(forge.token("{}", sign=lambda data: b"x"))
        env = {"GATEPASS_KUBERNETES_TOKEN_FILE": str(token)}
        assert refused(env).code == "no-role"
        assert chosen({**env, "AWS_ROLE_ARN": RUNNERS})[2] == RUNNERS
        assert chosen({**env, "AWS_ROLE_ARN": RUNNERS, "GATEPASS_ROLE_ARN": ROLE})[2] == ROLE

    def test_the_tables_role_outranks_the_variable(self, tmp_path: Path) -> None:
        """Two domains with two roles in one job: each has its own."""
        config = tmp_path / "config.toml"
        other = URL.replace("acme", "tools").replace("111122223333", "444455556666")
        config.write_text(
            f'version = 1\n[registries.tools]\nurl = "{other}"\nrole_arn = "{RUNNERS}"\n'
        )
        env = {**JOB, "GATEPASS_ROLE_ARN": ROLE, "GATEPASS_CONFIG": str(config)}
        settings = load(env)
        for url, role in [(URL, ROLE), (other, RUNNERS)]:
            address = parse(url)
            registry = settings.registry_for(address) if address else None
            assert registry is not None
            assert choose(env, registry).role_arn == role


class TestTheVariableForAToken:
    """AWS_WEB_IDENTITY_TOKEN_FILE, by whoever set it."""

    def test_the_users_file(self, tmp_path: Path) -> None:
        """Its audience need not be said, as with AWS' own tools."""
        env = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "t"), "AWS_ROLE_ARN": ROLE}
        found = webidentity.detect(env, at(env))
        assert found is not None
        assert not isinstance(found, Unable)
        assert (found.name, found.path, found.role_arn) == ("file", str(tmp_path / "t"), ROLE)
        assert found.audience_is_unsaid
        said = webidentity.detect(env, at(env)._replace(audience="a"))
        assert said is not None
        assert not isinstance(said, Unable)
        assert not said.audience_is_unsaid

    def test_it_outranks_the_job(self, tmp_path: Path) -> None:
        """What the user said comes before what was found."""
        env = {**JOB, "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "t"), "AWS_ROLE_ARN": ROLE}
        assert chosen(env)[0] == "file"

    def test_without_a_role_it_can_not_act(self, tmp_path: Path) -> None:
        """It says so if nobody else can."""
        env = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "t")}
        assert refused(env).code == "no-role"
        assert chosen({**env, "GATEPASS_ROLE_ARN": ROLE})[2] == ROLE
        injected = {**RUNNER_POD, "AWS_ROLE_ARN": ""}
        found = webidentity.detect_injected(injected, at(injected))
        assert isinstance(found, Unable)
        assert found.error.code == "no-role"

    def test_an_injected_one_is_the_pods(self) -> None:
        """Its issuers are a pod's, so a token that names its own issuer is refused."""
        found = webidentity.detect_injected(RUNNER_POD, at(RUNNER_POD))
        assert found is not None
        assert not isinstance(found, Unable)
        assert found.audience_is_unsaid
        assert webidentity.detect(RUNNER_POD, at(RUNNER_POD)) is None
        assert webidentity.detect_injected({}, at({})) is None

    def test_package_managers_file_is_not_for_aws(self, tmp_path: Path) -> None:
        """The replaced tool's variable speaks for its own registry alone."""
        env = {"PACKAGEMANAGER_IDENTITY_TOKEN_FILE": str(tmp_path / "t"), "CI": "true"}
        assert refused({**env, "GATEPASS_ROLE_ARN": ROLE}).code == "no-identity"


class TestKeysAndProfiles:
    """What boto3's own chain would find, without asking it."""

    @pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_PROFILE"])
    def test_what_was_said(self, variable: str) -> None:
        """Keys and profiles in the environment outrank a job's identity."""
        env = {**JOB, "GATEPASS_ROLE_ARN": ROLE, variable: "x"}
        assert chosen(env) == ("aws", variable, "")

    @pytest.mark.parametrize(
        ("file", "text", "is_there"),
        [
            ("credentials", "[default]\naws_access_key_id = AKIA\n", True),
            ("credentials", "[other]\naws_access_key_id = AKIA\n", False),
            ("config", "[default]\nregion = eu-west-1\n", False),
            ("config", "[default]\nsso_session = corp\n", True),
            ("config", "[default]\ncredential_process = a%b\n", True),
            ("config", "[profile default]\nrole_arn = r\n", True),
            ("config", "[profile other]\nrole_arn = r\n", False),
            ("config", "nonsense", True),
            ("config", "", False),
        ],
    )
    def test_what_is_found(self, home: Path, file: str, text: str, is_there: bool) -> None:
        """A profile counts if it leads to keys; one that can't be read is left to boto3."""
        (home / ".aws" / file).write_text(text)
        env = {"HOME": str(home)}
        found = aws.detect_configured(env, at(env))
        assert (found is not None) == is_there
        if found:
            assert found.origin == str(home / ".aws" / file)

    def test_the_registrys_profile_is_the_one_that_counts(self, home: Path) -> None:
        """`profile` of config.toml, else AWS_DEFAULT_PROFILE, else the default."""
        (home / ".aws" / "config").write_text("[profile sso]\nsso_session = corp\n")
        env = {"HOME": str(home)}
        assert aws.detect_configured(env, at(env)) is None
        assert aws.detect_configured(env, at(env)._replace(profile="sso"))
        assert aws.detect_configured({**env, "AWS_DEFAULT_PROFILE": "sso"}, at(env))

    def test_files_by_their_variables(self, tmp_path: Path) -> None:
        """AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, as the SDKs read them."""
        named = tmp_path / "elsewhere"
        named.write_text("[default]\naws_access_key_id = AKIA\n")
        for variable in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            assert aws.detect_configured({variable: str(named)}, at({}))

    @pytest.mark.parametrize("variable", aws._CONTAINER)
    def test_a_containers_role(self, variable: str) -> None:
        """ECS and EKS Pod Identity name an endpoint; it comes after the job."""
        env = {variable: "http://169.254.170.2/x"}
        assert chosen(env)[:2] == ("aws", variable)
        assert chosen({**env, **JOB, "GATEPASS_ROLE_ARN": ROLE})[0] == "github"

    def test_a_chosen_one_that_is_absent(self, home: Path) -> None:
        """GATEPASS_IDENTITY=aws without any is an error that says where it looked."""
        error = refused({"GATEPASS_IDENTITY": "aws", "HOME": str(home)})
        assert error.code == "identity-absent"
        assert "AWS_PROFILE" in error.why

    def test_the_fingerprint_is_all_that_decides(self, home: Path) -> None:
        """Variables, the profile, and what stands in the files."""
        env = {"AWS_ACCESS_KEY_ID": "a", "HOME": str(home)}

        def fingerprint(profile: str = "", **more: str) -> str:
            both = {**env, **more}
            found = aws.detect(both, at(both)._replace(profile=profile))
            assert found is not None
            return found.fingerprint()

        seen = [
            fingerprint(),
            fingerprint(AWS_SECRET_ACCESS_KEY="b"),
            fingerprint(AWS_ROLE_ARN="r"),
            fingerprint(profile="p"),
        ]
        for file in ("config", "credentials"):
            (home / ".aws" / file).write_text("[default]\n")
            seen.append(fingerprint())
        assert len(set(seen)) == len(seen)
        assert fingerprint(PATH=os.defpath) == fingerprint()

    def test_it_presents_no_token(self) -> None:
        """AWS credentials are no subject token."""
        env = {"AWS_ACCESS_KEY_ID": "a"}
        found = aws.detect(env, at(env))
        assert found is not None
        assert not found.presents_token
        with pytest.raises(AssertionError):
            found.subject_token("a", None, None)  # type: ignore[arg-type]


class TestLogins:
    """A person's login comes last, and never in CI unless it was asked for."""

    PROVIDER: Mapping[str, str] = {
        "GATEPASS_LOGIN_ISSUER": "https://l.corp",
        "GATEPASS_LOGIN_CLIENT_ID": "gatepass",
    }

    def test_a_login_needs_a_role(self) -> None:
        """At AWS an ID token is exchanged for a role, as a job's is."""
        assert chosen({**self.PROVIDER, "GATEPASS_ROLE_ARN": ROLE}) == (
            "login",
            "GATEPASS_LOGIN_ISSUER",
            ROLE,
        )
        assert refused(self.PROVIDER).code == "no-role"

    def test_without_a_provider_there_is_none(self) -> None:
        """CodeArtifact has no login of its own."""
        assert refused({"GATEPASS_ROLE_ARN": ROLE}).code == "no-identity"
        assert refused({"GATEPASS_IDENTITY": "login"}).code == "login-no-provider"

    @pytest.mark.parametrize("where", [{"CI": "true"}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}])
    def test_not_in_ci_nor_in_a_pod(self, where: dict[str, str]) -> None:
        """Nobody would see it there; chosen in so many words it speaks."""
        env = {**self.PROVIDER, "GATEPASS_ROLE_ARN": ROLE, **where}
        assert "login" not in [one.name for one in find(env, at(env)).candidates]
        assert chosen({**env, "GATEPASS_IDENTITY": "login"})[0] == "login"
