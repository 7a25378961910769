"""`--index` means the only index: what would lead pip or uv to another one goes, or is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatepass.child import environment, pipfiles, places
from passes import PPM, registry
from support import run

PROD = registry()
INDEX = places.Place("prod", f"{PPM}/a/simple/", PROD)
ELSEWHERE = {
    "PIP_EXTRA_INDEX_URL": "https://x",
    "PIP_FIND_LINKS": "/x",
    "PIP_NO_INDEX": "1",
    "PIP_PYPI_URL": "https://x",
    "PIP_Extra_index_URL": "https://x",
    "UV_EXTRA_INDEX_URL": "https://x",
    "UV_FIND_LINKS": "/x",
    "UV_INDEX": "https://x",
    "UV_INDEX_URL": "https://x",
}


def test_what_would_lead_elsewhere_goes(capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what went and how to keep it; what the tools need besides stays."""
    mine = {**ELSEWHERE, "UV_INDEX_STRATEGY": "first-index", "PIP_TIMEOUT": "5", "A": ""}
    found = environment.tools(mine, [PROD], index=INDEX)
    assert not set(ELSEWHERE) & set(found)
    assert {"UV_INDEX_STRATEGY", "PIP_TIMEOUT", "A"} < set(found)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gatepass: warning: set aside: PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS, ")
    assert all(name in line for name in ELSEWHERE)
    assert "https://x" not in line
    assert "to keep them, ask for none" in line


def test_without_an_index_they_stay(capsys: pytest.CaptureFixture[str]) -> None:
    """And an empty one, which leads nowhere, is not worth a line."""
    assert set(ELSEWHERE) < set(environment.tools(ELSEWHERE, [PROD]))
    assert "UV_INDEX" not in environment.tools({"UV_INDEX": ""}, [PROD], index=INDEX)
    assert capsys.readouterr().err == ""


def told(folder: Path, text: str, **env: str) -> list[str]:
    """What is said of a user's pip.conf."""
    file = folder / ".config" / "pip" / "pip.conf"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    none = {"XDG_CONFIG_DIRS": str(folder / "none")}
    return pipfiles.further({"HOME": str(folder), **none, **env})


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("[global]\nextra-index-url = https://u:pw@x\n", "extra-index-url"),
        ("[install]\nFind_Links = /x\n", "find-links"),
        ("[global]\nextra_index_url =\n  https://x\n[wheel]\nfind-links = /x\n", "{} and {}"),
        ("[global]\nindex-url = https://x\ncert = /x\nextra-index-url =\n", ""),
        ("not pip's", ""),
    ],
)
def test_a_pip_conf_that_names_further_places_is_said(tmp_path: Path, text: str, keys: str) -> None:
    """No variable of ours can take that back; its addresses, which may have a password, aren't
    shown."""
    lines = told(tmp_path, text)
    keys = keys.format("extra-index-url", "find-links")
    assert len(lines) == bool(keys)
    assert all(f"{tmp_path}/.config/pip/pip.conf has {keys}: " in line for line in lines)
    assert not any(part in line for line in lines for part in ("https", "pw", "/x"))


def test_it_is_every_file_that_pip_would_read(tmp_path: Path) -> None:
    """An environment's, the machine's, the one that PIP_CONFIG_FILE names; with that at the null
    device, none."""
    text = "[global]\nextra-index-url = https://x\n"
    for name in ("machine/pip", "active", "own"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "pip.conf").write_text(text, encoding="utf-8")
    env = {
        "XDG_CONFIG_DIRS": str(tmp_path / "machine"),
        "VIRTUAL_ENV": str(tmp_path / "active"),
        "PIP_CONFIG_FILE": str(tmp_path / "own" / "pip.conf"),
    }
    assert len(told(tmp_path, text, **env)) == 4
    assert told(tmp_path, text, **{**env, "PIP_CONFIG_FILE": os.devnull}) == []
    del env["PIP_CONFIG_FILE"]
    assert len(pipfiles.further(env)) == 2  # without a home


def test_exec_says_it_too(file_env: dict[str, str], tmp_path: Path) -> None:
    """Once, before the command runs."""
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nextra-index-url = https://x\n", encoding="utf-8")
    env = {**file_env, "PIP_CONFIG_FILE": str(file)}
    done = run(["gatepass", "exec", "--index", "private/latest", "--", "true"], env)
    assert done.stderr.count("warning: ") == 1
    assert f"{file} has extra-index-url: pip still installs from there too" in done.stderr
