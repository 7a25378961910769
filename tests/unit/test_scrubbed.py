"""What a foreign text may not repeat of what was sent, in its words and in its codes."""

from __future__ import annotations

import json

import pytest

from gatepass.exchange import awsreply
from gatepass.failure import scrubbed
from gatepass.secret import Secret
from gatepass.transport import Response


@pytest.mark.parametrize(
    "value",
    ["hunter2!", "p*!ss-w*rd", "a b c d e f", "ab!cdefgh*ijklmn!opqrst*uvwxyz", "x" * 400],
)
@pytest.mark.parametrize("form", ["{}", "bad secret {}.", "<{}>", "secret={}&x=1", "a{}b"])
def test_a_sent_value_never_stands_whole(value: str, form: str) -> None:
    """Whatever it is made of, from eight characters on."""
    shown = scrubbed(form.format(value), [Secret("other-thing"), Secret(value)])
    assert value not in shown
    assert "****" in shown


@pytest.mark.parametrize("echo", ["p%21s%2As%2Fword", "p%21s%2As%2fword", "p!s*s/word"])
def test_nor_as_a_form_has_it(echo: str) -> None:
    """A server may quote the body that it was sent."""
    sent = Secret("p!s*s/word")
    assert "word" not in scrubbed(f"client_secret={echo}", [sent])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Basic", "token"])
def test_nor_without_its_scheme(scheme: str) -> None:
    """What follows `Bearer` in a header is the secret."""
    assert "abc!def!" not in scrubbed("no such token: abc!def!", [Secret(f"{scheme} abc!def!")])


def test_what_protocols_say_stays() -> None:
    """A refusal has to be able to speak of them; short values are words."""
    sent = map(Secret, ("client_credentials", "gatepass", "application/json", "read", "7chars!"))
    told = "gatepass may not use client_credentials, application/json, read or 7chars!"
    assert scrubbed(told, sent) == told


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("AccessDeniedException", "AccessDeniedException"),
        ("AWS.SimpleQueueService.NonExistentQueue", "AWS.SimpleQueueService.NonExistentQueue"),
        ("Throttling", "Throttling"),
        ("c2lnbmF0dXJlLXNpZ25hdHVyZQ", ""),
        ("Access Denied", ""),
        ("A" * 65, ""),
        ("SecretLetters", "****"),
        ("somethingSecretLettersAndMoreOfThem", "something****AndMoreOfThem"),
    ],
)
def test_a_code_looks_like_one(code: str, shown: str) -> None:
    """Letters and dots, and nothing of what was sent."""
    body = json.dumps({"__type": code, "message": "no"}).encode()
    told = awsreply.problem(Response(400, {}, body), iter([Secret("SecretLetters")]))
    assert (told.code, told.words) == (shown, "no")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32", "cp037"])
def test_only_utf8_is_xml(encoding: str) -> None:
    """Our look for entities and the parser have to see one text."""
    text = "<!DOCTYPE x [<!ENTITY a 'aa'>]><R>&a;</R>"
    assert awsreply.document(text.encode(encoding)) is None
    assert awsreply.document("<R>a</R>".encode(encoding)) is None
    assert awsreply.document("<R>ä</R>".encode()) is not None
