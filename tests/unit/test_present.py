"""A subject token, fetched and verified for one registry."""

from __future__ import annotations

import time
from typing import Any

import pytest

import forge
from gatepass.errors import ConfigError, TrustError
from gatepass.identity.file import TokenFile
from gatepass.identity.github import GitHubActions
from gatepass.present import Presenter
from gatepass.realm import realm_of
from gatepass.secret import Secret
from gatepass.settings import Registry, Settings
from gatepass.transport import Deadline, Transport

DROP_IN = "PACKAGEMANAGER_IDENTITY_TOKEN_FILE"
URL = "https://ppm.test/pkg"


def registry(**changes: Any) -> Registry:
    return Registry("prod", URL, realm_of(URL), "packagemanager", "test")._replace(**changes)


def a_file(text: str = "", origin: str = "GATEPASS_ID_TOKEN", unsaid: bool = False) -> TokenFile:
    return TokenFile(origin, "", Secret(text), audience_is_unsaid=unsaid)


def presenter(place: Registry, who: Any, env: dict[str, str] | None = None) -> Presenter:
    settings = Settings((), False, (), {}, "", "off", "", "error", "text", "")
    return Presenter(place, settings, env or {}, who, None, Transport())  # type: ignore[arg-type]


def present(body: dict[str, Any], place: Registry, **options: Any) -> Presenter:
    """Present a token without signature checks, which have tests of their own."""
    token = forge.token(body, sign=lambda data: b"x")
    made = presenter(place, a_file(token, **options), {"GATEPASS_KUBERNETES_API_DIR": "/none"})
    assert made.subject_token(Deadline(5))[0].reveal() == token
    return made


def test_the_audience_is_the_registrys_own_or_its_address() -> None:
    """What was set for it, else its address as written, without trailing slashes."""
    assert presenter(registry(), a_file()).audience == URL
    assert presenter(registry(audience="https://a"), a_file()).audience == "https://a"


@pytest.mark.parametrize(("unsaid", "passes"), [(True, True), (False, False)])
def test_an_audience_is_checked_unless_it_was_never_said(unsaid: bool, passes: bool) -> None:
    """The identity says whether its users ever had to name one."""
    body = forge.claims(aud="https://other")
    if passes:
        present(body, registry(), unsaid=unsaid)
    else:
        with pytest.raises(TrustError, match="audience-mismatch"):
            present(body, registry(), unsaid=unsaid)


def test_an_sts_audience_is_for_the_replaced_tools_variable_alone() -> None:
    """Posit's operator gives Package Manager such tokens by that variable, and by no other."""
    sts = registry(audience="sts.amazonaws.com")
    assert presenter(sts, a_file(origin=DROP_IN)).audience == "sts.amazonaws.com"
    github = GitHubActions("https://x.test", Secret("t"), "https://github.com")
    for who in (a_file(), a_file(origin="GATEPASS_ID_TOKEN_FILE"), github):
        with pytest.raises(ConfigError) as caught:
            presenter(sts, who)
        assert caught.value.code == "audience-sts"
        assert "GATEPASS_AUDIENCE" in caught.value.do


def test_what_was_shown_is_kept_for_people() -> None:
    """iss, sub and aud of the last token that held; nothing before, and no token."""
    body = forge.claims(aud=URL)
    made = present(body, registry())
    assert made.shown == {"iss": forge.ISSUER, "sub": "repo:acme/widgets", "aud": URL}
    assert presenter(registry(), a_file()).shown == {}


@pytest.mark.parametrize(
    ("who", "is_drop_in", "words"),
    [
        (a_file(), True, ("GATEPASS_ID_TOKEN", "GATEPASS_AUDIENCE")),
        (a_file(), False, ("config.toml", "[registries.prod]")),
        (
            GitHubActions("https://x.test", Secret("t"), "https://github.com"),
            True,
            ("ACTIONS_ID_TOKEN_REQUEST_URL",),
        ),
    ],
)
def test_the_hint_fits_the_place(who: Any, is_drop_in: bool, words: tuple[str, ...]) -> None:
    """What to do about a wrong audience depends on whose the token and the registry are."""
    hint = presenter(registry(is_drop_in=is_drop_in), who)._expected.hint
    assert all(word in hint for word in words)


@pytest.mark.parametrize(
    ("times", "claims", "what", "why"),
    [
        ({"exp": -725}, {}, "has expired", "it ended 12 min ago by this machine's clock"),
        ({"exp": -20000}, {}, "has expired", "it ended 5 h ago"),
        ({"exp": -95}, {}, "has expired", "it ended 9"),
        ({"iat": 725}, {}, "is from the future", "it begins in 12 min by this machine's clock"),
        ({"nbf": 725}, {}, "is from the future", "it begins in 12 min"),
        ({}, {"sub": None}, "has no `sub`", ""),
        ({}, {"sub": 1}, "has a `sub` that is not a text", ""),
        ({}, {"aud": "https://x"}, "is for https://x", f"the audience must be {URL}"),
    ],
)
def test_an_error_says_which_token_it_is_about(
    times: dict[str, int], claims: dict[str, Any], what: str, why: str
) -> None:
    """A job may have several: the variable is named; of times, by how much."""
    now = time.time()
    body = {"aud": URL, **{name: int(now + shift) for name, shift in times.items()}, **claims}
    with pytest.raises(TrustError) as caught:
        present(forge.claims(**body), registry())
    assert caught.value.what == f"the token in GATEPASS_ID_TOKEN {what}"
    assert caught.value.why.startswith(why)


def test_what_is_no_token_is_named_too() -> None:
    """By where it is from."""
    with pytest.raises(TrustError) as caught:
        presenter(registry(), a_file("a.b")).subject_token(Deadline(5))
    assert caught.value.what == "the token in GATEPASS_ID_TOKEN is not a signed JWT"


def test_a_platforms_token_is_named_after_it() -> None:
    """As the errors' own pages have it."""
    github = GitHubActions("https://x.test", Secret("t"), "https://github.com")
    assert presenter(registry(), github)._expected.issuers.label == "the token from GitHub Actions"


def test_a_file_identity_without_trusted_issuers_is_self_named() -> None:
    """The verdict reaches `whoami`, which says what it proves."""
    token = forge.token(forge.claims(aud=URL), sign=lambda data: b"x")
    assert presenter(registry(), a_file(token)).subject_token(Deadline(5))[1].self_named
