"""pip installs from the private index: each pip, each way to ask keyring, with and without user."""

from __future__ import annotations

import pytest

from clients.harness import BUILT, HELLO, Job, pip
from clients.provision import PIPS

OLD = ("23.2.1", "25.3")
"""Versions that ask the command only for a user name they know."""
NEW = ("26.2", "latest")


@pytest.mark.parametrize("user", [False, True], ids=["no-user", "user"])
@pytest.mark.parametrize("version", PIPS)
def test_import_mode_installs_with_one_exchange(job: Job, version: str, user: bool) -> None:
    """A backend beside pip is asked in pip's own process, whatever the URL says."""
    pip(job, version, "import", index=job.index_with_user if user else "").succeeded()
    assert job.installed()
    assert job.exchanges() == job.sandbox.count("exchange") == 1
