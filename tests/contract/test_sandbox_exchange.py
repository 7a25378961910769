"""The exchange gives a Package Manager token for a genuine subject token, and for nothing else."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from gatepass.sandbox import Sandbox

TIMEOUT = 10
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
SUBJECT_TYPE = "urn:ietf:params:oauth:token-type:id_token"


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(lifetime=90, audience="https://named.test") as sandbox:
        yield sandbox


def form(token: str) -> dict[str, str]:
    return {"grant_type": GRANT, "subject_token": token, "subject_token_type": SUBJECT_TYPE}


def post(sandbox: Sandbox, data: object, **headers: str) -> requests.Response:
    url = sandbox.address + "/__api__/token"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return requests.post(url, data=data, headers={**kind, **headers}, timeout=TIMEOUT)  # type: ignore[arg-type]


def error_of(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    assert set(body) == {"error", "error_description"}
    return answer.status_code, body["error"], body["error_description"]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_genuine_token_is_exchanged(shared: Sandbox, algorithm: str) -> None:
    token = shared.issuer.mint(shared.address, algorithm=algorithm)
    answer = post(shared, form(token))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "access_token": answer.json()["access_token"],
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
    }
    index = requests.get(
        shared.index_url, auth=("__token__", answer.json()["access_token"]), timeout=TIMEOUT
    )
    assert index.status_code == 200


def test_the_token_has_the_shape_of_a_real_one(sandbox: Sandbox) -> None:
    token = post(sandbox, form(sandbox.issuer.mint("https://named.test"))).json()["access_token"]
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["iss"], claims["aud"]) == ("packagemanager", ["packagemanager"])
    assert claims["exp"] - claims["iat"] == 90
    assert claims["sub"] == "repo:acme/widgets:ref:refs/heads/main"
    assert claims["ppm_type"] == "short-lived"
    assert claims["jti"]


def test_the_audience_is_the_one_configured(sandbox: Sandbox) -> None:
    answer = post(sandbox, form(sandbox.issuer.mint(sandbox.address)))
    assert error_of(answer) == (400, "invalid_grant", "audience is not this server's")


def test_expires_in_is_there_when_asked_for(sandbox: Sandbox) -> None:
    sandbox.packagemanager.include_expires_in = True
    answer = post(sandbox, form(sandbox.issuer.mint("https://named.test")))
    assert answer.json()["expires_in"] == 90


def swapped(token: str) -> str:
    """The token with other claims under the old signature."""
    head, _, signature = token.split(".")
    claims = jwt.decode(token, options={"verify_signature": False})
    claims["sub"] = "repo:evil/widgets:ref:refs/heads/main"
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{payload}.{signature}"


def shortened(token: str) -> str:
    """The token with a signature of three bytes."""
    return token.rpartition(".")[0] + ".AAAA"


def foreign(sandbox: Sandbox, **header: object) -> str:
    """The right claims under a stranger's key, which claims to be the issuer's."""
    genuine = sandbox.issuer.mint(sandbox.address)
    kid = jwt.get_unverified_header(genuine)["kid"]
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(genuine, options={"verify_signature": False})
    return jwt.encode(claims, key, "RS256", headers={"kid": kid, **header})


def unsigned(sandbox: Sandbox) -> str:
    claims = jwt.decode(sandbox.issuer.mint(sandbox.address), options={"verify_signature": False})
    return jwt.encode(claims, "", "none")


def symmetric(sandbox: Sandbox) -> str:
    """Signed with HS256, the public key being the secret: the classic confusion."""
    url = sandbox.issuer.url + "/.well-known/jwks"
    key = requests.get(url, timeout=TIMEOUT).json()["keys"][0]
    claims = jwt.decode(sandbox.issuer.mint(sandbox.address), options={"verify_signature": False})
    return jwt.encode(claims, key["n"], "HS256", headers={"kid": key["kid"]})


def minted(**changes: object) -> Callable[[Sandbox], str]:
    def mint(sandbox: Sandbox) -> str:
        return sandbox.issuer.mint(sandbox.address, **changes)  # type: ignore[arg-type]

    return mint


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (minted(aud="https://other.test"), "audience is not this server's"),
        (lambda s: s.issuer.mint(s.address + "/"), "audience is not this server's"),
        (lambda s: s.issuer.mint([s.address, "x"]), "audience is not this server's"),
        (minted(aud=None), "audience is not this server's"),
        (minted(iss="https://evil.test"), "issuer is not trusted"),
        (minted(lifetime=-31), "token has expired"),
        (minted(exp=None), "expiry is missing"),
        (minted(exp="4102444800"), "exp is not a time"),
        (minted(exp=True), "exp is not a time"),
        (minted(exp=float("inf")), "the payload is not JSON with unique names"),
        (minted(exp=1e300), "exp is not a time"),
        (minted(nbf=time.time() + 600), "token is not valid yet"),
        (minted(iat=time.time() + 600), "token is not valid yet"),
        (minted(sub=None), "subject is missing"),
        (minted(headers={"kid": "nobody"}), "key is unknown"),
        (minted(headers={"kid": None}), "key is unknown"),
        (minted(headers={"alg": "ES256"}), "algorithm is not the key's"),
        (minted(headers={"alg": "RS512"}), "algorithm is not allowed"),
        (minted(headers={"crit": ["exp"]}), "critical header is not understood"),
        (lambda s: swapped(s.issuer.mint(s.address)), "signature is wrong"),
        (lambda s: swapped(s.issuer.mint(s.address, algorithm="ES256")), "signature is wrong"),
        (lambda s: shortened(s.issuer.mint(s.address, algorithm="ES256")), "signature is wrong"),
        (foreign, "signature is wrong"),
        (unsigned, "algorithm is not allowed"),
        (symmetric, "algorithm is not allowed"),
        (lambda s: s.issuer.mint(s.address).rpartition(".")[0], "does not have three parts"),
        (lambda s: s.issuer.mint(s.address) + "=", "a part is not base64url"),
        (lambda s: "eyJhbGciOiJSUzI1NiJ9.W10.AA", "the payload is not a JSON object"),
        (lambda s: "x" * 20_000, "the token is longer than 16384 characters"),
    ],
)
def test_a_bad_token_is_refused_and_not_repeated(
    shared: Sandbox, make: Callable[[Sandbox], str], why: str
) -> None:
    token = make(shared)
    answer = post(shared, form(token))
    status, error, description = error_of(answer)
    assert (status, error) == (400, "invalid_grant")
    assert why in description
    assert token[:40] not in answer.text
    assert shared.requests[-1].note == description


def test_a_dropped_key_no_longer_counts(sandbox: Sandbox) -> None:
    token = sandbox.issuer.mint("https://named.test")
    sandbox.issuer.rotate(keep_old=False)
    assert error_of(post(sandbox, form(token)))[2] == "key is unknown"


def test_clocks_may_differ_a_little(shared: Sandbox) -> None:
    assert post(shared, form(shared.issuer.mint(shared.address, lifetime=-5))).status_code == 200


def test_a_list_of_the_one_audience_will_do(shared: Sandbox) -> None:
    assert post(shared, form(shared.issuer.mint([shared.address]))).status_code == 200


def test_a_token_may_be_used_again_unless_replay_is_refused(sandbox: Sandbox) -> None:
    token = sandbox.issuer.mint("https://named.test")
    assert [post(sandbox, form(token)).status_code for _ in range(2)] == [200, 200]
    sandbox.packagemanager.refuse_replay = True
    expected = (400, "invalid_grant", "token was already used")
    assert error_of(post(sandbox, form(token))) == expected
    assert post(sandbox, form(sandbox.issuer.mint("https://named.test"))).status_code == 200


@pytest.mark.parametrize("field", ["grant_type", "subject_token", "subject_token_type"])
def test_every_field_must_be_there_once(shared: Sandbox, field: str) -> None:
    fields = form(shared.issuer.mint(shared.address))
    missing = {name: value for name, value in fields.items() if name != field}
    twice = [*fields.items(), (field, fields[field])]
    assert error_of(post(shared, missing))[1:] == (
        "invalid_request",
        f"the field {field} is missing",
    )
    assert error_of(post(shared, {**fields, field: ""}))[1] == "invalid_request"
    assert error_of(post(shared, twice))[1:] == ("invalid_request", "a field is repeated")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
    ],
)
def test_other_grants_and_types_are_refused(
    shared: Sandbox, change: dict[str, str], error: str
) -> None:
    fields = form(shared.issuer.mint(shared.address))
    assert error_of(post(shared, {**fields, **change}))[:2] == (400, error)


def test_json_is_not_a_form(shared: Sandbox) -> None:
    fields = form(shared.issuer.mint(shared.address))
    url = shared.address + "/__api__/token"
    answer = requests.post(url, json=fields, timeout=TIMEOUT)
    assert error_of(answer)[1] == "invalid_request"
    named_so = post(shared, fields, **{"Content-Type": "text/plain"})
    assert error_of(named_so)[1] == "invalid_request"
    disguised = post(shared, json.dumps(fields))
    assert error_of(disguised)[1] == "invalid_request"


def test_get_is_not_allowed(shared: Sandbox) -> None:
    answer = requests.get(shared.address + "/__api__/token", timeout=TIMEOUT)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_planned_failures_come_whatever_is_asked(sandbox: Sandbox) -> None:
    sandbox.packagemanager.fail_next(403, times=2, body={"error": "access_denied"})
    fields = form(sandbox.issuer.mint("https://named.test"))
    answers = [post(sandbox, fields) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [403, 403, 200]
    assert answers[0].json() == {"error": "access_denied"}


def test_a_planned_cut_ends_the_connection_without_an_answer(sandbox: Sandbox) -> None:
    sandbox.packagemanager.fail_next(0)
    fields = form(sandbox.issuer.mint("https://named.test"))
    with pytest.raises(requests.ConnectionError):
        post(sandbox, fields)
    assert sandbox.count("exchange", 0) == 1
    assert post(sandbox, fields).status_code == 200


@pytest.mark.parametrize(("status", "times"), [(99, 1), (600, 1), (503, 0)])
def test_impossible_failures_cannot_be_planned(sandbox: Sandbox, status: int, times: int) -> None:
    with pytest.raises(ValueError, match="status"):
        sandbox.packagemanager.fail_next(status, times=times)


def test_a_credential_that_came_along_is_noticed(shared: Sandbox) -> None:
    fields = form(shared.issuer.mint(shared.address))
    post(shared, fields, Authorization="Basic eDp5")
    assert shared.requests[-1].note.endswith(", an Authorization header came along")
