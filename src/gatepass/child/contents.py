"""What lies in the command's private folder, and the variables that lead there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from gatepass.child import launchers
from gatepass.child.folder import PassFolder
from gatepass.child.netrc import Files
from gatepass.child.serving import Held
from gatepass.errors import ConfigError
from gatepass.store import passes


class Contents:
    """The passes, our `keyring`, and the files of ``--for netrc``.

    ``env``: the command's, without what this adds. Raises ConfigError (pass-write) where the
    folder can't be filled, and what :func:`gatepass.child.launchers.put` raises.
    """

    def __init__(
        self,
        folder: PassFolder,
        env: Mapping[str, str],
        held: Sequence[Held],
        *,
        with_netrc: bool = False,
    ) -> None:
        self._folder = folder
        try:
            self._bin = launchers.put(folder.path, env)
            self._files = Files(folder.files, env) if with_netrc else None
            self.write(held)
        except OSError as error:
            raise ConfigError(
                "pass-write",
                f"the command's passes can't be written to {folder.path}",
                why=error.strerror or "",
                do="make room there, or set GATEPASS_STORE_DIR to another place",
            ) from None
        self._more = self._files.variables(held) if self._files else {}

    def write(self, held: Sequence[Held]) -> None:
        """Put in these passes, in the place of earlier ones. OSError."""
        for one in held:
            passes.write(self._folder.files, one.registry, one.credential)
        if self._files:
            self._files.write(held)

    def seen_from(self, env: Mapping[str, str]) -> dict[str, str]:
        """``env`` with what leads here."""
        path = env.get("PATH", "") or os.defpath
        return {
            **env,
            **self._more,
            passes.VARIABLE: self._folder.path,
            "PATH": f"{self._bin}{os.pathsep}{path}",
        }
