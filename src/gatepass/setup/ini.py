"""pip.conf and .pypirc: set one key, and leave every other byte as it is.

Both are read by Python's ``configparser`` (RawConfigParser, strict). The lines are walked by its
rules, and after each edit the whole is parsed and compared: a file that reads in another way than
these lines think is refused, never spoilt.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import NamedTuple

from gatepass.setup.text import Unclear, ended

Table = dict[str, dict[str, str]]
"""Section and key (as pip writes keys: lower case, ``-`` for ``_``) to value."""

_HEADER = re.compile(r"\[(?P<name>.+)\]")
_OPTION = re.compile(r"(?P<key>.*?)\s*[=:]")


class _Option(NamedTuple):
    """An option's lines, ``first`` to before ``end``, in a file's list of lines."""

    section: str
    key: str
    first: int
    end: int


class _Layout(NamedTuple):
    lines: list[str]
    headers: dict[str, int]
    options: list[_Option]


def parse(body: str) -> Table:
    """What ``configparser`` reads in it. Raises Unclear where it can't."""
    import configparser

    class Parser(configparser.RawConfigParser):
        def optionxform(self, optionstr: str) -> str:
            return normal(optionstr)

    parser = Parser()
    try:
        parser.read_file(io.StringIO(body, newline=None))
    except configparser.Error as error:
        raise Unclear(f"it can't be read ({type(error).__name__})") from None
    return {name: dict(section) for name, section in parser.items()}


def normal(key: str) -> str:
    """A key as pip compares it."""
    return key.strip().lower().replace("_", "-").removeprefix("--")


def put(body: str, section: str, key: str, value: str, newline: str) -> str:
    """The body in which ``section`` has ``key = value``; as it was where that is so already.

    Raises Unclear.
    """
    before = parse(body)
    if before.get(section, {}).get(key) == value:
        return body
    return _checked(body, _put(body, section, key, value, newline), section, key, lambda _: value)


def add(body: str, section: str, key: str, word: str, newline: str) -> str:
    """The body in which the list ``key`` of ``section`` has ``word``, as its last line if it is
    new. Raises Unclear."""
    old = parse(body).get(section, {}).get(key, "")
    if word in old.split():
        return body
    if not old:
        return put(body, section, key, word, newline)
    layout = _layout(body)
    option = next(o for o in reversed(layout.options) if (o.section, o.key) == (section, key))
    indent = _indent(layout.lines[option.first]) + "    "
    if option.end - option.first > 1:
        indent = _indent(layout.lines[option.end - 1])
    lines = layout.lines[: option.end]
    lines[-1] = ended(lines[-1], newline)
    new = "".join([*lines, f"{indent}{word}{newline}", *layout.lines[option.end :]])
    return _checked(body, new, section, key, lambda value: f"{value}\n{word}")


def _put(body: str, section: str, key: str, value: str, newline: str) -> str:
    layout = _layout(body)
    lines = layout.lines
    for option in reversed(layout.options):  # the last one is the one that is read
        if (option.section, option.key) == (section, key):
            first, last = lines[option.first], lines[option.end - 1]
            start = _OPTION.match(first)
            head, end = start[0] if start else first, last[len(last.rstrip("\r\n")) :]
            return "".join([*lines[: option.first], f"{head} {value}{end}", *lines[option.end :]])
    at = layout.headers.get(section)
    if at is None:
        gap = newline if body.strip() else ""
        return f"{ended(body, newline)}{gap}[{section}]{newline}{key} = {value}{newline}"
    # As deep as the option that follows: it would be taken for a part of ours otherwise.
    follows = next((o.first for o in layout.options if o.first > at), None)
    indent = _indent(lines[follows]) if follows is not None else ""
    new = [ended(lines[at], newline), f"{indent}{key} = {value}{newline}"]
    return "".join([*lines[:at], *new, *lines[at + 1 :]])


def _layout(body: str) -> _Layout:
    """Where everything stands, by the rules of ``RawConfigParser._read``."""
    lines = list(io.StringIO(body, newline=""))
    headers: dict[str, int] = {}
    options: list[_Option] = []
    section, indent, in_option = "", 0, False
    for number, line in enumerate(lines):
        text = line.strip()
        if not text or text.startswith(("#", ";")):
            continue
        depth = len(_indent(line))
        if in_option and depth > indent:
            options[-1] = options[-1]._replace(end=number + 1)
            continue
        indent = depth
        if header := _HEADER.match(text):
            section, in_option = header["name"], False
            headers[section] = number
        elif option := _OPTION.match(text):
            in_option = True
            options.append(_Option(section, normal(option["key"]), number, number + 1))
    return _Layout(lines, headers, options)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _checked(body: str, new: str, section: str, key: str, value: Callable[[str], str]) -> str:
    """``new``, if it reads as the old body with that one value changed; else Unclear."""
    wanted, found = parse(body), parse(new)
    table = wanted.setdefault(section, {**wanted.get("DEFAULT", {})})
    table[key] = value(table.get(key, ""))
    if found != wanted:
        raise Unclear("a new line would change what other lines mean")
    return new
