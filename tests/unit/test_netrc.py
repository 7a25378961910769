"""The netrc format: one machine's entry replaced, everything else kept, as its readers read it."""

from __future__ import annotations

import netrc as standard
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass import netrc
from gatepass.secret import Secret

HOST, TOKEN = "ppm.example.com", "tok-en.A_b~c+d/e="
OTHERS = """\
# a comment, with the word machine in it
machine other.example login me password "a b\\"c"
  account x

macdef upload
  machine ppm.example.com login macro password macro

machine late.example
    login late   # not a user
    password #hash
default login anonymous password guest
"""


def entry(text: str, host: str, folder: Path) -> tuple[str, str, str] | None:
    """What Python's own reader finds."""
    file = folder / "netrc"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    found = standard.netrc(str(file)).authenticators(host)
    return (found[0], found[1] or "", found[2] or "") if found else None


def test_a_machine_is_put_in_front(tmp_path: Path) -> None:
    """Ours comes first, before `default` and before whatever a reader stumbles over."""
    text = netrc.with_machine(OTHERS, HOST, "__token__", Secret(TOKEN))
    assert text == f"machine {HOST} login __token__ password {TOKEN}\n{OTHERS}"
    assert entry(text, HOST, tmp_path) == ("__token__", "", TOKEN)
    assert entry(text, "other.example", tmp_path) == ("me", "x", 'a b"c')
    assert entry(text, "late.example", tmp_path) == ("late", "", "#hash")
    assert entry(text, "unknown.example", tmp_path) == ("anonymous", "", "guest")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        (f"machine {HOST} login a password b\n", ""),
        (f"machine {HOST}\n  login a\n  password b\n# end\n", "# end\n"),
        (f"machine a login x password y\nmachine {HOST} login a password b", "machine a login x"),
        (f'machine "{HOST}" password b\nmachine z login z password z\n', "machine z login z"),
        (f"machine {HOST.upper()} login a password machine\ndefault login d\n", "default login d"),
        (f"machine {HOST} login a\nmacdef init\n  put x\n\ndefault login d\n", "macdef init"),
        (f"machine {HOST} login a password b machine {HOST} login c password d\n", ""),
        (f"machine x{HOST} login a password b\n", f"machine x{HOST}"),
        (f"machine {HOST} login", ""),
        ("machine", "machine"),
        ("macdef without an end\nmachine x", "macdef"),
    ],
)
def test_the_hosts_own_entries_go(before: str, after: str) -> None:
    """Every entry of this host, in any spelling, with its values and nothing more."""
    left = netrc.without_machine(before, HOST)
    assert left.startswith(after)
    assert HOST not in netrc.machines(left)
    assert netrc.without_machine(left, HOST) == left


def test_machines_are_listed_in_order() -> None:
    """Of `default` and of macros there is no host."""
    assert netrc.machines(OTHERS) == ["other.example", "late.example"]


WORDS = st.text('ab.#"\\ \n\tmachinelogpsswd', max_size=20)


@given(st.lists(WORDS, max_size=12), st.sampled_from([" ", "\n", "\t"]))
def test_any_text_survives(words: list[str], between: str) -> None:
    """Whatever stands there, nothing raises, and ours is the first entry and the host's only."""
    text = netrc.with_machine(between.join(words), HOST, "u", Secret("p"))
    assert netrc.machines(text)[0] == HOST
    assert netrc.machines(text).count(HOST) == 1


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 come back; no file, and no name, is an empty text."""
    file = tmp_path / ".netrc"
    file.write_bytes(b"machine a login \xff password b\n")
    text = netrc.read(str(file))
    assert text.encode("utf-8", "surrogateescape") == file.read_bytes()
    assert netrc.read("") == netrc.read(str(tmp_path / "none")) == netrc.read(f"{file}/x") == ""
    with pytest.raises(OSError, match="folder"):
        netrc.read(str(tmp_path))
    file.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(OSError, match="more than"):
        netrc.read(str(file))


def test_which_file_it_is() -> None:
    """NETRC names it, else it lies in the home; without either there is none."""
    assert netrc.path({"NETRC": "/n", "HOME": "/h"}) == "/n"
    assert netrc.path({"HOME": "/h"}) == os.path.join("/h", ".netrc")
    assert netrc.path({}) == ""
