"""What a realm is made of, which addresses can be one, and which registry an address goes to."""

from __future__ import annotations

import sys

import pytest

from gatepass.realm import Address, Realm, is_ip_literal, is_loopback, parse, realm_of
from support import run

INDEX = "https://ppm.example.com:8931/simple/"


@pytest.mark.parametrize(
    ("service", "address"),
    [
        # what real clients send for one index
        (INDEX, Address("https", "ppm.example.com", 8931, "/simple/")),
        (INDEX[:-1], Address("https", "ppm.example.com", 8931, "/simple")),
        ("https://__token__@ppm.example.com:8931/simple/", parse(INDEX)),
        ("ppm.example.com:8931", Address(None, "ppm.example.com", 8931, "")),
        ("https://ppm.example.com:8931", Address("https", "ppm.example.com", 8931, "")),
        ("https://ppm.example.com:8931/simple/?a=b#c", parse(INDEX)),
        ("http://127.0.0.1/up/pypi/local", Address("http", "127.0.0.1", None, "/up/pypi/local")),
        # names of their own are bare hosts to us, and no registry's
        ("python-poetry-check", Address(None, "python-poetry-check", None, "")),
        ("poetry-repository-foo", Address(None, "poetry-repository-foo", None, "")),
        ("pdm-pypi-foo", Address(None, "pdm-pypi-foo", None, "")),
        ("pdm-repository-__unknown__", Address(None, "pdm-repository-__unknown__", None, "")),
        # shapes
        ("HTTPS://A.B./C", Address("https", "a.b", None, "/C")),
        ("https://[2001:DB8::0:1]:1/", Address("https", "[2001:db8::1]", 1, "/")),
        ("https://[::ffff:1.2.3.4]", parse("https://[::FFFF:102:304]")),
        ("https://bücher.example", Address("https", "xn--bcher-kva.example", None, "")),
        ("https://h:65535", Address("https", "h", 65535, "")),
        ("https://h:00001", Address("https", "h", 1, "")),
    ],
)
def test_a_service_string_is_read(service: str, address: Address) -> None:
    """Scheme, host, port and path come out normalised; user, query and fragment are gone."""
    assert parse(service) == address


@pytest.mark.parametrize("service", ["My Service", "system:user name", "a/b", "", "x@y", "é\u00a0"])
def test_what_is_no_address_is_none(service: str) -> None:
    """Names with spaces, slashes or an @ are nobody's."""
    assert parse(service) is None


def test_very_long_strings_are_nobodys() -> None:
    """Over 8192 characters nothing is looked at; up to there a path may be long."""
    assert parse("https://h/" + "a" * (8192 - 10)) is not None
    assert parse("https://h/" + "a" * (8193 - 10)) is None
    assert parse("https://" + "a." * 128) is None  # 255 characters of host
    assert parse("https://" + ".".join(["a" * 62] * 4)) is not None


@pytest.mark.parametrize(
    ("url", "realm", "origin", "text"),
    [
        ("https://H/", ("https", "h", 443, ""), "https://h", "https://h"),
        ("https://h:443", ("https", "h", 443, ""), "https://h", "https://h"),
        ("https://h:80", ("https", "h", 80, ""), "https://h:80", "https://h:80"),
        ("http://h", ("http", "h", 80, ""), "http://h", "http://h"),
        ("https://h/a/B/", ("https", "h", 443, "/a/B"), "https://h", "https://h/a/B"),
        ("https://[::1]:8/a", ("https", "[::1]", 8, "/a"), "https://[::1]:8", "https://[::1]:8/a"),
    ],
)
def test_a_realm_of_an_address(
    url: str, realm: tuple[str, str, int, str], origin: str, text: str
) -> None:
    """A realm's port is always filled in, its prefix has no trailing slash, its text is short."""
    made = realm_of(url)
    assert made == Realm(*realm)
    assert (made.origin, str(made)) == (origin, text)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ppm.example.com", "no https:// before"),
        ("ppm.example.com/x", "can't be read as"),
        ("ftp://h", "can't be read as"),
        ("", "can't be read as"),
        ("https://h:99999", "can't be read as"),
        ("https://user@h", "has an @"),
        ("https://user:pw@h", "has an @"),
        ("https://@h", "has an @"),
        ("https://h/a@b", "has an @"),
        ("https://h?x", "query or a fragment"),
        ("https://h#x", "query or a fragment"),
        ("https://h/?", "query or a fragment"),
        ("https://h/#", "query or a fragment"),
        ("https://h/a/../b", "empty, dotted or percent-encoded"),
        ("https://h/./a", "empty, dotted or percent-encoded"),
        ("https://h//a", "empty, dotted or percent-encoded"),
        ("https://h/a%2Fb", "empty, dotted or percent-encoded"),
        ("https://h/a%2eb", "empty, dotted or percent-encoded"),
        ("https://h/a%5Cb", "empty, dotted or percent-encoded"),
    ],
)
def test_an_address_that_can_be_no_realm(url: str, reason: str) -> None:
    """An address that could be read in two ways, or holds more than one, says why it can't be."""
    with pytest.raises(ValueError, match=reason):
        realm_of(url)


def test_the_reason_never_repeats_the_address() -> None:
    """A password in the address does not come back in the reason."""
    with pytest.raises(ValueError, match="@") as caught:
        realm_of("https://user:hunter2@h")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        ("localhost", True),
        ("[::1]", True),
        ("127.0.0.1", True),
        ("127.255.255.255", True),
        ("127.0.0.256", False),
        ("127.0.0.01", False),
        ("127.1", False),
        ("127.0.0.1.evil.test", False),
        ("localhost.evil.test", False),
        ("xlocalhost", False),
        ("126.0.0.1", False),
        ("128.0.0.1", False),
        ("[::2]", False),
        ("[::ffff:7f00:1]", False),
        ("127.0.0.x", False),
        ("127.0.0.", False),
        ("127.0.0.٣", False),
        ("0.0.0.0", False),  # noqa: S104 - that it isn't is the point
    ],
)
def test_loopback(host: str, is_it: bool) -> None:
    """Only localhost, ::1 and 127.0.0.0/8 in their one plain form are this machine."""
    assert is_loopback(host) is is_it


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        ("1.2.3.4", True),
        ("[::1]", True),
        ("127.1", True),
        ("2130706433", True),
        ("0x7f.1", True),
        ("0x7f000001", True),
        ("a.0x1", True),
        ("a.example", False),
        ("4.example", False),
    ],
)
def test_ip_literals(host: str, is_it: bool) -> None:
    """A host whose last label is a number is a number to every parser."""
    assert is_ip_literal(host) is is_it


def test_an_origin_never_lies_under_a_prefix() -> None:
    """uv's last attempt matches only a realm without a prefix."""
    origin = parse("https://h")
    assert origin is not None
    assert realm_of("https://h").covers(origin)
    assert not realm_of("https://h/p").covers(origin)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_bare_host_is_of_this_machine(scheme: str) -> None:
    """pip asks for it too after http://host was refused, and would send the answer in the clear."""
    for service, ours in (("h", False), ("h:80", False), ("h:443", False), ("127.0.0.1:9", True)):
        bare = parse(service)
        assert bare is not None
        assert realm_of(f"{scheme}://{service}").covers(bare) is ours
        assert not realm_of(f"{scheme}://{service}/p").covers(bare)


def test_parsing_plain_hosts_loads_nothing(base_env: dict[str, str]) -> None:
    """Neither idna nor ipaddress is loaded for an ordinary host."""
    code = (
        "import sys; from gatepass.realm import parse; parse('https://u@ppm.example.com:1/x?y');"
        "print(sorted({'idna', 'ipaddress', 'urllib', 'requests'} & set(sys.modules)))"
    )
    env = {name: value for name, value in base_env.items() if not name.startswith("COVERAGE_")}
    assert run([sys.executable, "-I", "-c", code], env).stdout == "[]\n"
