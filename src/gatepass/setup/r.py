"""~/.Renviron: PACKAGEMANAGER_ADDRESS, which pak and Posit's tools read. They log in by the same
tokens.toml, so that Python and R log in once."""

from __future__ import annotations

import io
import re

from gatepass.setup.change import Change, Editor, edited
from gatepass.setup.text import Text, ended
from gatepass.setup.wish import Wish

_LINE = re.compile(r"\s*PACKAGEMANAGER_ADDRESS\s*=")


def changes(path: str, wish: Wish) -> list[Change]:
    """Set it: R takes the last line that names a variable. Nothing for other kinds of registry.

    Raises ConfigError (setup-file).
    """
    if wish.registry.kind != "packagemanager":
        return []
    wanted = f"PACKAGEMANAGER_ADDRESS={wish.registry.url}"

    def edit(text: Text) -> str:
        lines = list(io.StringIO(text.body, newline=""))
        for number in reversed(range(len(lines))):
            if _LINE.match(lines[number]):
                line = lines[number]
                lines[number] = wanted + line[len(line.rstrip("\r\n")) :]
                return "".join(lines)
        return f"{ended(text.body, text.newline)}{wanted}{text.newline}"

    return edited(path, Editor(edit, wanted))
