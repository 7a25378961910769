"""STS: sessions for web identities, and who somebody is. Form in, XML out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from urllib.parse import parse_qsl

from ..faults import Faults, spoiled
from ..messages import Answer, Incoming
from . import answers, signature, web_identity
from .account import REGION, Provider
from .keys import Keys
from .web_identity import Refused

VERSION = "2011-06-15"

_BODY_LIMIT = 256 * 1024
_FORM = "application/x-www-form-urlencoded"
_SIGNATURE_ERRORS = {
    signature.MISSING: (403, "MissingAuthenticationToken"),
    signature.INCOMPLETE: (400, "IncompleteSignature"),
    signature.UNKNOWN: (403, "InvalidClientTokenId"),
    signature.ENDED: (403, "ExpiredToken"),
    signature.MISMATCH: (403, "SignatureDoesNotMatch"),
}


class STS:
    """Two actions: AssumeRoleWithWebIdentity, which nobody signs, and GetCallerIdentity.

    `providers` are looked at anew for each request. The real one fetches an issuer's keys from the
    internet; this one knows them, those of a private cluster too. It answers no GET and no JSON,
    and knows neither session policies, tags nor source identities.
    """

    def __init__(self, providers: Sequence[Provider], keys: Keys, faults: Faults) -> None:
        self._providers = providers
        self._keys = keys
        self._faults = faults

    def party(self, path: str) -> str:
        """ "sts", whatever is asked."""
        return "sts"

    def limit(self, path: str) -> int:
        """256 KiB: more than the longest token, percent-encoded, and the policies beside it."""
        return _BODY_LIMIT

    def answer(self, incoming: Incoming) -> Answer:
        """By the form's Action; an error in XML for all else."""
        return spoiled(lambda: self._answer(incoming), self._faults)

    def _answer(self, incoming: Incoming) -> Answer:
        try:
            fields = _fields(incoming)
            action = fields.get("Action", "")
            version = fields.get("Version", "NO_VERSION_SPECIFIED")
            if not action:
                raise Refused(400, "MissingAction", "The request has no Action")
            if version == VERSION and action == "AssumeRoleWithWebIdentity":
                return self._session(incoming, fields)
            if version == VERSION and action == "GetCallerIdentity":
                return self._caller(incoming)
            text = f"Could not find operation {action} for version {version}"
            raise Refused(400, "InvalidAction", text)
        except Refused as refused:
            return answers.error(refused.status, refused.code, str(refused))

    def _session(self, incoming: Incoming, fields: dict[str, str]) -> Answer:
        found = web_identity.assumed(fields, self._providers)
        key = self._keys.session(found.role, found.session, found.lifetime)
        ends = time.gmtime(key.expires_at)
        account, issuer = key.account, found.provider.issuer.url
        content: answers.Tree = {
            "SubjectFromWebIdentityToken": str(found.claims["sub"]),
            "Audience": found.provider.audience,
            "AssumedRoleUser": {"Arn": key.arn, "AssumedRoleId": key.unique_id},
            "Credentials": {
                "AccessKeyId": key.access_key_id,
                "SecretAccessKey": key.secret,
                "SessionToken": key.token or "",
                "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", ends),
            },
            "Provider": f"arn:aws:iam::{account}:oidc-provider/{issuer.partition('://')[2]}",
        }
        note = f"{key.arn} for {found.claims['sub']} of {found.provider.name}"
        if "Authorization" in incoming.headers:
            # Nobody signs this; what came along was meant for someone else.
            note += ", an Authorization header came along"
        return answers.result("AssumeRoleWithWebIdentity", content, note)

    def _caller(self, incoming: Incoming) -> Answer:
        try:
            key = signature.signer(
                incoming, service="sts", region=REGION, find=self._keys.find, now=time.time()
            )
        except signature.Refused as refused:
            status, code = _SIGNATURE_ERRORS[refused.kind]
            raise Refused(status, code, str(refused)) from None
        content = {"Arn": key.arn, "UserId": key.unique_id, "Account": key.account}
        return answers.result("GetCallerIdentity", content, key.arn)


def _fields(incoming: Incoming) -> dict[str, str]:
    """The form's fields, each there once."""
    if incoming.method != "POST" or incoming.path != "/":
        raise Refused(400, "InvalidAction", "Only a POST to / is an action here")
    if incoming.headers.get_content_type() != _FORM:
        raise Refused(400, "MalformedInput", f"The content type is not {_FORM}")
    try:
        pairs = parse_qsl(incoming.body.decode("ascii"), True, strict_parsing=bool(incoming.body))
    except ValueError:
        raise Refused(400, "MalformedInput", "The body is not a form") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Refused(400, "MalformedInput", "A parameter is repeated")
    return fields
