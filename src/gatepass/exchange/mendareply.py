"""What menda cloud answers beside the token: when it ends, and which repositories it is for.

menda-keyring 0.0.2 reads neither, and nothing public says how they are spelt. So each is read in
the forms that it may well have, and what can't be read counts as not said.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gatepass import peek
from gatepass.credential import LONGEST_LIFE, life_of
from gatepass.realm import Address, parse
from gatepass.settings.codeartifact import domain_of, is_part

if TYPE_CHECKING:
    from gatepass.settings import Domain, Registry

_SKEW = 3600.0
"""Seconds that the server's clock may be ahead: AWS makes no token that lives over 12 hours."""

_MEMBERS = ("address", "url", "endpoint")


class Place(NamedTuple):
    """What one entry is for: an address, or only ``<domain>-<owner>``; ``text``: as it is shown."""

    text: str
    address: Address | None
    domain: str
    owner: str


def life(expiry: object, received: float, token: str) -> float:
    """Seconds from the token's receipt: ``expiry`` is epoch seconds, or a date with its zone
    (ISO 8601); :data:`~gatepass.credential.UNKNOWN_LIFE` for one that is missing, past or absurd.
    """
    end = _moment(expiry)
    left = end - received if end is not None else 0.0
    return life_of(left if left < LONGEST_LIFE + _SKEW else None, peek.claims(token))


def _moment(expiry: object) -> float | None:
    if isinstance(expiry, str):
        try:
            return float(expiry)
        except ValueError:
            pass  # then it may be a date
        try:
            moment = datetime.fromisoformat(expiry.strip())
            return moment.timestamp() if moment.tzinfo else None
        except (ValueError, OverflowError):
            return None
    if isinstance(expiry, bool) or not isinstance(expiry, int | float):
        return None
    try:
        return float(expiry)
    except OverflowError:  # JSON knows numbers of any length
        return None


def places(repositories: object) -> list[Place]:
    """The entries of ``repositories`` that can be read: texts, or objects with one as their
    address, url or endpoint. Mere names of repositories say nothing of where they are."""
    entries = repositories if isinstance(repositories, list) else []
    found = (_place(text) for entry in entries for text in _texts(entry))
    return [place for place in found if place]


def _texts(entry: object) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        yield from (entry[name] for name in _MEMBERS if isinstance(entry.get(name), str))


def _place(text: str) -> Place | None:
    text = text.strip()
    has_scheme = "://" in text
    address = parse(text if has_scheme else f"https://{text}")
    domain = domain_of(address.host, address.path) if address else None
    if address and domain:
        return Place(address.host, address, domain.name, domain.owner)
    if address and has_scheme:
        return Place(address.host, address, "", "")
    name, _, owner = text.rpartition("-")
    if is_part("domain", name) and is_part("owner", owner):
        return Place(text, None, name, owner)
    return None


def is_listed(registry: Registry, domain: Domain, listed: list[Place]) -> bool:
    """Whether one of them is at the registry's host, or in its domain (in its region, where the
    entry says one)."""
    at = registry.realm._replace(prefix="")
    for place in listed:
        if place.address and at.covers(place.address):
            return True
        if (place.domain, place.owner) == (domain.name, domain.owner):
            said = domain_of(place.address.host, place.address.path) if place.address else None
            if said is None or said.region == domain.region:
                return True
    return False
