"""AWS CodeArtifact's hosts: each form matched whole, and what stands in its name.

Whose domain it is, the URL alone says; so a pass is only ever asked for that domain. Sources:
docs.aws.amazon.com, CodeArtifact user guide, "Repository endpoints" and "VPC endpoints".
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gatepass.errors import ConfigError
from gatepass.realm import Address, Realm
from gatepass.settings.values import Domain, Registry

_DOMAIN = r"(?P<domain>[a-z][a-z0-9-]{0,48}[a-z0-9])-(?P<owner>[0-9]{12})"
_DIRECTION = "central|north|south|east|west|northeast|southeast|northwest|southwest"
_REGION = rf"(?P<region>(?:af|ap|ca|eu|il|me|mx|sa|us)-(?:{_DIRECTION})-[1-9])"

COMMERCIAL = re.compile(_REGION)
"""The regions of the partition that CodeArtifact is in, by their shape: a URL that says another one
would choose the host that the job's token goes to."""

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
    "region": re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]"),  # a table may know a newer one than we do
}

_NOWHERE = Realm("https", "", 443, "")


def domain_of(host: str, path: str = "") -> Domain | None:
    """The domain that a host (lower case, as :mod:`gatepass.realm` has it) stands for, or None."""
    domain, _ = _place(host, path)
    return domain


def _place(host: str, path: str) -> tuple[Domain | None, str]:
    """The domain, and the path's part that says which: empty where the host does."""
    for form in _HOSTS:
        if found := form.fullmatch(host):
            return Domain(found["domain"], found["owner"], found["region"]), ""
    endpoint, inside = _ENDPOINT.fullmatch(host), _ENDPOINT_PATH.fullmatch(path)
    if endpoint and inside:
        return Domain(inside["domain"], inside["owner"], endpoint["region"]), inside["prefix"]
    return None, ""


def registry_at(address: Address) -> Registry | None:
    """The registry at an address that is CodeArtifact's by its host; None for all others.

    Its name is ``<domain>-<owner>``. At plain http, which CodeArtifact doesn't serve, it is
    insecure; at a port of its own it is none of AWS'; a bare host might be meant for plain http.
    """
    domain, prefix = _place(address.host, address.path)
    usual = 443 if address.scheme == "https" else 80
    if domain is None or address.scheme is None or address.port not in (None, usual):
        return None
    realm = Realm(address.scheme, address.host, usual, prefix)
    if not realm.covers(address):
        return None  # a path that could be read in two ways
    return Registry(
        name=f"{domain.name}-{domain.owner}",
        url=str(realm),
        realm=realm,
        kind="codeartifact",
        source="its host",
        aws=domain,
        is_insecure=address.scheme != "https",
    )


def as_configured(found: Registry, registries: Iterable[Registry]) -> Registry:
    """A registry that was found by its host, with all that was configured for its domain.

    All addresses of a domain give one token, so the rules of its tables hold for all of them: the
    name, claims, identity, audience, role, profile, duration and login of the first one. Raises
    ConfigError (codeartifact-tables) where there are several, and they differ in more than name
    and address.
    """
    same = [one for one in registries if one.aws == found.aws]
    if not same or found.is_insecure:
        return found
    if len({_rules(one) for one in same}) > 1:
        names = ", ".join(f"{one.name} ({one.url})" for one in same)
        raise ConfigError(
            "codeartifact-tables",
            f"{found.url} is the domain of several registries, and they differ",
            why=f"all addresses of a domain give the same token; configured are {names}",
            do="ask by the whole URL of one of them, or give them the same claims, identity,\n"
            "audience, role_arn, profile and duration",
        )
    return same[0]._replace(realm=found.realm, url=found.url, index_path="", is_insecure=False)


def _rules(registry: Registry) -> Registry:
    """What two registries of a domain have to agree in, to be one at its other addresses."""
    return registry._replace(
        name="",
        url="",
        realm=_NOWHERE,
        source="",
        claims=tuple(sorted(registry.claims)),
        is_drop_in=False,
        is_insecure=False,
        index_path="",
    )


def is_part(name: str, text: str) -> bool:
    """Whether a text can be a ``domain``, an ``owner`` or a ``region``."""
    return _PARTS[name].fullmatch(text) is not None
