"""``--for netrc``: files by which tools that know nothing of keyring find a password.

Each holds what the user's own has, and ours in front of it. curl, Python's requests and Go read
``NETRC``; older curls, and R through curl, a ``.curlrc`` below ``CURL_HOME``. R's own downloads
read neither, so a profile of ours makes curl its method, after the user's own profile. pak reads
logins from ``PACKAGEMANAGER_SSO_TOKEN_FILE``, in the form that :mod:`gatepass.store.connections`
describes.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence

from gatepass import files, log, netrc
from gatepass.child.serving import Held
from gatepass.store import connections, tokens
from gatepass.store.folder import Folder

_LARGEST = 1024 * 1024

_PROFILE = """\
# Written by `gatepass exec`. R's own downloads read no netrc; curl does, below CURL_HOME.
local({{
  own <- {own}
  if (!nzchar(own)) own <- if (file.exists(".Rprofile")) ".Rprofile" else "~/.Rprofile"
  if (file.exists(own)) source(own)
  if (is.null(getOption("download.file.method")) && nzchar(Sys.which("curl")))
    options(download.file.method = "curl")
}})
"""


class Files:
    """The files in one folder, and the variables that lead tools to them.

    The user's own are read once, at the start. What can't be read of them is said, and left out.
    """

    def __init__(self, folder: Folder, env: Mapping[str, str]) -> None:
        self._folder, self._curl = folder, Folder(os.path.join(folder.path, "curl"))
        self._netrc = _text(netrc.path(env))
        self._tokens = _text(tokens.path(env)).removeprefix("\ufeff")
        os.mkdir(self._curl.path, 0o700)
        self._curl.write(".curlrc", _bytes(_text(_curlrc(env)) + self._curl_options()))
        profile = _PROFILE.format(own=json.dumps(env.get("R_PROFILE_USER", "")))
        folder.write("Rprofile", profile.encode())

    def write(self, held: Sequence[Held]) -> None:
        """Replace the files with passwords: at the start, and when one was renewed. OSError."""
        text, hosts = self._netrc, set()
        for one in held:
            host = one.registry.realm.host.strip("[]")
            if host in hosts:
                log.warning(
                    "netrc",
                    f"a netrc has one entry a host, and {host} has one already: none for "
                    f"{one.registry.name}",
                )
                continue
            hosts.add(host)
            text = netrc.with_machine(text, host, one.credential.username, one.credential.secret)
        self._folder.write("netrc", _bytes(text))
        if any(one.registry.kind == "packagemanager" for one in held):
            self._folder.write("tokens.toml", _bytes(self._logins(held)))

    def variables(self, held: Sequence[Held]) -> dict[str, str]:
        """What leads the tools there; pak uses a login for PACKAGEMANAGER_ADDRESS alone."""
        found = {
            "NETRC": os.path.join(self._folder.path, "netrc"),
            "CURL_HOME": self._curl.path,
            "R_PROFILE_USER": os.path.join(self._folder.path, "Rprofile"),
        }
        managers = [one.registry for one in held if one.registry.kind == "packagemanager"]
        if managers:
            found["PACKAGEMANAGER_SSO_TOKEN_FILE"] = os.path.join(self._folder.path, "tokens.toml")
            found["PACKAGEMANAGER_ADDRESS"] = managers[0].url
        return found

    def _curl_options(self) -> str:
        path = os.path.join(self._folder.path, "netrc").replace("\\", "\\\\").replace('"', '\\"')
        # Optional: a user and a password in the address or on the command line come first.
        return f'\n# Written by `gatepass exec`:\nnetrc-optional\nnetrc-file = "{path}"\n'

    def _logins(self, held: Sequence[Held]) -> str:
        text = self._tokens
        for registry, credential in held:
            if registry.kind == "packagemanager":
                text = _with_login(text, registry.url, credential.secret.reveal())
        return text


def _with_login(text: str, address: str, token: str) -> str:
    try:
        changed = connections.change(text, lambda doc: connections.keep(doc, address, token))
    except ValueError as error:
        log.warning("netrc", f"your own logins are left out for pak: {error}")
        return _with_login("", address, token)
    return text if changed is None else changed


def _curlrc(env: Mapping[str, str]) -> str:
    """The file that curl would read, in its order (its tool_findfile.c); empty where there is
    none."""
    homes: tuple[str, ...] = ("HOME",)
    names: tuple[str, ...] = (".curlrc",)
    if sys.platform == "win32":
        homes, names = ("HOME", "USERPROFILE", "APPDATA"), (".curlrc", "_curlrc")
    places = (
        *(("CURL_HOME", name) for name in names),
        ("XDG_CONFIG_HOME", "curlrc"),
        *((home, name) for home in homes for name in names),
        ("HOME", os.path.join(".config", "curlrc")),
    )
    paths = (os.path.join(env[home], name) for home, name in places if env.get(home))
    return next((path for path in paths if os.path.isfile(path)), "")


def _text(path: str) -> str:
    try:
        return files.read(path, _LARGEST).decode("utf-8", "surrogateescape") if path else ""
    except FileNotFoundError:
        return ""
    except OSError as error:
        log.warning("netrc", f"{path} is left out: {error.strerror or error}")
        return ""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
