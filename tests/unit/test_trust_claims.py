"""What a token says: types, audience, the user's own policy."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forge
from gatepass.errors import TrustError
from gatepass.settings import Claim
from gatepass.trust import claims as rules

WHO, HINT = "the token in X", "do this"


def audience_error(aud: object, expected: str | None, *never: str) -> TrustError:
    with pytest.raises(TrustError) as caught:
        rules.check_audience({"aud": aud}, expected, never, WHO, HINT)
    return caught.value


@pytest.mark.parametrize("name", ["exp", "iat", "sub", "aud"])
def test_required_claims_must_be_there(name: str) -> None:
    """PyJWT would pass a token without ``exp``: each of these is required here."""
    with pytest.raises(TrustError, match=f"no `{name}`") as caught:
        rules.check_types(forge.claims(**{name: None}))
    assert caught.value.code == "claim-missing"


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value",
    [
        *("123", True, False, [], {}, "", 1e300, -1, -0.5, float("nan"), float("inf")),
        *(253402300800, 10**400, -(10**400)),
    ],
)
def test_dates_are_numbers_that_are_dates(name: str, value: object) -> None:
    """Texts, truths, nan, infinities and whatever lies after the year 9999 are no dates."""
    with pytest.raises(TrustError, match=f"`{name}`") as caught:
        rules.check_types({**forge.claims(), name: value})
    assert caught.value.code == "claim-type"


def test_dates_may_have_fractions_and_be_old() -> None:
    """RFC 7519 section 2: a NumericDate may be no whole number."""
    rules.check_types(forge.claims(exp=1893456000.5, iat=0, nbf=253402300799))


@pytest.mark.parametrize("value", [1, True, "", [], {}, 1.5])
def test_the_subject_is_a_text(value: object) -> None:
    """A ``sub`` that is a number or empty names nobody."""
    with pytest.raises(TrustError, match="`sub`") as caught:
        rules.check_types({**forge.claims(), "sub": value})
    assert caught.value.code == "claim-type"


@pytest.mark.parametrize("value", [1, True, "", [], {}, [1], ["a", 1], [""], [["a"]], {"a": 1}])
def test_the_audience_is_a_text_or_a_list_of_texts(value: object) -> None:
    """Any other form is refused, an empty list too."""
    with pytest.raises(TrustError, match="`aud`") as caught:
        rules.check_types({**forge.claims(), "aud": value})
    assert caught.value.code == "claim-type"


@pytest.mark.parametrize("aud", ["https://a", ["https://a"], ["https://a", "https://a"]])
def test_exactly_one_audience_after_normalising(aud: object) -> None:
    """A list of one, as Kubernetes writes it, is that one."""
    rules.check_audience({"aud": aud}, "https://a", (), WHO, HINT)
    rules.check_audience({"aud": aud}, None, (), WHO, HINT)


@pytest.mark.parametrize("expected", ["https://a", None])
def test_several_audiences_are_refused(expected: str | None) -> None:
    """PyJWT passes a list if any fits: each of the parties could use it with the others."""
    error = audience_error(["https://a", "https://b"], expected)
    assert error.code == "audience-several"
    assert "https://a, https://b" in error.what


@pytest.mark.parametrize(
    "found", ["https://a/", "https://A", "http://a", "https://a.test", " https://a"]
)
def test_the_audience_is_compared_byte_for_byte(found: str) -> None:
    """A slash or a letter's case makes another audience; the error says both and what to do."""
    error = audience_error(found, "https://a")
    assert (error.code, error.do) == ("audience-mismatch", HINT)
    assert found.strip() in error.what
    assert error.why.endswith("https://a")


@pytest.mark.parametrize(
    "found",
    [
        "https://kubernetes.default.svc",
        "https://kubernetes.default.svc.cluster.local",
        "https://kubernetes.default.svc:443",
        "https://kubernetes.default.svc/",
        "https://kubernetes.default",
        "kubernetes.default.svc",
        "https://kubernetes",
    ],
)
@pytest.mark.parametrize("as_list", [False, True])
def test_a_cluster_token_never_leaves_the_cluster(found: str, as_list: bool) -> None:
    """Even where the audience is unsaid, or said to be just this one."""
    aud = [found] if as_list else found
    assert audience_error(aud, None).code == "audience-api-server"
    assert audience_error(aud, found).code == "audience-api-server"


def test_the_pods_own_audiences_are_refused() -> None:
    """A cluster's API server may have any audience: ``never`` names those."""
    assert audience_error("https://eks.test/id/1", None, "https://eks.test/id/1").code == (
        "audience-api-server"
    )
    rules.check_audience({"aud": "https://eks.test/id/2"}, None, ("https://eks.test/id/1",), "", "")


def test_a_name_that_only_looks_like_the_cluster_passes() -> None:
    """The rule is about the host's start, not about a path or a part of a name."""
    rules.check_audience({"aud": "https://ppm.test/kubernetes.default"}, None, (), WHO, HINT)
    rules.check_audience({"aud": "https://my-kubernetes.default.test"}, None, (), WHO, HINT)


@pytest.mark.parametrize(
    ("value", "rule", "holds"),
    [
        ("123", Claim("c", "123", False), True),
        ("1234", Claim("c", "123", False), False),
        ("1.3", Claim("c", "1.3", False), True),
        ("123", Claim("c", "1.3", False), False),
        (123, Claim("c", "123", False), False),
        (None, Claim("c", "None", False), False),
        (["123"], Claim("c", "123", False), False),
        ("a", Claim("c", "a|b", True), True),
        ("b", Claim("c", "a|b", True), True),
        ("ax", Claim("c", "a|b", True), False),
        ("xb", Claim("c", "a|b", True), False),
        ("a\n", Claim("c", "a|b", True), False),
        ("refs/heads/main", Claim("c", "refs/heads/.+", True), True),
        ("x refs/heads/main", Claim("c", "refs/heads/.+", True), False),
        (1, Claim("c", ".*", True), False),
        ("", Claim("c", ".*", True), True),
    ],
)
def test_a_policy_holds_the_whole_claim(value: object, rule: Claim, holds: bool) -> None:
    """Exact texts, or a pattern that is anchored at both ends even where it is an alternative."""
    if holds:
        rules.check_policy({"c": value}, [rule])
    else:
        with pytest.raises(TrustError, match="claims policy") as caught:
            rules.check_policy({"c": value}, [rule])
        assert caught.value.code == "claims-policy"


def test_every_rule_of_a_policy_must_hold() -> None:
    """One that fails is enough, wherever it stands; an absent claim fails."""
    good, bad, absent = Claim("a", "1", False), Claim("b", "9", False), Claim("c", ".*", True)
    for policy in ((good, bad), (bad, good), (good, absent)):
        with pytest.raises(TrustError):
            rules.check_policy({"a": "1", "b": "2"}, policy)
    rules.check_policy({"a": "1", "b": "2"}, [good])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.fixed_dictionaries(dict.fromkeys(("exp", "iat", "nbf", "sub", "aud"), JSON)))
def test_any_payload_has_the_right_types_or_is_refused(payload: dict[str, Any]) -> None:
    """Whatever JSON can say ends in a pass or in a TrustError, never in another exception."""
    try:
        rules.check_types(payload)
        rules.check_audience(payload, None, (), WHO, HINT)
    except TrustError:
        return
    assert isinstance(payload["sub"], str)
    assert len(set(rules.audiences(payload))) == 1
