"""Where AWS is asked: the SDKs' variables, and regions."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import botocore
import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from awswire import DOMAIN, registry
from gatepass import exchange
from gatepass.errors import ConfigError
from gatepass.exchange import ambient, codeartifact

REGION = {"AWS_DEFAULT_REGION": "eu-west-1"}


def at(**env: str) -> str:
    return codeartifact.endpoint(registry(), env)


def test_by_default_both_are_in_the_domains_region() -> None:
    """What the host says; nothing has to be configured."""
    assert (
        at() == "https://sts.eu-west-1.amazonaws.com https://codeartifact.eu-west-1.amazonaws.com"
    )


def test_both_ways_have_the_same_endpoints() -> None:
    """The chain may ask STS too, for a profile that assumes a role."""
    env = {"AWS_ENDPOINT_URL_STS": "https://sts.corp"}
    assert ambient.endpoint(registry(), env) == codeartifact.endpoint(registry(), env)


@pytest.mark.parametrize(
    ("env", "region"),
    [
        ({"AWS_REGION": "us-east-1"}, "us-east-1"),
        ({"AWS_DEFAULT_REGION": "us-east-2"}, "us-east-2"),
        ({"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-2"}, "us-east-1"),
        ({"AWS_REGION": "ap-southeast-2"}, "ap-southeast-2"),
        ({"AWS_REGION": ""}, "eu-west-1"),
        ({"AWS_REGION": "cn-north-1"}, "eu-west-1"),
        ({"AWS_REGION": "us-gov-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "us-iso-east-1"}, "eu-west-1"),
        ({"AWS_REGION": "aws-global"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1.evil.test/"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1\n"}, "eu-west-1"),
        ({"AWS_REGION": "us-east-1", "AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, "us-east-1"),
    ],
)
def test_the_region_is_for_sts_alone(env: dict[str, str], region: str) -> None:
    """CodeArtifact has the domain's; another partition's STS gives keys that open nothing."""
    assert at(**env) == (
        f"https://sts.{region}.amazonaws.com https://codeartifact.eu-west-1.amazonaws.com"
    )


VARIANTS = {
    "plain": {},
    "dual-stack": {"AWS_USE_DUALSTACK_ENDPOINT": "True"},
    "fips": {"AWS_USE_FIPS_ENDPOINT": "true"},
    "both": {"AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_USE_FIPS_ENDPOINT": "TRUE"},
    "neither": {"AWS_USE_DUALSTACK_ENDPOINT": "1", "AWS_USE_FIPS_ENDPOINT": "yes"},
    "for both": {"AWS_ENDPOINT_URL": "https://aws.corp/x"},
    "by service": {
        "AWS_ENDPOINT_URL": "https://aws.corp",
        "AWS_ENDPOINT_URL_STS": "https://sts.corp:8443",
        "AWS_ENDPOINT_URL_CODEARTIFACT": "http://127.0.0.1:4566",
    },
    "ignored": {
        "AWS_ENDPOINT_URL": "https://aws.corp",
        "AWS_ENDPOINT_URL_STS": "https://sts.corp",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    },
    "one ignored": {"AWS_ENDPOINT_URL_STS": "", "AWS_ENDPOINT_URL": "https://aws.corp"},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_botocore_asks_the_same_addresses(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable means here what it means to botocore's own clients."""
    env = {**REGION, **VARIANTS[variant]}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    session = botocore.session.Session()
    clients = [
        session.create_client(name, config=Config(signature_version=UNSIGNED))
        for name in ("sts", "codeartifact")
    ]
    assert at(**env) == " ".join(client.meta.endpoint_url for client in clients)


def test_codeartifact_is_in_one_partition() -> None:
    """Why no other host is built: when botocore knows one in China or GovCloud, look again."""
    folder = Path(botocore.__file__).parent / "data"
    file = next(folder.glob("endpoints.json*"))
    data = file.read_bytes()
    partitions = json.loads(gzip.decompress(data) if file.suffix == ".gz" else data)["partitions"]
    served = {one["partition"] for one in partitions if "codeartifact" in one["services"]}
    assert served == {"aws"}


@pytest.mark.parametrize(
    "url",
    [
        "http://sts.corp",
        "sts.corp",
        "https://",
        "ftp://sts.corp",
        "https://user:secret-password@sts.corp",
        "https://sts.corp/?x=1",
        "https://sts.corp/a%41",
        "https://sts.corp/a b",
        "https://sts.corp/ä",
        "https://sts.corp/a=b",
        "https://sts.corp/../x",
    ],
)
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"])
def test_an_address_that_no_token_may_go_to(variable: str, url: str) -> None:
    """Plain http, no address at all, or a path that is not sent as it is signed."""
    with pytest.raises(ConfigError) as caught:
        at(**{variable: url})
    assert caught.value.code == "aws-endpoint"
    assert variable in caught.value.what
    assert "secret-password" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:4566", "http://127.0.0.1:1/a/b", "http://[::1]:2"]
)
def test_this_machine_may_be_plain_http(url: str) -> None:
    """A stand-in for AWS on loopback is what tests have."""
    assert at(AWS_ENDPOINT_URL=url + "/") == f"{url} {url}"


@pytest.mark.parametrize("identity", ["github", "gitlab", "kubernetes", "file", "login"])
def test_every_token_takes_the_web_identity_way(identity: str) -> None:
    """Only keys, and menda cloud, go another."""
    assert exchange.way("codeartifact", identity) is codeartifact
    assert exchange.way("codeartifact", "aws") is ambient  # type: ignore[comparison-overlap]


@pytest.mark.parametrize("way", [codeartifact, ambient])
def test_the_user_name_is_the_one_that_was_asked_for(way: exchange.Way) -> None:
    """CodeArtifact looks at the token alone; without a name it is `aws`."""
    assert [way.username_for(name) for name in (None, "", "aws", "ci")] == [
        "aws", "aws", "aws", "ci",
    ]  # fmt: skip


def test_the_registry_of_the_tests_is_what_settings_make() -> None:
    """So that these tests speak of real registries."""
    from gatepass.realm import parse
    from gatepass.settings.codeartifact import registry_at

    address = parse("https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com/pypi/x/")
    assert address is not None
    found = registry_at(address)
    assert found is not None
    assert found.aws == DOMAIN
    assert found.realm == registry().realm
