"""AWS credentials that this machine has: keys, a profile, a container's or an instance's role.

They are used by boto3's own chain; here it is only decided, without asking anybody, whether there
are any, and whose they are.
"""

from __future__ import annotations

import hashlib
import os
import sys
from typing import TYPE_CHECKING

from gatepass import ec2, files
from gatepass.secret import Secret
from gatepass.settings.environment import Environment, read

if TYPE_CHECKING:
    from gatepass.settings import Registry
    from gatepass.transport import Deadline, Transport

_CREDENTIALS = "AWS_SHARED_CREDENTIALS_FILE"
_SAID = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE")
_CONTAINER = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
_LARGEST = 1024 * 1024
_CACHED, _CACHED_FILES = 64 * 1024, 100
"""Bytes of a cached login that are looked at, and of how many: real ones are a few of 4 KiB."""

_LEADS_TO_KEYS = frozenset(
    {
        "aws_access_key_id",
        "credential_process",
        "credential_source",
        "login_session",
        "role_arn",
        "sso_account_id",
        "sso_session",
        "sso_start_url",
        "web_identity_token_file",
    }
)
"""Settings of a profile from which boto3 gets keys; one with only a region has none."""


class AmbientAws:
    """Credentials of the AWS SDKs' own chain, which :mod:`gatepass.exchange.ambient` asks."""

    name = "aws"
    label = "this machine's AWS credentials"
    can_remint = False
    issuers: tuple[str, ...] = ()
    audience_is_unsaid = True
    presents_token = False
    role_arn = ""

    def __init__(self, origin: str, env: Environment, profile: str) -> None:
        self.origin, self._env, self._profile = origin, env, profile

    def fingerprint(self) -> str:
        """Everything that decides who the chain finds: variables, and the contents of the files
        that botocore reads, a login's cache among them. What a ``credential_process`` would say
        isn't part of it: only running it tells."""
        said = [
            f"{name}={self._env[name]}"
            for name in sorted(self._env)
            if name[:4] == "AWS_" or name == "BOTO_CONFIG"
        ]
        config, credentials = _paths(self._env)
        held = [_digest(path) for path in (config, credentials, *_old_paths(self._env))]
        cached = [line for folder in _caches(self._env) for line in _contents(folder)]
        return "\0".join([self._profile, _home(self._env), *said, *held, *cached])

    def subject_token(self, audience: str, transport: Transport, deadline: Deadline) -> Secret:
        """Never asked for: ``presents_token`` is False."""
        raise AssertionError("AWS credentials are no subject token, and sign for themselves")


def detect(env: Environment, registry: Registry) -> AmbientAws | None:
    """What was said: keys or a profile in the environment."""
    for variable in _SAID:
        if read(env, variable):
            return AmbientAws(variable, env, registry.profile)
    return None


def detect_configured(env: Environment, registry: Registry) -> AmbientAws | None:
    """What is found: a profile that leads to keys, a container's role, an instance's."""
    config, credentials = _paths(env)
    profile = registry.profile or read(env, "AWS_DEFAULT_PROFILE") or "default"
    for path, name in (
        (credentials, profile),
        (config, profile),
        (config, f"profile {profile}"),
    ):
        # Somebody's folder, not whatever this directory has: without a home it would be relative.
        is_named = path in (read(env, "AWS_CONFIG_FILE"), read(env, _CREDENTIALS))
        if (is_named or os.path.isabs(path)) and _leads_to_keys(path, name):
            return AmbientAws(path, env, registry.profile)
    for variable in _CONTAINER:
        if read(env, variable):
            return AmbientAws(variable, env, registry.profile)
    if ec2.on_ec2(env):
        return AmbientAws("the EC2 instance", env, registry.profile)
    return None


def _paths(env: Environment) -> tuple[str, str]:
    home = _home(env)
    return (
        read(env, "AWS_CONFIG_FILE") or os.path.join(home, ".aws", "config"),
        read(env, _CREDENTIALS) or os.path.join(home, ".aws", "credentials"),
    )


def _home(env: Environment) -> str:
    """The home that botocore finds, which knows one where no variable does: ``~``."""
    variable = "USERPROFILE" if sys.platform == "win32" else "HOME"
    return env.get(variable) or os.path.expanduser("~")


def _old_paths(env: Environment) -> tuple[str, ...]:
    """boto2's files, from which the chain takes keys to this day."""
    boto = env.get("BOTO_CONFIG")  # botocore replaces variables in it, so a $ is allowed here
    others = (boto,) if boto else ("/etc/boto.cfg", os.path.join(_home(env), ".boto"))
    named = env.get("AWS_CREDENTIAL_FILE")
    return (*others, named) if named else others


def _caches(env: Environment) -> tuple[str, str]:
    """Where `aws sso login` and `aws login` keep who has logged in."""
    home = _home(env)
    login = os.path.expanduser(os.path.expandvars(env.get("AWS_LOGIN_CACHE_DIRECTORY", "")))
    return (
        os.path.join(home, ".aws", "sso", "cache"),
        login or os.path.join(home, ".aws", "login", "cache"),
    )


def _contents(folder: str) -> list[str]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except OSError:
        return []
    return [
        f"{name}={_digest(os.path.join(folder, name), _CACHED)}" for name in names[:_CACHED_FILES]
    ]


def _digest(path: str, limit: int = _LARGEST) -> str:
    return hashlib.sha256(_read(path, limit)).hexdigest()


def _leads_to_keys(path: str, section: str) -> bool:
    data = _read(path)
    if not data:
        return False
    import configparser  # only where there is such a file

    parser = configparser.ConfigParser(interpolation=None, strict=False, default_section="\0")
    try:
        parser.read_string(data.decode("utf-8"))
        return parser.has_section(section) and bool(_LEADS_TO_KEYS & set(parser[section]))
    except (UnicodeDecodeError, configparser.Error):
        return True  # boto3 says best what is wrong with it


def _read(path: str, limit: int = _LARGEST) -> bytes:
    try:
        return files.read(os.path.expanduser(os.path.expandvars(path)), limit)
    except OSError:
        return b""
