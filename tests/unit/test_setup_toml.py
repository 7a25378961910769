"""config.toml and uv.toml: one key or table added, every other byte left, tomllib as the judge."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gatepass.setup import toml
from gatepass.setup.text import Unclear, decode

PROVIDER = 'keyring-provider = "subprocess"'


def put(body: str, value: str | bool = "subprocess") -> str:
    return toml.put(
        body, (), "keyring-provider", value, decode(body.encode("utf-8", "surrogateescape")).newline
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"{PROVIDER}\n"),
        ("native-tls = true", f"native-tls = true\n{PROVIDER}\n"),
        ("a = 1 # why\r\n[pip]\r\nb = 2\r\n", f"a = 1 # why\r\n{PROVIDER}\r\n[pip]\r\nb = 2\r\n"),
        ("# mine\n\n[pip]\nb = 2", f"{PROVIDER}\n# mine\n\n[pip]\nb = 2"),
        ("keyring-provider = 'disabled' # no\n", 'keyring-provider = "subprocess" # no\n'),
        ('"keyring-provider"="""a\n[x]\n"""\n', '"keyring-provider"="subprocess"\n'),
        (
            'x = """\n[not]\na = \\"""\n"""\ny = [\n  "]", # ]\n  \'[\',\n]\n[[index]]\n',
            'x = """\n[not]\na = \\"""\n"""\ny = [\n  "]", # ]\n  \'[\',\n]\n'
            f"{PROVIDER}\n[[index]]\n",
        ),
        (
            "[pip]\nkeyring-provider = 'disabled'\n",
            f"{PROVIDER}\n[pip]\nkeyring-provider = 'disabled'\n",
        ),
    ],
)
def test_one_key_is_set_and_nothing_else(before: str, after: str) -> None:
    """At the top, whatever strings, lists, comments and tables stand around it."""
    assert put(before) == after
    assert put(after) == after


def test_a_key_in_a_table() -> None:
    """In the table that is named, behind its last key or its header, in the element that counts."""
    body = '[registries."a b"]\n[registries.prod]\nurl = "u" # c\n\n[log]\n'
    new = toml.put(body, ("registries", "prod"), "index", "pypi/latest", "\n")
    assert new == body.replace("# c\n", '# c\nindex = "pypi/latest"\n')
    new = toml.put(body, ("registries", "a b"), "url", "x", "\n")
    assert new == body.replace('b"]\n', 'b"]\nurl = "x"\n')
    body = '[[index]]\nname = "a"\n[[index]]\nname = "b"\nurl = "u"\n[index.x]\nz = 1'
    new = toml.put(body, ("index",), "default", True, "\n", number=1)
    assert new == body.replace('"u"\n', '"u"\ndefault = true\n')
    assert toml.put(new, ("index",), "default", True, "\n", number=1) == new


@pytest.mark.parametrize(
    "body", ["a = ", "[a", "x = {a = 1", "a = \udcff", "\0", "= 1", "a = '", "["]
)
def test_what_is_no_toml_is_left_alone(body: str) -> None:
    """Not even looked into further, by any of the three."""
    with pytest.raises(Unclear, match="not TOML"):
        put(body)
    with pytest.raises(Unclear, match="not TOML"):
        toml.append(body, ("a",), {"b": 1 == 1}, "\n")
    with pytest.raises(Unclear):
        toml.prepend(body + "\n[[index]]", ("index",), {}, "\n")


@pytest.mark.parametrize(
    ("body", "table", "number"),
    [
        ("registries = { prod = { url = 'u' } }", ("registries", "prod"), None),
        ("[registries]\nprod.url = 'u'\n", ("registries", "prod"), None),
        ("registries.prod.url = 'u'\n", ("registries", "prod"), None),
        ("index = [{ name = 'a' }]\n", ("index",), 0),
        ("index = 3\n", ("index",), 0),
        ("[[index]]\n", ("index",), 1),
        ("registries = 3\n", ("registries", "prod"), None),
    ],
)
def test_tables_in_another_form_are_left_alone(
    body: str, table: toml.Path, number: int | None
) -> None:
    """Inline and dotted ones can't take a line of their own with certainty."""
    with pytest.raises(Unclear):
        toml.put(body, table, "index", "x", "\n", number=number)


def test_a_table_is_added_at_the_end_or_before_its_like() -> None:
    """With a gap where something stands before it; the array's new element where it was asked."""
    values: dict[str, str | bool] = {"name": "n", "default": True}
    block = 'name = "n"\ndefault = true\n'
    assert toml.append("", ("a", "b c"), values, "\n") == f'[a."b c"]\n{block}'
    assert toml.append("x = 1", ("a",), values, "\n") == f"x = 1\n\n[a]\n{block}"
    body = "x = 1\n\n# first\n[[index]]\nname = 'o'\n[[index]]\n"
    new = toml.prepend(body, ("index",), values, "\n")
    assert new == body.replace("[[index]]", f"[[index]]\n{block}\n[[index]]", 1)
    assert toml.prepend("x = 1\n", ("index",), values, "\n") == f"x = 1\n\n[[index]]\n{block}"


@pytest.mark.parametrize(
    ("body", "table", "in_array"),
    [
        ("[a]\n", ("a",), False),
        ("a = 1\n", ("a",), False),
        ("a = 1\n", ("a", "b"), False),
        ("a = { c = 1 }\n", ("a", "b"), False),
        ("index = [{ name = 'a' }]\n", ("index",), True),
        ("[index]\n", ("index",), True),
    ],
)
def test_a_table_that_does_not_fit_is_refused(body: str, table: toml.Path, in_array: bool) -> None:
    """What is there already, or has another form, isn't spoilt."""
    with pytest.raises(Unclear):
        toml.append(body, table, {"x": "y"}, "\n", in_array=in_array)


LINE = st.sampled_from(
    ["a = 1", 'b = "x # y" # z', "c = '''", "'''", "d = [", "]", "  1, # [", "[t]", "[[index]]",
     "[t.u]", "e.f = true", '"keyring-provider" = "x"', "keyring-provider = 'y'", "# [x]", "",
     '  g = """\\"""" # h', "h = {i = '}'}", '["q.r"]', "j = 1979-05-27T07:32:00Z", "k = \"\\\\\"",
     'l = """x""""']
)  # fmt: skip
BODY = st.builds(
    lambda lines, newline, last: newline.join(lines) + newline * last,
    st.lists(LINE, max_size=8, unique=True),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)


@given(BODY)
def test_an_edit_changes_one_value(body: str) -> None:
    """Whatever tomllib reads in a text, after each of the edits it reads the same and ours."""
    try:
        before = tomllib.loads(body)
    except tomllib.TOMLDecodeError:
        assume(False)
    new = put(body)
    assert tomllib.loads(new) == {**before, "keyring-provider": "subprocess"}
    assert put(new) == new
    if not isinstance(before.get("index", []), list):
        return
    extended = toml.prepend(body, ("index",), {"name": "n"}, "\n")
    assert tomllib.loads(extended)["index"] == [{"name": "n"}, *before.get("index", [])]
    rest = iter(extended.splitlines())
    assert all(line in rest for line in body.splitlines())
