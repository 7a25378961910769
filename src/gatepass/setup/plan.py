"""Everything that `gatepass setup` will change and say, before it does any of it."""

from __future__ import annotations

import os
import shutil
import sys
from typing import NamedTuple

from gatepass.settings import Environment
from gatepass.setup import beside, config, pip, r, rivals, twine, uv
from gatepass.setup.change import Change
from gatepass.setup.launcher import launcher
from gatepass.setup.places import Places
from gatepass.setup.wish import Wish, with_user

_ASK_THE_COMMAND = ("pip", "uv")
_BESIDE = "has gatepass beside it already"


class Plan(NamedTuple):
    """``changes`` to be made; ``says``: what is left for the person to do, and what to know;
    ``warnings``: what would keep it from working."""

    changes: list[Change]
    says: list[str]
    warnings: list[str]


def tools_here(env: Environment) -> tuple[str, ...]:
    """Which tools are set up where nobody says: pip and uv as far as they are on PATH, or both."""
    commands = {"pip": ("pip", "pip3"), "uv": ("uv",)}
    found = [
        tool
        for tool, names in commands.items()
        if any(shutil.which(name, path=env.get("PATH", "")) for name in names)
    ]
    return tuple(found) or _ASK_THE_COMMAND


def plan(wish: Wish, tools: tuple[str, ...], env: Environment, where: Places) -> Plan:
    """Plan for these tools. Raises ConfigError for a file that can't be changed with certainty."""
    changes = config.changes(where.config, wish)
    says: list[str] = []
    warnings: list[str] = []
    now = path = ""
    if any(tool in _ASK_THE_COMMAND for tool in tools):
        made = launcher(where.bin, where.state, env)
        changes += made.changes
        now, path = made.now, made.path
        behind = "answers for gatepass alone"
        if made.real:
            behind = f"passes other services on to {made.real}"
        says.append(f"{path} {behind}")
        says += _path_line(where.bin, env)
    for tool in dict.fromkeys(tools):
        more, words = _tool(tool, wish, env, where)
        changes += more
        says += words
    if wish.extra_url:
        warnings.append(
            "an extra index is one of several that pip takes the highest version from: whoever "
            "registers your package's name at another one can replace it (dependency confusion); "
            "--index with a repository that has both is safe"
        )
    return Plan(changes, says, warnings + rivals.rivals(wish, env, where, now, path))


def _tool(tool: str, wish: Wish, env: Environment, where: Places) -> tuple[list[Change], list[str]]:
    if tool == "pip":
        says = [] if wish.index_url else [_pip_line(wish)]
        return pip.changes(where.pip, wish), says
    if tool == "uv":
        return uv.changes(where.uv, wish), [] if wish.index_url else [_uv_line(wish)]
    if tool == "r":
        if wish.registry.kind != "packagemanager":
            return [], ["r: PACKAGEMANAGER_ADDRESS is for Package Manager; nothing to write"]
        return r.changes(where.renviron, wish), []
    changes = twine.changes(where.pypirc, wish) if tool == "twine" else []
    line = beside.line(tool, shutil.which(tool, path=env.get("PATH", "")))
    says = [f"{tool}: " + (f"install gatepass beside it: {line}" if line else _BESIDE)]
    if tool == "twine":
        upload = wish.upload_url or f"{wish.registry.url}/{_upload_path(wish)}"
        where_to = f"-r {wish.registry.name}" if wish.upload_url else f"--repository-url {upload}"
        says.append(f"twine: twine upload {where_to} dist/*")
    if tool == "hatch":
        says.append(f"hatch: export HATCH_INDEX_USER={wish.username}")
    return changes, says


def _pip_line(wish: Wish) -> str:
    index = f"{wish.registry.url}/{_index_path(wish)}/simple/"
    return f"pip: pip install --index-url {with_user(index, wish.username)} PACKAGE"


def _uv_line(wish: Wish) -> str:
    index = f"{wish.registry.url}/{_index_path(wish)}/simple/"
    return f"uv: uv add --index {wish.registry.name}={with_user(index, wish.username)} PACKAGE"


def _index_path(wish: Wish) -> str:
    known = wish.index_path or wish.registry.index_path
    return known or ("pypi/REPOSITORY" if wish.registry.aws else "REPOSITORY/latest")


def _upload_path(wish: Wish) -> str:
    return "pypi/REPOSITORY/" if wish.registry.aws else "upload/pypi/SOURCE"


def _path_line(folder: str, env: Environment) -> list[str]:
    """The line that puts the launcher's folder on PATH, where it isn't."""
    folders = [os.path.realpath(one) for one in env.get("PATH", "").split(os.pathsep) if one]
    if os.path.realpath(folder) in folders:
        return []
    if sys.platform == "win32":
        line = (
            f"[Environment]::SetEnvironmentVariable('Path', '{folder};' + "
            "[Environment]::GetEnvironmentVariable('Path', 'User'), 'User')"
        )
        return [f"{folder} is not on PATH; in PowerShell: {line}"]
    shell = os.path.basename(env.get("SHELL", ""))
    if shell == "fish":
        return [f"{folder} is not on PATH; type: fish_add_path {folder}"]
    profile = {"zsh": "~/.zprofile", "bash": "~/.bashrc"}.get(shell, "~/.profile")
    return [f'{folder} is not on PATH; add to {profile}: export PATH="{folder}:$PATH"']
