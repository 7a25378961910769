"""The key under which a credential rests: whatever differs, differs there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.identity.file import TokenFile
from gatepass.identity.github import GitHubActions
from gatepass.realm import realm_of
from gatepass.resolve import store_key
from gatepass.secret import Secret
from gatepass.settings import Claim, Issuer, Registry, Settings
from gatepass.store import key

SAME = "token"
"""Two identities may hold the same secret: their names keep them apart."""

FIELDS = st.lists(st.text(max_size=6), max_size=4)


@given(FIELDS, FIELDS)
def test_different_fields_never_share_a_key(one: list[str], other: list[str]) -> None:
    """Neither another value, nor another order, nor another border between two fields."""
    assert (key(one) == key(other)) == (one == other)


@given(st.lists(st.text(min_size=1, max_size=4), min_size=2, max_size=4), st.data())
def test_a_border_that_moves_makes_another_key(fields: list[str], data: st.DataObject) -> None:
    """The lengths stand before the fields: ("ab", "c") is not ("a", "bc")."""
    place = data.draw(st.integers(0, len(fields) - 2))
    first, second = fields[place], fields[place + 1]
    moved = [*fields[:place], first[:-1], first[-1] + second, *fields[place + 2 :]]
    assert key(fields) != key(moved)
    assert key(fields) != key([*fields[:place], first + second, *fields[place + 2 :]])


def test_the_form_of_a_key() -> None:
    """SHA-256 over the version and the length-prefixed fields: 64 hex digits."""
    assert key(["ab", ""]) == hashlib.sha256(b"1:12:ab0:").hexdigest()
    assert key(["\udc80"]) != key(["?"])


def registry(url: str = "https://ppm.test", **changes: Any) -> Registry:
    return Registry("prod", url, realm_of(url), "packagemanager", "test")._replace(**changes)


def settings(**changes: Any) -> Settings:
    return Settings((), True, (), {}, "", "auto", "", "warning", "text", "")._replace(**changes)


def a_file(text: str = SAME, unsaid: bool = False) -> TokenFile:
    return TokenFile("GATEPASS_ID_TOKEN", "", Secret(text), audience_is_unsaid=unsaid)


def github(token: str = SAME) -> GitHubActions:
    return GitHubActions("https://x.test", Secret(token), "https://github.com")


Job = tuple[Registry, Settings, Any]


def rules(*claims: Claim) -> Job:
    return registry(claims=claims), settings(), a_file()


DIFFERENT: dict[str, Job] = {
    "plain": (registry(), settings(), a_file()),
    "host": (registry("https://other.test"), settings(), a_file()),
    "port": (registry("https://ppm.test:8443"), settings(), a_file()),
    "prefix": (registry("https://ppm.test/a"), settings(), a_file()),
    "scheme": (registry("http://ppm.test"), settings(), a_file()),
    "audience": (registry(audience="https://aud.test"), settings(), a_file()),
    "unsaid audience": (registry(), settings(), a_file(unsaid=True)),
    "identity's secret": (registry(), settings(), a_file("other")),
    "identity": (registry(), settings(), github()),
    "job": (registry(), settings(), github("next job's")),
    "verify off": (registry(), settings(verify=False), a_file()),
    "trusted issuers": (registry(), settings(trusted_issuers=("a",)), a_file()),
    "more trusted issuers": (registry(), settings(trusted_issuers=("a", "b")), a_file()),
    "jwks file": (registry(), settings(jwks_file="a"), a_file()),
    "issuer's jwks": (registry(), settings(issuers={"a": Issuer("b")}), a_file()),
    "issuer's algorithms": (registry(), settings(issuers={"a": Issuer("", ("b",))}), a_file()),
    "policy": rules(Claim("a", "b", False)),
    "policy's pattern": rules(Claim("a", "b", True)),
    "policy with =": rules(Claim("a=b", "c", False)),
    "policy with = elsewhere": rules(Claim("a", "b=c", False)),
    "two rules": rules(Claim("a", "b", False), Claim("c", "d", False)),
    "one rule that looks like two": rules(Claim("a", "bFalsec=d", False)),
    "a trusted issuer that looks like a rule": (
        registry(),
        settings(trusted_issuers=("Falsea=b",)),
        a_file(),
    ),
}


def test_every_field_of_the_design_separates() -> None:
    """Two jobs, audiences, registries, policies or ways to verify never share a credential."""
    keys = {name: store_key(*job, {}) for name, job in DIFFERENT.items()}
    assert len(set(keys.values())) == len(keys), keys


@pytest.mark.parametrize(
    "same",
    [
        lambda: (registry(), settings(), a_file()),
        lambda: (registry("https://PPM.test:443/"), settings(), a_file()),
        lambda: (registry(name="renamed", source="elsewhere"), settings(), a_file()),
        lambda: (registry(), settings(log_level="debug", store_dir="/x"), a_file()),
        lambda: (registry(audience="https://ppm.test"), settings(), a_file()),
    ],
)
def test_what_makes_no_difference_shares(same: Callable[[], Job]) -> None:
    """Another spelling of the realm, a name, a log level: the same credential serves."""
    ours, base = same(), DIFFERENT["plain"]
    if ours[0].url != base[0].url:
        ours = (ours[0]._replace(url=base[0].url), *ours[1:])
    assert store_key(*ours, {}) == store_key(*base, {})


def test_the_order_of_issuers_makes_no_difference() -> None:
    """A table in a file has no order."""
    one, two = Issuer("x"), Issuer("y")
    first = (registry(), settings(issuers={"a": one, "b": two}), a_file())
    second = (registry(), settings(issuers={"b": two, "a": one}), a_file())
    assert store_key(*first, {}) == store_key(*second, {})
