"""The name of a role's session: what CloudTrail and AWS' bills show of the job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gatepass.errors import ConfigError, plain
from gatepass.settings import Environment
from gatepass.settings.environment import read

_VARIABLE = "AWS_ROLE_SESSION_NAME"
_LEGAL = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_ILLEGAL = re.compile(r"[^\w+=,.@-]", re.ASCII)
_LONGEST = 64

# Which repository, and which of its runs: GitHub's and Forgejo's claims, then GitLab's.
_RUNS = (("repository", "run_id"), ("project_path", "job_id"))


def session_name(env: Environment, claims: Mapping[str, Any]) -> str:
    """AWS_ROLE_SESSION_NAME, else one from a token's verified claims.

    STS takes 2 to 64 characters of ``[A-Za-z0-9_+=,.@-]`` (its API reference): others become
    ``-``, and of a longer name the end stays, which tells runs apart. Raises ConfigError
    (aws-session-name) for a variable that STS wouldn't take.
    """
    said = read(env, _VARIABLE)
    if said:
        if not _LEGAL.fullmatch(said):
            raise ConfigError(
                "aws-session-name",
                f"{_VARIABLE} can't be a session's name: {plain(said, 80)!r}",
                why="AWS takes 2 to 64 letters, digits and _ + = , . @ -",
                do="correct it, or unset it: the name then comes from the job's own claims",
            )
        return said
    name = _ILLEGAL.sub("-", _from(claims))[-_LONGEST:]
    return name if len(name) > 1 else f"gatepass-{name}"


def _from(claims: Mapping[str, Any]) -> str:
    for place, run in _RUNS:
        if claims.get(place) and claims.get(run):
            return f"{claims[place]}-{claims[run]}"
    return str(claims.get("sub", ""))
