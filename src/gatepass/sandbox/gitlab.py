"""A GitLab server, of which a job's ID token and what verifies it are all that is played."""

from __future__ import annotations

from .faults import Faults
from .issuer import Issuer
from .origin import IssuerOrigin
from .styles import gitlab


class GitLab(IssuerOrigin):
    """Plays the origin `url`, which is the `iss` of its `issuer` too.

    GitLab puts a job's token into its environment at the start: there is no endpoint to ask.
    """

    def __init__(self, url: str, faults: Faults, issuer_faults: Faults) -> None:
        self.url = url
        self.issuer = Issuer(url, gitlab(url.partition("://")[2]), issuer_faults)
        super().__init__(self.issuer, "", "gitlab", faults)
