"""Who is who at AWS: two domains with their hosts, three roles and whom they trust, one user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .. import acme
from ..issuer import Issuer
from ..outside import Outside

REGION = "eu-west-1"
#: What a web identity token is for, unless its provider was registered with another client id.
AUDIENCE = "sts.amazonaws.com"

STS_HOST = f"sts.{REGION}.amazonaws.com"
CODEARTIFACT_HOST = f"codeartifact.{REGION}.amazonaws.com"
#: A VPC endpoint without private DNS: one host for every domain, which then is in the path.
VPC_HOST = f"vpce-0a1b2c3d4e5f6-abcdefgh.d.codeartifact.{REGION}.vpce.amazonaws.com"


class Domain(NamedTuple):
    """A CodeArtifact domain, of the account `owner`."""

    name: str
    owner: str

    @property
    def label(self) -> str:
        """How hosts and paths name it."""
        return f"{self.name}-{self.owner}"

    @property
    def host(self) -> str:
        """Its classic host."""
        return f"{self.label}.d.codeartifact.{REGION}.amazonaws.com"

    @property
    def dual_stack_host(self) -> str:
        """Its host with IPv6 as well; this form has no `.d.`."""
        return f"{self.label}.codeartifact.{REGION}.on.aws"

    @property
    def arn(self) -> str:
        """Its ARN, as error messages spell it."""
        return f"arn:aws:codeartifact:{REGION}:{self.owner}:domain/{self.name}"


ACME = Domain("acme", "111122223333")
TOOLS = Domain("tools", "444455556666")
DOMAINS = (ACME, TOOLS)


class Provider(NamedTuple):
    """An OIDC provider that IAM knows: roles name it, its tokens are for `audience`."""

    name: str
    issuer: Issuer | Outside
    audience: str = AUDIENCE


class Role(NamedTuple):
    """`subjects`: whose tokens may assume it, as a glob for `sub` by the provider's name.

    `longest`: seconds that a session may last. `unique_id`: AWS' own, which begins with AROA.
    """

    arn: str
    unique_id: str
    longest: int
    subjects: Mapping[str, str]


_CLUSTER = {"kubernetes": f"system:serviceaccount:{acme.NAMESPACE}:*"}
#: Jobs of acme's, and the people of its identity provider.
_JOBS = {
    "github": f"repo:{acme.OWNER}/*",
    "gitlab": f"project_path:{acme.OWNER}/*",
    "idp": "*",
    **_CLUSTER,
}
READ = Role(f"arn:aws:iam::{ACME.owner}:role/ci-read", "AROACIREADCIREADCIREA", 3600, _JOBS)
TOOLS_READ = Role(
    f"arn:aws:iam::{TOOLS.owner}:role/tools-read", "AROATOOLSREADTOOLSREA", 7200, _JOBS
)
#: What a cluster gives to its runner pods: theirs, and not that of the jobs that they run.
RUNNER = Role(f"arn:aws:iam::{ACME.owner}:role/runner", "AROARUNNERRUNNERRUNNE", 43200, _CLUSTER)
ROLES = {role.arn: role for role in (READ, TOOLS_READ, RUNNER)}

USER_ARN = f"arn:aws:iam::{ACME.owner}:user/{acme.ACTOR}"
USER_ID = "AIDAOCTAVIAOCTAVIAOCT"


def grants() -> dict[str, set[str]]:
    """Which domains each role and user may have tokens for, by name; a new table at each call."""
    return {
        READ.arn: {ACME.name},
        TOOLS_READ.arn: {TOOLS.name},
        RUNNER.arn: {ACME.name},
        USER_ARN: {ACME.name},
    }
