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
from gatepass.errors import ConfigError, GatepassError, internal
from gatepass.exchange import packagemanager
from gatepass.identity.login import PersonsLogin
from gatepass.identity.token import ReadyToken
from gatepass.settings import Environment, Registry, Settings, load
from gatepass.settings.environment import read
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
    for settings that can't be read; a fault of our own is one too (internal).
    """
    try:
        return _find(url, username, os.environ if env is None else env, remember)
    except GatepassError as error:
        failure = error
    except Exception as error:
        failure = internal(error)
    # The frames below hold tokens, and some reporters of tracebacks print their variables.
    del env, url
    failure.__context__ = None
    raise failure.with_traceback(None) from None


def _find(url: str, username: str | None, env: Environment, remember: bool) -> Credential | None:
    address = realm.parse(url)
    if address is None:
        return None
    if read(env, "GATEPASS_PASS"):
        return _passed(address, env, username)
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
    after: float | None = None,
) -> Credential | None:
    """A credential for a registry: :func:`credential_for` after the URL was found to be ours.

    ``after``: a stored one serves only if it was obtained after this moment, for whoever renews
    early; logins, passes and ready tokens, which nobody can renew at will, are as they are.
    """
    log.configure(settings.log_level, settings.log_format, settings.log_file)
    address = realm.parse(registry.url) if read(env, "GATEPASS_PASS") else None
    if address is not None:
        return _passed(address, env, username)
    name = exchange.way(registry.kind, "").username_for(username)
    if name is None:
        return None
    check_address(registry)
    who = identity.choose(env, registry)
    log.info(
        "identity", f"{registry.url}: we are {who.label}", identity=who.name, origin=who.origin
    )
    if not settings.verify:
        log.warning("verify-off", "GATEPASS_VERIFY=off: signatures of tokens are not checked")
    check_policy(registry, who)
    if isinstance(who, ReadyToken):
        return packagemanager.ready(registry, who.secret)._replace(username=name)
    store = open_store(env, settings)
    where = store_key(registry, settings, who, env)
    if isinstance(who, PersonsLogin):
        from gatepass.signin import credential  # people wait longer than modules take to load

        held = credential(registry, settings, env, who, store, where, remember=remember)
        return held._replace(username=name)
    found = _stored(store, where, after)
    if found is None:
        found = _exchange_once(registry, settings, env, who, store, where, remember, after)
    else:
        log.info("from-store", f"{registry.url}: a stored credential serves, no request was made")
    return found._replace(username=name)


def _passed(address: realm.Address, env: Environment, username: str | None) -> Credential | None:
    """From the passes of `gatepass exec`, and from nowhere else: no identity, no network, and no
    settings but to say why a registry of ours has no pass."""
    from gatepass.store import passes

    folder = passes.folder_of(env)
    found = passes.find(folder, address) if folder else None
    if found is None:
        registry = load(env).registry_for(address)
        if registry is None:
            return None
        check_address(registry)
        raise passes.missing(registry)
    name = exchange.way(found.kind, "").username_for(username)
    return None if name is None else found.credential._replace(username=name)


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


def check_policy(registry: Registry, who: Identity) -> None:
    """Refuse a claims policy where the identity has no claims that we could verify."""
    verified = who.presents_token or (isinstance(who, PersonsLogin) and who.provider is not None)
    if registry.claims and not verified:
        raise ConfigError(
            "policy-needs-identity",
            f"{who.origin} can't be used for {registry.url}, which has a claims policy",
            why=f"{who.label}: nothing about it says which job or person uses it",
            do="choose another identity (GATEPASS_IDENTITY), or remove `claims` from the registry\n"
            "in config.toml",
        )


def store_key(registry: Registry, settings: Settings, who: Identity, env: Environment) -> str:
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
    aws = (who.role_arn, read(env, "AWS_ROLE_SESSION_NAME"), str(registry.duration))
    return key(
        (
            registry.kind,
            exchange.way(registry.kind, who.name).endpoint(registry, env),
            # All hosts of a domain give the same.
            " ".join(registry.aws) if registry.aws else str(registry.realm),
            "(unsaid)" if who.audience_is_unsaid else registry.expected_audience,
            *(aws if registry.aws else ()),
            "required" if settings.verify else "off",
            key(rules),
            who.name,
            who.fingerprint(),
        )
    )


def _stored(store: Store, where: str, after: float | None) -> Credential | None:
    held = store.get(where, time.time())
    return held if held and (after is None or held.obtained_at > after) else None


def _exchange_once(
    registry: Registry,
    settings: Settings,
    env: Environment,
    who: Identity,
    store: Store,
    where: str,
    remember: bool,
    after: float | None,
) -> Credential:
    """Exchange under the key's lock, so that however many ask, one does the work."""

    def look() -> Credential | GatepassError | None:
        return _stored(store, where, after) or (_remembered(store, where) if remember else None)

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
    request = exchange.Request(
        registry=registry,
        who=who,
        mint=lambda: presenter.subject_token(deadline)[0],
        claims=lambda: presenter.claims,
        env=env,
        transport=transport,
        deadline=deadline,
        keeps=settings.store != "off",
    )
    credential = exchange.way(registry.kind, who.name).exchange(request)
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
