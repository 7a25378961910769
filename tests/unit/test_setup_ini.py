"""pip.conf and .pypirc: one key set, every other byte left, and configparser as the judge."""

from __future__ import annotations

import configparser
import io
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gatepass.setup import ini
from gatepass.setup.text import Unclear, decode

KEY, VALUE = "keyring-provider", "subprocess"


def put(body: str, key: str = KEY, value: str = VALUE, section: str = "global") -> str:
    return ini.put(
        body, section, key, value, decode(body.encode("utf-8", "surrogateescape")).newline
    )


def as_pip_reads(body: str) -> dict[str, dict[str, str]]:
    """What the standard library makes of it, without our own reading of it."""
    parser = configparser.RawConfigParser()
    parser.read_file(io.StringIO(body, newline=None))
    return {name: dict(parser.items(name)) for name in [*parser.sections(), "DEFAULT"]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "[global]\nkeyring-provider = subprocess\n"),
        ("[install]\na = 1", "[install]\na = 1\n\n[global]\nkeyring-provider = subprocess\n"),
        (
            "[global]\r\ntimeout = 5\r\n",
            "[global]\r\nkeyring-provider = subprocess\r\ntimeout = 5\r\n",
        ),
        ("[global]", "[global]\nkeyring-provider = subprocess\n"),
        (
            "# mine\n[global]\n; a word\n\n  timeout = 5\n  a = 1\n",
            "# mine\n[global]\n  keyring-provider = subprocess\n; a word\n\n  timeout = 5\n"
            "  a = 1\n",
        ),
        ("[global]\nKEYRING_PROVIDER: import\nb = 2\n",
         "[global]\nKEYRING_PROVIDER: subprocess\nb = 2\n"),
        ("[global]\nkeyring-provider=import", "[global]\nkeyring-provider= subprocess"),
        (
            "[global]\nkeyring-provider =\n    import\n# why\n    more\n[install]\na = 1\n",
            "[global]\nkeyring-provider = subprocess\n[install]\na = 1\n",
        ),
        (
            "[install]\nkeyring-provider = import\n[global]\nx = 1\n",
            "[install]\nkeyring-provider = import\n[global]\n"
            "keyring-provider = subprocess\nx = 1\n",
        ),
    ],
)  # fmt: skip
def test_one_key_is_set_and_nothing_else(before: str, after: str) -> None:
    """New files, new sections, indented, long and oddly written options, both kinds of newline."""
    assert put(before) == after
    assert put(after) == after
    assert ini.parse(after)["global"][KEY] == VALUE


def test_what_is_so_already_is_not_touched() -> None:
    """The same value in another writing is the same value."""
    body = "[global]\nkeyring_provider   :   subprocess   \n"
    assert put(body) == body


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "[global]\nextra-index-url = B\n"),
        ("[global]\nextra-index-url = A\n", "[global]\nextra-index-url = A\n    B\n"),
        ("[global]\nextra-index-url = A", "[global]\nextra-index-url = A\n    B\n"),
        (
            "[global]\nextra-index-url =\n  A\n  C\nx = 1\n",
            "[global]\nextra-index-url =\n  A\n  C\n  B\nx = 1\n",
        ),
        ("[global]\nextra-index-url =\n", "[global]\nextra-index-url = B\n"),
        ("[global]\nextra-index-url = A B\n", "[global]\nextra-index-url = A B\n"),
    ],
)
def test_a_word_is_added_to_a_list(before: str, after: str) -> None:
    """As a line of its own behind what is there; not a second time."""
    assert ini.add(before, "global", "extra-index-url", "B", "\n") == after
    assert ini.add(after, "global", "extra-index-url", "B", "\n") == after


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("no section\n", "MissingSectionHeaderError"),
        ("[global]\na\n", "ParsingError"),
        ("[global]\n[global]\n", "DuplicateSectionError"),
        ("[global]\nkey=1\nKEY=2\n", "DuplicateOptionError"),
        ("\0[global]\n", "MissingSectionHeaderError"),
    ],
)
def test_what_pip_can_not_read_is_left_alone(body: str, why: str) -> None:
    """The reason is configparser's; it shows no line of the file."""
    with pytest.raises(Unclear, match=why):
        put(body)


def test_a_default_counts_as_pip_counts_it() -> None:
    """[DEFAULT] speaks in every section: a value there is enough, and another one is overruled."""
    assert put("[DEFAULT]\nkeyring-provider = subprocess\n[global]\n").count("subprocess") == 1
    changed = put("[DEFAULT]\nkeyring-provider = import\n")
    assert ini.parse(changed)["global"][KEY] == VALUE
    assert ini.parse(changed)["DEFAULT"][KEY] == "import"


LINE = st.sampled_from(
    ["[global]", "[install]", "  [download]", "[DEFAULT]", "index-url = https://a/b", "x: y=z",
     "  cert = /a", "\tcert=1", "trusted-host =", "    h1", "      h2", "# c", "   ; d", "",
     "   ", "keyring_provider = import", "--timeout = 5", "é = \udcff", "\x0c", "a = 1 ; c"]
)  # fmt: skip
BODY = st.builds(
    lambda lines, newline, last: newline.join(lines) + newline * last,
    st.lists(LINE, max_size=9, unique=True),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)


@given(BODY, st.sampled_from(["index-url", KEY, "extra-index-url"]))
def test_an_edit_changes_one_value_and_adds_at_most_a_few_lines(body: str, key: str) -> None:
    """Whatever configparser reads in a file, after the edit it reads the same and our value; the
    lines that were there are there, in their order, but for those of that one key."""
    try:
        before = as_pip_reads(body)
    except configparser.Error:
        assume(False)
    try:
        new = put(body, key)
    except Unclear:
        return
    after = as_pip_reads(new)
    before.setdefault("global", dict(before["DEFAULT"]))
    mine = [name for name in after.get("global", {}) if ini.normal(name) == key]
    assert [after["global"][name] for name in mine][-1:] == [VALUE]
    for name in mine:
        del after["global"][name]
        before["global"].pop(name, None)
    assert after == before
    assert put(new, key) == new
    lines = body.split("\n")
    if key not in [ini.normal(re.split("[=:]", line)[0]) for line in lines]:
        rest = iter(new.split("\n"))
        assert all(line.rstrip("\r") in (one.rstrip("\r") for one in rest) for line in lines)
