"""The pod that we may be in: its own mounted token, and its cluster's API server.

The pod's own token is for the API server and goes nowhere else. Here it is only read, not
verified: whoever could put a wrong one there could only make us refuse more.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from gatepass import files, peek
from gatepass.secret import Secret
from gatepass.settings.environment import Environment, read

_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_LARGEST = 16 * 1024


class Cluster(NamedTuple):
    """The API server's keys: whose they are, where, by which CA's certificate, and the folder
    whose ``token`` opens them."""

    issuer: str
    keys: str
    ca_file: str
    folder: str

    def token(self) -> Secret | None:
        """The pod's own token as it is now: the kubelet renews it."""
        return _own_token(self.folder)


def cluster(env: Environment) -> Cluster | None:
    """The cluster that this pod is in; None outside of a pod, or without its own token."""
    host, port = read(env, "KUBERNETES_SERVICE_HOST"), read(env, "KUBERNETES_SERVICE_PORT")
    issuer = own_issuer(env)
    if not host or issuer is None:
        return None
    place = f"[{host}]" if ":" in host else host
    keys = f"https://{place}:{port or '443'}/openid/v1/jwks"
    return Cluster(issuer, keys, os.path.join(_folder(env), "ca.crt"), _folder(env))


def own_issuer(env: Environment) -> str | None:
    """The ``iss`` of the pod's own mounted token; None where none is mounted."""
    token = _own_token(_folder(env))
    said = peek.claims(token.reveal()).get("iss") if token else None
    return said if isinstance(said, str) and said else None


def own_audiences(env: Environment) -> frozenset[str]:
    """Every ``aud`` of the pod's own token: the API server's names. Empty outside of a pod."""
    token = _own_token(_folder(env))
    said = peek.claims(token.reveal()).get("aud") if token else None
    listed = said if isinstance(said, list) else [said]
    return frozenset(one for one in listed if isinstance(one, str) and one)


def _folder(env: Environment) -> str:
    return read(env, "GATEPASS_KUBERNETES_API_DIR") or _MOUNT


def _own_token(folder: str) -> Secret | None:
    try:
        data = files.read(os.path.join(folder, "token"), _LARGEST)
        return Secret(data.decode("ascii").strip()) if data.strip() else None
    except (OSError, UnicodeDecodeError):
        return None
