"""Tools that load keyring in their own process: gatepass has to be installed beside them.

Which line does that depends on how the tool itself was installed, which its path tells.
"""

from __future__ import annotations

import glob
import os
import shlex


def line(tool: str, path: str | None) -> str:
    """What to type so that the tool finds gatepass; empty where it does already.

    ``path``: where its command lies on PATH, None where it isn't there.
    """
    if path is None:
        return f"uv tool install {tool} --with gatepass    # or: pipx install {tool}, then inject"
    home = os.path.dirname(os.path.dirname(os.path.realpath(path)))
    if _has_gatepass(home):
        return ""
    parts = home.replace("\\", "/").split("/")
    if "pipx" in parts:
        return f"pipx inject {tool} gatepass"
    if parts[-3:-1] == ["uv", "tools"]:
        return f"uv tool install {tool} --with gatepass"
    if tool == "poetry":
        return "poetry self add gatepass"
    python = os.path.join(os.path.dirname(os.path.realpath(path)), "python")
    return f"{shlex.quote(python)} -m pip install gatepass"


def _has_gatepass(home: str) -> bool:
    """Whether the environment of a command has gatepass' own metadata."""
    for folder in ("lib/python3*/site-packages", "Lib/site-packages"):
        if glob.glob(os.path.join(glob.escape(home), folder, "gatepass-*.dist-info")):
            return True
    return False
