"""All of AWS together: where it is reached, what it gave out, and how it is started."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from ..doors import Doors
from ..faults import Faults
from . import account
from .account import ACME, DOMAINS, TOOLS, Domain, Provider
from .codeartifact import CodeArtifact
from .keys import Keys
from .repositories import LOCAL, PRIVATE, Repositories
from .sts import STS
from .tokens import Tokens

#: AWS' host names, each with the party behind it.
NAMES: dict[str, str] = {
    account.STS_HOST: "sts",
    account.CODEARTIFACT_HOST: "codeartifact",
    ACME.host: "repositories",
    ACME.dual_stack_host: "repositories",
    TOOLS.host: "repositories",
    TOOLS.dual_stack_host: "repositories",
    account.VPC_HOST: "repositories",
}
_SERVICES = ("sts", "codeartifact")


class AWS:
    """The account that owns the domain "acme", and a second one with the domain "tools".

    `sts_url` and `codeartifact_url` are endpoints on loopback. The other URLs have AWS' own names,
    which lead somewhere only through the sandbox's proxy. `grants` says which domains, by name,
    each role and user (by its ARN) may have tokens for, and may be changed.
    """

    region = account.REGION
    domain, owner = ACME
    host, dual_stack_host = ACME.host, ACME.dual_stack_host
    vpc_host = account.VPC_HOST
    index_url = f"https://{ACME.host}/pypi/{PRIVATE}/simple/"
    dual_stack_index_url = f"https://{ACME.dual_stack_host}/pypi/{PRIVATE}/simple/"
    vpc_index_url = f"https://{account.VPC_HOST}/pypi/d/{ACME.label}/{PRIVATE}/simple/"
    upload_url = f"https://{ACME.host}/pypi/{LOCAL}/"
    other_domain, other_owner = TOOLS
    other_host = TOOLS.host
    other_index_url = f"https://{TOOLS.host}/pypi/{PRIVATE}/simple/"
    role_arn = account.READ.arn
    other_role_arn = account.TOOLS_READ.arn
    runner_role_arn = account.RUNNER.arn

    def __init__(
        self,
        urls: Mapping[str, str],
        providers: Sequence[Provider],
        faults: Mapping[str, Faults],
    ) -> None:
        self.sts_url, self.codeartifact_url = urls["sts"], urls["codeartifact"]
        #: The same as `vpc_index_url`, at a loopback address.
        self.loopback_index_url = f"{urls['repositories']}/pypi/d/{ACME.label}/{PRIVATE}/simple/"
        self.grants = account.grants()
        self._faults = faults
        self._keys, self._tokens = Keys(), Tokens()
        self.sts = STS(providers, self._keys, faults["sts"])
        self.codeartifact = CodeArtifact(
            self._keys, self._tokens, self.grants, faults["codeartifact"]
        )
        self.repositories = Repositories(self._tokens, faults["index"])

    def keys(self) -> dict[str, str]:
        """The variables with the access key of an IAM user, which has the domain "acme"."""
        user = self._keys.user
        return {
            "AWS_ACCESS_KEY_ID": user.access_key_id,
            "AWS_SECRET_ACCESS_KEY": user.secret,
        }

    def token(self, domain: str = ACME.name, lifetime: float = 3600) -> str:
        """A token for a domain's repositories, good for `lifetime` seconds, without any request.

        ValueError for a domain that is not there.
        """
        return self._tokens.issue(_named(domain), time.time() + lifetime)

    def revoke_all(self) -> None:
        """Refuse from now on every token for repositories that was issued so far."""
        self._tokens.revoke_all()

    def end_sessions(self) -> None:
        """Let every session of STS be over by now; tokens that it earned live on."""
        self._keys.end_sessions()

    def secrets(self) -> list[str]:
        """Every secret given out so far: for tests that look for leaks."""
        return [*self._keys.secrets(), *self._tokens.secrets()]

    def fail_next(
        self,
        status: int,
        *,
        service: str = "codeartifact",
        times: int = 1,
        body: Mapping[str, object] | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next `times` requests to `service`, "sts" or "codeartifact", with `status`.

        0 cuts their connection. ValueError for another service, and as for other parties.
        """
        if service not in _SERVICES:
            raise ValueError(f"no service {service!r}; there are {' and '.join(_SERVICES)}")
        self._faults[service].plan(status, times=times, body=body, headers=headers)


def start(
    doors: Doors, providers: Sequence[Provider], faults: Mapping[str, Faults], closing: ExitStack
) -> AWS:
    """A running AWS that trusts the `providers`, also those that are added to them later."""
    opened = {
        party: doors.open_on_loopback(party, closing) for party in sorted(set(NAMES.values()))
    }
    aws = AWS({party: url for party, (_, url) in opened.items()}, providers, faults)
    opened["sts"][0].start(aws.sts)
    opened["codeartifact"][0].start(aws.codeartifact)
    opened["repositories"][0].start(aws.repositories)
    return aws


def _named(name: str) -> Domain:
    for domain in DOMAINS:
        if domain.name == name:
            return domain
    raise ValueError(f"no domain {name!r}; there are {', '.join(d.name for d in DOMAINS)}")
