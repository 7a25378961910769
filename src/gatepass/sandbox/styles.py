"""How each platform's issuer speaks: what its tokens say by default, and where its keys are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import acme


@dataclass(frozen=True, slots=True)
class Style:
    """`claims`: beside iss, aud, the times and jti. `keys_path`: below the issuer's URL.

    `nbf_before_iat` and `max_age` (of the keys, for Cache-Control) in seconds. `endpoints`: what
    its metadata names beside the keys, by path below its URL; `metadata`: what else it says there.
    `clients`: whom its tokens are for, where that is not whatever a registry asks for.
    """

    claims: Mapping[str, object]
    keys_path: str
    nbf_before_iat: int = 0
    audience_is_list: bool = False
    header: Mapping[str, object] = field(default_factory=lambda: {"typ": "JWT"})
    max_age: int = 300
    endpoints: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)
    clients: tuple[str, ...] = ()


# All strings, as GitHub sends them; `environment` and `enterprise*` are absent because this job
# has neither.
GITHUB = Style(
    claims={
        "sub": f"repo:{acme.REPOSITORY}:ref:{acme.REF}",
        "actor": acme.ACTOR,
        "actor_id": "5150",
        "base_ref": "",
        "head_ref": "",
        "check_run_id": acme.JOB_ID,
        "event_name": acme.EVENT,
        "job_workflow_ref": acme.WORKFLOW_REF,
        "job_workflow_sha": acme.SHA,
        "ref": acme.REF,
        "ref_protected": "true",
        "ref_type": "branch",
        "repository": acme.REPOSITORY,
        "repository_id": acme.REPOSITORY_ID,
        "repository_owner": acme.OWNER,
        "repository_owner_id": acme.OWNER_ID,
        "repository_visibility": "private",
        "run_attempt": "1",
        "run_id": acme.RUN_ID,
        "run_number": "7",
        "runner_environment": "self-hosted",
        "sha": acme.SHA,
        "workflow": acme.WORKFLOW,
        "workflow_ref": acme.WORKFLOW_REF,
        "workflow_sha": acme.SHA,
    },
    keys_path="/.well-known/jwks",
    nbf_before_iat=300,
)

# The token of a pod has no `typ`, a list as `aud`, and `kubernetes.io`, whose uids are what binds
# it to this very pod: names are given out again.
KUBERNETES_IO: dict[str, object] = {
    "namespace": acme.NAMESPACE,
    "node": {"name": "node-1", "uid": "1f1de4a4-5c3c-4a6b-9a5e-7f1d6f0f5a01"},
    "pod": {"name": "build-7d9c5", "uid": "5e0d9c6e-8c8e-4a56-b8a7-0a8a0a1c2b02"},
    "serviceaccount": {
        "name": acme.SERVICE_ACCOUNT,
        "uid": "c2b7f0c1-0d8e-4b8f-9a55-3d5a1b6e7c03",
    },
}
KUBERNETES_KEYS = "/openid/v1/jwks"


def kubernetes(keys_path: str = KUBERNETES_KEYS) -> Style:
    """A cluster's; `keys_path` differs where the issuer is a public one outside the cluster."""
    subject = f"system:serviceaccount:{acme.NAMESPACE}:{acme.SERVICE_ACCOUNT}"
    claims: dict[str, object] = {"sub": subject, "kubernetes.io": KUBERNETES_IO}
    return Style(claims, keys_path, audience_is_list=True, header={}, max_age=3600)


def gitlab(host: str) -> Style:
    """GitLab's at `host` (with its port): flags and ids are strings, but for `runner_id`.

    `environment*` and `deployment_tier` are absent because this job has no environment.
    """
    config = f"{host}/{acme.REPOSITORY}//.gitlab-ci.yml@{acme.REF}"
    project = {
        "namespace_id": acme.OWNER_ID,
        "namespace_path": acme.OWNER,
        "project_id": acme.REPOSITORY_ID,
        "project_path": acme.REPOSITORY,
    }
    claims: dict[str, object] = {
        "sub": f"project_path:{acme.REPOSITORY}:ref_type:branch:ref:{acme.BRANCH}",
        **project,
        **{f"job_{name}": value for name, value in project.items()},
        "user_id": "5150",
        "user_login": acme.ACTOR,
        "user_email": f"{acme.ACTOR}@acme.example",
        "pipeline_id": acme.RUN_ID,
        "pipeline_source": acme.EVENT,
        "job_id": acme.JOB_ID,
        "ref": acme.BRANCH,
        "ref_type": "branch",
        "ref_path": acme.REF,
        "ref_protected": "true",
        "runner_id": 12,
        "runner_environment": "self-hosted",
        "sha": acme.SHA,
        "project_visibility": "private",
        "ci_config_ref_uri": config,
        "ci_config_sha": acme.SHA,
    }
    return Style(claims, "/oauth/discovery/keys", nbf_before_iat=5)


#: Clients of the provider for people: gatepass itself, which has no secret, and Package Manager.
PUBLIC_CLIENT, PACKAGEMANAGER_CLIENT = "gatepass", "packagemanager-sandbox"

# An ID token has no `nbf`, and says when the person logged in.
PEOPLE = Style(
    claims=acme.PERSON,
    keys_path="/jwks",
    endpoints={
        "device_authorization_endpoint": "/device_authorization",
        "token_endpoint": "/token",
    },
    metadata={
        "subject_types_supported": ["public"],
        "claims_supported": ["aud", "auth_time", "exp", "iat", "iss", "jti", *acme.PERSON],
        "scopes_supported": ["openid", "offline_access", "profile", "email"],
        "grant_types_supported": [
            "urn:ietf:params:oauth:grant-type:device_code",
            "refresh_token",
        ],
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
    },
    clients=(PUBLIC_CLIENT, PACKAGEMANAGER_CLIENT),
)
