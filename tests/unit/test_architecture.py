"""The house's rules, held against the sources: who imports whom, how long files may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import gatepass
from support import ROOT

SRC = ROOT / "src" / "gatepass"
FILES = sorted(SRC.rglob("*.py"))

# A part imports from the lines above its own, and from the parts in its own group of its line.
LAYERS: tuple[tuple[set[str], ...], ...] = (
    ({"errors", "secret", "realm", "credential", "files", "log", "peek", "netrc"},),
    ({"settings", "pod", "ec2"}, {"transport", "failure", "reach", "discovery"}),
    ({"identity"}, {"trust"}, {"exchange"}, {"store"}, {"login"}),
    ({"present", "resolve", "report", "answer", "signin", "logins", "idtoken"},),
    ({"setup"},),
    ({"child"}, {"renewal"}),
    ({"cli", "__main__", "job"}, {"keyring_backend"}, {"launcher"}),
)
TO_THE_SANDBOX = {"cli/sandbox.py", "cli/demo.py"}

# Who may load what is heavy, or not ours.
THIRD_PARTIES = {
    "botocore": {"exchange"},
    "requests": {"transport", "failure", "reach", "sandbox"},
    "urllib3": {"transport", "failure", "reach"},
    "truststore": {"reach"},
    "jwt": {"trust"},
    "cryptography": {"trust", "sandbox"},
    "filelock": {"store"},
    "keyring": {"keyring_backend", "store"},
    "tomlkit": {"store"},
    "idna": {"realm"},
}


class Import(NamedTuple):
    """One import: by which file, of which part of gatepass or of which other package."""

    file: str
    importer: str
    target: str
    is_ours: bool
    for_types: bool

    @property
    def place(self) -> str:
        return f"{self.file} imports {self.target}"


def part_of(path: Path) -> str:
    """The part of gatepass that a file belongs to: its folder, else its own name."""
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def type_only(tree: ast.Module) -> set[ast.AST]:
    """Every node below `if TYPE_CHECKING:`."""
    blocks = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return {inner for block in blocks for line in block.body for inner in ast.walk(line)}


def imported(node: ast.AST, path: Path) -> Iterator[str]:
    """The absolute names that an import statement asks for."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = ("gatepass", *path.relative_to(SRC).parts[: -node.level])
            base = ".".join([*package, *([base] if base else [])])
        if base == "gatepass":
            yield from (f"gatepass.{alias.name}" for alias in node.names)
        else:
            yield base


def imports() -> list[Import]:
    found = []
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        types = type_only(tree)
        for node in ast.walk(tree):
            for name in imported(node, path):
                first, _, rest = name.partition(".")
                ours = first == "gatepass"
                target = rest.partition(".")[0] if ours else first
                file = path.relative_to(SRC).as_posix()
                found.append(Import(file, part_of(path), target, ours, node in types))
    return found


IMPORTS = imports()


def may_import(importer: str) -> set[str]:
    """The parts that a part may import when it runs."""
    below: set[str] = {"__version__"}
    for layer in LAYERS:
        for group in layer:
            if importer in group:
                return below | group
        below |= set().union(*layer)
    raise AssertionError(f"{importer} has no place in the layers: give it one")


def test_imports_go_downwards_only() -> None:
    """errors, secret, realm, credential <- settings, transport <- identity, trust, exchange, store
    (never each other) <- present, resolve, report <- faces."""
    wrong = [
        one.place
        for one in IMPORTS
        if one.is_ours
        and not one.for_types
        and one.importer not in ("sandbox", "__init__")
        and one.target != "sandbox"
        and one.target not in may_import(one.importer)
    ]
    assert wrong == []


def test_every_part_has_a_place() -> None:
    """A new module must be given a layer, and a layer names no module that is gone."""
    named = {part for layer in LAYERS for group in layer for part in group}
    assert named | {"__init__", "sandbox"} == {part_of(path) for path in FILES}


def test_types_come_from_below_too() -> None:
    """What is imported for types only still never points upwards to a face or to the journey."""
    upper = {part for layer in LAYERS[3:] for group in layer for part in group}
    lower = {part for layer in LAYERS[:3] for group in layer for part in group}
    assert [o.place for o in IMPORTS if o.importer in lower and o.target in upper] == []


def test_the_sandbox_stands_alone() -> None:
    """The sandbox imports nothing of the rest, not even for types."""
    assert [
        one.place
        for one in IMPORTS
        if one.importer == "sandbox" and one.is_ours and one.target != "sandbox"
    ] == []


def test_only_its_commands_know_the_sandbox() -> None:
    """Nothing but `gatepass sandbox` and `gatepass demo` imports the sandbox."""
    knowing = {
        one.file
        for one in IMPORTS
        if one.is_ours
        and not one.for_types
        and one.target == "sandbox"
        and one.importer != "sandbox"
    }
    assert knowing == TO_THE_SANDBOX


@pytest.mark.parametrize("package", sorted(THIRD_PARTIES))
def test_what_is_heavy_has_few_doors(package: str) -> None:
    """Each third party is imported by the parts that are named for it, and by no other."""
    doors = {one.importer for one in IMPORTS if not one.is_ours and one.target == package}
    assert doors <= THIRD_PARTIES[package]


def test_no_other_third_party_is_used() -> None:
    """Whatever is neither the standard library nor named here would be a new dependency."""
    import sys

    others = {one.target for one in IMPORTS if not one.is_ours} - set(sys.stdlib_module_names)
    assert others <= set(THIRD_PARTIES)


def test_the_package_itself_imports_nothing_that_runs() -> None:
    """`import gatepass` loads no module of ours: names load on first use."""
    assert [
        o.place for o in IMPORTS if o.file == "__init__.py" and not o.for_types and o.is_ours
    ] == []


def test_only_realm_compares_addresses() -> None:
    """No other module but realm parses hosts: urlsplit and its like are for queries alone."""
    users = {
        path.relative_to(SRC).as_posix()
        for path in FILES
        if any(name in path.read_text() for name in ("urlsplit", "urlparse", "parse_url"))
    }
    assert {user for user in users if not user.startswith("sandbox/")} <= {"identity/github.py"}


def test_public_names_are_there_and_sorted() -> None:
    """Every name of __all__ can be imported, in order, and no other attribute pretends to be."""
    assert gatepass.__all__ == sorted(gatepass.__all__)
    assert set(gatepass._HOMES) == set(gatepass.__all__)
    for name in gatepass.__all__:
        found = getattr(gatepass, name)
        assert found.__name__ == name
        assert found.__module__ == f"gatepass.{gatepass._HOMES[name]}"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gatepass.nothing


def test_no_file_is_long() -> None:
    """No file of src and tests has more than 300 lines."""
    files = [*FILES, *(ROOT / "tests").rglob("*.py")]
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in files}
    assert {str(path): length for path, length in lengths.items() if length > 300} == {}


def test_every_module_says_what_it_is() -> None:
    """Each module of src begins with a docstring."""
    assert [str(p) for p in FILES if not ast.get_docstring(ast.parse(p.read_text()))] == []
