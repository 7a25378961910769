"""The page where a person types the code: forms alone, as any browser of any age reads them."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
import requests

from devices import TIMEOUT, Oidc, Ppm, refused
from gatepass.sandbox import Sandbox

Attributes = list[tuple[str, str | None]]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Nobody answers by himself."""
    with Sandbox() as sandbox:
        sandbox.person.never()
        sandbox.idp.interval = sandbox.packagemanager.device.interval = 0
        yield sandbox


class Browser(HTMLParser):
    """Reads a page's one form, fills in what it is told, and presses a button."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self._show(requests.get(url, timeout=TIMEOUT))

    def _show(self, answer: requests.Response) -> None:
        self.status, self.headers, self.text = answer.status_code, answer.headers, answer.text
        self.fields: dict[str, str] = {}
        self.buttons: dict[str, str] = {}
        self.method, self.words, self._button = "", "", ""
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.method = found["method"]
            assert "action" not in found  # so it goes to the page itself
        elif tag == "input":
            self.fields[found["name"]] = found.get("value", "")
        elif tag == "button":
            self._button = f"{found.get('name', '')}={found.get('value', '')}"
        assert tag not in ("script", "img", "link", "iframe")

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._button:
            self.buttons[data], self._button = self._button, ""

    def press(self, button: str, **typed: str) -> None:
        name, _, value = self.buttons[button].partition("=")
        assert self.method == "post"
        fields = {**self.fields, **typed, **({name: value} if name else {})}
        self._show(requests.post(self.url, data=fields, timeout=TIMEOUT))


def test_a_person_types_the_code_and_says_yes(sandbox: Sandbox) -> None:
    """Typed by hand, confirmed with the client's name, and the device collects."""
    device = Oidc(sandbox)
    refused(device.poll(), "authorization_pending")
    browser = Browser(device.told["verification_uri"])
    assert browser.fields == {"user_code": ""}
    browser.press("Continue", user_code=device.told["user_code"])
    assert "gatepass wants to log in as octavia@acme.example" in browser.words
    assert device.told["user_code"] in browser.words
    browser.press("Yes, log in")
    assert "You are logged in" in browser.words
    assert device.poll().status_code == 200


def test_a_person_says_no(sandbox: Sandbox) -> None:
    """Package Manager's device hears access_denied; the code came filled in."""
    device = Ppm(sandbox)
    browser = Browser(device.told["verification_uri_complete"])
    assert browser.fields == {"user_code": device.told["user_code"]}
    browser.press("Continue")
    assert "packagemanager-sandbox wants to log in" in browser.words
    browser.press("No")
    assert "The login was refused" in browser.words
    refused(device.poll(), "access_denied")


def test_looking_at_the_page_decides_nothing(sandbox: Sandbox) -> None:
    """Neither the filled page nor the question is an answer: only a button is."""
    device = Oidc(sandbox)
    browser = Browser(device.told["verification_uri_complete"])
    browser.press("Continue")
    refused(device.poll(), "authorization_pending")


@pytest.mark.parametrize("spelling", ["{0}{1}", "{0} {1}", " {0}-{1} ", "{0}- {1}"])
def test_a_code_may_be_typed_as_people_do(sandbox: Sandbox, spelling: str) -> None:
    """Without its dash, with spaces, in lower case (RFC 8628 section 6.1)."""
    code = Oidc(sandbox).told["user_code"]
    first, second = code.lower().split("-")
    browser = Browser(sandbox.idp.page_url)
    browser.press("Continue", user_code=spelling.format(first, second))
    assert code in browser.words


def test_a_code_that_nobody_waits_for_is_asked_for_again(sandbox: Sandbox) -> None:
    """Unknown, answered, collected or expired: 400, and the form with what was typed."""
    answered, expired = Oidc(sandbox), Oidc(sandbox)
    browser = Browser(answered.told["verification_uri_complete"])
    browser.press("Continue")
    browser.press("Yes, log in")
    codes = ["BBBB-BBBB", "", answered.told["user_code"], expired.told["user_code"]]
    assert answered.poll().status_code == 200
    sandbox.fault("idp=skew=301")
    for code in codes:
        browser = Browser(sandbox.idp.page_url)
        browser.press("Continue", user_code=code)
        assert browser.status == 400
        assert "No login waits under this code" in browser.words
        assert browser.fields == {"user_code": code}


def test_an_answer_after_the_code_expired_is_none(sandbox: Sandbox) -> None:
    """The question was asked in time, the button pressed too late."""
    device = Oidc(sandbox)
    browser = Browser(device.told["verification_uri_complete"])
    browser.press("Continue")
    sandbox.fault("idp=skew=301")
    browser.press("Yes, log in")
    assert browser.status == 400


def test_a_decision_is_yes_or_no(sandbox: Sandbox) -> None:
    """Another word decides nothing."""
    device = Oidc(sandbox)
    fields = {"user_code": device.told["user_code"], "decision": "maybe"}
    answer = requests.post(sandbox.idp.page_url, data=fields, timeout=TIMEOUT)
    assert answer.status_code == 400
    refused(device.poll(), "authorization_pending")


def test_what_is_typed_is_text_and_nothing_else(sandbox: Sandbox) -> None:
    """Markup in the address or in the field is shown as it is."""
    evil = '"><script>alert(1)</script>'
    browser = Browser(f"{sandbox.idp.page_url}?user_code={evil}")
    assert browser.fields == {"user_code": evil}
    browser.press("Continue", user_code=evil)
    assert browser.fields == {"user_code": evil}


def test_no_script_no_frame_no_trace(sandbox: Sandbox) -> None:
    """The page forbids all that it does not have itself; the code stays out of the journal."""
    device = Oidc(sandbox)
    browser = Browser(device.told["verification_uri_complete"])
    policy = browser.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    for part in ("form-action 'self'", "frame-ancestors 'none'"):
        assert part in policy
    assert browser.headers["Referrer-Policy"] == "no-referrer"
    assert browser.headers["Cache-Control"] == "no-store"
    assert browser.headers["Content-Type"] == "text/html; charset=utf-8"
    assert device.told["user_code"] not in str(sandbox.requests)
    assert sandbox.requests[-1].party == "idp"


def test_the_page_takes_forms_alone(sandbox: Sandbox) -> None:
    """405 for another method, 400 for another body."""
    url = sandbox.idp.page_url
    assert requests.put(url, timeout=TIMEOUT).status_code == 405
    assert requests.post(url, json={}, timeout=TIMEOUT).status_code == 400
    assert requests.head(url, timeout=TIMEOUT).status_code == 200
