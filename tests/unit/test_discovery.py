"""An issuer's metadata."""

from __future__ import annotations

import json

import pytest

from gatepass.discovery import jwks_uri
from gatepass.errors import GatepassError, TransportError, TrustError
from gatepass.transport import Deadline, Transport
from wire import Wire, answer, wire


def ask(issuer: str, *scripts: bytes) -> str:
    with wire(*scripts) as server:
        issuer = issuer.replace("SERVER", server.url)
        return jwks_uri(issuer, Transport(), Deadline(5))


def error_of(document: object, issuer: str = "SERVER", status: int = 200) -> GatepassError:
    with wire(b"") as server:
        text = document if isinstance(document, str) else json.dumps(document)
        server.scripts = (answer(status, text.replace("SERVER", server.url)),)
        with pytest.raises(GatepassError) as caught:
            jwks_uri(issuer.replace("SERVER", server.url), Transport(), Deadline(5))
        return caught.value


def path_asked(server: Wire) -> str:
    return server.heard[0].split(b" ")[1].decode()


@pytest.mark.parametrize("end", ["", "/", "/realm", "/realm/"])
def test_the_address_is_built_without_a_double_slash_and_compared_as_it_is(end: str) -> None:
    """A trailing slash is taken off for the address alone: it stays part of the issuer's name."""
    with wire(b"") as server:
        issuer = server.url + end
        document = {"issuer": issuer, "jwks_uri": server.url + "/k?v=1"}
        server.scripts = (answer(200, json.dumps(document)),)
        assert jwks_uri(issuer, Transport(), Deadline(5)) == server.url + "/k?v=1"
        assert path_asked(server) == end.rstrip("/") + "/.well-known/openid-configuration"


@pytest.mark.parametrize("named", ["SERVER/", "SERVERx", "https://evil.test", None, 1, ["SERVER"]])
def test_metadata_of_another_issuer_is_refused(named: object) -> None:
    """Compared byte for byte: OpenID Connect Discovery section 4.3."""
    error = error_of({"issuer": named, "jwks_uri": "SERVER/k"})
    assert (type(error), error.code) == (TrustError, "issuer-metadata")
    assert "somebody else" in error.what


@pytest.mark.parametrize(
    "address",
    [
        *("http://keys.example/k", "ftp://keys.example/k", "/keys", "", None, 5, "https://"),
        *("https://user@keys.example/k", "https://keys.example\\@evil.test/", "file:///etc/passwd"),
    ],
)
def test_keys_at_an_unsafe_address_are_refused(address: object) -> None:
    """https, or for an issuer on this machine also this machine."""
    error = error_of({"issuer": "SERVER", "jwks_uri": address})
    assert (type(error), error.code) == (TrustError, "issuer-metadata")
    assert "no usable address" in error.what


@pytest.mark.parametrize("status", [203, 404, 500])
def test_without_metadata_there_is_no_answer(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another status than 200 counts as not reached, so that another source may be asked."""
    monkeypatch.setattr("gatepass.transport._BACKOFF", 0.0)
    error = error_of({"issuer": "SERVER", "jwks_uri": "SERVER/k"}, status=status)
    assert (type(error), error.code) == (TransportError, "unreachable")
    assert str(status) in error.what
    assert "token" not in error.do  # a login asks before there is one
    assert "/.well-known/openid-configuration" in error.do


@pytest.mark.parametrize("document", ["<html>", "[]", "", "null", '"x"'])
def test_what_is_no_object_is_no_metadata(document: str) -> None:
    """A sign-in page of some proxy is as good as no answer."""
    assert error_of(document).code == "unreachable"


def test_foreign_text_in_an_error_is_made_plain() -> None:
    """An issuer's name can't turn a terminal's text around."""
    error = error_of({"issuer": "https://x\u202e\x1b[31m", "jwks_uri": "x"}, issuer="SERVER/\u202e")
    assert "\u202e" not in str(error)
    assert "\x1b" not in str(error)
