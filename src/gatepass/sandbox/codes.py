"""Device codes (RFC 8628): a machine asks for one, a person decides, the machine collects once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .oauth import Refused
from .person import Person

# RFC 8628 section 6.1: no vowels, so no words, and nothing that looks like something else.
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_REMEMBERED = 1000  # codes, the oldest of which go first
_TOO_EARLY = 0.1  # seconds that a poll may lack: two clocks and a socket lie between
_STEP = 0.05  # seconds between two looks at whether the person has decided
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(slots=True)
class Code:
    """One authorization; times by the provider's clock. `challenge` is empty without PKCE.

    `approved` is None until somebody decides; `spent` once its tokens were collected.
    """

    device_code: str
    user_code: str
    client: str
    scopes: tuple[str, ...]
    challenge: str
    interval: float
    asked_at: float
    expires_at: float
    last_poll: float | None = None
    fruitless: int = 0
    approved: bool | None = None
    spent: bool = False


class Codes:
    """All codes of one provider, whose clock is `now`. Safe to use from several threads.

    A client that polls too fast is told to slow down, and held to five seconds more from then on.
    """

    def __init__(self, person: Person, now: Callable[[], float]) -> None:
        self._person = person
        self._now = now
        self._changed = threading.Condition()
        self._codes: dict[str, Code] = {}
        self._stopped = False

    def issue(
        self, client: str, scopes: tuple[str, ...], challenge: str, interval: float, life: float
    ) -> Code:
        """A new code that lives `life` seconds; the person hears of it."""
        now = self._now()
        letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
        user_code = f"{letters[:4]}-{letters[4:]}"
        device_code = secrets.token_urlsafe(32)
        code = Code(device_code, user_code, client, scopes, challenge, interval, now, now + life)
        with self._changed:
            while len(self._codes) >= _REMEMBERED:
                del self._codes[next(iter(self._codes))]
            self._codes[device_code] = code
        self._person.hears(user_code)
        return code

    def collect(self, device_code: str, client: str, verifier: str, hold: float = 0.0) -> Code:
        """The code once it is approved, and no second time; else Refused as RFC 8628 section 3.5.

        `hold`: seconds to wait for the person before that. `verifier` is empty if none was sent.
        """
        with self._changed:
            code = self._codes.get(device_code)
            if code is None or code.client != client:
                raise Refused("invalid_grant", "the device code is unknown")
            if code.spent:
                raise Refused("invalid_grant", "the device code was used already")
            _check(code.challenge, verifier)
            self._pace(code)
            patience = time.monotonic() + hold
            while self._undecided(code):
                left = patience - time.monotonic()
                if left <= 0 or self._stopped:
                    code.fruitless += 1
                    raise Refused("authorization_pending", "nobody has answered yet")
                self._changed.wait(min(left, _STEP))
            if not code.approved:
                raise Refused("access_denied", "the person said no")
            if code.spent:
                raise Refused("invalid_grant", "the device code was used already")
            code.spent = True
            return code

    def waiting(self, user_code: str) -> Code | None:
        """The code that waits for an answer under `user_code`, however that is typed; or None."""
        letters = re.sub(r"[\s-]", "", user_code).upper()
        with self._changed:
            for code in self._codes.values():
                if code.user_code.replace("-", "") == letters and self._now() < code.expires_at:
                    return code if code.approved is None and not code.spent else None
        return None

    def decide(self, user_code: str, approved: bool) -> bool:
        """What the page's visitor says; False where no code waits under that name."""
        with self._changed:
            code = self.waiting(user_code)
            if code is None:
                return False
            code.approved = approved
            self._changed.notify_all()
            return True

    def stop(self) -> None:
        """Hold nobody any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _pace(self, code: Code) -> None:
        """From one poll's beginning to the next one's; the first may come at once."""
        now, before = self._now(), code.last_poll
        code.last_poll = now
        if before is not None and now - before < code.interval - _TOO_EARLY:
            code.interval += 5
            raise Refused("slow_down", f"the interval is {code.interval:g} seconds now")

    def _undecided(self, code: Code) -> bool:
        """Ask the person, unless the page was answered; Refused where it is too late for both."""
        now = self._now()
        if now >= code.expires_at:
            raise Refused("expired_token", "the device code has expired")
        if code.approved is None:
            code.approved = self._person.decision(now - code.asked_at, code.fruitless)
        return code.approved is None


def challenge(fields: dict[str, str], *, needed: bool) -> str:
    """The PKCE challenge of a request, S256 alone (RFC 7636 section 4.3), or Refused.

    Empty where there is none and none is `needed`.
    """
    found, method = fields.get("code_challenge", ""), fields.get("code_challenge_method", "")
    if not found and not method and not needed:
        return ""
    if method != "S256":
        raise Refused("unsupported_challenge_method", "the code_challenge_method is not S256")
    if not _CHALLENGE.fullmatch(found):
        raise Refused("invalid_request", "the code_challenge is missing, or no SHA-256 hash")
    return found


def _check(expected: str, verifier: str) -> None:
    """RFC 7636 section 4.6; and a verifier without a challenge is somebody else's code."""
    if not expected and not verifier:
        return
    digest = hashlib.sha256(verifier.encode("ascii", "replace")).digest()
    actual = base64.urlsafe_b64encode(digest).rstrip(b"=")
    right = hmac.compare_digest(actual, expected.encode("ascii"))
    if not right or not _VERIFIER.fullmatch(verifier):
        raise Refused("invalid_grant", "the code_verifier does not fit")
