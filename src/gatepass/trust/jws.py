"""The form of a token: JWS compact serialisation (RFC 7515), and nothing that could be two things.

What comes out is *unverified* and says so in its type's name.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, NamedTuple

from gatepass.errors import TrustError, plain
from gatepass.secret import Secret

LARGEST = 16 * 1024
"""Bytes of a token, checked before anything is parsed; GitHub's have about 2,200."""

ALGORITHMS = (
    *("RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512"),
    "EdDSA",
)
"""What may sign a subject token. Never ``none``, never HMAC: its key would be the public one."""

_BASE64URL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_ASK = "get a new token from the platform that issued it"


class UnverifiedToken(NamedTuple):
    """A well-formed token whose signature nobody looked at, ``header`` and ``claims`` as sent."""

    raw: Secret
    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def algorithm(self) -> str:
        return str(self.header["alg"])

    @property
    def key_id(self) -> str | None:
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None

    @property
    def issuer(self) -> str:
        return str(self.claims["iss"])


def parse(raw: Secret, who: str = "the token") -> UnverifiedToken:
    """Take a token apart. Checks form, size, header and the presence of a textual ``iss``.

    ``who``: whose token it is, for messages. Raises TrustError: not-a-jwt, token-too-large,
    token-encrypted, token-algorithm, token-header, claim-type. It does not check the signature,
    nor any other claim. ``jku``, ``x5u`` and ``jwk`` headers are not read: keys come from the
    issuer alone.
    """
    text = raw.reveal()
    if len(text) > LARGEST:
        raise TrustError("token-too-large", f"{who} has more than {LARGEST} characters", do=_ASK)
    if not text.strip():
        raise _not_a_jwt(who, "it is empty")
    if text.lstrip().startswith("{"):
        raise _not_a_jwt(who, "it is JSON; only the compact form is taken (RFC 7515 section 7.1)")
    parts = text.split(".")
    if len(parts) == 5:
        raise TrustError(
            "token-encrypted",
            f"{who} is encrypted (five parts, a JWE)",
            why="only its recipient can read it, so nothing about it can be checked",
            do="ask the platform for a signed ID token",
        )
    if len(parts) != 3:
        raise _not_a_jwt(who, f"it has {len(parts)} parts instead of three")
    header = _json_object(_decoded(parts[0], "header", who), "header", who)
    claims = _json_object(_decoded(parts[1], "payload", who), "payload", who)
    _check_header(header, who)
    if not _decoded(parts[2], "signature", who):
        raise _not_a_jwt(who, "it has no signature")
    if not isinstance(claims.get("iss"), str):
        raise TrustError("claim-type", f"{who} has no `iss` that is a text", do=_ASK)
    return UnverifiedToken(raw, header, claims)


def _check_header(header: dict[str, Any], who: str) -> None:
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise TrustError(
            "token-algorithm",
            f"{who} is signed with {plain(algorithm, 40)!r}",
            why="allowed are " + ", ".join(ALGORITHMS),
            do="no identity platform signs so: find out where this token comes from",
        )
    if "crit" in header:
        raise TrustError(
            "token-header",
            f"{who} demands an extension in its header (crit)",
            why="RFC 7515 section 4.1.11: a token with a demand that isn't understood is refused",
            do=_ASK,
        )
    if not isinstance(header.get("kid", ""), str):
        raise TrustError("token-header", f"{who} has a key id (kid) that is not a text", do=_ASK)
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.upper() not in ("JWT", "JOSE"):
        raise TrustError(
            "token-header",
            f"{who} is of the type {plain(kind, 40)!r}, not an ID token",
            why="RFC 8725 section 3.11: a token of one kind must not pass for another",
            do="ask the platform for an ID token",
        )


def _decoded(part: str, which: str, who: str) -> bytes:
    if not _BASE64URL.issuperset(part):
        # RFC 8725bis section 3.14: anything but base64url and dots is not a JWT.
        raise _not_a_jwt(who, f"its {which} has characters that base64url has not (padding is one)")
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise _not_a_jwt(who, f"its {which} is not base64url") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != part:
        raise _not_a_jwt(who, f"its {which} is not the one way to write it in base64url")
    return data


def _json_object(data: bytes, which: str, who: str) -> dict[str, Any]:
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        reason = "a name twice" if isinstance(error, _RepeatedName) else "no JSON"
        raise _not_a_jwt(who, f"its {which} is no JSON object: {reason}") from None
    if not isinstance(value, dict):
        raise _not_a_jwt(who, f"its {which} is no JSON object")
    return value


class _RepeatedName(ValueError):
    pass


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 7515 section 4: two readers could take a different one of them.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RepeatedName
    return members


def _not_a_jwt(who: str, why: str) -> TrustError:
    return TrustError("not-a-jwt", f"{who} is not a signed JWT", why=why, do=_ASK)
