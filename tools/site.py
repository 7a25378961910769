"""A hook of mkdocs: pages that GitHub wants at the repository's top are part of the site too.

Links between them and docs/ are written for the repository, where both have to work, and changed
here into the site's.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TOP = {name: f"{name.lower()}.md" for name in ("SECURITY", "CONTRIBUTING", "CHANGELOG")}
"""Files beside docs/, and their names in the site. README's place is the picker's."""

_LINK = re.compile(r"\]\((?P<target>[^)#:\s]+\.md)(?P<anchor>#[^)]*)?\)")


def on_files(files: Any, *, config: Any) -> Any:
    """Put them beside the pages of docs/."""
    from mkdocs.structure.files import File

    for name, page in TOP.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / f"{name}.md")))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Point links over docs/' edge to where the site has those pages."""
    depth = page.file.src_uri.count("/")
    from_top = page.file.src_uri in TOP.values()

    def moved(match: re.Match[str]) -> str:
        target = match["target"]
        if from_top:
            target = target.removeprefix("docs/")
        elif target.startswith("../" * (depth + 1)):
            target = target.removeprefix("../")
        name = target.rpartition("/")[2].removesuffix(".md")
        target = target.replace(f"{name}.md", TOP.get(name, f"{name}.md"))
        target = target.replace("README.md", "index.md")
        return f"]({target}{match['anchor'] or ''})"

    return _LINK.sub(moved, markdown)
