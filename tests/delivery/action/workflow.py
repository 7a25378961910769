"""A workflow's job on the runner: its permissions, its variables, its steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from delivery.action.expressions import Expressions
from delivery.action.jobs import IDENTITY, NAME
from delivery.action.runner import Job, Step

_JOB = {"name", "runs-on", "permissions", "env", "steps", "strategy", "timeout-minutes"}


def run(
    workflow: Mapping[str, Any],
    name: str,
    job: Job,
    *,
    matrix: Mapping[str, str] | None = None,
    wheelhouse: str = "",
) -> dict[str, Step]:
    """Execute one job. It has an identity if the workflow gives it that; `wheelhouse` is what the
    action gets where the workflow leaves it to the public index."""
    described = workflow["jobs"][name]
    assert set(described) <= _JOB, f"what is this? {set(described) - _JOB}"
    permissions = described.get("permissions", workflow.get("permissions", {}))
    if permissions.get("id-token") != "write":
        for variable in IDENTITY:
            job.env.pop(variable, None)
    over = Expressions(job.contexts(matrix=dict(matrix or {})))
    for table in (workflow.get("env", {}), described.get("env", {})):
        job.variables |= {key: over.text(value) for key, value in table.items()}
    steps = [dict(step) for step in described["steps"]]
    for step in steps:
        if wheelhouse and str(step.get("uses", "")).startswith((NAME, "$/actions/setup")):
            step["with"] = {"wheelhouse": wheelhouse, **step.get("with", {})}
    return job.run(steps, matrix=dict(matrix or {}))
