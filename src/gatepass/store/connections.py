"""What the text of ``tokens.toml`` says, and changing it so that all the rest of it stays.

Three other programs keep their logins in this text: rspm, pak and posit-keyring. An entry is
``address``, ``token`` and ``auth_type``, and whatever else one of them put there; posit-keyring
drops the whole file where it finds a further key, so none of ours is ever added. The two whose
source is public take the first entry whose address is, letter for letter, the one they were
configured with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatepass import peek
from gatepass.realm import Realm, realm_of

_SSO = "sso"
"""The ``auth_type`` of a login: the only one that the other programs are known to write."""


def read(text: str) -> dict[str, Any]:
    """The whole document. ValueError where it is no TOML, or its connections are no tables."""
    import tomllib  # not on the way of those who have no login

    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    connections = document.get("connections", [])
    if not isinstance(connections, list) or not all(isinstance(c, dict) for c in connections):
        raise ValueError("its connections are no list of tables")
    return document


def realm_in(entry: Any) -> Realm | None:
    """The realm of an entry's address; None where it has none that can be read."""
    address = entry.get("address")
    try:
        return realm_of(address) if isinstance(address, str) else None
    except ValueError:
        return None


def realms(document: dict[str, Any]) -> list[Realm]:
    """Every realm that there is a usable token for, once, as they stand."""
    usable = (realm_in(entry) for entry in _connections(document) if _token(entry))
    return list(dict.fromkeys(realm for realm in usable if realm))


def token_for(document: dict[str, Any], realm: Realm) -> str | None:
    """The token of the realm's entry; None where there is none.

    Of several the one that lives longest: under two spellings of an address two programs log in
    by turns, and replace their own entry where it stands, so its place says nothing. A login
    outranks what is none, since a login is all that :func:`keep` replaces. Nobody looks here
    whether the token is still good.
    """
    found = [entry for entry in _connections(document) if realm_in(entry) == realm]
    ranked = [(_is_login(entry), _end(_token(entry)), _token(entry)) for entry in found]
    usable = [(login, end, token) for login, end, token in ranked if token]
    return max(usable, key=lambda one: one[:2])[2] if usable else None


def keep(document: Any, address: str, token: str) -> None:
    """Put a login into the document (a plain one, or tomlkit's).

    Every login of this realm gets the token, whatever the spelling, so that each program finds
    it and :func:`token_for` no older one; and the entry of exactly this address, as the other
    programs do, even if it was another kind. Without such an entry one is added.
    """
    realm, has_exact = realm_of(address), False
    for entry in _connections(document):
        is_exact = entry.get("address") == address
        if is_exact or (_is_login(entry) and realm_in(entry) == realm):
            entry["token"], entry["auth_type"] = token, _SSO
        has_exact = has_exact or is_exact
    if has_exact:
        return
    new = {"address": address, "token": token, "auth_type": _SSO}
    if _connections(document):
        document["connections"].append(new)
    else:
        # An empty list that is written out has no place for tables, and may stand in their way.
        document.pop("connections", None)
        document["connections"] = [new]


def forget(document: Any, realm: Realm) -> None:
    """Take every entry of the realm out of the document, of whatever kind and spelling."""
    connections = _connections(document)
    for index in reversed(range(len(connections))):
        if realm_in(connections[index]) == realm:
            _keep_comments(document, index)
            del connections[index]
    if "connections" in document and not connections:
        del document["connections"]  # TOML has no way to write an empty list of tables


def change(text: str, edit: Callable[[Any], None]) -> str | None:
    """The text after ``edit``, with all else as it was: comments too; None where nothing changed.

    ``edit`` is run twice, on a plain document and on tomlkit's, which must then agree: ValueError
    where they don't, and for a text that :func:`read` refuses.
    """
    import tomlkit  # only on a login or a logout: it takes 20 ms to load

    before, wanted = read(text), read(text)
    edit(wanted)
    if wanted == before:
        return None
    try:
        # An empty line at the end, for the entry that may be added there.
        body = text.rstrip()
        written = tomlkit.parse(body + "\n\n" if body else "")
        edit(written)
        after = written.as_string()
    except Exception as error:  # whatever it may stumble over: nothing is written then
        raise ValueError(f"it can't be changed safely ({type(error).__name__})") from None
    if read(after) != wanted:
        raise ValueError("it can't be changed safely")
    return after


def _connections(document: Any) -> Any:
    return document.get("connections", [])


def _is_login(entry: Any) -> bool:
    return bool(entry.get("auth_type") == _SSO)


def _token(entry: Any) -> str:
    """A token that could be sent; empty for anything else."""
    token = entry.get("token")
    token = token.strip() if isinstance(token, str) else ""
    return token if token.isascii() and token.isprintable() and " " not in token else ""


def _end(token: str) -> float:
    """When the token says that it expires, in seconds; one that doesn't say lives for ever."""
    end = peek.claims(token).get("exp")
    return end if isinstance(end, int | float) else float("inf")


def _keep_comments(document: Any, index: int) -> None:
    """Hand what stands below an entry, before the next one's header, to its neighbour: to tomlkit
    it is the entry's own, to people it speaks of what follows."""
    tables = document["connections"]
    if not hasattr(tables, "body"):
        return  # a plain document, or a list that is written out
    body = tables[index].value.body
    tail: list[Any] = []
    while body and body[-1][0] is None:
        tail.insert(0, body.pop()[1])
    if index + 1 < len(tables):
        trivia = tables[index + 1].trivia
        trivia.indent = "".join(item.as_string() for item in tail) + trivia.indent
        return
    for item in tail:
        (tables[index - 1] if index else document).add(item)
