"""pip's user configuration: the keyring provider, and the index where it was asked for.

The user name stands in the index's address: pip before 26.2 asks the command only for a user name
that it knows, later ones and the import mode take it as well, and one file serves the pips of all
environments on the machine.
"""

from __future__ import annotations

from gatepass.setup import ini
from gatepass.setup.change import Change, Editor, edited
from gatepass.setup.text import Text
from gatepass.setup.wish import Wish, with_user


def changes(path: str, wish: Wish) -> list[Change]:
    """Set them in ``[global]``. Raises ConfigError (setup-file)."""
    values = {"keyring-provider": "subprocess"}
    if wish.index_url:
        values["index-url"] = with_user(wish.index_url, wish.username)
    extra = with_user(wish.extra_url, wish.username) if wish.extra_url else ""

    def edit(text: Text) -> str:
        body = text.body
        for key, value in reversed(values.items()):  # a new key becomes its section's first
            body = ini.put(body, "global", key, value, text.newline)
        if extra:
            body = ini.add(body, "global", "extra-index-url", extra, text.newline)
        return body

    lines = [f"{key} = {value}" for key, value in values.items()]
    lines += [f"extra-index-url = {extra}"] * bool(extra)
    return edited(path, Editor(edit, "\n".join(["[global]", *lines])))
