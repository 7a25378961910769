"""Starting a cluster: its certificate authority, its API server, its issuer's own origin."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from .doors import Doors
from .faults import Faults
from .issuer import Issuer
from .kubernetes import API_NAMES, PRIVATE_ISSUER, Kubernetes
from .origin import IssuerOrigin
from .styles import kubernetes

#: Whether the issuer's keys come from the API server alone, or by discovery too.
KINDS = ("private", "public")

_PUBLIC_PATH = "/id/5A1D0C7E9B"


def start(
    doors: Doors,
    kind: str,
    folder: Path,
    audience: str,
    faults: Mapping[str, Faults],
    closing: ExitStack,
) -> Kubernetes:
    """A running cluster with its files in `folder`/kubernetes; `audience` is Package Manager's.

    A "public" issuer lies below a path of an origin of its own, as at the clouds.
    """
    from . import certificates  # x509 takes 70 ms to load, and few sandboxes need it

    inside = folder / "kubernetes"
    inside.mkdir(mode=0o700)
    authority = certificates.Authority("gatepass sandbox cluster CA")
    leaf = authority.issue(inside, "api", API_NAMES)
    server, api = doors.open_with(certificates.context(leaf, {}), closing)
    if kind == "public":
        public, origin = doors.open("kubernetes", closing)
        issuer = Issuer(origin + _PUBLIC_PATH, kubernetes("/keys"), faults["issuer"])
        public.start(IssuerOrigin(issuer, _PUBLIC_PATH, "kubernetes"))
    else:
        issuer = Issuer(PRIVATE_ISSUER, kubernetes())
    cluster = Kubernetes(api, issuer, authority.pem, inside, audience, faults["kubernetes"])
    server.start(cluster)
    return cluster
