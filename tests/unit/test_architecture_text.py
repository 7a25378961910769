"""What the sources and the pages must agree on: error codes, and systems that differ."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import ROOT

SRC = ROOT / "src" / "gatepass"
PAGE = ROOT / "docs" / "errors.md"
CODE = re.compile(r"[a-z]+(-[a-z]+)*")
CLASSES = {
    "GatepassError",
    "UsageError",
    "ConfigError",
    "IdentityError",
    "TrustError",
    "TransportError",
    "ExchangeError",
}
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SRC.rglob("*.py"))}

# Not on Windows. What is used of it stands in a place that Windows doesn't reach.
POSIX = re.compile(
    r"os\.(get(e?[ug]id|pgid|sid)|sete?[ug]id|fork\w*|mkfifo|killpg|setsid|setpgrp|chown|lchown"
    r"|fchmod|fchown|openpty|wait\w*|umask_|O_(NOFOLLOW|NONBLOCK|NOCTTY|CLOEXEC|DIRECTORY))"
    r"|signal\.(SIGKILL|SIGHUP|SIGALRM|SIGUSR\d|SIGCHLD|SIGPIPE|SIGQUIT|alarm|pthread_\w+)"
    r"|socket\.AF_UNIX"
)
POSIX_MODULES = {"fcntl", "pwd", "grp", "termios", "tty", "pty", "resource", "syslog", "readline"}


def name_of(call: ast.Call) -> str:
    """The last word of what is called."""
    return ast.unparse(call.func).rpartition(".")[2]


def is_opening(call: ast.Call) -> bool:
    """Whether a call opens a file, or reads or writes one as text. A method called open is one of
    a file's where its first argument is a mode."""
    if isinstance(call.func, ast.Name):
        return call.func.id == "open"
    if name_of(call) != "open":
        return name_of(call) in ("read_text", "write_text")
    modes = [text for argument in call.args[:1] for text in constants(argument)]
    return any(set(mode) <= set("rwaxbt+") for mode in modes)


def constants(node: ast.expr) -> Iterator[str]:
    """The text that an argument is, or the two that it chooses between."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)


def takers(tree: ast.Module) -> dict[str, int]:
    """What takes a code, and as which argument: the classes, and functions that pass one on."""
    found = dict.fromkeys(CLASSES, 0)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name != "__init__":
            names = [arg.arg for arg in node.args.args if arg.arg != "self"]
            if "code" in names:
                found[node.name] = names.index("code")
    return found


def codes() -> tuple[set[str], list[str]]:
    """Every code in the sources, and the places whose code can't be read from them."""
    found: set[str] = set()
    unclear: list[str] = []
    for path, tree in TREES.items():
        if "sandbox" in path.relative_to(SRC).parts:
            continue  # its errors are those of the services that it plays
        known = takers(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or name_of(node) not in known:
                continue
            at = known[name_of(node)]
            given = [k.value for k in node.keywords if k.arg == "code"] or node.args[at : at + 1]
            texts = {text for argument in given for text in constants(argument)}
            found |= texts
            if not texts:
                unclear.append(f"{path.relative_to(SRC)}: {ast.unparse(node)[:60]}")
    return found, unclear


def headings() -> list[str]:
    return re.findall(r"^## (\S+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_code_has_a_heading_and_every_heading_a_code() -> None:
    """docs/errors.md explains exactly the errors that the sources can raise, each once."""
    found, _ = codes()
    written = headings()
    assert len(found) > 40
    assert {code for code in found if not CODE.fullmatch(code)} == set()
    assert sorted(written) == sorted(found)


def test_codes_are_written_where_they_are_raised() -> None:
    """A code is a literal, but where a kept failure is read back or a function passes one on."""
    _, unclear = codes()
    passed_on = [place for place in unclear if "code" in place.partition("(")[2]]
    assert unclear == passed_on


def parents(tree: ast.Module) -> dict[ast.AST, ast.AST]:
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def is_guarded(node: ast.AST, above: dict[ast.AST, ast.AST]) -> bool:
    """Whether a place is reached on POSIX only, or expects that the name isn't there."""
    while node in above:
        node = above[node]
        if isinstance(node, ast.If | ast.IfExp) and "platform" in ast.unparse(node.test):
            return True
        if isinstance(node, ast.BoolOp) and "platform" in ast.unparse(node.values[0]):
            return True
        if isinstance(node, ast.Try):
            caught = " ".join(ast.unparse(h.type) for h in node.handlers if h.type)
            if "AttributeError" in caught or "ImportError" in caught:
                return True
    return False


@pytest.mark.parametrize("path", TREES, ids=lambda path: path.relative_to(SRC).as_posix())
def test_nothing_of_one_system_is_used_without_a_guard(path: Path) -> None:
    """Attributes that Windows doesn't have are behind a platform check, a try, or getattr."""
    tree = TREES[path]
    above = parents(tree)
    bare = [
        f"{path.name}:{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and POSIX.fullmatch(ast.unparse(node))
        and not is_guarded(node, above)
    ]
    modules = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import) and not is_guarded(node, above)
        for alias in node.names
    }
    assert bare == []
    assert not modules & POSIX_MODULES


def test_text_files_are_opened_with_an_encoding() -> None:
    """open() for text names its encoding: Windows would take another one than UTF-8."""
    bare = []
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and is_opening(node):
                words = {keyword.arg for keyword in node.keywords}
                modes = {text for argument in node.args for text in constants(argument)}
                is_text = not any("b" in mode for mode in modes if set(mode) <= set("rwaxbt+"))
                if is_text and "encoding" not in words:
                    bare.append(f"{path.name}:{node.lineno}")
    assert bare == []
