"""A pod: service account tokens that the kubelet projects into files, and renews there.

Source: kubernetes.io, "Configure Service Accounts for Pods", token volume projection.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from gatepass import files, peek, pod
from gatepass.errors import IdentityError, plain
from gatepass.identity.base import Unable
from gatepass.identity.variable import LARGEST
from gatepass.secret import Secret
from gatepass.settings.environment import Environment, read

if TYPE_CHECKING:
    from gatepass.settings import Registry
    from gatepass.transport import Deadline, Transport

_VARIABLE, _FOLDER = "GATEPASS_KUBERNETES_TOKEN_FILE", "/var/run/secrets/gatepass"

_MANAGED = (
    re.compile(r"https://oidc\.eks\.[a-z0-9-]+\.amazonaws\.com/id/[A-Z0-9]+"),
    re.compile(
        r"https://container\.googleapis\.com/v1/projects/[a-z0-9:.-]+/locations/[a-z0-9-]+"
        r"/clusters/[a-z0-9-]+"
    ),
    re.compile(
        r"https://(?:[a-z0-9-]+\.oic\.prod-aks\.azure\.com/[0-9a-f-]{36}|oidc\.prod-aks\.azure\.com)"
        r"/[0-9a-f-]{36}/?"
    ),
)
"""Issuers of EKS, GKE and AKS: public, and nobody but the provider can have one of these."""


class Pod:
    """A projected token's file, or a folder of them to choose from by audience."""

    name = "kubernetes"
    label = "the pod's service account"
    can_remint = False
    audience_is_unsaid = False

    def __init__(self, origin: str, path: str, audience: str, own_issuer: str | None) -> None:
        """``origin``: the variable or default that named ``path``; ``own_issuer``: the ``iss`` of
        the pod's own mounted token, None where none is mounted."""
        self.origin, self._path, self._audience = origin, path, audience
        self._own_issuer = own_issuer

    @property
    def issuers(self) -> tuple[str, ...]:
        """The cluster's own, and the token's where it is a managed cluster's."""
        said = peek.claims(self._read().reveal()).get("iss")
        managed = isinstance(said, str) and any(form.fullmatch(said) for form in _MANAGED)
        found = (self._own_issuer, said if managed else None)
        # Never empty: an empty list would let the token name its own issuer.
        return tuple(one for one in found if one) or ("https://kubernetes.default.svc",)

    def fingerprint(self) -> str:
        """The token itself: another service account has another one."""
        return self._read().reveal()

    def subject_token(self, audience: str, transport: Transport, deadline: Deadline) -> Secret:
        """What the file holds now: the kubelet replaces it by swapping a link."""
        return self._read()

    def _read(self) -> Secret:
        if not os.path.isdir(self._path):
            return _token(self._path, self.origin)
        found = {}
        for name in sorted(os.listdir(self._path)):
            # `..data` and the dated folder behind it are the kubelet's own.
            if not name.startswith(".") and os.path.isfile(os.path.join(self._path, name)):
                found[name] = _token(os.path.join(self._path, name), self.origin)
        for token in found.values():
            if peek.is_for(token.reveal(), self._audience):
                return token
        there = ", ".join(
            f"{plain(name, 60)} for {plain(peek.claims(token.reveal()).get('aud'), 100)}"
            for name, token in found.items()
        )
        raise IdentityError(
            "kubernetes-no-audience",
            f"no token in {plain(self._path)} is for {self._audience}",
            why=f"there: {there}" if there else "the folder is empty",
            do=_VOLUME.format(audience=self._audience),
        )


def detect(env: Environment, registry: Registry) -> Pod | Unable | None:
    """The file or folder that the variable names, else the default folder where it exists.

    A pod without either is remembered; its own token is for the API server, and never presented.
    """
    audience = registry.audience or registry.url
    named = read(env, _VARIABLE)
    if named or os.path.isdir(_FOLDER):
        found = Pod(
            _VARIABLE if named else _FOLDER, named or _FOLDER, audience, pod.own_issuer(env)
        )
        if not named:
            try:
                found.fingerprint()
            except IdentityError as error:
                return Unable("kubernetes", "the pod", error)
        return found
    if not read(env, "KUBERNETES_SERVICE_HOST"):
        return None
    none = IdentityError(
        "kubernetes-no-token",
        f"this pod has no token for {audience}",
        why=f"neither {_VARIABLE} nor {_FOLDER} is there; its own token is for the API server",
        do=_VOLUME.format(audience=audience),
    )
    return Unable("kubernetes", "the pod", none)


_VOLUME = """\
add this to the pod, and mount it at /var/run/secrets/gatepass:
volumes:
  - name: gatepass
    projected:
      sources:
        - serviceAccountToken:
            path: token
            audience: {audience}
            expirationSeconds: 3600"""


def _token(path: str, origin: str) -> Secret:
    """One file's token. IdentityError for what is missing, unreadable, empty or too large."""
    try:
        data = files.read(path, LARGEST + 1)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        raise IdentityError(
            "token-file-missing" if missing else "token-file-unreadable",
            f"{origin}: {plain(path)} can't be read: {error.strerror}",
            do="check the volume's path and `fsGroup` in the pod's security context",
        ) from None
    if not data.strip() or len(data) > LARGEST:
        raise IdentityError(
            "token-file-too-large" if data.strip() else "token-file-empty",
            f"{origin}: {plain(path)} is {'too large' if data.strip() else 'empty'}",
            do="name the file of a projected service account token",
        )
    return Secret(data.decode("ascii", "replace").strip())
