"""The one way out to the network: requests, with every wait and every size bounded.

https only, but to this machine or where the user's configuration allowed a registry's http. No
redirects: a secret goes to the address that was named. No netrc, which would replace our
Authorization header. Proxies and certificate authorities come from :mod:`gatepass.reach`.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gatepass import __version__, log
from gatepass.errors import TransportError, plain
from gatepass.failure import (
    CONNECT,
    LARGEST,
    READ,
    WHOLE,
    Failure,
    TooLarge,
    failure,
    scrubbed,
    too_slow,
)
from gatepass.realm import Realm, is_loopback, realm_of
from gatepass.secret import Secret

if TYPE_CHECKING:
    import requests

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_UNTOUCHED = frozenset({429, 502, 503, 504})
"""Statuses after which even what must not arrive twice is sent again: 429 and 503 say that it
wasn't worked on; 502 and 504 are a gateway's, and make that likely, not sure."""

_AWS_CA = "AWS_CA_BUNDLE"

_ATTEMPTS = 4
_BACKOFF, _LONGEST_BACKOFF = 0.25, 4.0


class Deadline:
    """A moment by which all must be over, in seconds from now. ``clock`` is for tests."""

    def __init__(self, seconds: float = WHOLE, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Seconds left; zero or less when it has passed."""
        return self._end - self._clock()

    def half(self) -> Deadline:
        """Half of what is left: one who hangs then leaves time for whoever is asked next."""
        return Deadline(self.left() / 2, self._clock)


class Response(NamedTuple):
    """An answer: ``status``, ``headers`` with lower-case names, and at most ``LARGEST`` bytes.

    ``sent``: the values that the request carried, so that :meth:`reason` never repeats one.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent: tuple[Secret, ...] = ()

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is anything else."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def reason(self) -> str:
        """The server's own words (RFC 6749 section 5.2, else its first line), made plain.

        Empty for a success: what came may be the very secret that was asked for.
        """
        if self.status < 300:
            return ""
        told = self.json_object()
        parts = [str(told[k]) for k in ("error", "error_description", "message") if told.get(k)]
        if not parts and "html" not in self.headers.get("content-type", ""):
            parts = self.body[:2000].decode("utf-8", "replace").strip().splitlines()[:1]
        return plain(scrubbed(": ".join(parts)[:4000], self.sent))


class Transport:
    """Sends requests. One instance a process is enough; threads may share it."""

    def __init__(self, ca_file: str = "", ca_first: str = "") -> None:
        """``ca_file``: trust these authorities alone, and go past every proxy: a cluster's API.
        ``ca_first``: a variable that may name authorities, before those that speak for all."""
        self._ca_file, self._ca_first = ca_file, ca_first
        self._made: requests.Session | None = None
        self._making = threading.Lock()

    def for_aws(self) -> Transport:
        """Itself, or where AWS_CA_BUNDLE is set one that trusts those authorities instead."""
        return Transport(ca_first=_AWS_CA) if os.environ.get(_AWS_CA) else self

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Callable[[], Mapping[str, str]] = dict,
        form: Callable[[], Mapping[str, str]] | None = None,
        query: Mapping[str, str] | None = None,
        deadline: Deadline,
        twice_is_safe: bool = True,
        attempts: int | None = None,
        allow_http: bool = False,
    ) -> Response:
        """One request with its retries; any status but a redirect is an answer, not an error.

        ``headers`` and ``form`` are called for each attempt, so that each can carry a new token.
        Where ``twice_is_safe`` is false, a request whose fate is unknown is never sent again.
        ``query`` is for what a server takes nowhere else; it is kept secret like them.
        ``attempts``: at most so many instead of four; 1 for who asks again by a rule of its own.
        Raises TransportError, whose text names the address and never what was sent.
        """
        realm = _checked(url, allow_http)
        attempts = attempts or _ATTEMPTS
        for attempt in range(1, attempts + 1):
            body = dict(form()) if form else None
            outcome = self._once(realm, method, url, dict(headers()), body, query, deadline)
            last = attempt == attempts
            if isinstance(outcome, Response):
                statuses = _TRANSIENT if twice_is_safe else _UNTOUCHED
                if last or outcome.status not in statuses:
                    return outcome
                said = f"HTTP {outcome.status}"
                pause = max(_pause(attempt), _retry_after(outcome.headers))
            else:
                if last or not (outcome.unsent or (twice_is_safe and outcome.transient)):
                    raise outcome.error
                said, pause = outcome.error.why, _pause(attempt)
            if pause >= deadline.left():
                if isinstance(outcome, Response):
                    return outcome
                raise outcome.error
            log.info("retry", f"{realm.origin}: {said}; again in {pause:.1f} s", attempt=attempt)
            time.sleep(pause)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _once(
        self,
        realm: Realm,
        method: str,
        url: str,
        headers: dict[str, str],
        form: dict[str, str] | None,
        query: Mapping[str, str] | None,
        deadline: Deadline,
    ) -> Response | Failure:
        """One attempt, in a thread of its own: even a name look-up can then not outlast us."""
        from gatepass import reach

        session = self._session()
        headers.setdefault("User-Agent", f"gatepass/{__version__}")
        fields = (*headers.values(), *(form or {}).values(), *(query or {}).values())
        sent = tuple(map(Secret, fields))
        if query:
            reach.hide_queries()
        box: list[Response | BaseException] = []

        def work() -> None:
            try:
                answer = session.request(
                    method,
                    url,
                    headers=headers,
                    data=form,
                    params=query,
                    timeout=(min(CONNECT, deadline.left()), min(READ, deadline.left())),
                    proxies={} if self._ca_file else reach.proxies(url, realm.host),
                    allow_redirects=False,
                    stream=True,
                )
                with answer:
                    box.append(_read(answer, deadline)._replace(sent=sent))
            except BaseException as error:
                box.append(error)

        if deadline.left() <= 0:
            return Failure(too_slow(realm), transient=False, unsent=False)
        worker = threading.Thread(target=work, daemon=True, name="gatepass-request")
        worker.start()
        worker.join(deadline.left())
        result = box[0] if box else None
        if result is None or (isinstance(result, BaseException) and deadline.left() <= 0):
            return Failure(too_slow(realm), transient=False, unsent=False)
        if isinstance(result, BaseException):
            return failure(realm, result, sent)
        if 300 <= result.status < 400:
            error = TransportError(
                "redirect-refused",
                f"{realm.origin} answered with a redirect (HTTP {result.status})",
                why="a secret goes only where it was told to, so redirects aren't followed",
                do="correct the address: write the one that it redirects to, or ask its owner",
            )
            return Failure(error, transient=False, unsent=False)
        return result

    def _session(self) -> requests.Session:
        with self._making:
            if self._made is None:
                from gatepass import reach

                self._made = reach.session(self._ca_file, self._ca_first)
            return self._made


def _read(answer: requests.Response, deadline: Deadline) -> Response:
    """The body, up to the cap, whatever Content-Length or compression promise.

    That it is whole, urllib3 sees to: it raises where fewer bytes came than were announced.
    """
    body = bytearray()
    # read1 returns what has come, so that a server that drips bytes can't hold us in one call.
    while chunk := answer.raw.read1(16384, decode_content=True):
        body += chunk
        if len(body) > LARGEST:
            raise TooLarge
        if deadline.left() <= 0:
            raise TimeoutError
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(answer.status_code, headers, bytes(body))


def _checked(url: str, allow_http: bool) -> Realm:
    try:
        realm = realm_of(url.partition("?")[0])
    except ValueError as error:
        raise TransportError(
            "bad-address",
            f"not an address to send anything to: {plain(url, 100)}",
            why=str(error),
            do="correct it where it is set; an address is https://host[/path]",
        ) from None
    if realm.scheme != "https" and not is_loopback(realm.host) and not allow_http:
        raise TransportError(
            "insecure-address",
            f"{realm.origin} is plain http",
            why="whoever is on the way would read the token",
            do="use https://",
        )
    return realm


def _pause(attempt: int) -> float:
    """Full jitter: many jobs that failed together must not come back together."""
    return random.uniform(0, min(_LONGEST_BACKOFF, _BACKOFF * 2**attempt))  # noqa: S311 - no secret


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that the server asks to wait (RFC 9110 section 10.2.3); 0 where it doesn't."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    if value:
        from email.utils import parsedate_to_datetime

        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
        except (TypeError, ValueError, OverflowError, OSError):
            pass  # no date, or one that no clock shows
    return 0.0
