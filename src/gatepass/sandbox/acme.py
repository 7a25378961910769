"""The one job that the sandbox plays: what its claims and its environment both say."""

from __future__ import annotations

OWNER = "acme"
OWNER_ID = "4021"
REPOSITORY = "acme/widgets"
REPOSITORY_ID = "73401"
BRANCH = "main"
REF = f"refs/heads/{BRANCH}"
SHA = "3f786850e387550fdab836ed7e6dc881de23001b"
ACTOR = "octavia"
EVENT = "push"
RUN_ID = "9001"
JOB_ID = "88001"
WORKFLOW = "publish"
WORKFLOW_REF = f"{REPOSITORY}/.github/workflows/publish.yml@{REF}"
# Whoever it is that sits at the laptop, and says yes or no.
EMAIL = f"{ACTOR}@acme.example"
PERSON: dict[str, object] = {
    "sub": "00u5150octavia",
    "email": EMAIL,
    "email_verified": True,
    "name": "Octavia Widget",
    "preferred_username": ACTOR,
}
# In a cluster the job is a pod's.
NAMESPACE = "acme"
SERVICE_ACCOUNT = "build"
