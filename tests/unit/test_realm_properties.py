"""Whatever string comes: if it is ours, every client's parser goes to exactly that place."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import idna
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url

from gatepass.realm import Realm, parse, realm_of

REALMS = [
    realm_of(url)
    for url in (
        "https://ppm.example.com",
        "https://ppm.example.com:8443",
        "https://ppm.example.com/pkg/prod",
        "https://192.0.2.7/a",
        "https://[2001:db8::1]:8443",
        "https://[::1]",
        "https://bücher.example/x",
        "http://127.0.0.1:8931",
        "http://localhost/p",
        "http://ppm.corp",
    )
]
PIECES = [
    *"@:/?#[]\\%.,;&=+-_ \t\n\r\x00\x7f",
    *"0123456789",
    *"\u3002\uff0e\uff61\uff0f\uff1a\uff20\uff1f\uff03\u2024\u200b\u200d\u00ad\u212a\u017f\u0130ßüé",
    *"\uff50\u24df\u0435\u202e\ud800\u0661\uff14\u0085\u2028\ufeff",
    "//", "/../", "/./", "%2e", "%2f", "%5c", "%00", "%25", "@evil.test", ".evil.test",
    "user:pw@", "https://", "http://", ":443", ":80", ":0", ":65536", ":8443", "[::1]", "xn--",
    "\\@", "?@", "#@", "..", "evil.test/", "::",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A realm's own URL, with pieces inserted, replaced, removed, or its case changed."""
    realm = draw(st.sampled_from(REALMS))
    text = draw(st.sampled_from([str(realm), str(realm) + "/simple/", str(realm) + "/x?y#z"]))
    for _ in range(draw(st.integers(0, 4))):
        # Near the authority is where it matters.
        at = draw(st.integers(0, min(len(text), 40)))
        cut = draw(st.sampled_from([0, 0, 0, 1, 2]))
        piece = draw(st.sampled_from(PIECES) | st.text(max_size=2))
        text = text[:at] + piece + text[at + cut :]
    return draw(st.sampled_from([text, text, text.upper(), text.title()]))


def normal(host: str | None) -> str:
    """A host as a realm has it: lower case, ASCII, no trailing dot, IPv6 compressed in brackets."""
    assert host is not None
    bare = host.strip("[]")
    if ":" in bare:
        return f"[{ipaddress.IPv6Address(bare).compressed}]"
    if not bare.isascii():
        bare = idna.encode(bare, uts46=True).decode()
    return bare.lower().removesuffix(".")


def places(service: str) -> set[tuple[str, str, int]]:
    """Where urllib3, requests and the standard library would go; each raises where it can't."""
    default = {"https": 443, "http": 80}
    found = set()
    seen = parse_url(service)
    assert seen.scheme is not None
    found.add((seen.scheme, normal(seen.host), seen.port or default[seen.scheme]))
    prepared = requests.Request("GET", service, auth=("u", "p")).prepare().url
    assert prepared is not None
    for url in (service, prepared):
        split = urlsplit(url)
        found.add((split.scheme, normal(split.hostname), split.port or default[split.scheme]))
    again = parse_url(prepared)
    assert again.scheme is not None
    found.add((again.scheme, normal(again.host), again.port or default[again.scheme]))
    return found


def check(service: str) -> list[Realm]:
    """The realms that take the string as theirs, having asked everybody whether that is right."""
    address = parse(service)
    takers = [realm for realm in REALMS if address is not None and realm.covers(address)]
    for realm in takers:
        if address is not None and address.scheme is not None:
            assert places(service) == {(realm.scheme, realm.host, realm.port)}
        else:
            # A bare host: clients take it from a URL they parsed, so it must read as one.
            assert not realm.prefix
            assert places(f"{realm.scheme}://{service}/") == {
                (realm.scheme, realm.host, realm.port)
            }
    return takers


@settings(max_examples=1500, deadline=None)
@given(mutated())
@example("https://[x@ppm.example.com/")
@example("https://\uff0f@ppm.example.com/")
@example("https://\uff50pm.example.com/")
@example("https://ppm\u3002example.com/")
@example("https://ppm.example.com\u200b/")
@example("https://u%zz@ppm.example.com/%zz")
def test_what_is_ours_is_ours_to_every_parser(service: str) -> None:
    """urllib3, requests and urlsplit agree on scheme, host and port of whatever is ours."""
    check(service)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60) | st.text(st.characters(), max_size=60).map("https://".__add__))
@example("[")
@example("https://[")
@example("https://" + "\u0345" * 300)
@example("\ud800\udfff")
@example("https://xn--/")
@example("https://xn--\u00fc/")
def test_parsing_never_raises(service: str) -> None:
    """Any text at all gives an address or None."""
    check(service)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(REALMS),
    st.text("abcz-_.~%20@:;=+", max_size=12),
    st.text("abc%40:!$&'()*+,;=", max_size=12),
)
def test_ordinary_urls_below_a_realm_are_ours(realm: Realm, path: str, user: str) -> None:
    """The strictness loses nothing: a path below the address, with or without a user, is ours."""
    scheme, _, rest = f"{realm}/x{path}/simple/".partition("://")
    assert realm in check(f"{scheme}://{rest}")
    assert realm in check(f"{scheme}://{user}@{rest}")


@settings(max_examples=300, deadline=None)
@given(mutated())
def test_a_configured_realm_covers_its_own_address(url: str) -> None:
    """Whatever realm_of takes, the realm's own text parses to an address inside it."""
    try:
        realm = realm_of(url)
    except ValueError:
        return
    address = parse(str(realm))
    assert address is not None
    assert realm.covers(address)
    assert realm_of(str(realm)) == realm
