"""Where each tool's own files lie, for this user, on this system."""

from __future__ import annotations

import ntpath
import os
import posixpath
import sys
from collections.abc import Iterable
from typing import NamedTuple

from gatepass.errors import ConfigError, plain
from gatepass.settings.environment import Environment, read
from gatepass.settings.file import paths


class Places(NamedTuple):
    """Absolute paths. ``bin``: the folder of the launcher; ``state``: of our journal."""

    home: str
    config: str
    pip: str
    uv: str
    pypirc: str
    renviron: str
    keyringrc: str
    bin: str
    state: str


def places(env: Environment, bin: str = "", platform: str = sys.platform) -> Places:
    """Sources: pip's ``utils/appdirs.py`` and ``configuration.py``; uv's documentation of its user
    configuration; keyring's ``util/platform_.py``; R's ``?Startup``. ``bin``: another folder for
    the launcher. Raises ConfigError (setup-no-home)."""
    on_windows = platform == "win32"
    home = env.get("USERPROFILE" if on_windows else "HOME", "")
    join = (ntpath if on_windows else posixpath).join
    is_absolute = (ntpath if on_windows else posixpath).isabs
    if not is_absolute(home):
        raise ConfigError(
            "setup-no-home",
            "there is no home folder to set up",
            why=f"{'USERPROFILE' if on_windows else 'HOME'} isn't set to an absolute path",
            do="run it as the user whose tools are to be set up",
        )

    def folder(variable: str, *default: str) -> str:
        chosen = env.get(variable, "")
        return chosen if is_absolute(chosen) else join(home, *default)

    if on_windows:
        config = folder("APPDATA", "AppData", "Roaming")
        local = folder("LOCALAPPDATA", "AppData", "Local")
        state, commands = join(local, "gatepass", "setup"), join(local, "gatepass", "bin")
        keyring = join(local, "Python Keyring")
    else:
        config = folder("XDG_CONFIG_HOME", ".config")
        state = join(folder("XDG_STATE_HOME", ".local", "state"), "gatepass", "setup")
        commands = join(home, ".local", "bin")
        keyring = join(config, "python_keyring")
    pip = join(config, "pip")
    if platform == "darwin":
        mine = join(home, "Library", "Application Support", "pip")
        pip = mine if os.path.isdir(mine) else join(home, ".config", "pip")
    renviron = env.get("R_ENVIRON_USER", "")
    if not is_absolute(renviron):
        r_home = home
        if on_windows:
            named = (env.get(name, "") for name in ("R_USER", "HOME"))
            r_home = next(filter(is_absolute, named), join(home, "Documents"))
        renviron = join(r_home, ".Renviron")
    return Places(
        home=home,
        config=_config(env, join(config, "gatepass", "config.toml")),
        pip=join(pip, "pip.ini" if on_windows else "pip.conf"),
        uv=join(config, "uv", "uv.toml"),
        pypirc=join(home, ".pypirc"),
        renviron=renviron,
        keyringrc=join(keyring, "keyringrc.cfg"),
        bin=os.path.abspath(bin) if bin else commands,
        state=state,
    )


def check_owner(paths: Iterable[str]) -> None:
    """Refuse to be root in somebody else's folders: what sudo leaves there, its owner can neither
    read nor change. ``paths``: of files that are to be written. Raises ConfigError
    (setup-not-yours). Nobody else is looked at: whoever may make a file there has it then."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    for path in paths:
        folder = os.path.realpath(os.path.dirname(path))
        while not os.path.isdir(folder):
            folder = os.path.dirname(folder)
        if os.stat(folder).st_uid != 0:
            raise ConfigError(
                "setup-not-yours",
                f"this is root, and {plain(folder)} belongs to somebody else",
                why="root's files there would lock their owner out: nothing was changed",
                do="run it as that user, without sudo; for root's own tools: sudo -H",
            )


def _config(env: Environment, user: str) -> str:
    """Our own file: the one that GATEPASS_CONFIG names, which replaces the user's."""
    return paths(env)[0] if read(env, "GATEPASS_CONFIG") else user
