"""GitHub's expressions, as far as our workflows and action use them. All else is an error.

Source: docs.github.com, "Evaluate expressions". Stricter than GitHub, where
an unknown name is empty: here it is a mistake that nobody would see.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>[0-9]+)"
    r"|(?P<sign>==|!=|&&|\|\||[!().,])|(?P<name>[A-Za-z_][\w-]*))"
)
_INSIDE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_LITERALS = {"true": True, "false": False, "null": None}
_STATUS = {"success", "failure", "always", "cancelled"}

#: Contexts in which a name that isn't there is empty, as on GitHub: what was set decides.
OPEN = ("env", "outputs")


class Unknown(Exception):
    """An expression that this harness can't evaluate, or that names what isn't there."""


class Expressions:
    """Evaluates against contexts; `failed`: whether a step before this one failed."""

    def __init__(self, contexts: Mapping[str, Any], failed: bool = False) -> None:
        self.contexts, self.failed = contexts, failed

    def text(self, value: object) -> str:
        """A YAML scalar with its ``${{ }}`` replaced."""
        written = _as_text(value)
        return _INSIDE.sub(lambda found: _as_text(self.value(found[1])), written)

    def condition(self, written: object) -> bool:
        """An ``if:``; without a status function it also wants that nothing failed."""
        text = _as_text(written).strip() or "true"
        whole = _INSIDE.fullmatch(text)
        parser = _Parser(whole[1] if whole else text, self)
        result = truth(parser.whole())
        return result and (parser.asked_status or not self.failed)

    def value(self, text: str) -> Any:
        """The value of what stands between ``${{`` and ``}}``."""
        return _Parser(text, self).whole()

    def call(self, name: str, given: list[Any]) -> Any:
        texts = [_as_text(one) for one in given]
        match name, texts:
            case "success", []:
                return not self.failed
            case "failure", []:
                return self.failed
            case "always", []:
                return True
            case "cancelled", []:
                return False
            case "contains", [whole, part]:
                return part.lower() in whole.lower()
            case "startsWith", [whole, part]:
                return whole.lower().startswith(part.lower())
        raise Unknown(f"{name}() with {len(given)} arguments")


def truth(value: Any) -> bool:
    """What counts as true: everything but false, null, 0 and the empty text."""
    return value not in (False, None, 0, "")


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if value is None:
        return ""
    raise Unknown(f"no text: {value!r:.80}")


class _Parser:
    """Recursive descent: ``||`` binds least, then ``&&``, then ``==`` and ``!=``, then ``!``."""

    def __init__(self, text: str, over: Expressions) -> None:
        self.over, self.asked_status = over, False
        self.tokens: list[tuple[str, str]] = []
        at, text = 0, text.strip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                raise Unknown(f"what is {text[at:]!r}?")
            self.tokens.append((found.lastgroup or "", found[0].strip()))
            at = found.end()

    def whole(self) -> Any:
        value = self._either()
        if self.tokens:
            raise Unknown(f"left over: {self.tokens}")
        return value

    def _take(self, *signs: str) -> str:
        if self.tokens and self.tokens[0][0] == "sign" and self.tokens[0][1] in signs:
            return self.tokens.pop(0)[1]
        return ""

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            raise Unknown(f"no {sign} before {self.tokens}")

    def _either(self) -> Any:
        value = self._both()
        while self._take("||"):
            other = self._both()
            value = value if truth(value) else other
        return value

    def _both(self) -> Any:
        value = self._equal()
        while self._take("&&"):
            other = self._equal()
            value = other if truth(value) else value
        return value

    def _equal(self) -> Any:
        value = self._not()
        while sign := self._take("==", "!="):
            other = self._not()
            if type(value) is not type(other):
                raise Unknown(f"{value!r} {sign} {other!r}: two types, which GitHub converts")
            same = value.lower() == other.lower() if isinstance(value, str) else value == other
            value = same if sign == "==" else not same
        return value

    def _not(self) -> Any:
        return not truth(self._not()) if self._take("!") else self._primary()

    def _primary(self) -> Any:
        if self._take("("):
            value = self._either()
            self._need(")")
            return value
        if not self.tokens:
            raise Unknown("it ends too early")
        kind, text = self.tokens.pop(0)
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return int(text)
        if kind != "name":
            raise Unknown(f"{text} stands alone")
        if self._take("("):
            return self._called(text)
        return _LITERALS[text] if text in _LITERALS else self._looked_up(text)

    def _called(self, name: str) -> Any:
        given = []
        while not self._take(")"):
            given.append(self._either())
            if not self._take(","):
                self._need(")")
                break
        self.asked_status |= name in _STATUS
        return self.over.call(name, given)

    def _looked_up(self, name: str) -> Any:
        place, value = name, self.over.contexts
        is_open = False
        while True:
            if not isinstance(value, Mapping) or (name not in value and not is_open):
                raise Unknown(f"there is no {place}")
            value = value.get(name, "")
            is_open = name in OPEN
            if not self._take("."):
                return value
            name = self.tokens.pop(0)[1]
            place += f".{name}"
