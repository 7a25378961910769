"""The form of a token: what is taken apart, and what is refused before anything is believed."""

from __future__ import annotations

import contextlib
import json
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forge
from gatepass.errors import TrustError
from gatepass.secret import Secret
from gatepass.trust import jws

GOOD = forge.token()
HEAD, BODY, SIGNATURE = GOOD.split(".")


def refusal(text: str) -> TrustError:
    with pytest.raises(TrustError) as caught:
        jws.parse(Secret(text))
    return caught.value


def test_a_good_token_comes_apart() -> None:
    """Header, claims, algorithm, key id and issuer are read as they were written."""
    parsed = jws.parse(Secret(GOOD))
    assert (parsed.algorithm, parsed.key_id, parsed.issuer) == ("RS256", "k1", forge.ISSUER)
    assert parsed.claims["sub"] == "repo:acme/widgets"
    assert parsed.raw.reveal() == GOOD


@pytest.mark.parametrize("algorithm", jws.ALGORITHMS)
def test_every_allowed_algorithm_is_taken(algorithm: str) -> None:
    """The list of the design is the list of the code."""
    assert jws.parse(Secret(forge.token(algorithm=algorithm))).algorithm == algorithm


def test_the_list_of_algorithms_is_the_designs() -> None:
    """Ten algorithms, none of them symmetric."""
    families = {f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)}
    assert set(jws.ALGORITHMS) == families | {"EdDSA"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not-a-jwt"),
        (" \n", "not-a-jwt"),
        ("garbage", "not-a-jwt"),
        (f"{HEAD}.{BODY}", "not-a-jwt"),
        (f"{HEAD}.{BODY}.", "not-a-jwt"),
        (f"{HEAD}..{SIGNATURE}", "not-a-jwt"),
        (f"{GOOD}.", "not-a-jwt"),
        (f"{GOOD}.x.y", "token-encrypted"),
        (json.dumps({"payload": BODY, "signatures": []}), "not-a-jwt"),
        (f' {{"payload":"{BODY}","protected":"{HEAD}","signature":"{SIGNATURE}"}}', "not-a-jwt"),
        (f"{HEAD}=.{BODY}.{SIGNATURE}", "not-a-jwt"),
        (f"{HEAD}.{BODY}\n.{SIGNATURE}", "not-a-jwt"),
        (f"{HEAD}.{BODY}+.{SIGNATURE}", "not-a-jwt"),
        (f"{HEAD}.{BODY}.é", "not-a-jwt"),
        (f"{HEAD}.{BODY}.AAAAA", "not-a-jwt"),
        (f"{HEAD}.{'A' * (jws.LARGEST - len(HEAD))}.{SIGNATURE}", "token-too-large"),
        ("." * (jws.LARGEST + 1), "token-too-large"),
    ],
    ids=count(),  # every worker makes keys, and so tokens, of its own
)
def test_what_is_no_compact_jws_is_refused(text: str, code: str) -> None:
    """Nothing that two readers could read in two ways is a token."""
    assert refusal(text).code == code


def test_the_limit_is_sixteen_kibibytes_exactly() -> None:
    """16384 characters are looked at, one more is not."""
    assert "parts" in refusal("a" * 16384).why
    assert refusal("a" * 16385).code == "token-too-large"


def test_a_second_spelling_of_base64url_is_refused() -> None:
    """The unused bits of the last character must be zero, in each of the three parts."""
    body = forge.b64(json.dumps(forge.claims(x="1")) + " ")
    while len(body) % 4 == 0:
        body = forge.b64(json.dumps(forge.claims(x="1" * len(body))) + " ")
    last = body[-1]
    other = body[:-1] + chr(ord(last) + 1)
    assert "one way" in refusal(f"{HEAD}.{other}.{SIGNATURE}").why
    assert "one way" in refusal(f"{HEAD}.{BODY}.AB").why


@pytest.mark.parametrize(
    "algorithm",
    ["none", "None", "nOnE", "", "HS256", "HS512", "rs256", "ES256K", "RSA1_5", 1, [], {}],
)
def test_other_algorithms_are_refused(algorithm: object) -> None:
    """An allowlist, compared byte for byte: no spelling of ``none`` and no HMAC passes."""
    assert refusal(forge.token(alg=algorithm)).code == "token-algorithm"


def test_a_missing_algorithm_is_refused() -> None:
    """A header without ``alg`` says nothing, and is not guessed at."""
    assert refusal(forge.token(header='{"typ":"JWT","kid":"k1"}')).code == "token-algorithm"


@pytest.mark.parametrize("header", [{"crit": ["b64"], "b64": False}, {"crit": []}, {"crit": None}])
def test_a_demand_is_refused(header: dict[str, object]) -> None:
    """``crit``, whatever it holds, asks for something that nobody here understands."""
    text = forge.token(header=json.dumps({"alg": "RS256", **header}))
    assert refusal(text).code == "token-header"


@pytest.mark.parametrize(
    "kind", ["at+jwt", "AT+JWT", "application/at+jwt", "logout+jwt", "", 1, None]
)
def test_another_kind_of_token_is_refused(kind: object) -> None:
    """An access token must not pass for an ID token (RFC 8725 section 3.11)."""
    text = forge.token(header=json.dumps({"alg": "RS256", "kid": "k1", "typ": kind}))
    assert refusal(text).code == "token-header"


@pytest.mark.parametrize("kind", ["JWT", "jwt", "JOSE"])
def test_an_id_tokens_types_are_taken(kind: str) -> None:
    """``typ`` is compared without regard to case, and may be absent."""
    assert jws.parse(Secret(forge.token(typ=kind))).issuer == forge.ISSUER
    assert jws.parse(Secret(forge.token(header='{"alg":"RS256"}'))).key_id is None


@pytest.mark.parametrize("kid", [1, None, ["k1"], {}])
def test_a_key_id_is_a_text(kid: object) -> None:
    """A ``kid`` of another type is refused rather than taken for none."""
    assert (
        refusal(forge.token(header=json.dumps({"alg": "RS256", "kid": kid}))).code == "token-header"
    )


@pytest.mark.parametrize("header", ["jku", "jwk", "x5u", "x5c"])
def test_keys_in_the_header_are_not_read(header: str) -> None:
    """Where keys come from is the issuer's to say, never the token's."""
    parsed = jws.parse(Secret(forge.token(header={header: "https://evil.test/keys"})))
    assert not hasattr(parsed, header)


@pytest.mark.parametrize(
    ("header", "body", "reason"),
    [
        ('{"alg":"RS256","alg":"none"}', "{}", "a name twice"),
        (None, '{"iss":"https://a","iss":"https://b"}', "a name twice"),
        (None, '{"iss":"https://a","x":{"y":1,"y":2}}', "a name twice"),
        (None, "[]", "no JSON object"),
        (None, '"text"', "no JSON object"),
        (None, "{", "no JSON"),
        (None, "[" * 8000, "no JSON"),
        ("null", "{}", "no JSON object"),
    ],
)
def test_what_is_no_json_object_is_refused(header: str | None, body: str, reason: str) -> None:
    """A name that stands twice is refused too: two readers could take a different one."""
    error = refusal(forge.token(body, header=header))
    assert error.code == "not-a-jwt"
    assert reason in error.why


def test_bytes_that_are_no_utf8_are_refused() -> None:
    """JSON is UTF-8 (RFC 8725 section 3.7)."""
    assert refusal(f"{HEAD}.{forge.b64(bytes([0xFF, 0xFE]))}.{SIGNATURE}").code == "not-a-jwt"


@pytest.mark.parametrize("issuer", [None, 1, True, ["https://a"]])
def test_an_issuer_is_a_text(issuer: object) -> None:
    """Without an issuer there is nobody to ask for keys."""
    body = json.dumps({**forge.claims(), "iss": issuer})
    assert refusal(forge.token(body)).code == "claim-type"


@given(st.text(max_size=300) | st.text(alphabet="eyJ._-={}AZaz09\n", max_size=300))
def test_any_text_is_a_token_or_an_error_of_ours(text: str) -> None:
    """No input ends in an exception that is not a TrustError."""
    with contextlib.suppress(TrustError):
        jws.parse(Secret(text))


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5)))
def test_any_header_is_taken_or_refused(header: dict[str, object]) -> None:
    """A header with strange members ends in a token or in a TrustError."""
    text = forge.token(header=json.dumps({"alg": "RS256", **header}), sign=lambda data: b"x")
    with contextlib.suppress(TrustError):
        assert jws.parse(Secret(text)).algorithm == header.get("alg", "RS256")
