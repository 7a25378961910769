"""menda cloud, which sells access to its CodeArtifact repositories: a client, or a person's login.

In menda-keyring's order: MENDA_HOST, MENDA_CLIENT_ID and MENDA_CLIENT_SECRET; else the profile
MENDA_PROFILE_ID (``default``) of ``~/.menda/mendacfg``, a client's (``auth_type = m2m``) or a
person's, who logged in with ``menda auth login``. Source: menda-keyring 0.0.2, ``auth.py``.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from gatepass.errors import ConfigError, GatepassError, IdentityError, plain, plain_address
from gatepass.identity import mendafiles
from gatepass.identity.base import Unable
from gatepass.secret import Secret
from gatepass.settings.environment import Environment, in_ci, read

if TYPE_CHECKING:
    from gatepass.identity.mendacache import Cache
    from gatepass.settings import Registry
    from gatepass.transport import Deadline, Transport

_TRIO = ("MENDA_HOST", "MENDA_CLIENT_ID", "MENDA_CLIENT_SECRET")
_PROFILE = "MENDA_PROFILE_ID"
_LARGEST = 64 * 1024
"""Bytes of mendacfg: a profile has four short lines."""


class Client(NamedTuple):
    """What a machine logs in with."""

    id: str
    secret: Secret


class Menda:
    """A client, or a person's login, at ``host`` (its address, without a trailing slash).

    ``source``: where host, client and login were read, for messages. Exactly one of ``client`` and
    ``login`` is set.
    """

    name = "menda"
    can_remint = False
    issuers: tuple[str, ...] = ()
    audience_is_unsaid = True
    presents_token = False
    role_arn = ""

    def __init__(
        self,
        origin: str,
        source: str,
        host: str,
        cache: Cache,
        *,
        client: Client | None = None,
        profile: str = "",
        login: Secret | None = None,
    ) -> None:
        self.origin, self.source, self.host, self.cache = origin, source, host, cache
        self.client, self.profile, self.login = client, profile, login

    @property
    def label(self) -> str:
        if self.client:
            return f"menda cloud's client {plain(self.client.id, 60)}"
        return f"the menda login of the profile {plain(self.profile, 60)!r}"

    def fingerprint(self) -> str:
        """The host, with the client and its secret, or with the profile and its login."""
        if self.client:
            return repr((self.host, self.client.id, self.client.secret.reveal()))
        return repr((self.host, self.profile, self.login.reveal() if self.login else ""))

    def subject_token(self, audience: str, transport: Transport, deadline: Deadline) -> Secret:
        raise AssertionError("menda cloud takes no subject token from us")


def detect(env: Environment, registry: Registry) -> Menda | None:
    """What was said: the three variables, or a profile's name.

    Raises ConfigError where one of the three is missing, and whatever keeps the named profile
    from acting: nobody would see it if another identity stood in.
    """
    if registry.kind != "codeartifact":
        return None
    said = {name: read(env, name) for name in _TRIO}
    given = [name for name in _TRIO if said[name]]
    missing = [name for name in _TRIO if not said[name]]
    if not missing:
        return _by_variables(env, *said.values())
    if given:
        raise ConfigError(
            "menda-incomplete",
            f"the client for menda cloud is incomplete: it lacks {' and '.join(missing)}",
            why=f"{' and '.join(given)} alone would be ignored by menda-keyring, without a word",
            do=f"set {' and '.join(missing)} too, or unset the rest to use a profile",
        )
    profile = read(env, _PROFILE)
    return _by_profile(env, profile, _PROFILE, asked=True) if profile else None


def detect_configured(env: Environment, registry: Registry) -> Menda | Unable | None:
    """What is found: the profile ``default``. None where there is no mendacfg, or where more was
    said; a chosen ``menda`` is told that it is missing. A person's login is Unable in CI and pods
    unless menda was chosen."""
    if registry.kind != "codeartifact" or any(read(env, name) for name in (*_TRIO, _PROFILE)):
        return None
    path = mendafiles.config_path(env)
    if registry.identity != "menda" and not os.path.exists(path):
        return None
    try:
        return _by_profile(env, "default", path, asked=registry.identity == "menda")
    except GatepassError as error:
        return Unable("menda", f"menda's profile in {plain(path)}", error)


def _by_variables(env: Environment, host: str, client_id: str, client_secret: str) -> Menda:
    client = Client(client_id, Secret(client_secret))
    at = _address(host, "MENDA_HOST", f"set MENDA_HOST to {_FORM}")
    cache = _cache(env, client_id, at, client)
    return Menda("MENDA_CLIENT_ID", ", ".join(_TRIO), at, cache, client=client)


def _by_profile(env: Environment, profile: str, origin: str, *, asked: bool) -> Menda:
    """The profile as an identity that can act; every way in which it can't is an error.

    ``asked``: somebody named it, or chose menda; else no person's login speaks in CI and pods.
    """
    path, name = mendafiles.config_path(env), plain(profile, 60)
    fields = _fields(path, profile)
    if not fields["host"]:
        raise ConfigError(
            "menda-no-host",
            f"Profile {name!r} has no host; set host = https://... in ~/.menda/mendacfg",
            do=f"write it below [{name}] in {plain(path)}: the address of your menda cloud's API",
        )
    source = f"[{name}] in {plain(path)}"
    host = _address(fields["host"], f"host of {source}", f"write host = {_FORM}")
    if fields["auth_type"] == "m2m":
        if not fields["client_id"] or not fields["client_secret"]:
            raise ConfigError(
                "menda-no-client",
                f"Profile {name!r} has auth_type=m2m but is missing client_id or client_secret "
                "in mendacfg",
                do=f"write both below [{name}] in {plain(path)},\n"
                "or set MENDA_HOST, MENDA_CLIENT_ID and MENDA_CLIENT_SECRET",
            )
        client = Client(fields["client_id"], Secret(fields["client_secret"]))
        cache = _cache(env, profile, host, client, is_profile=True)
        return Menda(origin, source, host, cache, client=client, profile=profile)
    pod = "KUBERNETES_SERVICE_HOST"
    job = "CI" if in_ci(env) else pod if read(env, pod) else ""
    if job and not asked:
        raise IdentityError(
            "menda-not-asked",
            f"the menda login of the profile {name!r} is a person's, and {job} is set",
            why="a job or a pod is not the person who logged in on its machine",
            do="give it a client: MENDA_HOST, MENDA_CLIENT_ID and MENDA_CLIENT_SECRET;\n"
            f"or, where you mean your login, set {_PROFILE}={name} or GATEPASS_IDENTITY=menda",
        )
    cache = _cache(env, profile, host, None, is_profile=True)
    cached = cache.look(time.time())
    if cached.token is None:
        raise IdentityError(
            "menda-cache-invalid" if cached.is_broken else "menda-no-login",
            f"No valid cached token for profile {name!r}",
            why=plain(cached.why) + _auth_type(fields["auth_type"]),
            do=("delete that file, then run " if cached.is_broken else "run ")
            + "`menda auth login`, or use M2M (the MENDA_* variables or auth_type=m2m)",
        )
    return Menda(origin, source, host, cache, profile=profile, login=cached.token)


def _fields(path: str, profile: str) -> dict[str, str]:
    """The profile's values by name, empty where unset. Raises ConfigError."""
    try:
        parser = mendafiles.parse(mendafiles.read(path, _LARGEST)[0])
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(
            "menda-config-missing",
            f"Menda config file not found at {plain(path)}",
            do="run `menda auth configure` first, or set MENDA_HOST, MENDA_CLIENT_ID and\n"
            "MENDA_CLIENT_SECRET",
        ) from None
    except mendafiles.Unsafe as reason:
        raise ConfigError(
            "menda-config-unsafe",
            f"{plain(path)} is not used: {reason}",
            why="it says where a login or a client's secret is sent",
            do=f"look at the hosts in it, {reason.do}",
        ) from None
    except OSError as error:
        raise ConfigError(
            "menda-config-unreadable",
            f"{plain(path)} can't be read: {error.strerror}",
            do="make it readable for this user",
        ) from None
    except mendafiles.Malformed as reason:
        raise ConfigError(
            "menda-config-malformed",
            f"{plain(path)} can't be understood: {reason}",
            do="correct that line, or run `menda auth configure`",
        ) from None
    if profile not in parser:
        name = plain(profile, 60)
        there = ", ".join(plain(section, 60) for section in parser.sections()[:8])
        raise ConfigError(
            "menda-no-profile",
            f"No profile {name!r} in {plain(path)}",
            why=f"it has: {there}" if there else "it has no section",
            do=f"set {_PROFILE} or add a [{name}] section",
        )
    names = ("host", "auth_type", "client_id", "client_secret")
    return {name: mendafiles.value(parser, profile, name) for name in names}


_FORM = "https://..., the address of your menda cloud's API"


def _address(host: str, where: str, do: str) -> str:
    try:
        return mendafiles.address(host)
    except ValueError as reason:
        raise ConfigError(
            "menda-bad-host",
            f"{where} is no address to log in at: {plain_address(host)}",
            why=str(reason),
            do=do,
        ) from None


def _auth_type(said: str) -> str:
    """A word about an ``auth_type`` that menda-keyring takes for a person's, too."""
    if said in ("", "u2m"):
        return ""
    return f"; its auth_type is {plain(said, 40)!r}, which counts as u2m"


def _cache(
    env: Environment, section: str, host: str, client: Client | None, *, is_profile: bool = False
) -> Cache:
    from gatepass.identity.mendacache import Cache, mark

    return Cache(
        mendafiles.cache_path(env),
        section,
        host,
        mark=mark(host, client.id, client.secret) if client else "",
        is_profile=is_profile,
    )
