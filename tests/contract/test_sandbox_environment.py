"""Each platform's environment is enough to earn a token, and a clean one says nothing of any."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests

from gatepass.sandbox import JOBS, PLATFORMS, Sandbox, clean

TIMEOUT = 10


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def exchange(address: str, token: str) -> int:
    fields = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
    }
    return requests.post(address + "/__api__/token", fields, timeout=TIMEOUT).status_code


def test_a_github_job_can_earn_a_token_with_what_it_is_given(shared: Sandbox) -> None:
    environ = shared.environment("github")
    address = environ["PACKAGEMANAGER_ADDRESS"]
    answer = requests.get(
        environ["ACTIONS_ID_TOKEN_REQUEST_URL"],
        {"audience": address},
        headers={"Authorization": "bearer " + environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]},
        timeout=TIMEOUT,
    )
    assert exchange(address, answer.json()["value"]) == 200


def test_a_github_jobs_variables_agree_with_its_claims(shared: Sandbox) -> None:
    environ = shared.environment("github")
    claims = jwt.decode(shared.issuer.mint("a"), options={"verify_signature": False})
    for name in ("repository", "repository_owner", "event_name", "ref", "run_id"):
        assert environ[f"GITHUB_{name.upper()}"] == claims[name]
    assert (environ["CI"], environ["GITHUB_ACTIONS"]) == ("true", "true")
    assert claims["iss"] == environ["GITHUB_SERVER_URL"] + "/_services/token"


def test_a_github_jobs_files_are_there(shared: Sandbox) -> None:
    environ = shared.environment("github")
    event = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text())
    assert event["repository"]["full_name"] == "acme/widgets"
    assert Path(environ["RUNNER_TEMP"]).is_dir()
    summary = Path(environ["GITHUB_STEP_SUMMARY"])
    assert summary.read_text() == ""
    summary.write_text("said")
    shared.environment("github")
    assert summary.read_text() == "said"


def test_a_job_with_a_file_can_earn_a_token(shared: Sandbox) -> None:
    environ = shared.environment("file")
    path = Path(environ["PACKAGEMANAGER_IDENTITY_TOKEN_FILE"])
    assert path.is_relative_to(shared.folder)
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    token = path.read_text().strip()
    assert exchange(environ["PACKAGEMANAGER_ADDRESS"], token) == 200
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 3600
    assert environ["GATEPASS_TRUSTED_ISSUERS"] == claims["iss"]


def test_the_file_is_new_at_each_call_and_the_store_is_not_made(shared: Sandbox) -> None:
    environ = shared.environment("file")
    path = Path(environ["PACKAGEMANAGER_IDENTITY_TOKEN_FILE"])
    first = path.read_text()
    assert shared.environment("file") == environ
    assert path.read_text() != first
    store = Path(environ["GATEPASS_STORE_DIR"])
    assert store.is_relative_to(shared.folder)
    assert not store.exists()


def test_every_token_is_for_the_audience_that_was_configured() -> None:
    with Sandbox(audience="https://named.test") as sandbox:
        environ = sandbox.environment("file")
        token = Path(environ["PACKAGEMANAGER_IDENTITY_TOKEN_FILE"]).read_text().strip()
        assert exchange(sandbox.address, token) == 200
        token = sandbox.environment("gitlab")["GATEPASS_ID_TOKEN"]
        assert exchange(sandbox.address, token) == 200
        folder = sandbox.environment("kubernetes")["GATEPASS_KUBERNETES_TOKEN_FILE"]
        assert exchange(sandbox.address, Path(folder, "ppm").read_text()) == 200


def test_a_gitlab_job_can_earn_a_token(shared: Sandbox) -> None:
    environ = shared.environment("gitlab")
    token = environ["GATEPASS_ID_TOKEN"]
    assert exchange(environ["PACKAGEMANAGER_ADDRESS"], token) == 200
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["iss"] == environ["CI_SERVER_URL"] == shared.gitlab.url
    assert claims["exp"] - claims["iat"] == 3600
    for variable, claim in (
        ("CI_PROJECT_PATH", "project_path"),
        ("CI_JOB_ID", "job_id"),
        ("CI_PIPELINE_SOURCE", "pipeline_source"),
        ("CI_COMMIT_REF_NAME", "ref"),
    ):
        assert environ[variable] == claims[claim]
    assert (environ["CI"], environ["GITLAB_CI"]) == ("true", "true")
    for folder in ("CI_PROJECT_DIR", "GATEPASS_STORE_DIR"):
        assert Path(environ[folder]).is_relative_to(shared.folder)
    assert Path(environ["CI_PROJECT_DIR"]).is_dir()
    assert not {name for name in environ if name.startswith(("RUNNER_", "GITHUB_", "ACTIONS_"))}


def test_a_pod_can_earn_a_token(shared: Sandbox) -> None:
    environ = shared.environment("kubernetes")
    tokens = Path(environ["GATEPASS_KUBERNETES_TOKEN_FILE"])
    assert exchange(environ["PACKAGEMANAGER_ADDRESS"], (tokens / "ppm").read_text()) == 200
    api = "https://{KUBERNETES_SERVICE_HOST}:{KUBERNETES_SERVICE_PORT}".format(**environ)
    assert api == shared.kubernetes.api
    mounted = Path(environ["GATEPASS_KUBERNETES_API_DIR"])
    assert mounted == shared.kubernetes.api_dir
    assert Path(environ["GATEPASS_STORE_DIR"]).is_relative_to(shared.folder)
    assert "CI" not in environ
    assert not {name for name in environ if name.startswith(("CI_", "GITHUB_", "GITLAB_"))}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_clean_environment_has_no_trace_of_a_platform(shared: Sandbox, platform: str) -> None:
    assert set(clean(shared.environment(platform))) == {"NO_PROXY", "no_proxy"}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_loopback_is_never_proxied_and_tls_is_trusted(platform: str) -> None:
    with Sandbox(tls=True) as sandbox:
        environ = sandbox.environment(platform)
        assert environ["NO_PROXY"] == environ["no_proxy"] == "127.0.0.1,localhost"
        authority = str(sandbox.ca_file)
        assert environ["SSL_CERT_FILE"] == environ["REQUESTS_CA_BUNDLE"] == authority
    with Sandbox() as sandbox:
        assert "SSL_CERT_FILE" not in sandbox.environment(platform)


def test_an_unknown_platform_is_a_value_error(shared: Sandbox) -> None:
    assert shared.PLATFORMS == PLATFORMS == (*JOBS, "aws", "laptop", "menda")
    assert JOBS == ("github", "gitlab", "kubernetes", "file")
    with pytest.raises(ValueError, match="no platform 'jenkins'; there are github, gitlab"):
        shared.environment("jenkins")


@pytest.mark.parametrize(
    "name",
    [
        "PACKAGEMANAGER_TOKEN",
        "GATEPASS_ID_TOKEN_PROD",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "GITHUB_ACTIONS",
        "RUNNER_TEMP",
        "GITLAB_CI",
        "CI",
        "CI_SERVER_URL",
        "MENDA_HOST",
        "AWS_ROLE_ARN",
        "STS_AMAZONAWS_COM_ID_TOKEN",
        "FORGEJO_TOKEN",
        "GITEA_ACTIONS",
        "BUILDKITE",
        "BUILDKITE_AGENT_ACCESS_TOKEN",
        "CIRCLECI",
        "CIRCLE_OIDC_TOKEN",
        "KUBERNETES_SERVICE_HOST",
        "GATEPASS_KUBERNETES_API_DIR",
        "CI_JOB_ID",
        "PIP_INDEX_URL",
        "UV_INDEX_PROD_PASSWORD",
        "TWINE_PASSWORD",
        "KEYRING_PROPERTY_FOO",
        "PYTHON_KEYRING_BACKEND",
        "NETRC",
    ],
)
def test_clean_takes_out_what_could_speak(name: str) -> None:
    assert clean({name: "x", "PATH": "/bin"}) == {"PATH": "/bin"}


def test_clean_leaves_the_rest_and_its_argument_alone(shared: Sandbox) -> None:
    kept = {"PATH": "p", "HOME": "h", "LANG": "C", "HTTPS_PROXY": "x", "CIVIL": "y", "UVX": "z"}
    given = {**kept, **shared.environment("github")}
    before = dict(given)
    assert clean(given) == {**kept, "NO_PROXY": given["NO_PROXY"], "no_proxy": given["no_proxy"]}
    assert given == before
