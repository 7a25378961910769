"""Which variables the command doesn't get: those that are worth more than what it was given.

Hygiene, not isolation: a program of the same user can read our own environment, the token files
and the private folder. What this keeps from is the careless log line, the debug dump and the build
script that sends its environment home.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from gatepass import log, peek
from gatepass.errors import UsageError, plain_address

_ALWAYS = (
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "CI_JOB_JWT",
    "CI_JOB_JWT_V1",
    "CI_JOB_JWT_V2",
    "GATEPASS_ID_TOKEN",
    "GATEPASS_ID_TOKEN_FILE",
)
_OURS, _GITLABS = "GATEPASS_ID_TOKEN_", "_ID_TOKEN"

# Further ones of an identity that was used, by its name.
_OF = {
    "token": ("PACKAGEMANAGER_TOKEN",),
    "menda": ("MENDA_CLIENT_SECRET",),
    "kubernetes": ("GATEPASS_KUBERNETES_TOKEN_FILE",),
    "aws": (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ),
}
_FILES = ("PACKAGEMANAGER_IDENTITY_TOKEN_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE")
"""Where one of these was used, it is the origin of the identity."""


class Used(NamedTuple):
    """An identity that a credential was got with: its name, and the variable that it came from."""

    name: str
    origin: str


def check(keep: Collection[str], drop: Collection[str]) -> None:
    """UsageError where one name is in both, or is none."""
    both = sorted(set(keep) & set(drop))
    wrong = both or [name for name in (*keep, *drop) if not name or "=" in name]
    if wrong:
        problem = "to be kept and to be dropped" if both else "no variable's name"
        raise UsageError(
            "usage",
            f"gatepass exec: {plain_address(wrong[0])!r} is {problem}",
            do="gatepass exec --help",
        )


def fenced(
    env: Mapping[str, str],
    used: Iterable[Used],
    *,
    keep: Collection[str] = (),
    drop: Collection[str] = (),
) -> dict[str, str]:
    """``env`` without them. ``keep``, ``drop``: exact names that go through, or don't, whatever
    they are."""
    gone = {*_ALWAYS, *drop}
    for one in used:
        gone |= {*_OF.get(one.name, ()), *({one.origin} & set(_FILES))}
    gone |= {name for name, value in env.items() if _is_a_token(name, value, env)}
    gone -= set(keep)
    for name in sorted(gone & set(env)):
        log.info("fenced", f"{name} is kept from the command (--keep {name} passes it on)")
    return {name: value for name, value in env.items() if name not in gone}


def _is_a_token(name: str, value: str, env: Mapping[str, str]) -> bool:
    if name.startswith(_OURS):
        return True
    # GitLab's `id_tokens` may have any name; by this ending other tools look for theirs.
    return env.get("GITLAB_CI") == "true" and name.endswith(_GITLABS) and bool(peek.claims(value))
