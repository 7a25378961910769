"""The one job that the sandbox plays: what its claims and its environment both say."""

from __future__ import annotations

OWNER = "acme"
OWNER_ID = "4021"
REPOSITORY = "acme/widgets"
REPOSITORY_ID = "73401"
REF = "refs/heads/main"
SHA = "3f786850e387550fdab836ed7e6dc881de23001b"
ACTOR = "octavia"
EVENT = "push"
RUN_ID = "9001"
WORKFLOW = "publish"
WORKFLOW_REF = f"{REPOSITORY}/.github/workflows/publish.yml@{REF}"

#: What a job's token says beside iss, aud, the times and jti. All strings, as GitHub sends them;
#: `environment` and `enterprise*` are absent because this job has neither.
CLAIMS: dict[str, str] = {
    "sub": f"repo:{REPOSITORY}:ref:{REF}",
    "actor": ACTOR,
    "actor_id": "5150",
    "base_ref": "",
    "head_ref": "",
    "check_run_id": "88001",
    "event_name": EVENT,
    "job_workflow_ref": WORKFLOW_REF,
    "job_workflow_sha": SHA,
    "ref": REF,
    "ref_protected": "true",
    "ref_type": "branch",
    "repository": REPOSITORY,
    "repository_id": REPOSITORY_ID,
    "repository_owner": OWNER,
    "repository_owner_id": OWNER_ID,
    "repository_visibility": "private",
    "run_attempt": "1",
    "run_id": RUN_ID,
    "run_number": "7",
    "runner_environment": "self-hosted",
    "sha": SHA,
    "workflow": WORKFLOW,
    "workflow_ref": WORKFLOW_REF,
    "workflow_sha": SHA,
}
