"""The journey from a service string to a credential, read top to bottom.

registry -> identity -> store -> subject token -> trust -> exchange -> store. What is heavy
(requests, jwt, cryptography) loads only when the store has nothing.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from gatepass import exchange, identity, log, realm
from gatepass.credential import Credential
from gatepass.errors import ConfigError, GatepassError
from gatepass.identity.token import ReadyToken
from gatepass.settings import Environment, Registry, Settings, load
from gatepass.store import Store, key, open_store

if TYPE_CHECKING:
    from gatepass.identity import Identity

FORGET = 10.0
"""Seconds that a failure is remembered for the keyring face: a client that fails asks two to six
times within about two seconds, and a person who mends something takes longer."""


def credential_for(
    url: str, username: str | None = None, *, env: Environment | None = None, remember: bool = False
) -> Credential | None:
    """A credential for a service string; None where it isn't one of our registries'.

    ``username``: who was asked for; None also where the registry's kind leaves that name to
    others. ``env``: instead of ``os.environ``, for settings and identities; proxies and
    certificate authorities are always the process's own. ``remember``: answer with a failure of
    the last seconds instead of failing once more. Takes at most two minutes: 60 s for another
    process's work, 30 s for our own. Raises GatepassError, only ever for a registry of ours or
    for settings that can't be read.
    """
    try:
        return _find(url, username, os.environ if env is None else env, remember)
    except GatepassError as error:
        failure = error
    # The frames below hold tokens, and some reporters of tracebacks print their variables.
    del env, url
    failure.__context__ = None
    raise failure.with_traceback(None) from None


def _find(url: str, username: str | None, env: Environment, remember: bool) -> Credential | None:
    address = realm.parse(url)
    if address is None:
        return None
    settings = load(env)
    registry = settings.registry_for(address)
    if registry is None:
        return None
    return credential_at(registry, settings, env, username, remember=remember)


def credential_at(
    registry: Registry,
    settings: Settings,
    env: Environment,
    username: str | None = None,
    *,
    remember: bool = False,
) -> Credential | None:
    """A credential for a registry: :func:`credential_for` after the URL was found to be ours."""
    log.configure(settings.log_level, settings.log_format, settings.log_file)
    kind = exchange.kind(registry.kind)
    name = kind.username_for(username)
    if name is None:
        return None
    check_address(registry)
    who = identity.choose(env, registry)
    log.info(
        "identity", f"{registry.url}: we are {who.label}", identity=who.name, origin=who.origin
    )
    if not settings.verify:
        log.warning("verify-off", "GATEPASS_VERIFY=off: signatures of tokens are not checked")
    if isinstance(who, ReadyToken):
        _check_no_policy(registry)
        return kind.ready(registry, who.secret)._replace(username=name)
    store = open_store(env, settings)
    where = store_key(registry, settings, who)
    held = store.get(where, time.time())
    if held is None:
        held = _exchange_once(registry, settings, env, who, store, where, remember)
    else:
        log.info("from-store", f"{registry.url}: a stored credential serves, no request was made")
    return held._replace(username=name)


def check_address(registry: Registry) -> None:
    """Refuse plain http that nobody allowed; say so each time where somebody did."""
    at = registry.realm
    if registry.is_insecure:
        raise ConfigError(
            "insecure-address",
            f"{registry.url} is plain http: no token goes there",
            why="whoever is on the way could read it, and the packages, and change both",
            do=f"write https:// in {registry.source}; on a network you trust, in config.toml:\n"
            f'[registries.{registry.name}]\nurl = "{registry.url}"\nallow_http = true',
        )
    if at.scheme == "http" and not realm.is_loopback(at.host):
        log.warning("plain-http", f"{at.origin} is plain http: tokens travel where others can read")


def _check_no_policy(registry: Registry) -> None:
    if registry.claims:
        raise ConfigError(
            "policy-needs-identity",
            f"PACKAGEMANAGER_TOKEN can't be used for {registry.url}, which has a claims policy",
            why="an API token doesn't say which job it is used by",
            do="unset PACKAGEMANAGER_TOKEN, or remove `claims` from the registry in config.toml",
        )


def store_key(registry: Registry, settings: Settings, who: Identity) -> str:
    """Whose credential it is, for which registry, under which rules: see :mod:`gatepass.store.key`.

    The user name is not part of it, it is put on the answer.
    """
    rules = (  # each list hashed by itself: else the end of one could pass for the start of another
        key(
            part
            for rule in registry.claims
            for part in (str(rule.is_pattern), rule.name, rule.text)
        ),
        key(settings.trusted_issuers),
        settings.jwks_file,
        repr(sorted(settings.issuers.items())),
    )
    return key(
        (
            registry.kind,
            exchange.kind(registry.kind).endpoint(registry),
            str(registry.realm),
            "(unsaid)" if who.audience_is_unsaid else registry.audience or registry.url,
            "required" if settings.verify else "off",
            key(rules),
            who.name,
            who.fingerprint(),
        )
    )


def _exchange_once(
    registry: Registry,
    settings: Settings,
    env: Environment,
    who: Identity,
    store: Store,
    where: str,
    remember: bool,
) -> Credential:
    """Exchange under the key's lock, so that however many ask, one does the work."""

    def look() -> Credential | GatepassError | None:
        return store.get(where, time.time()) or (_remembered(store, where) if remember else None)

    with store.alone(where, look) as found:
        if isinstance(found, GatepassError):
            raise found
        if found is not None:
            log.info("from-store", f"{registry.url}: another process has just exchanged")
            return found
        try:
            credential, about = _exchange(registry, settings, env, who, store)
        except GatepassError as error:
            store.note(f"failure-{where}", record_of(error, registry.url))
            raise
        store.put(where, credential, about)
    left = (credential.expires_at or credential.obtained_at) - credential.obtained_at
    log.info("stored", f"{registry.url}: kept for {left:.0f} s", seconds=round(left))
    return credential


def _exchange(
    registry: Registry, settings: Settings, env: Environment, who: Identity, store: Store
) -> tuple[Credential, dict[str, str]]:
    from gatepass.present import (
        Presenter,
    )  # loads requests and jwt: only where the store had nothing
    from gatepass.transport import Deadline, Transport

    transport, deadline = Transport(), Deadline()
    presenter = Presenter(registry, settings, env, who, store.key_sets(), transport)
    credential = exchange.kind(registry.kind).exchange(
        registry,
        lambda: presenter.subject_token(deadline)[0],
        transport,
        deadline,
        can_remint=who.can_remint,
    )
    log.info(
        "exchanged", f"{registry.url}: exchanged for a credential", username=credential.username
    )
    about = {
        "registry": registry.name,
        "url": registry.url,
        "identity": who.name,
        **presenter.shown,
    }
    return credential, about


def record_of(error: GatepassError, url: str) -> dict[str, Any]:
    """A failure as it is kept: its texts, which hold no secret, and when and where it was."""
    return {
        "time": time.time(),
        "url": url,
        "code": error.code,
        "what": error.what,
        "why": error.why,
        "do": error.do,
    }


def _remembered(store: Store, where: str) -> GatepassError | None:
    record = store.recall(f"failure-{where}")
    try:
        if record and 0 <= time.time() - float(record["time"]) < FORGET:
            texts = {name: str(record[name]) for name in ("what", "why", "do")}
            return GatepassError(
                str(record["code"]), texts["what"], why=texts["why"], do=texts["do"]
            )
    except (KeyError, TypeError, ValueError):
        pass
    return None
