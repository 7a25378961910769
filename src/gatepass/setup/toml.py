"""config.toml and uv.toml: set one key or add one table, and leave every other byte as it is.

A scanner finds where each statement begins and ends (TOML 1.0: strings of four kinds, brackets,
comments). What it finds is never trusted: after each edit the whole is parsed by ``tomllib`` and
compared with what it should now say, and a file where that differs is refused.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from gatepass.setup.text import Unclear, ended

Path = tuple[str, ...]


class _Statement(NamedTuple):
    """``key = value`` (``path``: the key), or the header of a table (``path``: its name).

    ``start`` to ``end``: the statement in the text, without a comment behind it; ``value``: where
    the value begins.
    """

    start: int
    end: int
    path: Path
    value: int | None = None
    is_array: bool = False


def parse(body: str) -> dict[str, Any]:
    """What the text says. Raises Unclear where it isn't TOML."""
    import tomllib

    try:
        body.encode()  # TOML is UTF-8 and nothing else
        return tomllib.loads(body)
    except ValueError:  # TOMLDecodeError and UnicodeEncodeError are both
        raise Unclear("it is not TOML") from None


def literal(value: str | bool) -> str:
    """A value as TOML writes it. Texts have no control characters: they are names and addresses."""
    return json.dumps(value, ensure_ascii=False)


def put(
    body: str, table: Path, key: str, value: str | bool, newline: str, *, number: int | None = None
) -> str:
    """The body in which ``table`` (empty: the top) has ``key = value``; as it was where that is so.

    ``number``: which element, where the table is an array of tables. The table is there already.
    Raises Unclear.
    """
    wanted = parse(body)
    place = _inner(wanted, table, number)
    if place.get(key) == value and type(place.get(key)) is type(value):
        return body
    place[key] = value
    found = _statements(body)
    first, last = _range(found, table, number or 0)
    own = [one for one in found[first:last] if one.value is not None]
    line = f"{key} = {literal(value)}"
    for one in own:
        if one.path == (key,):
            return _checked(f"{body[: one.value]}{literal(value)}{body[one.end :]}", wanted)
    if own:
        at = _line_end(body, own[-1].end)
    else:
        at = _line_end(body, found[first - 1].end) if table else 0
    return _checked(f"{ended(body[:at], newline)}{line}{newline}{body[at:]}", wanted)


def append(
    body: str, table: Path, values: dict[str, str | bool], newline: str, *, in_array: bool = False
) -> str:
    """The body with one more table at its end: ``[table]``, or ``[[table]]``. Raises Unclear."""
    wanted = parse(body)
    _grow(wanted, table, values, in_array, first=False)
    gap = newline if body.strip() else ""
    return _checked(
        f"{ended(body, newline)}{gap}{_table(table, values, newline, in_array)}", wanted
    )


def prepend(body: str, table: Path, values: dict[str, str | bool], newline: str) -> str:
    """The body with one more ``[[table]]`` before the first one of that name; else at its end."""
    starts = [s.start for s in _statements(body) if s.is_array and s.path == table]
    if not starts:
        return append(body, table, values, newline, in_array=True)
    wanted = parse(body)
    _grow(wanted, table, values, True, first=True)
    at = body.rfind("\n", 0, starts[0]) + 1
    new = _table(table, values, newline, True)
    return _checked(f"{body[:at]}{new}{newline}{body[at:]}", wanted)


def _table(table: Path, values: dict[str, str | bool], newline: str, in_array: bool) -> str:
    name = ".".join(
        part if re.fullmatch(r"[\w-]+", part, re.ASCII) else literal(part) for part in table
    )
    lines = [f"[[{name}]]" if in_array else f"[{name}]"]
    lines += [f"{key} = {literal(value)}" for key, value in values.items()]
    return "".join(line + newline for line in lines)


def _grow(
    data: dict[str, Any], table: Path, values: dict[str, str | bool], in_array: bool, *, first: bool
) -> None:
    for part in table[:-1]:
        data = data.setdefault(part, {})
        if not isinstance(data, dict):
            raise Unclear(f"{part} is no table there")
    if not in_array:
        data[table[-1]] = values
        return
    elements = data.setdefault(table[-1], [])
    if not isinstance(elements, list):
        raise Unclear(f"{table[-1]} is no list of tables there")
    elements.insert(0 if first else len(elements), values)


def _inner(data: dict[str, Any], table: Path, number: int | None) -> dict[str, Any]:
    place: Any = data
    for part in table:
        place = place.get(part) if isinstance(place, dict) else None
    if number is not None:
        place = place[number] if isinstance(place, list) and number < len(place) else None
    if not isinstance(place, dict):
        raise Unclear(f"{'.'.join(table)} is no table there")
    return place


def _range(found: list[_Statement], table: Path, number: int) -> tuple[int, int]:
    """The statements of a table: from behind its header to before the next one."""
    headers = [i for i, one in enumerate(found) if one.value is None]
    first = 0
    if table:
        own = [i for i in headers if found[i].path == table]
        if number >= len(own):
            raise Unclear(f"{'.'.join(table)} is not written as a table of its own")
        first = own[number] + 1
    return first, next((i for i in headers if i >= first), len(found))


def _statements(body: str) -> list[_Statement]:
    found: list[_Statement] = []
    at = 0
    while True:
        at = _skip(body, at)
        if at >= len(body):
            return found
        if body[at] == "[":
            end = _end_of_value(body, at)
            is_array = body.startswith("[[", at)
            name = body[at:end].strip()
            name = name[2:-2] if is_array else name[1:-1]
            found.append(_Statement(at, end, _path(name), None, is_array))
        else:
            equals = _equals(body, at)
            start = equals + 1
            while start < len(body) and body[start] in " \t":
                start += 1
            end = _end_of_value(body, start)
            found.append(_Statement(at, end, _path(body[at:equals]), start))
        at = end


def _skip(body: str, at: int) -> int:
    """The next place that is neither white space nor in a comment."""
    while at < len(body) and body[at] in " \t\r\n#":
        at = _line_end(body, at) if body[at] == "#" else at + 1
    return at


def _line_end(body: str, at: int) -> int:
    end = body.find("\n", at)
    return len(body) if end < 0 else end + 1


def _equals(body: str, at: int) -> int:
    """The ``=`` behind a key, whose parts may be quoted."""
    while at < len(body) and body[at] != "=":
        at = _end_of_string(body, at) if body[at] in "\"'" else at + 1
    return at


def _end_of_value(body: str, at: int) -> int:
    """Behind the last character of a value, or of a header; white space behind it not counted."""
    depth, end = 0, at
    while at < len(body):
        char = body[at]
        if char in "\"'":
            at = end = _end_of_string(body, at)
            continue
        if char == "#":
            if not depth:
                break
            at = _line_end(body, at)
            continue
        if char in "\r\n" and not depth:
            break
        depth += (char in "[{") - (char in "]}")
        at += 1
        if char not in " \t\r\n":
            end = at
    return end


def _end_of_string(body: str, at: int) -> int:
    quote = body[at]
    close = quote * 3 if body.startswith(quote * 3, at) else quote
    at += len(close)
    while at < len(body) and not body.startswith(close, at):
        at += 2 if quote == '"' and body[at] == "\\" else 1
    at += len(close)
    while len(close) == 3 and body.startswith(quote, at):
        at += 1  # quotes right before the closing three belong to the text
    return at


def _path(text: str) -> Path:
    """The parts of a dotted key, as tomllib reads them."""
    table: Any = parse(f"{text.strip()} = 0")
    parts = []
    while isinstance(table, dict) and len(table) == 1:
        ((part, table),) = table.items()
        parts.append(part)
    return tuple(parts)


def _checked(new: str, wanted: dict[str, Any]) -> str:
    if parse(new) != wanted:
        raise Unclear("a new line would change what other lines mean")
    return new
