"""The plan: which tools, what is said, and the line for each tool that keyring lives inside of."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepass.setup import beside
from gatepass.setup.places import places
from gatepass.setup.plan import Plan, plan, tools_here
from gatepass.setup.wish import wish

PPM = "https://ppm.example.com"
AWS = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "bin").mkdir()
    return {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}


def planned(env: dict[str, str], *tools: str, target: str = PPM, **options: str) -> Plan:
    return plan(wish(env, target, **options), tools, env, places(env))


@pytest.mark.parametrize(
    ("here", "tools"),
    [
        (["pip", "uv"], ("pip", "uv")),
        (["pip3"], ("pip",)),
        (["uv", "poetry"], ("uv",)),
        ([], ("pip", "uv")),
    ],
)
def test_the_tools_that_are_here(
    here: list[str], tools: tuple[str, ...], env: dict[str, str], tmp_path: Path
) -> None:
    """pip and uv as far as they are on PATH; both where neither is."""
    for name in here:
        program(tmp_path / "bin" / name)
    assert tools_here(env) == tools


def test_each_tool_changes_its_own_file(env: dict[str, str], tmp_path: Path) -> None:
    """The launcher comes for those that call the command, and only then."""
    (tmp_path / "bin" / "x").touch()

    def files(*tools: str) -> list[str]:
        made = planned(env, *tools, upload="upload/pypi/local")
        return [str(Path(change.path).relative_to(tmp_path)) for change in made.changes]

    ours, command = ".config/gatepass/config.toml", ".local/bin/keyring"
    assert files("pip") == [ours, command, ".config/pip/pip.conf"]
    assert files("uv", "uv") == [ours, command, ".config/uv/uv.toml"]
    assert files("r", "twine") == [ours, ".Renviron", ".pypirc"]
    assert files("poetry", "hatch") == [ours]


@pytest.mark.parametrize(
    ("tool", "target", "says"),
    [
        ("pip", PPM, f"--index-url https://__token__@{PPM[8:]}/REPOSITORY/latest/simple/"),
        ("uv", PPM, f"uv add --index ppm=https://__token__@{PPM[8:]}/REPOSITORY/latest/simple/"),
        ("pip", AWS, f"--index-url https://aws@{AWS[8:]}/pypi/REPOSITORY/simple/"),
        ("pip", f"{AWS}/pypi/mine/simple/", f"https://aws@{AWS[8:]}/pypi/mine/simple/"),
        ("twine", PPM, f"--repository-url {PPM}/upload/pypi/SOURCE dist/*"),
        ("twine", AWS, f"--repository-url {AWS}/pypi/REPOSITORY/ dist/*"),
        ("hatch", PPM, "HATCH_INDEX_USER=__token__"),
        ("poetry", PPM, "uv tool install poetry --with gatepass"),
        ("r", AWS, "nothing to write"),
    ],
)
def test_what_is_left_to_type(tool: str, target: str, says: str, env: dict[str, str]) -> None:
    """Where no index or upload address was given, the line that has it."""
    assert any(says in text for text in planned(env, tool, target=target).says)


def test_nothing_is_left_where_it_was_given(env: dict[str, str]) -> None:
    """With an index, pip and uv need no more; twine then knows the repository by its name."""
    made = planned(env, "pip", "uv", "twine", index="a/b", upload="u/v")
    assert not [text for text in made.says if "--index" in text]
    assert any("twine upload -r ppm dist/*" in text for text in made.says)


def test_an_extra_index_is_warned_of(env: dict[str, str]) -> None:
    """Whoever takes a package's name at the other one may replace it."""
    assert planned(env, "pip", index="a/b").warnings == []
    (warning,) = planned(env, "pip", extra="a/b").warnings
    assert "dependency confusion" in warning


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("/bin/bash", 'add to ~/.bashrc: export PATH="{bin}:$PATH"'),
        ("/usr/bin/zsh", 'add to ~/.zprofile: export PATH="{bin}:$PATH"'),
        ("/usr/bin/fish", "type: fish_add_path {bin}"),
        ("", 'add to ~/.profile: export PATH="{bin}:$PATH"'),
    ],
)
def test_a_folder_that_is_not_on_the_path(
    shell: str, line: str, env: dict[str, str], tmp_path: Path
) -> None:
    """The line for this shell; nothing where it is there, in whatever writing."""
    folder = tmp_path / ".local" / "bin"
    env["SHELL"] = shell
    says = planned(env, "uv").says
    assert f"{folder} is not on PATH; {line.format(bin=folder)}" in says
    env["PATH"] = f"{tmp_path}/bin:{tmp_path}/.local/../.local/bin/"
    assert not [text for text in planned(env, "uv").says if "not on PATH" in text]


def test_what_lies_behind_the_launcher_is_said(env: dict[str, str], tmp_path: Path) -> None:
    """So that nobody wonders where other passwords come from."""
    assert any("answers for gatepass alone" in text for text in planned(env, "uv").says)
    real = program(tmp_path / "bin" / "keyring")
    assert any(f"passes other services on to {real}" in text for text in planned(env, "uv").says)


@pytest.mark.parametrize(
    ("tool", "where", "line"),
    [
        ("poetry", "pipx/venvs/poetry/bin", "pipx inject poetry gatepass"),
        ("poetry", "uv/tools/poetry/bin", "uv tool install poetry --with gatepass"),
        ("poetry", "pypoetry/venv/bin", "poetry self add gatepass"),
        ("twine", "pipx/venvs/twine/bin", "pipx inject twine gatepass"),
        ("hatch", "a venv/bin", "'{home}/a venv/bin/python' -m pip install gatepass"),
    ],
)
def test_how_gatepass_comes_beside_a_tool(tool: str, where: str, line: str, tmp_path: Path) -> None:
    """By the way that the tool itself was installed, which the target of its link tells."""
    program(tmp_path / where / tool)
    link = tmp_path / tool
    link.symlink_to(tmp_path / where / tool)
    assert beside.line(tool, str(link)) == line.format(home=tmp_path)
    site = tmp_path / where / ".." / "lib" / "python3.13" / "site-packages"
    (site / "gatepass-1.0.dist-info").mkdir(parents=True)
    assert beside.line(tool, str(link)) == ""
    env = {"HOME": str(tmp_path / "home"), "PATH": str(tmp_path)}
    assert f"{tool}: has gatepass beside it already" in planned(env, tool).says
    assert f"uv tool install {tool} --with gatepass" in beside.line(tool, None)
