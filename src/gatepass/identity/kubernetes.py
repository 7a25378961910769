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

_NO_ISSUER = "the issuer of the pod's own token, which is not mounted"
"""What stands in an error's list of allowed issuers where there is none; it is no address."""


class Pod:
    """A projected token's file, or a folder of them to choose from by audience."""

    name = "kubernetes"
    label = "the pod's service account"
    can_remint = False
    presents_token = True
    role_arn = ""

    def __init__(
        self,
        origin: str,
        path: str,
        audience: str,
        own_issuer: str | None,
        *,
        audience_is_unsaid: bool = False,
    ) -> None:
        """``origin``: the variable or default that named ``path``; ``own_issuer``: the ``iss`` of
        the pod's own mounted token, None where none is mounted."""
        self.origin, self._path, self._audience = origin, path, audience
        self._own_issuer, self.audience_is_unsaid = own_issuer, audience_is_unsaid

    @property
    def issuers(self) -> tuple[str, ...]:
        """The cluster's own, and the token's where it is a managed cluster's."""
        said = peek.claims(self._read().reveal()).get("iss")
        managed = isinstance(said, str) and any(form.fullmatch(said) for form in _MANAGED)
        found = (self._own_issuer, said if managed else None)
        # Never empty: an empty list would let the token name its own issuer.
        return tuple(one for one in found if one) or (_NO_ISSUER,)

    def fingerprint(self) -> str:
        """The token itself: another service account has another one."""
        return self._read().reveal()

    def subject_token(self, audience: str, transport: Transport, deadline: Deadline) -> Secret:
        """What the file holds now: the kubelet replaces it by swapping a link."""
        return self._read()

    def _read(self) -> Secret:
        if not os.path.isdir(self._path):
            return _token(self._path, self.origin)
        there = []
        for name in _names(self._path, self.origin):
            try:
                token = _token(os.path.join(self._path, name), self.origin)
            except IdentityError as error:  # other things may lie beside the token
                there.append(error.what)
                continue
            if peek.is_for(token.reveal(), self._audience):
                return token
            said = peek.claims(token.reveal()).get("aud")
            there.append(f"{plain(name, 60)} for {plain(said, 100)}")
        raise IdentityError(
            "kubernetes-no-audience",
            f"no token in {plain(self._path)} is for {self._audience}",
            why=f"there: {', '.join(there)}" if there else "the folder is empty",
            do=_VOLUME.format(audience=self._audience),
        )


def detect(env: Environment, registry: Registry) -> Pod | Unable | None:
    """The file or folder that the variable names, else the default folder where it exists.

    A pod without either is remembered; its own token is for the API server, and never presented.
    """
    audience = registry.expected_audience
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


def _names(folder: str, origin: str) -> list[str]:
    """What is in a folder of tokens; `..data` and what is behind it are the kubelet's own."""
    try:
        return [name for name in sorted(os.listdir(folder)) if not name.startswith(".")]
    except OSError as error:
        raise _unreadable(folder, origin, error) from None


def _token(path: str, origin: str) -> Secret:
    """One file's token. IdentityError for what is missing, unreadable, empty or too large."""
    try:
        data = files.read(path, LARGEST + 1)
    except OSError as error:
        raise _unreadable(path, origin, error) from None
    if not data.strip() or len(data) > LARGEST:
        raise IdentityError(
            "token-file-too-large" if data.strip() else "token-file-empty",
            f"{origin}: {plain(path)} is {'too large' if data.strip() else 'empty'}",
            do="name the file of a projected service account token",
        )
    return Secret(data.decode("ascii", "replace").strip())


def _unreadable(path: str, origin: str, error: OSError) -> IdentityError:
    missing = isinstance(error, FileNotFoundError)
    return IdentityError(
        "token-file-missing" if missing else "token-file-unreadable",
        f"{origin}: {plain(path)} can't be read: {error.strerror}",
        do="check the volume's path and `fsGroup` in the pod's security context",
    )
