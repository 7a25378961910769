"""Which failures can pass by themselves: what ends `gatepass watch` at its start, and what doesn't.

Once it has had a credential nothing of this matters: it then goes on trying, whatever fails, since
a proxy's page, a 404 of an ingress without its service and a registry's own refusal look alike
from here.
"""

from __future__ import annotations

from enum import Enum

from gatepass.errors import GatepassError


class Chance(Enum):
    """Of a try that failed: NEVER, unless somebody changes something; SOON, as a pod's start or a
    change of keys is over within a minute; LATER, however long an outage lasts."""

    NEVER = "never"
    SOON = "soon"
    LATER = "later"


_LATER = {
    "unreachable",
    "deadline-passed",
    "proxy-failed",
    "issuer-unreachable",
    "exchange-failed",
    "sts-failed",
    "sts-idp-unreachable",
    "codeartifact-failed",
    "menda-failed",
    "aws-chain-slow",
    "aws-chain-failed",
    # Other processes end, and the limit is passed no more.
    "no-thread",
}

_SOON = {
    # Another container writes the file, or the kubelet has not renewed it yet.
    "token-file-missing",
    "token-file-empty",
    "token-file-unreadable",
    "kubernetes-no-audience",
    "token-expired",
    "sts-token-expired",
    "aws-keys-expired",
    "codeartifact-keys-expired",
    # A clock is being set, keys were just changed, a proxy beside us is still starting.
    "token-not-yet",
    "unknown-key",
    "tls-failed",
    "github-token-endpoint",
    "exchange-no-token",
}


def chance(error: GatepassError) -> Chance:
    """What hope there is after a failure; NEVER for whatever isn't known to pass."""
    if error.code in _LATER:
        return Chance.LATER
    return Chance.SOON if error.code in _SOON else Chance.NEVER
