"""The two flows on the wire: what is sent, to whom, and what is made of the answers."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qs

import pytest

from forge import b64
from gatepass.errors import GatepassError, IdentityError, TransportError, TrustError
from gatepass.login import oidc, pkce
from gatepass.login.device import Tokens
from gatepass.login.oidc import ProviderFlow
from gatepass.login.packagemanager import PackageManagerFlow
from gatepass.secret import Secret
from gatepass.settings import Login, Registry, load
from gatepass.transport import Deadline, Transport
from wire import Wire, answer, wire

TOLD = {
    "device_code": "the-device-code",
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://idp.example.com/activate",
}
CLIENT = "our-client"
SCOPES = ["openid offline_access", "openid"]


def jwt(**claims: Any) -> str:
    return f"{b64('{}')}.{b64(json.dumps(claims))}.{b64('signature')}"


def at(server: Wire, prefix: str = "") -> Registry:
    return load({"PACKAGEMANAGER_ADDRESS": server.url + prefix}).registries[0]


def sent(request: bytes) -> tuple[str, dict[str, str]]:
    """The first line and the form of a request."""
    head, _, body = request.decode().partition("\r\n\r\n")
    fields = {name: values[0] for name, values in parse_qs(body).items()}
    return head.partition(" HTTP")[0], fields


def as_json(status: int = 200, **body: Any) -> bytes:
    return answer(status, json.dumps(body))


def test_package_managers_own_flow() -> None:
    """Forms to /__api__/device and device_access, below the prefix, with PKCE and no client id."""
    token = jwt(exp=time.time() + 60)
    with wire(as_json(**TOLD), as_json(400, error="slow_down"), as_json(id_token=token)) as server:
        flow = PackageManagerFlow(at(server, "/pkg"), Transport())
        invited = flow.begin(Deadline(5))
        assert flow.poll(invited, Deadline(5)).status == 400
        told = flow.poll(invited, Deadline(5)).json_object()
    assert flow.tokens(told) == Tokens(Secret(token), None)
    (begun, asked), (polled, shown), again = map(sent, server.heard)
    assert (begun, polled) == ("POST /pkg/__api__/device", "POST /pkg/__api__/device_access")
    assert asked == {
        "code_challenge_method": "S256",
        "code_challenge": pkce.challenge_for(shown["code_verifier"]),
    }
    assert shown == {"device_code": "the-device-code", "code_verifier": shown["code_verifier"]}
    assert again == (polled, shown)


@pytest.mark.parametrize("status", [0, 429, 503])
def test_a_poll_is_one_request(status: int) -> None:
    """How often to ask is the flow's to say: the transport sends none a second time."""
    failing = as_json(status) if status else b""
    with wire(as_json(**TOLD), failing) as server:
        flow = PackageManagerFlow(at(server), Transport())
        invited = flow.begin(Deadline(5))
        if status:
            assert flow.poll(invited, Deadline(5)).status == status
        else:
            with pytest.raises(TransportError):
                flow.poll(invited, Deadline(5))
        assert len(server.heard) == 2


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("not-a-token", "not-a-jwt"),
        ("a.b", "not-a-jwt"),
        ("a.b.c.d", "not-a-jwt"),
        ("a.b.c\r\nX: y", "not-a-jwt"),
        (jwt(exp=1e10) + "a" * 16384, "token-too-large"),
        (jwt(sub="me"), "claim-missing"),
        (jwt(exp="tomorrow"), "claim-missing"),
        (jwt(exp=True), "claim-missing"),
        (jwt(exp=1), "token-expired"),
    ],
)
def test_package_managers_id_token_is_looked_at(token: str, code: str) -> None:
    """Its form, its size and its end: it is for a client that nobody told us of."""
    registry = load({"PACKAGEMANAGER_ADDRESS": "https://ppm.example.com"}).registries[0]
    flow = PackageManagerFlow(registry, Transport())
    with pytest.raises(TrustError) as caught:
        flow.tokens({"id_token": token})
    assert caught.value.code == code


def test_two_clocks_may_differ() -> None:
    """An ID token that ended a moment ago, by our clock, is for the registry to judge."""
    registry = load({"PACKAGEMANAGER_ADDRESS": "https://ppm.example.com"}).registries[0]
    told = {"id_token": jwt(exp=time.time() - 50)}
    assert PackageManagerFlow(registry, Transport()).tokens(told).refresh_token is None


def metadata(server: Wire, **changes: object) -> bytes:
    said = {
        "issuer": server.url,
        "device_authorization_endpoint": server.url + "/device/auth",
        "token_endpoint": server.url + "/token",
        **changes,
    }
    return as_json(**{name: value for name, value in said.items() if value is not None})


def provider(server: Wire, *answers: bytes, **changes: object) -> Login:
    """The server as a provider: its metadata, then these answers."""
    server.scripts = (metadata(server, **changes), *answers)
    return Login(server.url, CLIENT)


@pytest.mark.parametrize("renewable", [True, False])
def test_a_providers_flow(renewable: bool) -> None:
    """Discovery, then the two endpoints that it names, with the client id, scope and PKCE."""
    with wire() as server:
        login = provider(
            server, as_json(**TOLD), as_json(id_token="the-id-token", refresh_token="more")
        )
        flow = ProviderFlow(login, Transport(), renewable=renewable)
        invited = flow.begin(Deadline(5))
        told = flow.poll(invited, Deadline(5)).json_object()
    assert flow.tokens(told) == Tokens(Secret("the-id-token"), Secret("more"))
    assert flow.tokens({"id_token": "t"}) == Tokens(Secret("t"), None)
    (found, _), (begun, asked), (polled, shown) = map(sent, server.heard)
    assert found == "GET /.well-known/openid-configuration"
    assert (begun, polled) == ("POST /device/auth", "POST /token")
    assert asked == {
        "client_id": CLIENT,
        "scope": SCOPES[0] if renewable else SCOPES[1],
        "code_challenge_method": "S256",
        "code_challenge": pkce.challenge_for(shown["code_verifier"]),
    }
    assert shown == {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": "the-device-code",
        "client_id": CLIENT,
        "code_verifier": shown["code_verifier"],
    }


def test_a_provider_that_gives_no_refresh_tokens() -> None:
    """A refused offline_access is left out, and the login goes on."""
    with wire() as server:
        login = provider(server, as_json(400, error="invalid_scope"), as_json(**TOLD))
        flow = ProviderFlow(login, Transport(), renewable=True)
        assert flow.begin(Deadline(5)).user_code == "ABCD-EFGH"
    assert [sent(request)[1].get("scope") for request in server.heard[1:]] == SCOPES
    with wire() as server:
        login = provider(server, as_json(400, error="invalid_scope"))
        with pytest.raises(IdentityError) as caught:
            ProviderFlow(login, Transport(), renewable=False).begin(Deadline(5))
    assert (caught.value.code, len(server.heard)) == ("login-refused", 2)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"device_authorization_endpoint": None}, "login-not-offered"),
        ({"device_authorization_endpoint": "http://idp.example.com/d"}, "issuer-metadata"),
        ({"token_endpoint": "http://idp.example.com/t"}, "issuer-metadata"),
        ({"token_endpoint": None}, "issuer-metadata"),
        ({"issuer": "https://idp.example.com"}, "issuer-metadata"),
    ],
)
def test_metadata_that_leads_nowhere_good(changes: dict[str, object], code: str) -> None:
    """Both endpoints must be safe, before anything is sent to either."""
    with wire() as server:
        login = provider(server, as_json(**TOLD), **changes)
        with pytest.raises(GatepassError) as caught:
            ProviderFlow(login, Transport(), renewable=False).begin(Deadline(5))
        assert len(server.heard) == 1
    assert caught.value.code == code


REFRESH = Secret("the-refresh-token")


def test_renewal() -> None:
    """RFC 6749 section 6: the refresh token and the client id, and tokens come back."""
    with wire() as server:
        login = provider(server, as_json(id_token="the-id-token", refresh_token="another"))
        renewed = oidc.renew(login, REFRESH, Transport(), Deadline(5))
    assert renewed == Tokens(Secret("the-id-token"), Secret("another"))
    assert sent(server.heard[1]) == (
        "POST /token",
        {
            "grant_type": "refresh_token",
            "refresh_token": "the-refresh-token",
            "client_id": CLIENT,
        },
    )


def test_renewal_needs_no_device_flow() -> None:
    """A provider that took its device endpoint away still renews."""
    with wire() as server:
        login = provider(
            server, as_json(id_token="the-id-token"), device_authorization_endpoint=None
        )
        renewed = oidc.renew(login, REFRESH, Transport(), Deadline(5))
    assert renewed == Tokens(Secret("the-id-token"), None)


def test_a_refresh_token_that_is_over() -> None:
    """invalid_grant is no error: whoever is here is asked again."""
    with wire() as server:
        login = provider(server, as_json(400, error="invalid_grant"))
        assert oidc.renew(login, REFRESH, Transport(), Deadline(5)) is None


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (as_json(401, error="invalid_client"), "login-refused"),
        (as_json(access_token="a"), "login-no-id-token"),
        (b"", "unreachable"),
        *((as_json(status), "login-refused") for status in (429, 502, 503, 504)),
    ],
)
def test_renewals_that_fail(reply: bytes, code: str) -> None:
    """None of them is taken for the end of the login; and none is sent again, lost or not."""
    with wire() as server:
        login = provider(server, reply)
        with pytest.raises(GatepassError) as caught:
            oidc.renew(login, REFRESH, Transport(), Deadline(5))
        assert len(server.heard) == 2
    assert caught.value.code == code
    assert "the-refresh-token" not in str(caught.value)
