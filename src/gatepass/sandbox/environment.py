"""The environment: what a job is given on each platform, and a copy with nothing of the kind."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from . import acme
from .aws import jobs
from .aws.account import AUDIENCE

if TYPE_CHECKING:
    from .world import Sandbox

#: Those where a job holds an identity token, and all that can be played.
JOBS = ("github", "gitlab", "kubernetes", "file")
PLATFORMS = (*JOBS, "aws", "laptop", "menda")

_LOOPBACK = "127.0.0.1,localhost"
_TOKEN_LIFETIME = 3600  # seconds

#: Names that start so are taken out by `clean`, each with its reason.
SILENCED_PREFIXES: dict[str, str] = {
    "PACKAGEMANAGER_": "names a Package Manager, a token for it or an identity",
    "GATEPASS_": "configures gatepass",
    "ACTIONS_": "GitHub's and Forgejo's token endpoint",
    "GITHUB_": "the platform GitHub Actions",
    "RUNNER_": "the platform GitHub Actions: its folders",
    "FORGEJO_": "the platform Forgejo Actions",
    "GITEA_": "the platform Gitea Actions",
    "GITLAB_": "the platform GitLab CI",
    "CI_": "the platform GitLab CI: server, job, registry password",
    "BITBUCKET_": "the platform Bitbucket Pipelines",
    "BUILDKITE": "the platform Buildkite",
    "CIRCLE": "the platform CircleCI, with its tokens",
    "KUBERNETES_": "the platform Kubernetes",
    "AWS_": "an identity at AWS",
    "MENDA_": "an identity at menda cloud",
    "PIP_": "pip's settings: an index, its keyring provider",
    "UV_": "uv's settings: indexes and their credentials",
    "TWINE_": "twine's settings: a repository and its password",
    "POETRY_": "poetry's settings: repositories and their passwords",
    "PDM_": "pdm's settings: indexes and their passwords",
    "HATCH_": "hatch's settings: an index and its password",
    "KEYRING_PROPERTY_": "settings of whichever keyring backend is used",
}
#: Names that are taken out by `clean`, each with its reason.
SILENCED_NAMES: dict[str, str] = {
    "CI": "says that this is a CI job",
    "PYTHON_KEYRING_BACKEND": "chooses the keyring backend, past its plug-ins",
    "NETRC": "a file of passwords by host",
}
#: The same for names that end so.
SILENCED_SUFFIXES: dict[str, str] = {
    "_ID_TOKEN": "an identity token in a variable, which is called after its audience",
}


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """A copy of `environ` in which no platform, identity, registry or client setting speaks.

    What goes is listed, with reasons, in SILENCED_PREFIXES, SILENCED_SUFFIXES and SILENCED_NAMES;
    case does not matter, since on Windows it does not. Proxies and certificate files stay: they say
    how to reach the network, not who one is. Files (~/.netrc, pip.conf) still speak.
    """
    prefixes, suffixes = tuple(SILENCED_PREFIXES), tuple(SILENCED_SUFFIXES)
    return {
        name: value
        for name, value in environ.items()
        if not name.upper().startswith(prefixes)
        and not name.upper().endswith(suffixes)
        and name.upper() not in SILENCED_NAMES
    }


def environment(sandbox: Sandbox, platform: str) -> dict[str, str]:
    """What `platform` sets for its job; ValueError unless it is one of PLATFORMS."""
    own = {
        "github": _github,
        "gitlab": _gitlab,
        "kubernetes": _kubernetes,
        "file": _file,
        "aws": _aws,
        "laptop": _laptop,
        "menda": _menda,
    }
    if platform not in own:
        raise ValueError(f"no platform {platform!r}; there are {', '.join(PLATFORMS)}")
    for_aws = jobs.variables(sandbox, platform)
    return {**_common(sandbox), **for_aws, **own[platform](sandbox)}


def _common(sandbox: Sandbox) -> dict[str, str]:
    variables = {
        "PACKAGEMANAGER_ADDRESS": sandbox.address,
        "NO_PROXY": _LOOPBACK,
        "no_proxy": _LOOPBACK,
    }
    if sandbox.ca_file is not None:
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"):
            variables[name] = str(sandbox.ca_file)
    return variables


def _github(sandbox: Sandbox) -> dict[str, str]:
    runner = sandbox.folder / "runner"
    runner.mkdir(mode=0o700, exist_ok=True)
    temporary = runner / "temp"
    temporary.mkdir(mode=0o700, exist_ok=True)
    event, summary = runner / "event.json", runner / "summary.md"
    event.write_text(json.dumps(_event(), indent=2) + "\n", encoding="utf-8")
    summary.touch(mode=0o600)
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": sandbox.github.server_url,
        "GITHUB_REPOSITORY": acme.REPOSITORY,
        "GITHUB_REPOSITORY_OWNER": acme.OWNER,
        "GITHUB_EVENT_NAME": acme.EVENT,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REF": acme.REF,
        "GITHUB_RUN_ID": acme.RUN_ID,
        "GITHUB_STEP_SUMMARY": str(summary),
        "RUNNER_TEMP": str(temporary),
        "ACTIONS_ID_TOKEN_REQUEST_URL": sandbox.github.request_url,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": sandbox.github.request_token,
    }


def _gitlab(sandbox: Sandbox) -> dict[str, str]:
    project = sandbox.folder / "builds" / acme.REPOSITORY
    project.mkdir(mode=0o700, parents=True, exist_ok=True)
    audience = sandbox.packagemanager.audience
    return {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_SERVER_URL": sandbox.gitlab.url,
        "CI_PROJECT_DIR": str(project),
        "CI_PROJECT_PATH": acme.REPOSITORY,
        "CI_JOB_ID": acme.JOB_ID,
        "CI_PIPELINE_SOURCE": acme.EVENT,
        "CI_COMMIT_REF_NAME": acme.BRANCH,
        "GATEPASS_ID_TOKEN": sandbox.gitlab.issuer.mint(audience, lifetime=_TOKEN_LIFETIME),
        "GATEPASS_STORE_DIR": _store(sandbox),
    }


def _kubernetes(sandbox: Sandbox) -> dict[str, str]:
    cluster = sandbox.kubernetes
    host, _, port = cluster.api.removeprefix("https://").partition(":")
    return {
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": port,
        "GATEPASS_KUBERNETES_TOKEN_FILE": str(cluster.token_dir),
        "GATEPASS_KUBERNETES_API_DIR": str(cluster.api_dir),
        "GATEPASS_STORE_DIR": _store(sandbox),
    }


def _file(sandbox: Sandbox) -> dict[str, str]:
    path = sandbox.folder / "identity-token"
    token = sandbox.issuer.mint(sandbox.packagemanager.audience, lifetime=_TOKEN_LIFETIME)
    _replace(path, token + "\n")
    for_aws = {}
    if sandbox.has_aws_names:
        web_identity = sandbox.folder / "web-identity-token"
        # As a kubelet writes it, without a line's end: boto3 sends the file as it is.
        _replace(web_identity, sandbox.issuer.mint(AUDIENCE, lifetime=_TOKEN_LIFETIME))
        for_aws["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(web_identity)
    return {
        "PACKAGEMANAGER_IDENTITY_TOKEN_FILE": str(path),
        "GATEPASS_STORE_DIR": _store(sandbox),
        "GATEPASS_TRUSTED_ISSUERS": sandbox.issuer.url,
        **for_aws,
    }


def _aws(sandbox: Sandbox) -> dict[str, str]:
    return {"GATEPASS_STORE_DIR": _store(sandbox)}


def _laptop(sandbox: Sandbox) -> dict[str, str]:
    """A person's: nothing here says who that is, and no variable that there is a job."""
    return {
        "GATEPASS_LOGIN_ISSUER": sandbox.idp.url,
        "GATEPASS_LOGIN_CLIENT_ID": sandbox.idp.client_id,
        "GATEPASS_STORE_DIR": _store(sandbox),
    }


def _menda(sandbox: Sandbox) -> dict[str, str]:
    return {
        "MENDA_HOST": sandbox.menda.url,
        "MENDA_CLIENT_ID": sandbox.menda.client_id,
        "MENDA_CLIENT_SECRET": sandbox.menda.client_secret,
        "GATEPASS_STORE_DIR": _store(sandbox),
    }


def _store(sandbox: Sandbox) -> str:
    """Where there is no RUNNER_TEMP, the store must not be the machine's."""
    return str(sandbox.folder / "store")


def _event() -> dict[str, object]:
    owner = {"login": acme.OWNER, "id": int(acme.OWNER_ID)}
    repository = {
        "id": int(acme.REPOSITORY_ID),
        "full_name": acme.REPOSITORY,
        "owner": owner,
        "private": True,
        "fork": False,
    }
    return {"ref": acme.REF, "after": acme.SHA, "repository": repository}


def _replace(path: Path, text: str) -> None:
    """Write a 0600 file and move it into place, as a kubelet does: no reader sees half of it."""
    descriptor, fresh = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    os.replace(fresh, path)
