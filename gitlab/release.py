"""`python gitlab/release.py WHEEL FOLDER`: the component project of a release, from this folder.

The wheel's hash goes into both files of the template. The wheel has the hashes of all that it
needs in it (gatepass/requirements.txt), so that nothing is installed in a job but what was
released. Standard library only.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = ("README.md", "gatepass.gitlab-ci.yml", "templates/gatepass.yml")
_VERSION = re.compile(r'^( +gatepass_version=)"([^"]*)"$', re.MULTILINE)
_HASH = re.compile(r'^( +gatepass_sha256=)"([^"]*)"$', re.MULTILINE)


class Failed(Exception):
    """It can't be released: what doesn't fit."""


def release(wheel: Path, folder: Path) -> None:
    """Write the project's files into ``folder``, which may be there. Raises Failed, OSError.

    Not checked: what is in the wheel, beyond its name.
    """
    found = re.fullmatch(r"gatepass-([^-]+)-py3-none-any\.whl", wheel.name)
    if not found:
        raise Failed(f"{wheel.name} is no wheel of gatepass")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    for name in FILES:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (HERE / name).read_text(encoding="utf-8")
        if name.endswith(".yml"):
            versions = [match[2] for match in _VERSION.finditer(text)]
            if versions != [found[1]]:
                raise Failed(f"{name} installs {', '.join(versions) or 'nothing'}, not {found[1]}")
            text, count = _HASH.subn(rf'\g<1>"{digest}"', text)
            if count != 1:
                raise Failed(f"{name} has {count} places for the wheel's hash")
        target.write_text(text, encoding="utf-8")
    shutil.copy(HERE.parent / "LICENSE", folder)


def main(words: list[str]) -> int:
    """0 done; 1 where the wheel doesn't fit; 2 wrong usage."""
    if len(words) != 2:
        print("usage: python gitlab/release.py WHEEL FOLDER", file=sys.stderr)
        return 2
    try:
        release(Path(words[0]), Path(words[1]))
    except (Failed, OSError) as error:
        print(f"release.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
