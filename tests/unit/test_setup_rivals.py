"""Whoever would answer before us is named, and nothing is changed about it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from gatepass.setup import command, rivals
from gatepass.setup.places import Places, places
from gatepass.setup.wish import wish


class Here:
    """A home, its environment, and the warnings that they give."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = {"HOME": str(home), "PATH": "/usr/bin"}
        self.real = self.launcher = ""

    @property
    def where(self) -> Places:
        return places(self.env, platform="linux")

    def warnings(self) -> list[str]:
        wanted = wish(self.env, "https://ppm.example.com")
        return rivals.rivals(wanted, self.env, self.where, self.real, self.launcher)

    def warning(self) -> str:
        (one,) = self.warnings()
        return one

    def command(self, folder: str, text: str) -> str:
        path = self.home / folder / "keyring"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def test_nobody_is_in_the_way(here: Here) -> None:
    """On a plain machine there is nothing to say."""
    assert here.warnings() == []


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PIP_CONFIG_FILE", "/dev/null", "pip reads that file instead of yours"),
        ("PIP_INDEX_URL", "https://u:secret@h", "pip takes that instead"),
        ("PIP_KEYRING_PROVIDER", "import", "pip takes that instead"),
        ("UV_NO_CONFIG", "1", "uv reads no file"),
        ("UV_KEYRING_PROVIDER", "disabled", "uv takes that instead"),
        ("PYTHON_KEYRING_BACKEND", "a.B", "PYTHON_KEYRING_BACKEND is 'a.B'"),
        ("PYTHON_KEYRING_BACKEND", "", "PYTHON_KEYRING_BACKEND is ''"),
    ],
)
def test_variables_that_overrule_files(name: str, value: str, says: str, here: Here) -> None:
    """Named, with what they do; their values aren't shown, which may hold a password."""
    here.env[name] = value
    assert says in here.warning()
    assert name in here.warning()
    assert "secret" not in here.warning()


def test_a_provider_that_is_ours_is_fine(here: Here) -> None:
    """Some set it in their profile already."""
    here.env |= {"PIP_KEYRING_PROVIDER": "subprocess", "UV_KEYRING_PROVIDER": "subprocess"}
    assert here.warnings() == []


def test_pips_sections_for_one_command_overrule_ours(here: Here) -> None:
    """Those that speak of what was written, and no others."""
    file = Path(here.where.pip)
    file.parent.mkdir(parents=True)
    file.write_text("[global]\nkeyring_provider = a\n[install]\nindex-url = x\ncert = c\n")
    assert here.warnings() == []
    wanted = wish(here.env, "https://ppm.example.com", index="a/b")
    (one,) = rivals.rivals(wanted, here.env, here.where, "", "")
    assert f"{file} has index-url in [install]" in one
    file.write_text("[download]\nkeyring_provider = import\n")
    assert "keyring-provider in [download]" in here.warning()
    file.write_text("not for pip\n")
    assert here.warnings() == []


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("pip", "[global]\nextra-index-url = https://u:secret@h\n", "extra-index-url in [global]"),
        ("pip", "[install]\nextra_index_url =\n  https://h\n", "extra-index-url in [install]"),
        ("pip", "[global]\nextra-index-url = {mine}\n", ""),
        ("uv", '[[index]]\nname = "old"\nurl = "https://u:secret@h"\n', "a further [[index]], old"),
        ("uv", '[[index]]\nurl = "https://h"\n', "[[index]], one without a name"),
        ("uv", '[[index]]\nname = "x"\nurl = "https://h"\ndefault = true\n', ""),
        ("uv", '[[index]]\nname = "ppm"\nurl = "https://h"\n', ""),
        ("uv", '[[index]]\nname = "ppm-extra"\nurl = "https://ppm.example.com/c/d/simple/"\n', ""),
        ("uv", 'extra-index-url = ["https://u:secret@h"]\n', "has extra-index-url"),
        ("uv", "index = 1\n", ""),
        ("uv", "no toml", ""),
        ("PIP_EXTRA_INDEX_URL", "https://u:secret@h", "PIP_EXTRA_INDEX_URL is set"),
        ("UV_INDEX", "a=https://u:secret@h", "UV_INDEX is set"),
        ("UV_EXTRA_INDEX_URL", "https://u:secret@h", "UV_EXTRA_INDEX_URL is set"),
    ],
)
def test_other_indexes_beside_ours(file: str, text: str, says: str, here: Here) -> None:
    """Where --index was to be the only one. Not the one that --extra-index adds, and not without
    --index; no address is shown."""
    if file.isupper():
        here.env[file] = text
    else:
        path = Path(here.where.pip if file == "pip" else here.where.uv)
        path.parent.mkdir(parents=True)
        path.write_text(text.format(mine="https://__token__@ppm.example.com/c/d/simple/"))
    wanted = wish(here.env, "https://ppm.example.com", index="a/b", extra="c/d")
    found = rivals.rivals(wanted, here.env, here.where, "", "")
    assert [says in one for one in found] == [True] * bool(says)
    assert "secret" not in str(found)
    assert here.warnings() == []


@pytest.mark.parametrize("name", ["posit-keyring", "menda_keyring", "Posit.Keyring"])
def test_a_backend_that_is_replaced_is_installed_beside_us(
    name: str, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Priority 10: it wins over 9.95."""
    found = [SimpleNamespace(metadata={"Name": name}), SimpleNamespace(metadata={"Name": None})]
    monkeypatch.setattr(rivals.metadata, "distributions", lambda: found)
    assert "comes before ours: uninstall it" in here.warning()


def test_the_real_command_says_which_backends_it_has(here: Here) -> None:
    """Those above ours are named, but for keyring's own chain."""
    here.real = here.command(
        "bin",
        "echo 'keyring.backends.chainer.ChainerBackend (priority: 10)'\n"
        "echo 'posit_keyring.backends.PositKeyring (priority: 10)'\n"
        "echo 'keyrings.codeartifact.CodeArtifactBackend (priority: 9.9)'\n"
        "echo 'gatepass.keyring_backend.GatepassKeyring (priority: 9.95)'\n"
        "echo 'keyring.backends.fail.Keyring (priority: 0)'",
    )
    assert "posit_keyring.backends.PositKeyring of priority 10" in here.warning()


def test_a_real_command_that_hangs_is_not_waited_for(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said that it didn't answer; one that isn't there likewise."""
    monkeypatch.setattr(rivals, "_PATIENCE", 0.2)
    here.real = here.command("bin", "exec sleep 60")
    began = time.monotonic()
    assert "doesn't say which backends it has" in here.warning()
    assert time.monotonic() - began < 30
    here.real = "/nowhere/keyring"
    assert "doesn't say which backends it has" in here.warning()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[backend]\ndefault-keyring=keyring.backends.null.Keyring\n", True),
        ("[backend]\nkeyring-path=/x\n", False),
        ("", False),
        ("no section\n", False),
    ],
)
def test_keyrings_own_settings_file(text: str, says: bool, here: Here) -> None:
    """A default keyring there is the only one that is asked."""
    file = Path(here.where.keyringrc)
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert (here.warnings() != []) is says
    if says:
        assert f"{file} chooses keyring.backends.null.Keyring" in here.warning()


@pytest.mark.parametrize("name", [".netrc", "_netrc", "elsewhere"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("machine ppm.example.com login a password secret\n", True),
        ("default login a password secret\n", True),
        ("machine other.example.com login a password secret\n", False),
        ("machine ppm.example.com login a passwort\n", False),
        ("\xff\n", False),
    ],
)
def test_a_netrc_with_a_password_for_the_host(text: str, says: bool, name: str, here: Here) -> None:
    """pip and uv then never ask; the password isn't shown."""
    file = here.home / name
    file.write_bytes(text.encode("latin-1"))
    file.chmod(0o600)
    if name == "elsewhere":
        here.env["NETRC"] = str(file)
    assert (here.warnings() != []) is says
    if says:
        assert f"{file} has a password for ppm.example.com" in here.warning()
        assert "secret" not in here.warning()


def test_a_command_that_stands_before_the_launcher(here: Here) -> None:
    """Each of them is named; what comes behind doesn't matter, nor do launchers of ours."""
    first, last = here.command("first", "exit"), here.command("last", "exit")
    other = Path(here.command("other", ""))
    other.write_bytes(command.script(sys.executable, ""))
    here.launcher = str(here.home / "bin" / "keyring")
    folders = [Path(first).parent, other.parent, here.home / "bin", Path(last).parent]
    here.env["PATH"] = ":".join(["relative", *map(str, folders)])
    assert here.warning().startswith(f"{first} stands before {here.launcher} on PATH")
    here.env["PATH"] = str(Path(first).parent)
    assert here.warnings() == []


@pytest.mark.parametrize("name", [".netrc", ".config/pip/pip.conf"])
def test_files_without_an_end_are_not_read(name: str, here: Here) -> None:
    """A log, or a disk's image, in the place of a configuration."""
    file = here.home / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        "[install]\nkeyring-provider = import\n" if "pip" in name else "default login a\n"
    )
    with file.open("a") as more:
        more.write("#\n" * 600_000)
    assert here.warnings() == []
