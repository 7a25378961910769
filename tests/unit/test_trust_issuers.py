"""Who may have issued a token."""

from __future__ import annotations

import pytest

from gatepass.errors import TrustError
from gatepass.trust.issuers import IssuerRule

GITHUB = "https://token.actions.githubusercontent.com"


def rule(*platform: str, trusted: tuple[str, ...] = ()) -> IssuerRule:
    return IssuerRule(platform, trusted, "the token")


def refusal(checked: IssuerRule, issuer: str) -> str:
    with pytest.raises(TrustError) as caught:
        checked.check(issuer)
    return caught.value.code


@pytest.mark.parametrize("issuer", [GITHUB, GITHUB + "/acme", GITHUB + "/a.b-c_d"])
def test_a_platforms_issuers_pass_and_are_not_self_named(issuer: str) -> None:
    """GitHub's own, and that plus exactly one segment for an enterprise."""
    assert rule(GITHUB, GITHUB + "/*").check(issuer) is False


@pytest.mark.parametrize(
    "issuer",
    [
        GITHUB + "/",
        GITHUB + "/a/b",
        GITHUB + "/a/",
        GITHUB + "/..",
        GITHUB + "/.",
        GITHUB + "/a?b",
        GITHUB + "/a#b",
        GITHUB + "/a%2fb",
        GITHUB + "/a\\b",
        GITHUB + "/a b",
        GITHUB + "x",
        GITHUB + ".evil.test",
        GITHUB + "/*/x",
        GITHUB.upper(),
        GITHUB.replace("https", "http"),
        GITHUB + ":443",
        "https://evil.test/" + GITHUB,
        "",
    ],
)
def test_what_is_one_byte_off_is_another_issuer(issuer: str) -> None:
    """``/*`` is one segment, never none, two, or one that reads in two ways."""
    assert refusal(rule(GITHUB, GITHUB + "/*"), issuer) == "issuer-not-allowed"


def test_what_is_trusted_is_shown_on_one_harmless_line() -> None:
    """GitHub's runner obeys commands of whoever wrote the list."""
    with pytest.raises(TrustError) as caught:
        rule(GITHUB, trusted=("x ##[add-mask]a\n::add-mask::a",)).check("https://other")
    assert caught.value.why == f"allowed are {GITHUB}, x # #[add-mask]a ::add-mask::a"


def test_without_a_star_there_is_no_segment() -> None:
    """An entry without ``/*`` is compared whole."""
    assert refusal(rule(GITHUB), GITHUB + "/acme") == "issuer-not-allowed"


def test_trusted_issuers_are_added_to_the_platforms() -> None:
    """GATEPASS_TRUSTED_ISSUERS adds; it does not replace."""
    both = rule(GITHUB, trusted=("https://gitlab.corp",))
    assert both.check("https://gitlab.corp") is False
    assert both.check(GITHUB) is False
    assert refusal(both, "https://other.corp") == "issuer-not-allowed"


@pytest.mark.parametrize("issuer", ["https://gitlab.corp/", "https://GitLab.corp", "https://other"])
def test_once_set_a_files_issuer_must_be_in_the_set(issuer: str) -> None:
    """No token names its own issuer where the user said whom to trust; a star means nothing."""
    assert (
        refusal(rule(trusted=("https://gitlab.corp", "https://x/*")), issuer)
        == "issuer-not-allowed"
    )
    assert refusal(rule(trusted=("https://x/*",)), "https://x/y") == "issuer-not-allowed"


def test_a_refusal_says_who_is_allowed_and_what_to_do() -> None:
    """The error names the issuer found, those allowed, and the variable."""
    with pytest.raises(TrustError) as caught:
        rule(GITHUB, trusted=("https://a",)).check("https://b")
    error = caught.value
    assert "https://b" in error.what
    assert GITHUB in error.why
    assert "https://a" in error.why
    assert "GATEPASS_TRUSTED_ISSUERS" in error.do


def test_a_self_named_issuer_is_reported_as_such() -> None:
    """https with a name for its host passes, and the caller learns what that proves."""
    assert rule().check("https://idp.example/realm") is True


@pytest.mark.parametrize(
    "issuer",
    [
        "http://idp.example",
        "http://127.0.0.1:8000",
        "http://localhost",
        "https://user@idp.example",
        "https://user:pass@idp.example",
        "https://idp.example?x",
        "https://idp.example/?",
        "https://idp.example#x",
        "https://127.0.0.1",
        "https://127.1",
        "https://2130706433",
        "https://0x7f.1",
        "https://[::1]",
        "https://169.254.169.254/latest",
        "https://idp.example/a/../b",
        "https://idp.example//a",
        "https://idp.example/%2e%2e",
        "https://idp.example/\u202e",
        "https://idp.example/\ud800",
        "https://idp.example\\@evil.test",
        "https://idp.example:99999",
        "https://",
        "ftp://idp.example",
        "file:///etc/passwd",
        "idp.example",
        "",
        "accounts.google.com",
    ],
)
def test_a_self_named_issuer_is_a_plain_https_address(issuer: str) -> None:
    """No user, query, fragment, number for a host, nor anything that reads in two ways."""
    assert refusal(rule(), issuer) == "issuer-insecure"


@pytest.mark.parametrize(
    "issuer", ["http://127.0.0.1:8000/x", "http://localhost", "http://[::1]:1"]
)
def test_http_on_this_machine_where_somebody_else_named_it(issuer: str) -> None:
    """Trusted and platform entries may be http on loopback."""
    assert rule(trusted=(issuer,)).check(issuer) is False
    assert rule(issuer).check(issuer) is False


@pytest.mark.parametrize(
    "issuer", ["http://idp.example", "http://10.0.0.1", "https://a@b", "https://a?b"]
)
def test_what_is_trusted_must_be_an_address_all_the_same(issuer: str) -> None:
    """Keys are never fetched in the clear over a network, whoever named the issuer."""
    assert refusal(rule(trusted=(issuer,)), issuer) == "issuer-insecure"
    assert refusal(rule(issuer), issuer) == "issuer-insecure"


def test_a_trusted_issuer_may_have_a_number_for_its_host() -> None:
    """The user's own word is enough for an https address by number."""
    assert rule(trusted=("https://10.0.0.1",)).check("https://10.0.0.1") is False
