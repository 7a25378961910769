"""Dependency confusion: a real pip and uv in a job whose own variables name another index."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients import provision
from gatepass.sandbox import Sandbox
from support import run


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_stranger_with_the_same_name_is_not_installed(
    sandbox: Sandbox, file_env: dict[str, str], tmp_path: Path, stranger: str, tool: str
) -> None:
    """By a real pip and uv below `exec --index`; without it the job's own index decides."""
    links = f"{stranger}gatepass-hello/"
    env = {**file_env, "UV_CACHE_DIR": str(tmp_path / "cache"), "PIP_NO_CACHE_DIR": "1"}
    env |= {"PIP_EXTRA_INDEX_URL": stranger, "PIP_FIND_LINKS": links}
    env |= {"UV_INDEX": stranger, "UV_EXTRA_INDEX_URL": stranger, "UV_FIND_LINKS": links}
    target = tmp_path / "target"
    words: list[str | Path] = [provision.program("bare-pip-latest", "python"), "-m", "pip"]
    words += ["install", "--no-deps", "--target", target, "gatepass-hello"]
    if tool == "uv":
        words = [provision.program("uv", "uv"), *words[2:]]
    done = run(["gatepass", "exec", "--index", "private/latest", "--", *words], env)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in target.glob("*.py")] == ["gatepass_hello.py"]
    assert "set aside: " in done.stderr
    mine = {**env, "PIP_INDEX_URL": sandbox.index_url, "UV_DEFAULT_INDEX": sandbox.index_url}
    done = run(["gatepass", "exec", "--", *words[:-1], "--upgrade", words[-1]], mine)
    assert (target / "strange.py").exists(), done.stderr
