"""The pages on which a person with a browser types a code and says yes or no: HTML, no scripts."""

from __future__ import annotations

from html import escape

from . import acme
from .messages import HTML, Answer

# No script, no foreign content, and no frame in which somebody else's page could be hidden.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline';"
    " form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
YES, NO = DECISIONS = ("approve", "deny")

_STYLE = "body{font:1.1rem sans-serif;max-width:32rem;margin:4rem auto}input,button{font:inherit}"


def enter(user_code: str, wrong: bool = False) -> Answer:
    """The form for the code, filled with `user_code`; 400 and a line more after a wrong one."""
    complaint = "<p role=alert>No login waits under this code.</p>" if wrong else ""
    form = (
        "<p>Enter the code that is shown where you are logging in.</p>"
        f'{complaint}<form method=post><p><input name=user_code value="{escape(user_code)}"'
        " autocomplete=off autofocus required maxlength=32> <button>Continue</button></p></form>"
    )
    note = "a wrong code" if wrong else ""
    return _page(400 if wrong else 200, "Log in on a device", form, note)


def confirm(user_code: str, client: str) -> Answer:
    """The question, with a button for each answer."""
    code = escape(user_code)
    form = (
        f"<p><b>{escape(client)}</b> wants to log in as {escape(acme.EMAIL)}.</p>"
        f"<p>Is <b>{code}</b> the code that you see there?</p>"
        f'<form method=post><input type=hidden name=user_code value="{code}"><p>'
        f"<button name=decision value={YES}>Yes, log in</button> "
        f"<button name=decision value={NO}>No</button></p></form>"
    )
    return _page(200, "Is it you?", form, f"asked about {client}")


def done(approved: bool) -> Answer:
    """The end of it."""
    title = "You are logged in" if approved else "The login was refused"
    return _page(200, title, "<p>You can close this window.</p>", "yes" if approved else "no")


def _page(status: int, title: str, body: str, note: str) -> Answer:
    text = (
        f"<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><title>{escape(title)}</title>"
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )
    return Answer(status, text.encode(), HTML, _HEADERS, note)
