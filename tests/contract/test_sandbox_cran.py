"""The sandbox's repository for R: PACKAGES and one source package, for a good token alone."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile

import pytest
import requests

from gatepass.sandbox import Sandbox

TIMEOUT = 10


def get(sandbox: Sandbox, path: str, password: str = "") -> requests.Response:
    password = password or sandbox.packagemanager.token()
    url = f"{sandbox.address}/cran/latest/{path}"
    return requests.get(url, auth=("__token__", password), timeout=TIMEOUT)


def test_packages_names_a_tarball_that_is_there(sandbox: Sandbox) -> None:
    """With its digest, as R checks it; compressed it is the same."""
    packages = get(sandbox, "src/contrib/PACKAGES").text
    assert gzip.decompress(get(sandbox, "src/contrib/PACKAGES.gz").content).decode() == packages
    fields = dict(line.split(": ", 1) for line in packages.splitlines())
    tarball = get(sandbox, f"src/contrib/{fields['Package']}_{fields['Version']}.tar.gz").content
    assert hashlib.md5(tarball, usedforsecurity=False).hexdigest() == fields["MD5sum"]
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        names = archive.getnames()
        description = archive.extractfile(f"{fields['Package']}/DESCRIPTION")
        assert description is not None
        assert f"Version: {fields['Version']}\n" in description.read().decode()
    assert all(name.startswith(f"{fields['Package']}/") for name in names)


@pytest.mark.parametrize("path", ["", "PACKAGES", "src/contrib/PACKAGES.rds", "bin/x"])
def test_nothing_else_is_there(sandbox: Sandbox, path: str) -> None:
    """R goes on to the next file where one is missing."""
    assert get(sandbox, path).status_code == 404


def test_it_is_closed_to_strangers(sandbox: Sandbox) -> None:
    """Like every repository but the public one."""
    assert get(sandbox, "src/contrib/PACKAGES", "wrong").status_code == 401
    assert sandbox.requests[-1].party == "index"
