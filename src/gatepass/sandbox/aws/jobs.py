"""What a job is given for AWS, beside what its platform gives it anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .account import AUDIENCE

if TYPE_CHECKING:
    from ..world import Sandbox

_TOKEN_LIFETIME = 3600  # seconds


def variables(sandbox: Sandbox, platform: str) -> dict[str, str]:
    """The region, the way to AWS' names, and who the job is there.

    Nothing where AWS has no names in this sandbox; only "aws" itself is then led to the endpoints
    on loopback. For "file" the path of the token is the caller's to add.
    """
    if platform != "aws" and not sandbox.has_aws_names:
        return {}
    found = {
        # The first for newer SDKs, the second for boto3 and the AWS CLI.
        "AWS_REGION": sandbox.aws.region,
        "AWS_DEFAULT_REGION": sandbox.aws.region,
        **_identity(sandbox, platform),
    }
    if sandbox.has_aws_names:
        return {**found, **sandbox.proxy.environment()}
    endpoints = {
        "AWS_ENDPOINT_URL_STS": sandbox.aws.sts_url,
        "AWS_ENDPOINT_URL_CODEARTIFACT": sandbox.aws.codeartifact_url,
    }
    return {**found, **endpoints}


def _identity(sandbox: Sandbox, platform: str) -> dict[str, str]:
    aws = sandbox.aws
    if platform == "aws":
        return {**aws.keys(), "AWS_EC2_METADATA_DISABLED": "true"}
    if platform == "file":
        return {"AWS_ROLE_ARN": aws.role_arn}
    if platform == "gitlab":
        token = sandbox.gitlab.issuer.mint(AUDIENCE, lifetime=_TOKEN_LIFETIME)
        return {"GATEPASS_ROLE_ARN": aws.role_arn, "STS_AMAZONAWS_COM_ID_TOKEN": token}
    if platform in ("github", "kubernetes"):
        return {"GATEPASS_ROLE_ARN": aws.role_arn}
    return {}
