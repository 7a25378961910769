"""Where AWS' services answer: the variables of the AWS SDKs, else the region's own hosts.

Read as botocore reads them (its ``configprovider`` and endpoint rule sets), from the environment
alone: ``endpoint_url`` in an AWS configuration file is not looked at.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gatepass.errors import ConfigError, plain_address
from gatepass.realm import Realm, is_loopback, realm_of
from gatepass.settings import Environment, Registry
from gatepass.settings.codeartifact import COMMERCIAL
from gatepass.settings.environment import read

_PATH = re.compile(r"[A-Za-z0-9/._~-]*")
"""A path that no HTTP library writes in another way than it was signed."""


class Endpoints(NamedTuple):
    """The two addresses, without trailing slashes."""

    sts: Realm
    codeartifact: Realm

    def __str__(self) -> str:
        return f"{self.sts} {self.codeartifact}"


def endpoints(registry: Registry, env: Environment) -> Endpoints:
    """The addresses for a registry's domain. ConfigError (aws-endpoint) for one that can't be used.

    A domain has one region, which its host names, and CodeArtifact answers for it there. The keys
    of any regional STS open it. So STS is asked where the user works, as the SDKs do: AWS_REGION,
    else AWS_DEFAULT_REGION; and else in the domain's own region, which surely can be reached from
    here and never is further away than the domain. AWS' one global STS is not used, nor a region
    outside of the domain's partition.

    AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL_CODEARTIFACT, or AWS_ENDPOINT_URL for both, come
    before that, unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is ``true``; to them
    AWS_USE_DUALSTACK_ENDPOINT and AWS_USE_FIPS_ENDPOINT mean nothing.
    """
    said = read(env, "AWS_REGION") or read(env, "AWS_DEFAULT_REGION")
    region = registry.domain.region
    nearest = said if COMMERCIAL.fullmatch(said) else region
    return Endpoints(_of("sts", nearest, env), _of("codeartifact", region, env))


def _of(service: str, region: str, env: Environment) -> Realm:
    if not _is_true(env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        for variable in (f"AWS_ENDPOINT_URL_{service.upper()}", "AWS_ENDPOINT_URL"):
            if read(env, variable):
                return _configured(variable, read(env, variable))
    name = service + ("-fips" if _is_true(env, "AWS_USE_FIPS_ENDPOINT") else "")
    suffix = "api.aws" if _is_true(env, "AWS_USE_DUALSTACK_ENDPOINT") else "amazonaws.com"
    return realm_of(f"https://{name}.{region}.{suffix}")


def _configured(variable: str, url: str) -> Realm:
    try:
        realm = realm_of(url)
        if realm.scheme != "https" and not is_loopback(realm.host):
            raise ValueError("it is plain http: whoever is on the way would read tokens and keys")
        if not _PATH.fullmatch(realm.prefix):
            raise ValueError("its path has characters that have to be encoded")
    except ValueError as error:
        raise ConfigError(
            "aws-endpoint",
            f"{variable} is not an address that gatepass can use: {plain_address(url)}",
            why=str(error),
            do="write it as https://host or https://host/path (http only on this machine)",
        ) from None
    return realm


def _is_true(env: Environment, variable: str) -> bool:
    return read(env, variable).lower() == "true"
