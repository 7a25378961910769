"""Who may have issued a token. Decided before the network is asked for anything."""

from __future__ import annotations

from typing import NamedTuple

from gatepass.errors import TrustError, plain
from gatepass.realm import is_ip_literal, is_loopback, realm_of


class IssuerRule(NamedTuple):
    """``platform``: what the identity allows (``/*`` at the end: exactly one more path segment);
    ``trusted``: what the user added; ``label``: whose token it is, for messages."""

    platform: tuple[str, ...]
    trusted: tuple[str, ...]
    label: str

    def check(self, issuer: str) -> bool:
        """True where the issuer is *self-named*: only the token itself says that it is the one.

        That proves integrity, not origin. Raises TrustError (issuer-not-allowed,
        issuer-insecure). Comparison is byte for byte.
        """
        if issuer in self.trusted:
            _must_be_an_address(issuer, self_named=False)
            return False
        if any(_allows(entry, issuer) for entry in self.platform):
            _must_be_an_address(issuer, self_named=False)
            return False
        if self.platform or self.trusted:
            raise TrustError(
                "issuer-not-allowed",
                f"{self.label} was issued by {plain(issuer, 200)}",
                why="allowed are " + plain(", ".join((*self.platform, *self.trusted)), 1000),
                do="if that issuer is yours, add it to GATEPASS_TRUSTED_ISSUERS",
            )
        _must_be_an_address(issuer, self_named=True)
        return True


def _allows(entry: str, issuer: str) -> bool:
    base = entry.removesuffix("/*")
    if base == entry:
        return issuer == entry
    segment = issuer.removeprefix(base + "/")
    return (
        segment != issuer
        and bool(segment)
        and not set(segment) & set("/?#%\\ ")
        and (segment not in (".", ".."))
    )


def _must_be_an_address(issuer: str, *, self_named: bool) -> None:
    """https, without user, query or fragment; a self-named one has a name for its host.

    http is for this machine, and only where somebody else than the token named the issuer.
    """
    try:
        realm = realm_of(issuer)
        if not issuer.isascii():
            raise ValueError("it has characters that no address has (RFC 3986)")
        if realm.scheme == "http" and (self_named or not is_loopback(realm.host)):
            raise ValueError("it is not https")
        if self_named and is_ip_literal(realm.host):
            raise ValueError("its host is a number, not a name")
    except ValueError as error:
        raise TrustError(
            "issuer-insecure",
            f"the token's issuer can't be asked for its keys: {plain(issuer, 200)}",
            why=str(error),
            do="if it is yours, name it in GATEPASS_TRUSTED_ISSUERS"
            if self_named
            else "an issuer is https://host[/path]; http is for this machine alone",
        ) from None
