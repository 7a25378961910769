"""gatepass' own config.toml: the registry, and which index is its tools'."""

from __future__ import annotations

import os

from gatepass.setup import toml
from gatepass.setup.change import Change, Editor, edited
from gatepass.setup.text import Text
from gatepass.setup.wish import Wish


def changes(path: str, wish: Wish) -> list[Change]:
    """Add the registry where no file has it, and the index that was asked for.

    A registry of another file (the machine's) is left as it is: the user's file would replace its
    table as a whole. Raises ConfigError (setup-file).
    """
    registry, index = wish.registry, wish.index_path
    is_theirs = os.path.normpath(registry.source) != os.path.normpath(path)
    if not wish.is_new and (index is None or is_theirs):
        return []
    table = ("registries", registry.name)
    values: dict[str, str | bool] = {"url": registry.url}
    if index is not None:
        values["index"] = index

    def edit(text: Text) -> str:
        if not wish.is_new:
            return toml.put(text.body, table, "index", index or "", text.newline)
        body = text.body or f"version = 1{text.newline}"
        return toml.append(body, table, values, text.newline)

    lines = "".join(f"\n{key} = {toml.literal(value)}" for key, value in values.items())
    return edited(path, Editor(edit, f"[registries.{registry.name}]{lines}"))
