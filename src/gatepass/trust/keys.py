"""Where an issuer's keys come from, and how long they are believed.

In order: what the user configured for the issuer (a file, or an https URL); in a pod, for its own
cluster's tokens, the API server; the issuer's own discovery. A source that can't be reached passes
to the next; one that answered is final.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from gatepass import discovery, files, log
from gatepass.errors import GatepassError, TransportError, TrustError, plain
from gatepass.pod import Cluster
from gatepass.transport import Deadline, Transport
from gatepass.trust import jwks
from gatepass.trust.jws import UnverifiedToken

LONGEST = 3600.0
"""Seconds for which a key set is believed at most, and for which it then still serves while its
source is down."""
UNSAID = 300.0
"""Seconds where the answer has no max-age."""
COOL_DOWN = 30.0
"""Seconds between two fetches for a key that isn't there, or from a source that is down."""


class Cache(Protocol):
    """Where key sets rest: a name in, bytes out. Losing one costs a request, nothing else."""

    def get(self, name: str) -> bytes | None: ...
    def put(self, name: str, data: bytes) -> None: ...


class _Held(NamedTuple):
    """A cached key set: when it was fetched and last asked for (epoch seconds), for how long."""

    document: Any
    fetched: float
    asked: float
    max_age: float


class KeySource:
    """Finds the keys that could have signed a token."""

    def __init__(
        self,
        transport: Transport,
        cache: Cache,
        configured: Callable[[str], str],
        clock: Callable[[], float] = time.time,
        cluster: Cluster | None = None,
    ) -> None:
        """``configured``: an issuer's own ``jwks`` setting, empty where it has none; ``cluster``:
        the pod's, None outside of one."""
        self._transport, self._cache, self._configured = transport, cache, configured
        self._cluster = cluster
        self._clock = clock

    def keys_for(self, token: UnverifiedToken, deadline: Deadline) -> list[dict[str, Any]]:
        """The JWKs that fit the token; at least one.

        Raises TrustError: unknown-key where the sources answered and have none that fits,
        issuer-unreachable where none answered, bad-key-set, issuer-metadata.
        """
        failures = []
        for fetch, name in self._sources(token.issuer):
            try:
                return self._from(fetch, name, token, deadline)
            except TransportError as error:
                failures.append(error)
                log.info("keys", f"no keys from {name}: {error.what}: {error.why}")
        raise _unreachable(token.issuer, failures)

    def _sources(self, issuer: str) -> list[tuple[_Fetch, str]]:
        def by_discovery(deadline: Deadline) -> tuple[Any, float]:
            return self._get(discovery.jwks_uri(issuer, self._transport, deadline), deadline)

        configured = self._configured(issuer)
        found: list[tuple[_Fetch, str]] = [(by_discovery, issuer)]
        cluster = self._cluster
        if cluster and issuer == cluster.issuer:
            found.insert(0, (lambda deadline: self._from_cluster(cluster, deadline), cluster.keys))
        if configured.startswith("https://"):
            found.insert(0, (lambda deadline: self._get(configured, deadline), configured))
        elif configured:
            found.insert(0, (lambda deadline: (_from_file(configured), 0.0), configured))
        return found

    def _from(
        self, fetch: _Fetch, name: str, token: UnverifiedToken, deadline: Deadline
    ) -> list[dict[str, Any]]:
        now = self._clock()
        held = self._held(name, now)
        if held:
            found = jwks.matching(held.document, token)
            # A source that is down was asked by whoever last failed: it isn't waited for each time.
            if now < held.asked + COOL_DOWN or (found and now < held.fetched + held.max_age):
                return found or _none(token)
        try:
            document, max_age = fetch(deadline.half())
        except TransportError as error:
            if held is None:
                raise
            log.warning(
                "keys", f"{error.what}; its keys of {now - held.fetched:.0f} s ago serve on"
            )
            self._keep(name, held._replace(asked=now))
            return jwks.matching(held.document, token) or _none(token)
        found = jwks.matching(document, token)  # before it is kept: no use in keeping a non-set
        self._keep(name, _Held(document, now, now, max_age))
        return found or _none(token)

    def _from_cluster(self, cluster: Cluster, deadline: Deadline) -> tuple[Any, float]:
        """By the cluster's own CA, past every proxy, opened by the pod's own token."""
        token = cluster.token()
        bearer = {"Authorization": f"Bearer {token.reveal()}"} if token else {}
        transport = Transport(cluster.ca_file)
        return self._get(cluster.keys, deadline, transport, lambda: bearer)

    def _get(
        self,
        url: str,
        deadline: Deadline,
        transport: Transport | None = None,
        headers: Callable[[], dict[str, str]] = dict,
    ) -> tuple[Any, float]:
        sender = transport or self._transport
        response = sender.send("GET", url, headers=headers, deadline=deadline)
        if response.status != 200:
            raise TransportError(
                "unreachable",
                f"no keys at {plain(url, 200)} (HTTP {response.status})",
                why=response.reason(),
                do="check the address of the keys",
            )
        try:
            document = json.loads(response.body)
        except (ValueError, RecursionError):
            # A sign-in page of some proxy, say: as good as no answer, so what is held serves on.
            raise TransportError(
                "unreachable",
                f"what came from {plain(url, 200)} is not JSON",
                do="check the address of the keys, and what stands between",
            ) from None
        return document, _max_age(response.headers.get("cache-control", ""))

    def _held(self, name: str, now: float) -> _Held | None:
        """What is cached and may still serve, if only while its source is down; else None."""
        data = self._cache.get(name)
        try:
            held = _Held(*json.loads(data)) if data else None
            # A clock that was set back, or a damaged record, would keep a set for ever.
            if (
                held
                and jwks.is_key_set(held.document)
                and held.fetched <= held.asked <= now + COOL_DOWN
                and 0 < held.max_age <= LONGEST
                and now < held.fetched + held.max_age + LONGEST
            ):
                return held
        except (ValueError, TypeError, RecursionError):
            pass  # damaged: as good as not there
        return None

    def _keep(self, name: str, held: _Held) -> None:
        if held.max_age > 0:  # 0: a file, which is read again each time
            self._cache.put(name, json.dumps(held).encode())


_Fetch = Callable[[Deadline], tuple[Any, float]]


def _from_file(path: str) -> Any:
    try:
        return json.loads(files.read(path, 1024 * 1024))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise TrustError(
            "bad-key-set",
            f"no keys can be read from {plain(path)}",
            why=str(reason),
            do="correct GATEPASS_JWKS_FILE, or the issuer's `jwks` in config.toml",
        ) from None


def _max_age(cache_control: str) -> float:
    """Seconds of RFC 9111's max-age, an hour at most; never so short that each call asks."""
    for directive in cache_control.lower().replace(" ", "").split(","):
        name, _, value = directive.partition("=")
        if name == "max-age" and value.isascii() and value.isdigit():
            return max(COOL_DOWN, min(LONGEST, float(value[:9])))
    return UNSAID


def _none(token: UnverifiedToken) -> list[dict[str, Any]]:
    raise TrustError(
        "unknown-key",
        f"{plain(token.issuer, 200)} has no key that fits the token",
        why=f"its header says kid {plain(token.key_id, 80)!r} and alg {token.algorithm}",
        do="if the issuer has just changed its keys, try again in half a minute; else the token\n"
        "is not from there",
    )


def _unreachable(issuer: str, failures: list[TransportError]) -> GatepassError:
    last = failures[-1]
    return TrustError(
        "issuer-unreachable",
        f"the keys of {plain(issuer, 200)} can't be had, so its token can't be verified",
        why=f"{last.what}: {last.why}" if last.why else last.what,
        do="one of: let this machine reach the issuer (HTTPS_PROXY, REQUESTS_CA_BUNDLE);\n"
        "save its key set to a file and name that in GATEPASS_JWKS_FILE;\n"
        "set GATEPASS_VERIFY=off, and the registry alone checks the token",
    )
