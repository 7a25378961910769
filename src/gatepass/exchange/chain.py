"""boto3's own chain for AWS credentials: asked in the background, bounded, silent, never prompting.

It is botocore's, which is all of boto3 that knows credentials. It reads the process's own
environment, and what it says is put into our words by :mod:`gatepass.exchange.chainfailure`.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gatepass import ec2
from gatepass.errors import IdentityError, plain
from gatepass.exchange.chainprocess import Processes
from gatepass.exchange.sigv4 import Keys
from gatepass.secret import Secret
from gatepass.settings.environment import read

if TYPE_CHECKING:
    from gatepass.exchange.base import Request
    from gatepass.settings import Environment

LONGEST = 20.0
"""Seconds for a single sign-on, an assumed role and a slow process together."""

_RESERVED = 5.0
"""Seconds of the whole exchange that are left for CodeArtifact."""

_READ_BY_BOTO = re.compile(r"AWS_.*|BOTO_CONFIG")
_LONGEST_CHAIN = 20
"""Profiles that assume a role from one another: AWS itself stops earlier."""

_counting = threading.Lock()
_silenced: list[bool] = []
"""One for each thread that keeps botocore silent; the first is how it was before."""


def keys(request: Request) -> Keys:
    """The keys that the chain finds. Raises IdentityError, whose text shows no secret.

    Instance metadata is asked only on EC2 or where the user points at it: elsewhere nobody
    answers, after seconds. An assumed role that wants a code (MFA) is refused: nobody is there to
    type it.
    """
    _check_environment(request.env)
    profile = request.registry.profile or None
    box: list[Keys | IdentityError] = []
    processes = Processes()

    def work() -> None:
        try:
            box.append(_ask(request, profile, processes))
        except IdentityError as error:
            box.append(error)
        except BaseException as error:
            from gatepass.exchange.chainfailure import failure

            box.append(failure(error, _profile_of(request.env, profile)))

    bound = min(LONGEST, request.deadline.left() - _RESERVED)
    worker = threading.Thread(target=work, daemon=True, name="gatepass-aws")
    worker.start()
    worker.join(max(0.0, bound))
    if not box:
        processes.end()
        raise IdentityError(
            "aws-chain-slow",
            f"AWS credentials did not come within {LONGEST:.0f} s",
            why="a credential_process, a metadata service or a sign-on of this profile hangs",
            do="try `aws sts get-caller-identity --profile "
            f"{plain(_profile_of(request.env, profile), 60)}`",
        )
    result = box[0]
    if isinstance(result, IdentityError):
        raise result.with_traceback(None) from None  # its frames hold keys
    return result


def _ask(request: Request, profile: str | None, processes: Processes) -> Keys:
    with _silence():
        import botocore.session  # type: ignore[import-untyped]  # AWS ships no types

        session = botocore.session.Session(profile=profile)
        if not session.get_config_variable("region"):  # botocore doesn't know AWS_REGION
            region = read(request.env, "AWS_REGION") or request.registry.domain.region
            session.set_config_variable("region", region)
        name = _profile_of(request.env, profile)
        _refuse_prompt(session.full_config.get("profiles", {}), name)
        wanted = session.get_config_variable("ec2_metadata_service_endpoint")
        if not (ec2.on_ec2(request.env) or wanted):
            session.get_component("credential_provider").remove("iam-role")
        processes.watch(session)
        found = session.get_credentials()
        frozen = found.get_frozen_credentials() if found else None
    if frozen is None:
        raise IdentityError(
            "aws-no-credentials",
            "there are no AWS credentials here",
            why="boto3 found no keys, profile, single sign-on, container's or instance's role",
            do="set AWS_PROFILE, and log in with `aws sso login`; or set AWS_ACCESS_KEY_ID and\n"
            "AWS_SECRET_ACCESS_KEY; in a CI job, GATEPASS_ROLE_ARN lets its own identity speak",
        )
    if not frozen.access_key or not frozen.secret_key:
        raise IdentityError(
            "aws-keys-incomplete",
            f"the profile {plain(name, 60)!r} has an empty key",
            do="correct aws_access_key_id and aws_secret_access_key in its file",
        )
    token = Secret(frozen.token) if frozen.token else None
    return Keys(frozen.access_key, Secret(frozen.secret_key), token)


def _profile_of(env: Environment, profile: str | None) -> str:
    return profile or env.get("AWS_DEFAULT_PROFILE") or env.get("AWS_PROFILE") or "default"


def _refuse_prompt(profiles: dict[str, Any], name: str) -> None:
    """IdentityError (aws-mfa) where the chain would ask for a code on standard input."""
    for _ in range(_LONGEST_CHAIN):
        settings = profiles.get(name) or {}
        if "role_arn" not in settings or "web_identity_token_file" in settings:
            return
        if settings.get("mfa_serial"):
            raise IdentityError(
                "aws-mfa",
                f"the AWS profile {plain(name, 60)!r} asks for a code (mfa_serial)",
                why="pip and uv wait for an answer, and nobody could type it",
                do=f'eval "$(aws configure export-credentials --profile {plain(name, 60)} '
                '--format env)"\nin the same shell: it asks for the code, and its keys serve here',
            )
        name = settings.get("source_profile", "")


def _check_environment(env: Environment) -> None:
    """boto3 reads ``os.environ``: another environment would give another's keys."""
    names = {name for name in (*env, *os.environ) if _READ_BY_BOTO.fullmatch(name)}
    names |= {name for name in ("HOME", "USERPROFILE") if name in env}
    different = sorted(name for name in names if env.get(name) != os.environ.get(name))
    if different:
        raise IdentityError(
            "aws-other-environment",
            f"AWS credentials can't be looked for: {', '.join(different)[:100]} differs",
            why="boto3 reads the process's environment, and credential_for() was given another",
            do="set it in os.environ, or pass keys: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )


@contextmanager
def _silence() -> Iterator[None]:
    """Keep botocore's log out of a host's own (pip sets one up): it may quote whole answers.

    Several threads may be in here at once; the last to leave puts things back.
    """
    import logging

    logger = logging.getLogger("botocore")
    with _counting:
        _silenced.append(logger.propagate)
        logger.propagate = False
    try:
        yield
    finally:
        with _counting:
            before = _silenced[0]
            _silenced.pop()
            if not _silenced:
                logger.propagate = before
