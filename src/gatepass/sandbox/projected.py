"""A projected volume: files that change all at once, laid out as a kubelet does it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


class Projected:
    """`folder`, in which each file is a link to ..data/NAME, and ..data one to a dated folder.

    Who opens a path anew finds the new content after a swap; who keeps a descriptor does not.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700)

    def swap(self, files: Mapping[str, str]) -> None:
        """Let the folder hold exactly `files` (0600), by one rename of ..data.

        Only then do new names appear, and does the old folder go: the order of the kubelet's own.
        """
        data = self.folder / "..data"
        before = self.folder / os.readlink(data) if data.is_symlink() else None
        # The kubelet's folders are called ..2026_01_02_15_04_05.123456789.
        fresh = Path(tempfile.mkdtemp(prefix="..", dir=self.folder))
        for name, text in files.items():
            descriptor = os.open(fresh / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
        link = self.folder / "..data_tmp"
        link.symlink_to(fresh.name)
        os.replace(link, data)
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(Path("..data", name))
        if before is not None:
            shutil.rmtree(before)
