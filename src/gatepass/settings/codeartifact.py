"""AWS CodeArtifact's hosts: each form matched whole, and what stands in its name.

Whose domain it is, the URL alone says; so a pass is only ever asked for that domain. Sources:
docs.aws.amazon.com, CodeArtifact user guide, "Repository endpoints" and "VPC endpoints".
"""

from __future__ import annotations

import re

from gatepass.realm import Address, Realm
from gatepass.settings.values import Domain, Registry

_DOMAIN = r"(?P<domain>[a-z][a-z0-9-]{0,48}[a-z0-9])-(?P<owner>[0-9]{12})"
_REGION = r"(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9])"

_HOSTS = (
    re.compile(rf"{_DOMAIN}\.d\.codeartifact\.{_REGION}\.amazonaws\.com"),
    re.compile(rf"{_DOMAIN}\.codeartifact\.{_REGION}\.on\.aws"),  # dual-stack: no `.d.`
)
# An endpoint of somebody's own network, without private names: the path says whose domain it is.
_ENDPOINT = re.compile(
    rf"vpce-[0-9a-z]+-[0-9a-z]+(?:-[a-z0-9-]+)?\.d\.codeartifact\.{_REGION}\.vpce\.amazonaws\.com"
)
_ENDPOINT_PATH = re.compile(rf"(?P<prefix>/[a-z]+/d/{_DOMAIN})(?:/[^\\]*)?")

_PARTS = {
    "domain": re.compile(r"[a-z][a-z0-9-]{0,48}[a-z0-9]"),
    "owner": re.compile(r"[0-9]{12}"),
    "region": re.compile(_REGION),
}


def domain_of(host: str, path: str = "") -> Domain | None:
    """The domain that a host (lower case, as :mod:`gatepass.realm` has it) stands for, or None."""
    for form in _HOSTS:
        if found := form.fullmatch(host):
            return Domain(found["domain"], found["owner"], found["region"])
    endpoint, inside = _ENDPOINT.fullmatch(host), _ENDPOINT_PATH.fullmatch(path)
    if endpoint and inside:
        return Domain(inside["domain"], inside["owner"], endpoint["region"])
    return None


def registry_at(address: Address) -> Registry | None:
    """The registry at an address that is CodeArtifact's by its host; None for all others.

    Its name is ``<domain>-<owner>``. At plain http, which CodeArtifact doesn't serve, it is
    insecure; at a port of its own it is none of AWS'.
    """
    domain = domain_of(address.host, address.path)
    if domain is None or address.port not in (None, 443 if address.scheme != "http" else 80):
        return None
    scheme = address.scheme or "https"
    inside = (
        None if address.host.startswith(domain.name) else _ENDPOINT_PATH.fullmatch(address.path)
    )
    prefix = inside["prefix"] if inside else ""
    realm = Realm(scheme, address.host, 443 if scheme == "https" else 80, prefix)
    if not realm.covers(address):
        return None  # a path that could be read in two ways
    return Registry(
        name=f"{domain.name}-{domain.owner}",
        url=str(realm),
        realm=realm,
        kind="codeartifact",
        source="its host",
        aws=domain,
        is_insecure=scheme != "https",
    )


def is_part(name: str, text: str) -> bool:
    """Whether a text can be a ``domain``, an ``owner`` or a ``region``."""
    return _PARTS[name].fullmatch(text) is not None
