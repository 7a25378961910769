"""Every error reads the same everywhere, and repeats what others wrote only when it is harmless."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass import errors
from gatepass.errors import GatepassError, UsageError, internal, plain, plain_address


def test_the_block_is_as_designed() -> None:
    """An error prints code and what, then why, do and the page, in aligned columns."""
    error = GatepassError(
        "audience-mismatch",
        "the token from GitHub Actions is for https://github.com/acme",
        why="https://ppm.example.com expects the audience https://ppm.example.com",
        do="set `audience:` in the workflow step, or GATEPASS_AUDIENCE",
    )
    assert str(error) == (
        "error[audience-mismatch]: the token from GitHub Actions is for https://github.com/acme\n"
        "  why: https://ppm.example.com expects the audience https://ppm.example.com\n"
        "  do:  set `audience:` in the workflow step, or GATEPASS_AUDIENCE\n"
        "  see: docs/errors.md#audience-mismatch"
    )


def test_why_and_do_may_be_absent() -> None:
    """What isn't known is left out, without an empty line."""
    assert str(GatepassError("c", "w")) == "error[c]: w\n  see: docs/errors.md#c"


def test_further_lines_of_do_are_indented() -> None:
    """A snippet in `do` keeps its own indentation under the column; blank lines stay empty."""
    text = str(GatepassError("c", "w", do="add:\npermissions:\n  id-token: write\n\nend"))
    assert text.splitlines()[1:-1] == [
        "  do:  add:",
        "       permissions:",
        "         id-token: write",
        "",
        "       end",
    ]


def test_its_parts_are_attributes() -> None:
    """Code, what, why and do can be read one by one."""
    error = GatepassError("c", "w", why="y", do="d")
    assert (error.code, error.what, error.why, error.do) == ("c", "w", "y", "d")
    assert error.args == ("c", "w", "y", "d")


def test_only_wrong_usage_ends_with_two() -> None:
    """The exit status is 2 for the command line, 1 for all others."""
    tree = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, GatepassError)
    ]
    assert len(tree) == 7
    assert {kind.__name__: kind.exit_status for kind in tree if kind.exit_status != 1} == {
        "UsageError": 2
    }
    assert UsageError("usage", "x").exit_status == 2


def test_the_tree_is_drawn_in_the_docstring() -> None:
    """The module's drawing names exactly the classes that there are, all children of the base."""
    drawn = {
        word
        for line in (errors.__doc__ or "").splitlines()
        for word in line.replace("├──", " ").replace("└──", " ").split()[:1]
        if word.endswith("Error")
    }
    real = {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, GatepassError)
    }
    assert drawn == real
    assert all(
        kind.__base__ is GatepassError
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if kind is not GatepassError
    )


@given(st.text(max_size=800), st.integers(4, 400))
def test_plain_is_one_short_printable_line(text: str, limit: int) -> None:
    """Whatever comes, plain() gives one line of printable characters within its limit."""
    shown = plain(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a b"),
        ("\x1b[2Jgone", "?[2Jgone"),
        ("::add-mask::x\r\n::set-output::y", "::add-mask::x ::set-output::y"),
        ("a\u202eb", "a?b"),
        ("a\x00b\x7fc", "a?b?c"),
        ("  a \t b  ", "a b"),
        (None, "None"),
        ("\ud800", "?"),
    ],
)
def test_plain_disarms(text: object, shown: str) -> None:
    """Escape sequences, new lines and directional marks lose their power."""
    assert plain(text) == shown


def test_an_address_with_a_user_is_not_repeated() -> None:
    """plain_address shows a harmless address, and nothing of one that has an @."""
    assert plain_address("https://h\n/x") == "https://h /x"
    assert plain_address("https://user:hunter2@h") == "(not shown: it has an @)"


def test_plain_marks_what_it_cut() -> None:
    """A text over the limit ends in dots; one at the limit is whole."""
    assert plain("x" * 300) == "x" * 300
    assert plain("x" * 301) == "x" * 297 + "..."
    assert plain("abcdefgh", 5) == "ab..."


def test_internal_shows_kind_and_place_but_no_text() -> None:
    """A fault of ours is reported by type and innermost line, never by its message."""

    def inner() -> None:
        token = "eyJ-secret"
        raise KeyError(token)

    try:
        inner()
    except KeyError as fault:
        error = internal(fault)
        line = fault.__traceback__.tb_next.tb_lineno  # type: ignore[union-attr]
    assert error.code == "internal"
    assert error.what == f"gatepass itself failed: KeyError at test_errors.py:{line}"
    assert "eyJ" not in str(error)


def test_internal_works_without_a_traceback() -> None:
    """An exception that was never raised has no place, and that is no second fault."""
    assert internal(ValueError("secret")).what == "gatepass itself failed: ValueError at ?"
