"""A client of AWS for the tests: signs by Signature Version 4, and takes the answers apart.

Written from AWS' reference a third time, beside gatepass' own signer and the sandbox's verifier.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import requests

from gatepass.sandbox import Sandbox

TIMEOUT = 10
REGION = "eu-west-1"
NAMESPACE = "{https://sts.amazonaws.com/doc/2011-06-15/}"
AUDIENCE = "sts.amazonaws.com"
ACME = {"domain": "acme", "domain-owner": "111122223333"}


class Keys(NamedTuple):
    """What signs: a user's keys have no token."""

    id: str
    secret: str
    token: str = ""


class Signer(NamedTuple):
    """How a request is signed; each field can be wrong. `ago`: seconds, by the signer's clock."""

    keys: Keys
    service: str = "codeartifact"
    region: str = REGION
    ago: float = 0
    token: str | None = None
    scope_date: str = ""
    end: str = "aws4_request"
    unsigned: tuple[str, ...] = ()

    def headers(self, method: str, url: str, query: str, body: bytes) -> dict[str, str]:
        """X-Amz-Date, the token if there is one, and Authorization."""
        scheme, _, rest = url.partition("://")
        assert scheme in ("http", "https")
        host, _, path = rest.partition("/")
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - self.ago))
        token = self.keys.token if self.token is None else self.token
        sent = {"host": host, "x-amz-date": stamp}
        if token:
            sent["x-amz-security-token"] = token
        signed = {n: v for n, v in sorted(sent.items()) if n not in self.unsigned}
        canonical = "\n".join(
            [
                *(method, f"/{path}", query),
                *(f"{name}:{value}" for name, value in signed.items()),
                *("", ";".join(signed), hashlib.sha256(body).hexdigest()),
            ]
        )
        scope = "/".join([self.scope_date or stamp[:8], self.region, self.service, self.end])
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{self.keys.secret}".encode()
        for part in scope.split("/"):
            key = _mac(key, part)
        signature = _mac(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}").hex()
        del sent["host"]
        sent["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.keys.id}/{scope}, "
            f"SignedHeaders={';'.join(signed)}, Signature={signature}"
        )
        return sent


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def query_of(parameters: Mapping[str, str]) -> str:
    """In canonical order, and quoted as the signature wants it."""
    return urlencode(sorted(parameters.items()), quote_via=quote, safe="")


def user(sandbox: Sandbox) -> Keys:
    """The IAM user's."""
    given = sandbox.aws.keys()
    return Keys(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"])


def sts(sandbox: Sandbox, fields: object, **headers: str) -> requests.Response:
    """Whatever is POSTed to STS as a form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    url = sandbox.aws.sts_url
    return requests.post(url + "/", fields, headers=headers, timeout=TIMEOUT)  # type: ignore[arg-type]


def web_identity(sandbox: Sandbox, token: str | None = None, **changes: str) -> dict[str, str]:
    """The fields that are right, but for `changes`; by default with a token of GitHub's."""
    return {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": sandbox.aws.role_arn,
        "RoleSessionName": "acme-widgets",
        "WebIdentityToken": sandbox.issuer.mint(AUDIENCE) if token is None else token,
        **changes,
    }


def session(sandbox: Sandbox, token: str | None = None, **changes: str) -> Keys:
    """The keys of a new session."""
    answer = sts(sandbox, web_identity(sandbox, token, **changes))
    assert answer.status_code == 200, answer.text
    given = content(answer, "Credentials")
    return Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def content(answer: requests.Response, name: str) -> dict[str, str]:
    """The texts directly below the one element of this name, wherever it is."""
    assert answer.headers["Content-Type"] == "text/xml"
    (found,) = ElementTree.fromstring(answer.content).iter(NAMESPACE + name)  # noqa: S314
    return {child.tag.removeprefix(NAMESPACE): child.text or "" for child in found}


def sts_error(answer: requests.Response) -> tuple[int, str, str]:
    """Status, code and message."""
    error = content(answer, "Error")
    assert error["Type"] == "Sender"
    return answer.status_code, error["Code"], error["Message"]


def caller(sandbox: Sandbox, signer: Signer) -> requests.Response:
    """GetCallerIdentity."""
    body = urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"})
    url = sandbox.aws.sts_url + "/"
    return sts(sandbox, body, **signer.headers("POST", url, "", body.encode()))


def authorize(
    sandbox: Sandbox,
    signer: Signer | Keys,
    parameters: Mapping[str, str] = ACME,
    *,
    sent: str = "",
    body: bytes = b"",
    **headers: str,
) -> requests.Response:
    """GetAuthorizationToken. `sent`: another query than was signed; `headers`: others as well."""
    signer = Signer(signer) if isinstance(signer, Keys) else signer
    url, query = sandbox.aws.codeartifact_url + "/v1/authorization-token", query_of(parameters)
    signed = signer.headers("POST", url, query, b"")
    return requests.post(
        f"{url}?{sent or query}", body, headers={**signed, **headers}, timeout=TIMEOUT
    )


def exception(answer: requests.Response) -> tuple[int, str]:
    """Status and code of CodeArtifact's error, which has a message too."""
    assert answer.json()["message"]
    return answer.status_code, answer.headers["x-amzn-ErrorType"]


def browse(sandbox: Sandbox) -> requests.Session:
    """A session that goes through the sandbox's proxy, and trusts what is behind it."""
    found = requests.Session()
    found.trust_env = False
    found.proxies = {"http": sandbox.proxy.url, "https": sandbox.proxy.url}
    found.verify = str(sandbox.ca_file)
    return found
