"""Forged and misused tokens: each is refused under its own name, before a byte goes anywhere."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

import forge
from forgery import Forgery, now
from gatepass.sandbox import Sandbox

Maker = Callable[[Forgery], str | bytes]


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def forgery(world: Sandbox, tmp_path: Path) -> Forgery:
    return Forgery(world, tmp_path)


def body(**changes: Any) -> Maker:
    return lambda f: f.sign(f.claims(**changes))


def raw(name: str, text: str) -> Maker:
    """A payload in which one value is written as this JSON text."""
    return lambda f: f.sign(json.dumps({**f.claims(), name: "@"}).replace(json.dumps("@"), text))


def head(**members: Any) -> Maker:
    return lambda f: f.sign(header=members)


def changed(f: Forgery) -> str:
    """A good token whose payload was replaced; the signature is the good one's."""
    first, _, last = f.sign().split(".")
    return f"{first}.{forge.b64(json.dumps(f.claims(sub='repo:evil/x')))}.{last}"


def hmac_with_the_public_key(f: Forgery) -> str:
    """CVE-2022-29217: HS256, the secret being the public key's PEM."""
    key = f.sandbox.issuer.published()[0].private.public_key()
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    kid = f.sandbox.issuer.published()[0].kid
    sign = lambda data: hmac.new(pem, data, hashlib.sha256).digest()  # noqa: E731
    return forge.token(f.claims(), algorithm="HS256", kid=kid, sign=sign)


def json_form(f: Forgery) -> str:
    protected, payload, signature = f.sign().split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature})


def second_spelling(f: Forgery) -> str:
    token = f.sign()
    return token[:-1] + ("B" if token[-1] == "A" else chr(ord(token[-1]) + 1))


def not_signed(f: Forgery) -> str:
    return forge.token(f.claims(), alg="none", kid=None, sign=lambda data: b"")


def elsewhere(change: Callable[[str], str]) -> Maker:
    """Signed by the right key, for an issuer that is spelt another way."""
    return lambda f: f.sign(f.claims(iss=change(f.sandbox.issuer.url)))


REFUSED: dict[str, tuple[str, Maker]] = {
    "bad signature": ("bad-signature", lambda f: f.sign()[:-20] + "A" * 20),
    "another's key": (
        "bad-signature",
        lambda f: forge.token(f.claims(), kid=f.sandbox.issuer.published()[0].kid),
    ),
    "changed claim": ("bad-signature", changed),
    "none": ("token-algorithm", not_signed),
    "none with a signature": ("token-algorithm", head(alg="none")),
    "HMAC with the public key": ("token-algorithm", hmac_with_the_public_key),
    "alg that is not the key's": ("unknown-key", head(alg="PS256")),
    "ES256 with the RSA key": ("unknown-key", head(alg="ES256")),
    "expired": ("token-expired", body(exp=now(-3600))),
    "issued in the future": ("token-not-yet", body(iat=now(3600), exp=now(7200))),
    "valid in the future": ("token-not-yet", body(nbf=now(3600), exp=now(7200))),
    "other issuer": ("issuer-not-allowed", elsewhere(lambda i: "https://evil.test")),
    "issuer with a slash": ("issuer-not-allowed", elsewhere(lambda i: i + "/")),
    "issuer in capitals": ("issuer-not-allowed", elsewhere(str.upper)),
    "issuer's prefix": ("issuer-not-allowed", elsewhere(lambda i: i[:-1])),
    "issuer with a port too many": ("issuer-not-allowed", elsewhere(lambda i: i + "?x")),
    "issuer a number": ("claim-type", body(iss=5)),
    "no issuer": ("claim-type", body(iss=None)),
    "unknown kid": ("unknown-key", head(kid="nobody")),
    "kid a number": ("token-header", head(kid=5)),
    "kid a path": ("unknown-key", head(kid="../../../dev/null")),
    "crit": ("token-header", head(crit=["exp"], exp=1)),
    "b64 false": ("token-header", head(crit=["b64"], b64=False)),
    "an access token": ("token-header", head(typ="at+jwt")),
    "five parts": ("token-encrypted", lambda f: f.sign() + ".AAAA.AAAA"),
    "four parts": ("not-a-jwt", lambda f: f.sign() + ".AAAA"),
    "JSON serialisation": ("not-a-jwt", json_form),
    "padding": ("not-a-jwt", lambda f: f.sign() + "=="),
    "a second spelling": ("not-a-jwt", second_spelling),
    "plain base64": ("not-a-jwt", lambda f: f.sign().replace(".", "/.", 1)),
    "white space inside": ("not-a-jwt", lambda f: f.sign().replace(".", ".\n", 1)),
    "garbage": ("not-a-jwt", lambda f: "garbage"),
    "binary garbage": ("not-a-jwt", lambda f: bytes(range(256))),
    "empty": ("token-file-empty", lambda f: b""),
    "only white space": ("token-file-empty", lambda f: b" \n\n"),
    "oversize": ("token-file-too-large", lambda f: f.sign(f.claims(x="x" * 20_000))),
    "deep header": ("not-a-jwt", lambda f: f.sign(header="[" * 3000)),
    "deep payload": ("not-a-jwt", lambda f: f.sign("[" * 3000)),
    "duplicate header name": (
        "not-a-jwt",
        lambda f: f.sign(header='{"alg":"RS256","kid":"x","kid":"y"}'),
    ),
    "duplicate claim": (
        "not-a-jwt",
        lambda f: f.sign(json.dumps(f.claims())[:-1] + ',"sub":"repo:evil/x"}'),
    ),
    "payload a list": ("not-a-jwt", lambda f: f.sign("[]")),
    "wrong audience": ("audience-mismatch", body(aud="https://other.test")),
    "audience with a slash": (
        "audience-mismatch",
        lambda f: f.sign(f.claims(aud=f.sandbox.address + "/")),
    ),
    "several audiences": (
        "audience-several",
        lambda f: f.sign(f.claims(aud=[f.sandbox.address, "https://other.test"])),
    ),
    "no audience": ("claim-missing", body(aud=None)),
    "no audience in the list": ("claim-type", body(aud=[])),
    "audience a number": ("claim-type", body(aud=5)),
    "audience a list of numbers": ("claim-type", body(aud=[5])),
    "audience the cluster": ("audience-api-server", body(aud="https://kubernetes.default.svc")),
    "audience STS": ("audience-mismatch", body(aud="sts.amazonaws.com")),
    "no sub": ("claim-missing", body(sub=None)),
    "sub a number": ("claim-type", body(sub=5)),
    "sub empty": ("claim-type", body(sub="")),
    "no exp": ("claim-missing", body(exp=None)),
    "no iat": ("claim-missing", body(iat=None)),
    "iat true": ("claim-type", body(iat=True)),
    "nbf a text": ("claim-type", body(nbf="5")),
    "exp a text": ("claim-type", body(exp="9999999999")),
    "exp 123 as a text": ("claim-type", body(exp="123")),
    "exp true": ("claim-type", body(exp=True)),
    "exp null": ("claim-type", raw("exp", "null")),
    "exp 1e300": ("claim-type", raw("exp", "1e300")),
    "exp nan": ("claim-type", raw("exp", "NaN")),
    "exp infinite": ("claim-type", raw("exp", "Infinity")),
    "exp in the year 10000": ("claim-type", raw("exp", "253402300800")),
    "exp of 400 digits": ("claim-type", raw("exp", "9" * 400)),
    "exp of 5000 digits": ("not-a-jwt", raw("exp", "9" * 5000)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_forged_token_is_refused_before_it_is_sent(forgery: Forgery, name: str) -> None:
    """Each under its own code; the registry never hears of it, and nothing of it is shown."""
    code, make = REFUSED[name]
    token = make(forgery)
    assert forgery.present(token, GATEPASS_AUDIENCE=forgery.sandbox.address) == code
    parts = [part for part in str(token).split(".") if len(part) > 20]
    assert not any(part in str(forgery.error) for part in parts)


@pytest.mark.parametrize("name", ["none", "bad signature", "expired", "five parts", "no sub"])
def test_the_same_holds_for_a_token_in_a_variable(forgery: Forgery, name: str) -> None:
    """GATEPASS_ID_TOKEN is no back door."""
    code, make = REFUSED[name]
    token = make(forgery)
    env = {"PACKAGEMANAGER_IDENTITY_TOKEN_FILE": None, "GATEPASS_ID_TOKEN": str(token)}
    assert forgery.ask(**env) == code


@pytest.mark.parametrize(
    "make",
    [
        lambda f: f.sign(),
        lambda f: f.sign() + "\n",
        lambda f: f.sign(f.claims(aud=[f.sandbox.address])),
        lambda f: f.sign(f.claims(nbf=now(-300), jti="x")),
        lambda f: f.sign(f.claims(exp=now(600) + 0.5)),
        lambda f: f.sign(header={"typ": None}),
        lambda f: f.sign(header={"jku": "https://evil.test/keys", "x5u": "https://evil.test"}),
        lambda f: f.sign(header={"jwk": forge.jwk(forge.rsa_key()), "x5c": ["AAAA"]}),
    ],
)
def test_a_genuine_token_is_exchanged(forgery: Forgery, make: Maker) -> None:
    """The same way works for what is right; keys in the header are neither used nor asked for."""
    assert forgery.present(make(forgery)) == "ok"


def test_a_key_in_the_header_signs_nothing(forgery: Forgery) -> None:
    """A token signed by the very key that its header holds is not by the issuer's."""
    token = forge.token(
        forgery.claims(),
        header={"kid": "mine", "jwk": forge.jwk(forge.rsa_key(), kid="mine")},
    )
    assert forgery.present(token) == "unknown-key"


def test_an_issuer_that_is_not_allowed_is_not_even_asked(forgery: Forgery) -> None:
    """Issuer rules hold before any network call."""
    before = len(forgery.sandbox.requests)
    token = forgery.sign(forgery.claims(iss=forgery.sandbox.issuer.url + "/"))
    assert forgery.present(token) == "issuer-not-allowed"
    assert forgery.present(forgery.sign(), GATEPASS_TRUSTED_ISSUERS=None) == "issuer-insecure"
    assert len(forgery.sandbox.requests) == before


def pod(folder: Path, *audiences: str) -> str:
    """A folder like the one that Kubernetes mounts into a pod."""
    (folder / "token").write_text(forge.token(forge.claims(aud=list(audiences))))
    return str(folder)


def test_a_pods_own_audience_never_leaves(forgery: Forgery, tmp_path: Path) -> None:
    """Whatever the cluster calls its API server, and whichever of several it is."""
    mount = pod(tmp_path, "https://eks.test/id/1", "https://k8s.internal")
    for audience in ("https://eks.test/id/1", ["https://k8s.internal"]):
        token = forgery.sign(forgery.claims(aud=audience))
        assert forgery.present(token, GATEPASS_KUBERNETES_API_DIR=mount) == "audience-api-server"


def test_the_file_of_the_replaced_tool_needs_no_audience(forgery: Forgery) -> None:
    """At PACKAGEMANAGER_ADDRESS, where nothing is set, any single audience passes our check.

    Here the registry then refuses it itself, which is how it shows that it got there.
    """
    for audience in ("https://other.test", "sts.amazonaws.com"):
        token = forgery.sign(forgery.claims(aud=audience))
        assert forgery.present(token) == "reached the registry: exchange-refused"


@pytest.mark.parametrize(
    "env",
    [
        {"GATEPASS_AUDIENCE": "https://set.test"},
        {
            "PACKAGEMANAGER_ADDRESS": "https://elsewhere.test",
            "GATEPASS_REGISTRIES": "here=ADDRESS",
        },
        {"PACKAGEMANAGER_ADDRESS": None, "GATEPASS_REGISTRIES": "here=ADDRESS"},
        {"PACKAGEMANAGER_IDENTITY_TOKEN_FILE": None, "GATEPASS_ID_TOKEN_FILE": "FILE"},
    ],
)
def test_everywhere_else_the_audience_must_be_right(
    forgery: Forgery, env: dict[str, str | None]
) -> None:
    """An audience that was set, another address, or another variable: the exemption ends."""
    filled = {
        name: value
        and value.replace("ADDRESS", forgery.sandbox.address).replace("FILE", str(forgery.file))
        for name, value in env.items()
    }
    token = forgery.sign(forgery.claims(aud="https://other.test"))
    assert forgery.present(token, **filled) == "audience-mismatch"


def test_an_sts_token_goes_to_package_manager_by_no_other_way(forgery: Forgery) -> None:
    """Refused before it is fetched: whoever holds it can take the job's AWS roles."""
    token = forgery.sign(forgery.claims(aud="sts.amazonaws.com"))
    env = {"PACKAGEMANAGER_IDENTITY_TOKEN_FILE": None, "GATEPASS_AUDIENCE": "sts.amazonaws.com"}
    assert forgery.present(token, GATEPASS_ID_TOKEN=token, **env) == "audience-sts"


def test_the_right_token_spoilt_at_every_character(forgery: Forgery) -> None:
    """No single changed character makes another token that passes."""
    token = forgery.sign()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert forgery.present(token) == "ok"
    before = len(forgery.exchanges())
    for place in range(0, len(token), 17):
        other = alphabet[(alphabet.find(token[place]) + 32) % 64]
        assert forgery.present(token[:place] + other + token[place + 1 :]) != "ok"
    assert len(forgery.exchanges()) == before
