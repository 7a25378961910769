"""What the settings are made of: frozen values, without any reading or checking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gatepass.realm import Address, Realm

IDENTITIES = ("github", "gitlab", "kubernetes", "file", "login", "aws", "menda", "token")
"""The names that GATEPASS_IDENTITY and ``identity`` take, beside ``auto``."""


STS_AUDIENCE = "sts.amazonaws.com"
"""What AWS STS expects as ``aud`` unless its identity provider was set up with another one."""


class Claim(NamedTuple):
    """One rule of a claims policy: the whole claim equals ``text``, or matches it as a regex."""

    name: str
    text: str
    is_pattern: bool


class Domain(NamedTuple):
    """A CodeArtifact domain: its name, the AWS account that owns it (12 digits), its region."""

    name: str
    owner: str
    region: str


class Login(NamedTuple):
    """Who people log in with, where the registry has no login of its own: an OpenID provider's
    ``issuer``, byte for byte, and our ``client_id`` there."""

    issuer: str
    client_id: str


class Registry(NamedTuple):
    """A package index that wants a credential.

    ``url``: as written, without trailing slashes; ``source``: the variable or file that named it,
    for messages; ``audience``: what was set for it, None where nothing was;
    ``is_drop_in``: it stands at PACKAGEMANAGER_ADDRESS, so the replaced tool's variables speak
    for it; ``is_insecure``: a plain-http address that nobody allowed. Of CodeArtifact alone:
    ``aws``; ``role_arn``: the job's role there, empty where none was set; ``profile``: of the AWS
    configuration, for people; ``duration``: seconds to ask for, None for what fits.
    ``index_path``: a path below the address, for tools that are told of an index.
    """

    name: str
    url: str
    realm: Realm
    kind: str
    source: str
    audience: str | None = None
    identity: str = "auto"
    claims: tuple[Claim, ...] = ()
    is_drop_in: bool = False
    is_insecure: bool = False
    aws: Domain | None = None
    role_arn: str = ""
    profile: str = ""
    duration: int | None = None
    index_path: str = ""
    login: Login | None = None

    @property
    def domain(self) -> Domain:
        """``aws``, for what serves CodeArtifact alone: settings give each such registry one."""
        if self.aws is None:
            raise AssertionError(f"{self.name} is no CodeArtifact registry")
        return self.aws

    @property
    def expected_audience(self) -> str:
        """What a subject token for this registry must be for: its exchange endpoint's name."""
        return self.audience or (STS_AUDIENCE if self.kind == "codeartifact" else self.url)


class Issuer(NamedTuple):
    """What the configuration says of one issuer: its keys (path or https URL), its algorithms."""

    jwks: str = ""
    algorithms: tuple[str, ...] = ()


class Settings(NamedTuple):
    """All that flags, environment and files decided. ``issuers`` is keyed by ``iss``;
    ``identity``, ``aws_audience`` and ``login`` are for registries that nobody configured, too."""

    registries: tuple[Registry, ...]
    verify: bool
    trusted_issuers: tuple[str, ...]
    issuers: Mapping[str, Issuer]
    jwks_file: str
    store: str
    store_dir: str
    log_level: str
    log_format: str
    log_file: str
    identity: str = "auto"
    aws_audience: str | None = None
    login: Login | None = None

    def registry_for(self, address: Address) -> Registry | None:
        """The registry whose realm covers the address, the longest prefix first; or None.

        A CodeArtifact host needs no configuration; what there is for its domain at another address
        holds for it too, and ConfigError (codeartifact-tables) says where that isn't one thing. A
        registry at plain http that nobody allowed answers for its whole host, so that the caller
        can say why it gets nothing.
        """
        inside = [r for r in self.registries if not r.is_insecure and r.realm.covers(address)]
        if inside:
            return max(inside, key=lambda registry: len(registry.realm.prefix))
        refused = (r for r in self.registries if r.is_insecure and r.realm.host == address.host)
        found = next(refused, None)
        if found is None and ".codeartifact." in address.host:
            from gatepass.settings.codeartifact import as_configured, registry_at  # made of us

            found = registry_at(address)
            if found:
                found = as_configured(
                    found._replace(
                        identity=self.identity, audience=self.aws_audience, login=self.login
                    ),
                    self.registries,
                )
        return found

    def named(self, name: str) -> Registry | None:
        """The registry of that name, as `gatepass get NAME` asks for it."""
        return next((r for r in self.registries if r.name == name), None)
