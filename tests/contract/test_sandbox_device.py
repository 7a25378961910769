"""Package Manager's own device flow, as posit-keyring speaks it, and everything it refuses."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import jwt
import pytest
import requests

from devices import TIMEOUT, VERIFIER, Ppm, challenge, exchange, post, refused
from gatepass.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(prefix="/pkg") as sandbox:
        yield sandbox


def serving() -> bool:
    """Whether a thread of any sandbox is at work on a request."""
    return any("process_request" in thread.name for thread in threading.enumerate())


def note(sandbox: Sandbox) -> str:
    return sandbox.requests[-1].note


def test_a_login_ends_in_a_token_of_package_manager(sandbox: Sandbox) -> None:
    """Approved and collected, the ID token is exchanged, and that token opens an index."""
    device = Ppm(sandbox)
    answer = device.poll()
    assert (answer.status_code, list(answer.json())) == (200, ["id_token"])
    assert answer.headers["Cache-Control"] == "no-store"
    given = exchange(sandbox, answer.json()["id_token"])
    secret = given.json()["access_token"]
    index = requests.get(sandbox.index_url, auth=("__token__", secret), timeout=TIMEOUT)
    assert index.status_code == 200
    assert [r.party for r in sandbox.requests] == ["device", "device", "exchange", "index"]
    client = "client packagemanager-sandbox"
    assert [r.note for r in sandbox.requests[:2]] == [client, client]


def test_what_the_device_is_told(sandbox: Sandbox) -> None:
    """All of RFC 8628 section 3.2, with a page that lies at the provider."""
    told = Ppm(sandbox).told
    page = sandbox.idp.url + "/device"
    assert told == {
        "device_code": told["device_code"],
        "user_code": sandbox.person.asked[0],
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={told['user_code']}",
        "expires_in": 300,
        "interval": 1,
    }
    assert len(told["device_code"]) == 43
    assert sandbox.idp.url != sandbox.address


def test_interval_and_expiry_are_the_tests_to_say(sandbox: Sandbox) -> None:
    """Both are told as they were set; an interval that is None is not told."""
    sandbox.packagemanager.device.interval = None
    sandbox.packagemanager.device.expires_in = 20
    told = Ppm(sandbox).told
    assert "interval" not in told
    assert told["expires_in"] == 20


def test_the_id_token_is_the_persons_for_package_managers_client(sandbox: Sandbox) -> None:
    """A stranger verifies it by the provider's discovery; its audience is not the registry's."""
    token = Ppm(sandbox).poll().json()["id_token"]
    url = sandbox.idp.url + "/.well-known/openid-configuration"
    keys = jwt.PyJWKClient(requests.get(url, timeout=TIMEOUT).json()["jwks_uri"])
    key = keys.get_signing_key_from_jwt(token)
    audience = "packagemanager-sandbox"
    claims = jwt.decode(token, key, ["RS256"], audience=audience, issuer=sandbox.idp.url)
    assert claims["email"] == "octavia@acme.example"


def test_package_manager_takes_the_providers_tokens_for_its_clients_alone(sandbox: Sandbox) -> None:
    """Its own client and gatepass; not its address, which is what jobs' tokens are for."""
    mint = sandbox.idp.issuer.mint
    for audience, status in (
        ("packagemanager-sandbox", 200),
        ("gatepass", 200),
        (sandbox.address, 400),
        ("other", 400),
    ):
        assert exchange(sandbox, mint(audience)).status_code == status
    for audience in ("packagemanager-sandbox", "gatepass"):
        assert exchange(sandbox, sandbox.issuer.mint(audience)).status_code == 400


def test_a_code_is_collected_once(sandbox: Sandbox) -> None:
    """Whoever comes again gets nothing, even if the first answer was lost."""
    sandbox.packagemanager.device.interval = 0
    device = Ppm(sandbox)
    sandbox.fault("device=truncate")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        device.poll()
    assert refused(device.poll(), "invalid_grant") == "the device code was used already"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"scope": "openid"}, "unsupported_challenge_method"),
        ({"code_challenge": challenge()["code_challenge"]}, "unsupported_challenge_method"),
        ({**challenge(), "code_challenge_method": "plain"}, "unsupported_challenge_method"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256", "code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "S256", "code_challenge": "=" * 43}, "invalid_request"),
    ],
)
def test_there_is_no_flow_without_pkce(sandbox: Sandbox, fields: dict[str, str], code: str) -> None:
    """Only S256, and only a hash's own form; nobody is asked otherwise."""
    refused(post(sandbox.address + "/__api__/device", fields), code)
    assert sandbox.person.asked == []


@pytest.mark.parametrize("verifier", ["w" * 43, "v" * 42, "v" * 44, "é" * 43])
def test_the_verifier_must_fit(sandbox: Sandbox, verifier: str) -> None:
    """A wrong one is refused and uses nothing up: the right one still collects."""
    device = Ppm(sandbox)
    assert refused(device.poll(verifier), "invalid_grant") == "the code_verifier does not fit"
    assert device.poll().status_code == 200


def test_a_verifier_has_the_length_that_the_rfc_gives_it(sandbox: Sandbox) -> None:
    """RFC 7636 section 4.1: 43 characters at least, even where the hash is right."""
    url = sandbox.address + "/__api__/device"
    told = post(url, challenge("short")).json()
    fields = {"device_code": told["device_code"], "code_verifier": "short"}
    refused(post(url + "_access", fields), "invalid_grant")


def test_a_poll_needs_a_code_that_is_this_flows(sandbox: Sandbox) -> None:
    """Missing, unknown, or issued to another client: nothing is given."""
    url = sandbox.address + "/__api__/device_access"
    refused(post(url, {"code_verifier": VERIFIER}), "invalid_request")
    refused(post(url, {"device_code": "x"}), "invalid_request")
    unknown = post(url, {"device_code": "x", "code_verifier": VERIFIER})
    assert refused(unknown, "invalid_grant") == "the device code is unknown"
    issued = {"client_id": "gatepass", "scope": "openid", **challenge()}
    other = post(sandbox.idp.url + "/device_authorization", issued).json()
    mixed = post(url, {"device_code": other["device_code"], "code_verifier": VERIFIER})
    assert refused(mixed, "invalid_grant") == "the device code is unknown"


@pytest.mark.parametrize("path", ["/__api__/device", "/__api__/device_access"])
def test_both_paths_take_a_form_by_post(sandbox: Sandbox, path: str) -> None:
    """As of posit-keyring 0.3.1: what earlier ones sent, GET and JSON, is refused."""
    url = sandbox.address + path
    assert requests.get(url, challenge(), timeout=TIMEOUT).status_code == 405
    answer = requests.post(url, json=challenge(), timeout=TIMEOUT)
    assert "content type" in refused(answer, "invalid_request")
    twice = requests.post(url, data=[("device_code", "a"), ("device_code", "b")], timeout=TIMEOUT)
    assert refused(twice, "invalid_request") == "a field is repeated"


def test_a_credential_that_came_along_is_noted(sandbox: Sandbox) -> None:
    """Nobody authenticates here, so it was somebody else's."""
    device = Ppm(sandbox)
    assert device.poll(auth=("a", "b")).status_code == 200
    assert note(sandbox).endswith(", an Authorization header came along")
    device.poll("x" * 43, auth=("a", "b"))
    assert note(sandbox).endswith(", an Authorization header came along")


def test_a_server_without_a_device_flow_has_no_such_paths(sandbox: Sandbox) -> None:
    """404 on both, and nobody is asked; the journal still says what it was about."""
    sandbox.packagemanager.device.enabled = False
    for path in ("/__api__/device", "/__api__/device_access"):
        assert post(sandbox.address + path, challenge()).status_code == 404
    assert sandbox.count("device", 404) == 2
    assert sandbox.person.asked == []


def test_faults_and_planned_failures(sandbox: Sandbox) -> None:
    """`device=...` happens to both paths, `fail_next` to polls alone; nothing is used up by it."""
    sandbox.packagemanager.device.interval = 0
    sandbox.fault("device=503")
    with pytest.raises(AssertionError):
        Ppm(sandbox)
    sandbox.packagemanager.device.fail_next(502, times=2)
    device = Ppm(sandbox)
    assert [device.poll().status_code for _ in range(2)] == [502, 502]
    sandbox.fault("device=drop")
    with pytest.raises(requests.ConnectionError):
        device.poll()
    assert device.poll().status_code == 200


def test_a_long_poll_is_held_until_the_person_answers(sandbox: Sandbox) -> None:
    """One request, answered when it is decided, and other requests are answered meanwhile."""
    sandbox.packagemanager.device.long_poll = True
    sandbox.person.never()
    device = Ppm(sandbox)
    answers: list[requests.Response] = []
    held = threading.Thread(target=lambda: answers.append(device.poll()))
    held.start()
    status = requests.get(sandbox.address + "/__api__/status", timeout=TIMEOUT)
    assert status.status_code == 200
    held.join(0.3)
    assert answers == []
    sandbox.person.approves()
    held.join(TIMEOUT)
    assert answers[0].status_code == 200
    assert sandbox.count("device") == 2


def test_a_long_poll_ends_in_bounds(sandbox: Sandbox) -> None:
    """After `hold` seconds it says that nobody answered, as a short one does at once."""
    sandbox.packagemanager.device.long_poll = True
    sandbox.packagemanager.device.hold = 0.3
    sandbox.person.never()
    device, began = Ppm(sandbox), time.monotonic()
    refused(device.poll(), "authorization_pending")
    assert time.monotonic() - began >= 0.3


def test_a_long_poll_does_not_delay_the_end() -> None:
    """The sandbox ends at once, and with it whoever waits: with an answer that is none, or none."""
    with Sandbox() as sandbox:
        sandbox.packagemanager.device.long_poll = True
        sandbox.person.never()
        device = Ppm(sandbox)

        def poll() -> None:
            with contextlib.suppress(requests.RequestException):  # or half of an answer
                refused(device.poll(), "authorization_pending")

        held = threading.Thread(target=poll)
        held.start()
        time.sleep(0.2)
        began = time.monotonic()
    assert time.monotonic() - began < 1
    held.join(TIMEOUT)
    deadline = time.monotonic() + 5
    while serving() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not serving()
