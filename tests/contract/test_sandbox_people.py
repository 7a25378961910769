"""How people's parties fit in: when they start, how they fail, their names, their variables."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import jwt
import pytest
import requests

from devices import DEVICE_GRANT, TIMEOUT, Oidc, Ppm, exchange, post, refused
from gatepass.sandbox import Sandbox

NAMES = {"login.corp.example": "idp", "cloud.corp.example": "menda"}
DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def menda_token(url: str, client: str, secret: str, **words: object) -> requests.Response:
    fields = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    return post(url + "/api/v1/auth/oauth2/token", fields, **words)


@pytest.mark.parametrize("party", ["idp", "menda"])
def test_a_party_needs_a_running_sandbox_and_ends_with_it(party: str) -> None:
    """RuntimeError before and after; nobody listens at its port any more."""
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="does not run"):
        getattr(sandbox, party)
    with sandbox:
        first = getattr(sandbox, party)
        assert getattr(sandbox, party) is first
        assert urlsplit(first.url).hostname == "127.0.0.1"
        port = urlsplit(first.url).port
        assert requests.get(first.url, timeout=TIMEOUT).status_code == 404
        began = time.monotonic()
    assert time.monotonic() - began < 0.5
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), TIMEOUT)
    with pytest.raises(RuntimeError, match="does not run"):
        getattr(Sandbox(), party)


def test_a_provider_of_another_sandbox_is_not_trusted() -> None:
    """Nor is one that nobody has asked for yet."""
    with Sandbox() as one, Sandbox() as other:
        token = other.idp.issuer.mint("gatepass")
        assert refused(exchange(one, token), "invalid_grant") == "issuer is not trusted"


def test_the_device_flow_starts_the_provider(sandbox: Sandbox) -> None:
    """The first code needs a page, so there is one from then on."""
    assert requests.get(Ppm(sandbox).told["verification_uri"], timeout=TIMEOUT).status_code == 200


def test_a_laptop_is_told_where_to_log_in(sandbox: Sandbox) -> None:
    """A login by these variables alone ends in a token; and nothing says that this is a job."""
    environ = sandbox.environment("laptop")
    assert set(environ) == {
        "PACKAGEMANAGER_ADDRESS", "GATEPASS_LOGIN_ISSUER", "GATEPASS_LOGIN_CLIENT_ID",
        "GATEPASS_STORE_DIR", "NO_PROXY", "no_proxy",
    }  # fmt: skip
    client = {"client_id": environ["GATEPASS_LOGIN_CLIENT_ID"]}
    issuer = environ["GATEPASS_LOGIN_ISSUER"]
    found = requests.get(issuer + DISCOVERY, timeout=TIMEOUT).json()
    assert found["issuer"] == issuer
    told = post(found["device_authorization_endpoint"], {**client, "scope": "openid"}).json()
    code = {"grant_type": DEVICE_GRANT, "device_code": told["device_code"]}
    answer = post(found["token_endpoint"], {**client, **code}).json()
    assert environ["PACKAGEMANAGER_ADDRESS"] == sandbox.address
    assert exchange(sandbox, answer["id_token"]).status_code == 200
    assert environ["GATEPASS_STORE_DIR"].startswith(str(sandbox.folder))


def test_menda_is_told_who_it_is(sandbox: Sandbox) -> None:
    """The three variables that menda-keyring reads are enough to earn an access token."""
    environ = sandbox.environment("menda")
    trio = [environ[f"MENDA_{name}"] for name in ("HOST", "CLIENT_ID", "CLIENT_SECRET")]
    assert menda_token(*trio).status_code == 200
    assert environ["MENDA_HOST"] == sandbox.menda.url
    assert environ["GATEPASS_STORE_DIR"].startswith(str(sandbox.folder))
    assert "AWS_ACCESS_KEY_ID" not in environ
    assert "CI" not in environ


def test_with_aws_names_menda_is_led_to_the_repositories() -> None:
    """Through the proxy under CodeArtifact's own host, while menda itself stays on loopback."""
    with Sandbox(aws=True) as sandbox:
        environ = sandbox.environment("menda")
        assert environ["MENDA_HOST"].startswith("https://localhost:")
        ca = environ["REQUESTS_CA_BUNDLE"]
        token = f"Bearer {sandbox.menda.login()}"
        url = environ["MENDA_HOST"] + "/api/v1/auth/registry/token"
        given = post(url, None, headers={"authorizationToken": token}, verify=ca).json()
        index = requests.get(
            sandbox.aws.index_url,
            auth=("aws", given["token"]),
            proxies={"https": environ["HTTPS_PROXY"]},
            verify=ca,
            timeout=TIMEOUT,
        )
        assert index.status_code == 200
        other = requests.get(
            sandbox.aws.other_index_url,
            auth=("aws", given["token"]),
            proxies={"https": environ["HTTPS_PROXY"]},
            verify=ca,
            timeout=TIMEOUT,
        )
        assert other.status_code != 200


def test_sts_takes_a_persons_token_for_gatepass_alone(sandbox: Sandbox) -> None:
    """IAM knows the provider with that client; STS' own audience is for jobs."""
    token = Oidc(sandbox).poll().json()["id_token"]
    for presented, code in (
        (token, None),
        (sandbox.idp.issuer.mint("sts.amazonaws.com"), "InvalidIdentityToken"),
        (sandbox.idp.issuer.mint("packagemanager-sandbox"), "InvalidIdentityToken"),
    ):
        fields = {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": sandbox.aws.role_arn,
            "RoleSessionName": "octavia",
            "WebIdentityToken": presented,
        }
        answer = post(sandbox.aws.sts_url, fields)
        assert (answer.status_code == 200) == (code is None)
        assert re.findall("<Code>(.*?)</Code>", answer.text) == ([code] if code else [])


def test_people_and_menda_can_have_names() -> None:
    """Their addresses are then by name, and the proxy leads there from the start."""
    with Sandbox(tls=True, names=NAMES) as sandbox:
        way = {"https": sandbox.proxy.url}
        url = "https://login.corp.example" + DISCOVERY
        found = requests.get(url, proxies=way, verify=str(sandbox.ca_file), timeout=TIMEOUT).json()
        assert found["issuer"] == sandbox.idp.url == "https://login.corp.example"
        assert sandbox.idp.page_url == "https://login.corp.example/device"
        menda = sandbox.menda
        words = {"proxies": way, "verify": str(sandbox.ca_file)}
        assert menda.url == "https://cloud.corp.example"
        answer = menda_token(menda.url, menda.client_id, menda.client_secret, **words)
        assert answer.status_code == 200


def test_the_providers_faults_are_its_own(sandbox: Sandbox) -> None:
    """`idp=...` happens to whatever is asked there, documents included, and to nobody else."""
    sandbox.idp.interval = 0
    sandbox.fault("idp=503x2")
    assert requests.get(sandbox.issuer.url + DISCOVERY, timeout=TIMEOUT).status_code == 200
    assert requests.get(sandbox.idp.url + DISCOVERY, timeout=TIMEOUT).status_code == 503
    assert requests.get(sandbox.idp.page_url, timeout=TIMEOUT).status_code == 503
    device = Oidc(sandbox)
    sandbox.idp.fail_next(400, body={"error": "slow_down"})
    assert requests.get(sandbox.idp.page_url, timeout=TIMEOUT).status_code == 200
    assert device.poll().json() == {"error": "slow_down"}
    assert device.poll().status_code == 200


def test_issuer_faults_are_the_providers_too(sandbox: Sandbox) -> None:
    """It is one of the public issuers that are asked next."""
    sandbox.fault("issuer=500")
    assert requests.get(sandbox.idp.url + DISCOVERY, timeout=TIMEOUT).status_code == 500
    assert requests.get(sandbox.idp.url + DISCOVERY, timeout=TIMEOUT).status_code == 200


def test_a_rotation_at_the_provider() -> None:
    """`idp=rotate` renews its keys and nobody else's, also when it is planned from the start."""
    with Sandbox(faults=["idp=rotate"]) as sandbox:
        idp = sandbox.idp
        old, other = idp.issuer.mint("gatepass"), sandbox.issuer.mint(sandbox.address)
        sandbox.fault("idp=rotate")
        assert refused(exchange(sandbox, old), "invalid_grant") == "key is unknown"
        assert exchange(sandbox, idp.issuer.mint("gatepass")).status_code == 200
        assert exchange(sandbox, other).status_code == 200


def test_a_clock_that_is_set_for_all_holds_for_who_starts_later(sandbox: Sandbox) -> None:
    """`issuer=skew` is everybody's, the provider's included."""
    sandbox.fault("issuer=skew=-5000")
    token = sandbox.idp.issuer.mint("gatepass")
    assert refused(exchange(sandbox, token), "invalid_grant") == "token has expired"
    claims = jwt.decode(token, options={"verify_signature": False})
    assert time.time() - claims["iat"] > 4900
