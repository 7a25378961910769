"""AWS STS: a role's short-lived keys for a subject token (AssumeRoleWithWebIdentity).

One form POST that nobody signs: the token is all that speaks. The keys are not stored, they only
sign the next call.
"""

from __future__ import annotations

import random
import re
import time
from itertools import count
from typing import TYPE_CHECKING

from gatepass import log
from gatepass.errors import ConfigError, ExchangeError, plain
from gatepass.exchange import awsreply
from gatepass.exchange.endpoints import endpoints
from gatepass.exchange.sessionname import session_name
from gatepass.exchange.sigv4 import Keys
from gatepass.exchange.stsrefusal import is_providers_fault, refused
from gatepass.secret import Secret

if TYPE_CHECKING:
    from gatepass.exchange.base import Request
    from gatepass.transport import Response

_TRIES = 3
_BACKOFF = 0.5
"""Seconds, doubled with each try: providers' hiccups last about a second."""

_ROLE = re.compile(r"arn:aws(?:-cn|-us-gov)?:iam::\d{12}:role/[\w+=,.@/-]{1,600}", re.ASCII)
_KEY_ID = re.compile(r"\w{16,128}", re.ASCII)
_IN_A_HEADER = re.compile(r"[!-~]{1,16384}")
"""Characters that can stand in a header and end none."""


def assume(request: Request) -> Keys:
    """The keys of ``request.who.role_arn``, for as long as the role itself gives them.

    A new subject token is minted for each try where the platform can. Where it can't, the same
    one is sent again only after an answer that says it wasn't used. Raises ConfigError for a role
    or a session's name that can't be one, ExchangeError for a refusal, TransportError where
    nothing came back, and what minting raises.
    """
    role = _checked(request.who.role_arn)
    address = f"{endpoints(request.registry, request.env).sts}/"
    minted: list[Secret] = []

    def form() -> dict[str, str]:
        minted.append(request.mint())
        return {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": role,
            "RoleSessionName": session_name(request.env, request.claims()),
            "WebIdentityToken": minted[-1].reveal(),
        }

    for attempt in count(1):
        response = request.transport.send(
            "POST",
            address,
            form=form,
            deadline=request.deadline,
            twice_is_safe=request.who.can_remint,
        )
        if response.status == 200:
            return _keys(response, address)
        told = awsreply.problem(response, minted)
        pause = random.uniform(0, _BACKOFF * 2**attempt)  # noqa: S311 - no secret
        if attempt == _TRIES or not _may_pass(told) or pause >= request.deadline.left():
            raise refused(told, request, address)
        log.info("retry", f"{address}: {told.code}; again in {pause:.1f} s", attempt=attempt)
        time.sleep(pause)
    raise AssertionError("unreachable: the last try returns or raises")


def _may_pass(told: awsreply.Problem) -> bool:
    # 429 and 5xx the transport has tried again already; throttling also comes as a 400.
    return is_providers_fault(told) or (told.is_throttling and told.status == 400)


def _checked(role: str) -> str:
    if not _ROLE.fullmatch(role):
        raise ConfigError(
            "sts-role-malformed",
            f"this is no AWS role: {plain(role, 100)!r}",
            why="a role's ARN reads arn:aws:iam::<12 digits>:role/<name>",
            do="correct what names it: role_arn in config.toml, GATEPASS_ROLE_ARN, AWS_ROLE_ARN",
        )
    return role


def _keys(response: Response, address: str) -> Keys:
    root = awsreply.document(response.body)
    found = root.find(".//{*}Credentials") if root is not None else None
    texts = {
        name: (found.findtext(f"{{*}}{name}", "") if found is not None else "").strip()
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
    }
    key, secret, token = texts["AccessKeyId"], texts["SecretAccessKey"], texts["SessionToken"]
    usable = _IN_A_HEADER.fullmatch(secret) and _IN_A_HEADER.fullmatch(token)
    if not _KEY_ID.fullmatch(key) or not usable:
        raise ExchangeError(
            "sts-no-keys",
            f"{address} answered, and gave no keys",
            why="its answer is not AWS STS'",
            do="check AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL, and whether a proxy answers instead",
        )
    return Keys(key, Secret(secret), Secret(token))
