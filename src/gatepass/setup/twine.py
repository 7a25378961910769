"""~/.pypirc for twine: where to upload to, under the registry's name. Never a password."""

from __future__ import annotations

from gatepass.setup import ini
from gatepass.setup.change import Change, Editor, edited
from gatepass.setup.text import Text, Unclear
from gatepass.setup.wish import Wish

_KNOWN = ("pypi", "testpypi")
"""What twine knows where the file has no list: they must stay known beside ours."""


def changes(path: str, wish: Wish) -> list[Change]:
    """Add the repository; nothing where no upload address was given.

    Raises ConfigError (setup-file), also where the section has a password: twine would then ask
    nobody.
    """
    if not wish.upload_url:
        return []
    name = wish.registry.name
    values = {"repository": wish.upload_url, "username": wish.username}

    def edit(text: Text) -> str:
        body, newline = text.body, text.newline
        table = ini.parse(body)
        if table.get(name, {}).get("password"):
            raise Unclear(f"[{name}] has a password there, so twine would ask nobody")
        if not table.get("distutils", {}).get("index-servers"):
            body = ini.put(body, "distutils", "index-servers", _KNOWN[0], newline)
            body = ini.add(body, "distutils", "index-servers", _KNOWN[1], newline)
        body = ini.add(body, "distutils", "index-servers", name, newline)
        for key, value in reversed(values.items()):  # a new key becomes its section's first
            body = ini.put(body, name, key, value, newline)
        return body

    servers = "\n".join(f"    {one}" for one in (*_KNOWN, name))
    lines = "\n".join(f"{key} = {value}" for key, value in values.items())
    by_hand = f"[distutils]\nindex-servers =\n{servers}\n\n[{name}]\n{lines}"
    return edited(path, Editor(edit, by_hand))
