"""The sandbox: the parties on loopback, their folder, and what happened there."""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from . import cluster, people, plans
from .aws import AWS, Provider
from .aws import NAMES as AWS_NAMES
from .aws import start as start_aws
from .doors import Doors
from .environment import PLATFORMS, environment
from .faults import Fault, Faults
from .github import GitHub
from .gitlab import GitLab
from .idp import Idp
from .issuer import Issuer
from .journal import Journal, Request
from .kubernetes import Kubernetes
from .menda import Menda
from .outside import Outside
from .packagemanager import PackageManager
from .person import Person
from .proxy import Proxy
from .styles import PUBLIC_CLIENT

_PREFIX = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._~-]*)*")


class Sandbox:
    """CI platforms, a cluster and people, and the registries that trust them; for a `with`.

    `tls`: all at https://localhost with a certificate authority of their own, else all at
    http://127.0.0.1. `prefix`: the path below which Package Manager lies, like "/pkg". `lifetime`:
    of the tokens it exchanges, in seconds. `audience`: what a subject token must be for; by
    default Package Manager's own address. `cluster_issuer`: "private" (keys from the API server
    alone) or "public" (by discovery too). `faults`: what `fault` takes. `names`: the parties'
    addresses by host name, which only `proxy` leads to; needs `tls`. `aws`: AWS' own host names
    lead to its parties, through `proxy` as well; implies `tls`. `trusted`: other people's issuers
    at http on this machine, by URL, each with the audience that Package Manager and STS take its
    tokens for. ValueError for what makes no sense.

    Each party is an origin of its own, so that what was sent to the wrong one shows. The other
    attributes exist once it has started; `requests` and `count` can still be asked when it ended.
    """

    PLATFORMS: ClassVar[tuple[str, ...]] = PLATFORMS

    address: str
    folder: Path
    ca_file: Path | None
    github: GitHub
    gitlab: GitLab
    packagemanager: PackageManager

    def __init__(
        self,
        tls: bool = False,
        prefix: str = "",
        lifetime: int = 3600,
        audience: str | None = None,
        cluster_issuer: str = "private",
        faults: Sequence[str] = (),
        names: Mapping[str, str] | None = None,
        aws: bool = False,
        trusted: Mapping[str, str] | None = None,
    ) -> None:
        if not _PREFIX.fullmatch(prefix.rstrip("/")):
            raise ValueError(f"{prefix!r} is no path prefix: one looks like /pkg")
        if cluster_issuer not in cluster.KINDS:
            raise ValueError(f"{cluster_issuer!r}: a cluster's issuer is private or public")
        self._journal = Journal()
        self.has_aws_names = aws
        given = AWS_NAMES if aws else {}
        self._doors = Doors(self._journal, tls or aws, dict(names or {}), given)
        if "kubernetes" in self._doors.named and cluster_issuer == "private":
            raise ValueError("a private cluster issuer is reached by no name")
        self._prefix = prefix.rstrip("/")
        self._lifetime = lifetime
        self._audience = audience
        self._cluster_issuer = cluster_issuer
        self._plans = [plans.parse(text) for text in faults]
        self._faults = {party: Faults() for party in plans.PARTIES}
        outside = [Outside(url, client) for url, client in (trusted or {}).items()]
        self._federation: list[Issuer | Outside] = [*outside]
        self._providers = [Provider("idp", one, *one.clients) for one in outside]
        self._skew = 0.0
        self._lock = threading.Lock()
        self._kubernetes: Kubernetes | None = None
        self._aws: AWS | None = None
        self._idp: Idp | None = None
        self._menda: Menda | None = None
        self.person = Person()
        self._closing: ExitStack | None = None

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._start(starting)
            self._closing = starting
            for plan in self._plans:
                self._follow(plan)
            if "kubernetes" in self._doors.named:
                _ = self.kubernetes
            if "idp" in self._doors.named:
                _ = self.idp
            if "menda" in self._doors.named:
                _ = self.menda
            if self.has_aws_names:
                _ = self.aws
            self._closing = starting.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            closing, self._closing = self._closing, None
        if closing is not None:
            closing.close()

    def _start(self, closing: ExitStack) -> None:
        """Each thing that opens says at once how it closes; closing goes backwards."""
        self.folder = Path(tempfile.mkdtemp(prefix="gatepass-sandbox-"))
        closing.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.ca_file = self._doors.prepare(self.folder)
        github, server_url = self._doors.open("github", closing)
        gitlab, gitlab_url = self._doors.open("gitlab", closing)
        packagemanager, origin = self._doors.open("packagemanager", closing)
        self.github = GitHub(server_url, self._faults["github"], self._faults["issuer"])
        self.gitlab = GitLab(gitlab_url, self._faults["gitlab"], self._faults["issuer"])
        self._federation += [self.github.issuer, self.gitlab.issuer]
        self._providers.append(Provider("github", self.github.issuer))
        self._providers.append(Provider("gitlab", self.gitlab.issuer))
        self.address = origin + self._prefix
        self.packagemanager = PackageManager(
            self.address,
            self._prefix,
            self._federation,
            self._audience,
            self._lifetime,
            self._faults,
            lambda: self.idp,
        )
        github.start(self.github)
        gitlab.start(self.gitlab)
        packagemanager.start(self.packagemanager)
        self._doors.lead(closing)

    @property
    def kubernetes(self) -> Kubernetes:
        """The cluster, started when first asked for; RuntimeError unless the sandbox runs."""
        with self._lock:
            if self._kubernetes is None:
                closing = self._running()
                self._kubernetes = cluster.start(
                    self._doors,
                    self._cluster_issuer,
                    self.folder,
                    self.packagemanager.audience,
                    self._faults,
                    closing,
                )
                self._kubernetes.issuer.skew = self._skew
                self._federation.append(self._kubernetes.issuer)
                self._providers.append(Provider("kubernetes", self._kubernetes.issuer))
            return self._kubernetes

    @property
    def aws(self) -> AWS:
        """STS and CodeArtifact, started when first asked for; RuntimeError unless it runs."""
        with self._lock:
            if self._aws is None:
                closing = self._running()
                self._aws = start_aws(self._doors, self._providers, self._faults, closing)
            return self._aws

    @property
    def idp(self) -> Idp:
        """The provider for people, started when first asked for; RuntimeError unless it runs."""
        with self._lock:
            if self._idp is None:
                closing = self._running()
                self._idp = people.start_idp(self._doors, self.person, self._faults, closing)
                self._idp.issuer.skew = self._skew
                self._federation.append(self._idp.issuer)
                self._providers.append(Provider("idp", self._idp.issuer, PUBLIC_CLIENT))
            return self._idp

    @property
    def menda(self) -> Menda:
        """menda cloud, started when first asked for; RuntimeError unless the sandbox runs."""
        with self._lock:
            if self._menda is None:
                closing = self._running()
                self._menda = people.start_menda(
                    self._doors, lambda: self.aws, self._faults, closing
                )
            return self._menda

    def _running(self) -> ExitStack:
        """What closes at the end; RuntimeError before the start and after the end."""
        if self._closing is None:
            raise RuntimeError("the sandbox does not run")
        return self._closing

    @property
    def proxy(self) -> Proxy:
        """The way to the parties that have names; ValueError if none has."""
        if self._doors.proxy is None:
            raise ValueError("there is a proxy only with names")
        return self._doors.proxy

    @property
    def issuer(self) -> Issuer:
        """The issuer behind GitHub; gitlab and kubernetes have their own."""
        return self.github.issuer

    @property
    def index_url(self) -> str:
        """A simple index for `__token__` with a Package Manager token."""
        return f"{self.address}/private/latest/simple/"

    @property
    def public_index_url(self) -> str:
        """The same content, for everybody."""
        return f"{self.address}/public/latest/simple/"

    @property
    def upload_url(self) -> str:
        """Where twine and uv upload to; the files appear under /local/latest/simple/."""
        return f"{self.address}/upload/pypi/local"

    def environment(self, platform: str) -> dict[str, str]:
        """The variables that `platform` sets for its job, and no others.

        For "file" each call writes a fresh token to the same path. ValueError for a platform that
        is not one of PLATFORMS.
        """
        return environment(self, platform)

    def fault(self, text: str) -> None:
        """Plan what `text` says, like "exchange=503x2"; it comes after what is planned already.

        docs/sandbox.md lists parties and kinds; ValueError for anything else.
        """
        self._follow(plans.parse(text))

    def _follow(self, plan: plans.Plan) -> None:
        if isinstance(plan.what, Fault):
            self._faults[plan.party].add(plan.what, plan.times)
            return
        if plan.party == "issuer" and isinstance(plan.what, plans.Skew):
            self._skew = plan.what.seconds
        for issuer in self._issuers(plan.party):
            if isinstance(plan.what, plans.Skew):
                issuer.skew = plan.what.seconds
            else:
                issuer.rotate(keep_old=False)

    def _issuers(self, party: str) -> list[Issuer]:
        """The issuer of `party`, or all that there are so far."""
        if party == "kubernetes":
            return [self.kubernetes.issuer]
        if party == "idp":
            return [self.idp.issuer]
        alone = {"github": self.github.issuer, "gitlab": self.gitlab.issuer}
        ours = [issuer for issuer in self._federation if isinstance(issuer, Issuer)]
        return [alone[party]] if party in alone else ours

    @property
    def requests(self) -> list[Request]:
        """A copy of what happened so far, in order."""
        return self._journal.snapshot()

    def count(self, party: str, status: int = 200) -> int:
        """How many requests `party` answered with `status`; ValueError for no such party."""
        return self._journal.count(party, status)

    def watch(self, callback: Callable[[Request], None]) -> None:
        """Call `callback` for each request before its answer leaves, from the server's thread.

        An exception of the callback is dropped.
        """
        self._journal.watch(callback)
