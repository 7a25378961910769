"""What a pod's own mounted token is for: the one audience that never leaves the cluster."""

from __future__ import annotations

import os

from gatepass.errors import TrustError
from gatepass.secret import Secret
from gatepass.settings import Environment
from gatepass.settings.environment import read
from gatepass.trust import claims, jws

_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def api_server_audiences(env: Environment) -> frozenset[str]:
    """Every ``aud`` of the pod's own token; empty outside of a pod.

    The token is only read, not verified: whoever could put a wrong one there could only make us
    refuse more.
    """
    folder = read(env, "GATEPASS_KUBERNETES_API_DIR") or _MOUNT
    try:
        with open(os.path.join(folder, "token"), "rb") as file:
            text = file.read(jws.LARGEST + 1).decode("ascii").strip()
        return frozenset(claims.audiences(jws.parse(Secret(text)).claims))
    except (OSError, UnicodeDecodeError, TrustError):
        return frozenset()
