"""GATEPASS_CONFIG: one file that speaks alone; and which of several files an error names."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepass.errors import ConfigError
from gatepass.settings import file, load


def test_a_chosen_file_replaces_both(tmp_path: Path) -> None:
    """With GATEPASS_CONFIG neither the machine's nor the user's file is looked at."""
    chosen = tmp_path / "c.toml"
    chosen.write_text("version = 1\n")
    assert file.paths({"GATEPASS_CONFIG": str(chosen), "HOME": "/h"}) == (str(chosen),)


@pytest.mark.parametrize(
    ("path", "code", "says"),
    [
        ("{here}/none.toml", "config-missing", "names {path}, and there is no such file"),
        ("{here}", "config-unreadable", "names {path}, which is a folder"),
        ("c.toml", "config-relative", "is no absolute path: {path}"),
        ("./c.toml", "config-relative", "is no absolute path: {path}"),
    ],
)
def test_a_chosen_file_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, code: str, says: str
) -> None:
    """GATEPASS_CONFIG that names no file is an error, never a silent default; nor is a file of the
    current directory taken, whose settings a checkout brings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text("version = 1\n")
    path = path.format(here=tmp_path)
    with pytest.raises(ConfigError) as caught:
        load({"GATEPASS_CONFIG": path})
    assert caught.value.code == code
    assert caught.value.what == "GATEPASS_CONFIG " + says.format(path=path)
    assert caught.value.do


def test_a_wrong_word_names_the_file_that_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two files the one whose key counts."""
    machine, user = tmp_path / "machine.toml", tmp_path / "user.toml"
    machine.write_text("version = 1\nverify = 'no'\n")
    user.write_text("version = 1\nlog = { level = 'info' }\n")
    monkeypatch.setattr(file, "paths", lambda env: (str(machine), str(user)))
    with pytest.raises(ConfigError) as caught:
        load({})
    assert caught.value.what == f"verify in {machine} is 'no'"
