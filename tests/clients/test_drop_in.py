"""With nothing but the variables that posit-keyring documents, over https."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from clients.harness import USER, Job, pip, uv_install
from clients.test_twine import upload
from gatepass.sandbox import Sandbox


@pytest.fixture
def machine(base_env: dict[str, str], tmp_path: Path) -> Iterator[Job]:
    """An address and a token file; the certificate authority belongs to the machine's set-up."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    with Sandbox(tls=True) as sandbox:
        given = sandbox.environment("file")
        names = ("PACKAGEMANAGER_ADDRESS", "PACKAGEMANAGER_IDENTITY_TOKEN_FILE")
        authority = {
            "SSL_CERT_FILE": str(sandbox.ca_file),
            "REQUESTS_CA_BUNDLE": str(sandbox.ca_file),
        }
        made = Job(
            sandbox, {**base_env, **authority, **{name: given[name] for name in names}}, folder
        )
        yield made
        made.check_files(folder)


def test_keyring_prints_a_token_that_works(machine: Job) -> None:
    """`keyring get URL __token__`, as its documentation shows."""
    assert machine.index.startswith("https://localhost:")
    token = machine.keyring("get", machine.index, USER).succeeded().out.strip()
    url, verify = f"{machine.index}gatepass-hello/", str(machine.sandbox.ca_file)
    assert requests.get(url, verify=verify, auth=(USER, token), timeout=10).status_code == 200
    assert requests.get(url, verify=verify, timeout=10).status_code == 401


@pytest.mark.parametrize(
    ("version", "mode"), [("25.3", "import"), ("25.3", "subprocess"), ("latest", "subprocess")]
)
def test_pip_installs(machine: Job, version: str, mode: str) -> None:
    """One exchange, then one more install from the store in the user's own folder."""
    for _ in range(2):
        pip(machine, version, mode, index=machine.index_with_user).succeeded()
    assert machine.exchanges() == 1


def test_uv_installs(machine: Job) -> None:
    """As pip."""
    uv_install(machine).succeeded()
    assert machine.exchanges() == 1


def test_twine_uploads(machine: Job) -> None:
    """As pip."""
    upload(machine).succeeded()
    assert machine.exchanges() == 1
