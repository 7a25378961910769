"""uv's user configuration: the keyring provider, and the indexes that were asked for.

``authenticate = "always"`` makes uv ask without a user name, before its first request. Of several
default indexes uv takes the first one in the file (measured with 0.13.9), so ours comes first; the
others are searched before the default, in their order.
"""

from __future__ import annotations

from gatepass.setup import toml
from gatepass.setup.change import Change, Editor, edited
from gatepass.setup.text import Text, Unclear
from gatepass.setup.wish import Wish

_INDEX = ("index",)


def changes(path: str, wish: Wish) -> list[Change]:
    """Set them at the top and in ``[[index]]``. Raises ConfigError (setup-file)."""
    indexes = _indexes(wish)

    def edit(text: Text) -> str:
        body = toml.put(text.body, (), "keyring-provider", "subprocess", text.newline)
        for values in indexes:
            body = _with_index(body, values, text.newline)
        return body

    lines = ['keyring-provider = "subprocess"']
    for values in indexes:
        lines += ["", "[[index]]", *(f"{key} = {toml.literal(v)}" for key, v in values.items())]
    return edited(path, Editor(edit, "\n".join(lines)))


def _indexes(wish: Wish) -> list[dict[str, str | bool]]:
    name, always = wish.registry.name, {"authenticate": "always"}
    found: list[dict[str, str | bool]] = []
    if wish.index_url:
        found.append({"name": name, "url": wish.index_url, "default": True, **always})
    if wish.extra_url:
        extra = f"{name}-extra" if wish.index_url else name
        found.append({"name": extra, "url": wish.extra_url, **always})
    return found


def _with_index(body: str, values: dict[str, str | bool], newline: str) -> str:
    elements = toml.parse(body).get("index", [])
    if not isinstance(elements, list):
        raise Unclear("its `index` is no list")
    for number, element in enumerate(elements):
        if element.get("name") == values["name"]:
            others = elements[:number] if values.get("default") else []
            if any(other.get("default") for other in others):
                raise Unclear("another default index stands before this one")
            for key, value in values.items():
                body = toml.put(body, _INDEX, key, value, newline, number=number)
            return body
    if values.get("default"):
        return toml.prepend(body, _INDEX, values, newline)
    return toml.append(body, _INDEX, values, newline, in_array=True)
