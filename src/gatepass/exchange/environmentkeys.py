"""AWS keys that stand in the environment: read as botocore's first provider reads them."""

from __future__ import annotations

import time

from gatepass.errors import IdentityError, plain
from gatepass.exchange.awsreply import moment
from gatepass.exchange.sigv4 import Keys
from gatepass.secret import Secret
from gatepass.settings import Environment
from gatepass.settings.environment import read

_TOKENS = ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")  # botocore's order: the older name first


def keys_in(env: Environment) -> Keys | None:
    """The keys in the environment; None without AWS_ACCESS_KEY_ID.

    Raises IdentityError: half of them (aws-keys-incomplete), or past AWS_CREDENTIAL_EXPIRATION
    (aws-keys-expired).
    """
    key, secret = read(env, "AWS_ACCESS_KEY_ID"), read(env, "AWS_SECRET_ACCESS_KEY")
    if not key:
        return None
    if not secret:
        raise IdentityError(
            "aws-keys-incomplete",
            "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not",
            do="set both, and AWS_SESSION_TOKEN where the keys came with one; or unset "
            "AWS_ACCESS_KEY_ID",
        )
    token = next((read(env, name) for name in _TOKENS if read(env, name)), "")
    expires = moment(read(env, "AWS_CREDENTIAL_EXPIRATION"))
    if expires is not None and expires <= time.time():
        raise IdentityError(
            "aws-keys-expired",
            "the AWS keys in the environment have expired",
            why=f"AWS_CREDENTIAL_EXPIRATION is {plain(env['AWS_CREDENTIAL_EXPIRATION'], 60)}",
            do="let the step that sets AWS_ACCESS_KEY_ID run again, or unset it to use a profile",
        )
    return Keys(key, Secret(secret), Secret(token) if token else None)
