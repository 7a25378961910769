"""The device flow (RFC 8628): what the server told us, and asking until the person has answered.

Nothing here prints or knows whose server it is. A poll is one request; all waiting is done here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from gatepass import log
from gatepass.errors import GatepassError, IdentityError, TransportError, plain
from gatepass.realm import is_loopback, parse
from gatepass.secret import Secret
from gatepass.transport import Deadline, Response

INTERVAL = 5.0
"""Seconds between two polls where the server doesn't say (RFC 8628 section 3.2)."""

LONGEST = 1800.0
"""Seconds that a login may take, whatever the server says: a client waits as long as we do."""

_LIFE = 300.0
"""Seconds where the server doesn't say, though it must: what the other clients take."""
_SLOWER = 5.0
"""Seconds that each ``slow_down`` adds, for good (section 3.5)."""
_SHORTEST = 0.1
_LONGEST_PAUSE = 60.0
_POLL = 20.0
"""Seconds of one poll: 5 to connect, 15 without a word, as :mod:`gatepass.failure` has them."""
_HELD = 10.0
"""Seconds after which a poll without an answer was held by its server, not lost on the way."""

_FOR_GOOD = frozenset({"redirect-refused", "answer-too-large", "bad-address", "insecure-address"})
"""Errors of a poll that say what the server does, or that nothing may be sent to it: the person
would say yes, and hear of it at the code's end."""

_URL = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#[]@!$&()*+,;=%"
)
"""RFC 3986's characters, without the quote: the address ends up on some program's command line."""
_LONGEST_URL = 2048
_LONGEST_CODE = 64


class Invitation(NamedTuple):
    """What the person is asked to do (RFC 8628 section 3.2).

    ``address``: where the code is typed; ``complete``: the same with the code in it, empty where
    there is none; ``expires_in`` and ``interval`` in seconds.
    """

    device_code: Secret
    user_code: str
    address: str
    complete: str
    expires_in: float
    interval: float


class Tokens(NamedTuple):
    """What a login gives: nobody has looked at either yet."""

    id_token: Secret
    refresh_token: Secret | None = None


class Flow(Protocol):
    """A server that people log in at. ``name``: its address, for messages."""

    name: str

    def begin(self, deadline: Deadline) -> Invitation:
        """Ask for a code. Raises IdentityError (login-not-offered where there is no such flow),
        TransportError, and TrustError (issuer-metadata) where a provider's own document says where
        to ask."""
        ...

    def poll(self, invitation: Invitation, deadline: Deadline) -> Response:
        """One request, sent once. Raises TransportError where its fate is unknown."""
        ...


def invitation(response: Response, server: str) -> Invitation:
    """The server's answer to the first request, checked.

    Raises IdentityError: login-not-offered (404, 405, or a client that may not use this flow),
    login-refused, login-bad-answer. The address must be https, or http on this machine: whoever
    is on the way could else put another page before the person.
    """
    told = response.json_object()
    if response.status in (404, 405) or told.get("error") == "unsupported_grant_type":
        raise not_offered(server, f"HTTP {response.status}")
    if response.status != 200:
        raise refused(server, response)
    code, user_code = told.get("device_code"), told.get("user_code")
    address = told.get("verification_uri", told.get("verification_url"))  # Google's own spelling
    complete = told.get("verification_uri_complete") or ""
    if not isinstance(code, str) or not code or not isinstance(user_code, str) or not user_code:
        raise _bad_answer(server, "it has no device_code and user_code")
    if len(user_code) > _LONGEST_CODE or plain(user_code) != user_code:
        raise _bad_answer(server, "its user_code can't be shown")
    for url in (address, complete or address):
        if not isinstance(url, str) or not _may_be_opened(url):
            raise _bad_answer(server, f"its address is not https: {plain(url, 100)}")
    return Invitation(
        Secret(code),
        user_code,
        str(address),
        str(complete),
        _seconds(told.get("expires_in"), _LIFE),
        _seconds(told.get("interval"), INTERVAL),
    )


def finish(
    flow: Flow,
    invited: Invitation,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Poll until the person has answered; the server's answer with the tokens.

    The first poll goes out at once. A lost poll is repeated after growing pauses (section 3.5);
    after one that the server held until it timed out, the next follows at the usual interval.
    Raises IdentityError: login-denied, login-expired, login-refused; TransportError where no later
    poll can end better.
    """
    end = clock() + invited.expires_in
    interval, lost, trouble = max(invited.interval, _SHORTEST), 0, ""
    while (left := end - clock()) > 0:
        began = clock()
        pause = interval
        try:
            response = flow.poll(invited, Deadline(min(_POLL, left), clock))
        except TransportError as error:
            if error.code in _FOR_GOOD:
                raise
            trouble = error.why or error.what
            if clock() - began < _HELD:
                lost += 1
                pause = _pause(interval, lost)
            log.info("poll-lost", f"{flow.name}: {trouble}; asking again", pause=pause)
        else:
            told = response.json_object()
            said = told.get("error")
            if response.status == 200 and not said:
                return told
            if said == "slow_down":
                interval += _SLOWER
                lost, trouble, pause = 0, "", interval
            elif said == "authorization_pending":
                lost, trouble = 0, ""
            elif response.status >= 500 or (response.status in (408, 429) and not said):
                lost, trouble = lost + 1, f"HTTP {response.status}"
                pause = _pause(interval, lost)
            else:
                raise _ended(flow.name, response)
        sleep(max(0.0, min(pause, end - clock())))
    raise _expired(flow.name, trouble)


def not_offered(server: str, why: str) -> IdentityError:
    """There is no device flow: somebody else may be there to log in with."""
    return IdentityError(
        "login-not-offered",
        f"{server} offers no login for the command line",
        why=why,
        do="ask whoever runs it to turn on the device flow (RFC 8628); or set\n"
        "GATEPASS_LOGIN_ISSUER and GATEPASS_LOGIN_CLIENT_ID to a provider that has one",
    )


def refused(server: str, response: Response) -> IdentityError:
    """The server said no to us, not the person."""
    return IdentityError(
        "login-refused",
        f"{server} refused the login (HTTP {response.status})",
        why=response.reason() or "it gave no reason",
        do="run it again; if it lasts, show this to whoever runs the server",
    )


def no_id_token(server: str) -> IdentityError:
    """A login without what we came for."""
    return IdentityError(
        "login-no-id-token",
        f"the login at {server} gave no ID token",
        why="it says who you are, and is what the registry takes",
        do="ask whoever runs it to let this client have the scope `openid`",
    )


def id_token(told: dict[str, Any], server: str) -> Secret:
    """The ID token of an answer; nobody has looked into it. Raises IdentityError."""
    token = told.get("id_token")
    if not isinstance(token, str) or not token:
        raise no_id_token(server)
    return Secret(token)


def _ended(server: str, response: Response) -> GatepassError:
    error = response.json_object().get("error")
    if error in ("access_denied", "authorization_declined"):  # the second is Microsoft's
        return IdentityError(
            "login-denied",
            f"the login at {server} was refused by whoever answered it",
            why=response.reason(),
            do="run it again, and say yes on the page, as a user who may use the registry",
        )
    if error == "expired_token":
        return _expired(server, response.reason())
    return refused(server, response)


def _expired(server: str, why: str) -> IdentityError:
    return IdentityError(
        "login-expired",
        f"nobody finished the login at {server} in time",
        why=why,
        do="run it again, and open the address that it shows while the code is good",
    )


def _bad_answer(server: str, why: str) -> IdentityError:
    return IdentityError(
        "login-bad-answer",
        f"{server} began a login, and what it says can't be used",
        why=why,
        do="check that the address is the right one; if it is, tell whoever runs the server",
    )


def _pause(interval: float, lost: int) -> float:
    return max(interval, min(max(interval, 1.0) * 2.0 ** min(lost, 8), _LONGEST_PAUSE))


def _may_be_opened(url: str) -> bool:
    """https, or http on this machine; only characters that no program takes for more."""
    address = parse(url)
    if address is None or len(url) > _LONGEST_URL or not _URL.issuperset(url):
        return False
    authority = url.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]
    local = address.scheme == "http" and is_loopback(address.host)
    return "@" not in authority and (address.scheme == "https" or local)


def _seconds(value: object, default: float) -> float:
    """A number of seconds, LONGEST at most."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 9:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        return default
    return float(min(value, LONGEST))  # JSON knows numbers of any length
