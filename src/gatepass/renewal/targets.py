"""The files that are kept fresh: a netrc, a pip.conf, a token alone, and one that says "ready"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from gatepass import netrc
from gatepass.renewal.place import Place, is_full

if TYPE_CHECKING:
    from gatepass.credential import Credential
    from gatepass.settings import Registry

_LARGEST = 64 * 1024
"""Bytes of a file that are looked at, to see whether we wrote it."""

_OURS = "# Written by `gatepass watch`, again and again: it holds a secret. Changes are lost.\n"


class Target:
    """A file, and the credentials that it holds.

    ``names``: of the registries that it is for; ``written``: what is in it now, by registry;
    ``again``: not to be tried before this moment, after a failure.
    """

    def __init__(self, place: Place, registries: Sequence[Registry]) -> None:
        self.place, self.registries = place, tuple(registries)
        self.names = frozenset(one.name for one in registries)
        self.written: dict[str, Credential] = {}
        self.again = 0.0

    def problem(self) -> str:
        """Why it can't be kept at its place, as words that follow a colon; empty where it can."""
        return self.place.problem() or self._not_ours()

    def put(self, held: Mapping[str, Credential]) -> None:
        """Let it hold these credentials and no others; without any there is no file. OSError."""
        if held:
            self.place.write(self.text(held).encode())
        else:
            self.place.remove()
        self.written = dict(held)

    def text(self, held: Mapping[str, Credential]) -> str:
        """What is written where there is at least one credential."""
        raise NotImplementedError

    def is_current(self, held: Mapping[str, Credential]) -> bool:
        """Whether there is nothing to do; a file that somebody deleted is made again."""
        return self.written == held and (not held or self.place.exists())

    def _not_ours(self) -> str:
        return ""

    def _found(self) -> str:
        """The text of the file that is there; empty where there is none; where it can't be read,
        two words that no file of ours has."""
        try:
            return self.place.read(_LARGEST).decode("utf-8", "replace")
        except OSError:
            return "?\n?"


class Token(Target):
    """The secret alone, without a line's end, as a kubelet writes its tokens."""

    def text(self, held: Mapping[str, Credential]) -> str:
        [credential] = held.values()
        return credential.secret.reveal()

    def _not_ours(self) -> str:
        return "it holds something else than a token" if len(self._found().split()) > 1 else ""


class PipConf(Target):
    """pip's configuration, whole: nothing of anybody else's can stand in it."""

    def __init__(self, place: Place, registry: Registry, index: str) -> None:
        """``index``: the address of an index, whole and without a user name."""
        super().__init__(place, [registry])
        self._index = index

    def text(self, held: Mapping[str, Credential]) -> str:
        [credential] = held.values()
        user = f"{quote(credential.username, safe='')}:{quote(credential.secret.reveal(), safe='')}"
        return f"{_OURS}[global]\nindex-url = {self._index.replace('://', f'://{user}@', 1)}\n"

    def _not_ours(self) -> str:
        found = self._found()
        return "it is another's, and ours is written whole" if found and _OURS not in found else ""


class Netrc(Target):
    """One entry a host; comments, macros and other machines stay as they are."""

    def put(self, held: Mapping[str, Credential]) -> None:
        """What is taken out goes on a full disk too: with others' entries in it, the file is then
        shortened where it is."""
        text = netrc.read(self.place.path, follow=False)
        for registry in reversed(self.registries):
            host, credential = host_of(registry), held.get(registry.name)
            if credential is None:
                text = netrc.without_machine(text, host)
            else:
                text = netrc.with_machine(text, host, credential.username, credential.secret)
        if text.strip():
            self._replace(text.encode("utf-8", "surrogateescape"), held)
        else:
            self.place.remove()
        self.written = dict(held)

    def _replace(self, data: bytes, held: Mapping[str, Credential]) -> None:
        try:
            self.place.write(data)
        except OSError as error:
            is_less = held.items() <= self.written.items()
            if not is_full(error) or not is_less:
                raise
            try:
                self.place.shorten(data)
            except OSError:
                raise error from None

    def _not_ours(self) -> str:
        try:
            netrc.read(self.place.path, follow=False)
        except OSError as error:
            return f"it can't be read: {error.strerror}"
        return ""


class Ready(Target):
    """An empty file that is there while every other one holds what it should."""

    def text(self, held: Mapping[str, Credential]) -> str:
        return ""

    def _not_ours(self) -> str:
        return "it is not empty" if self._found() else ""


def host_of(registry: Registry) -> str:
    """A registry's host as a netrc has it: without the brackets of IPv6."""
    return registry.realm.host.strip("[]")
