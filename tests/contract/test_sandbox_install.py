"""A real pip installs from the private index, also inside its build isolation."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from gatepass.sandbox import Sandbox, clean

FILES = (
    "gatepass_greeting-1.0.0-py3-none-any.whl",
    "gatepass_hello-1.0.0-py3-none-any.whl",
    "gatepass_built-1.0.0.tar.gz",
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def install(sandbox: Sandbox, token: str, target: Path, project: str) -> tuple[int, str]:
    index = sandbox.index_url.replace("://", f"://__token__:{token}@")
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    options = ["--no-cache-dir", "--target", str(target), "--index-url", index, project]
    environ = {**clean(os.environ), "PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run([*command, *options], env=environ, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def run(target: Path, code: str) -> str:
    environ = {**clean(os.environ), "PYTHONPATH": str(target)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_wheel_and_its_dependency_install(shared: Sandbox, tmp_path: Path) -> None:
    status, output = install(shared, shared.packagemanager.token(), tmp_path, "gatepass-hello")
    assert status == 0, output
    said = run(tmp_path, "import gatepass_hello; gatepass_hello.main()")
    assert said == "Hello, gatepass: you came through the gate.\n"
    assert (tmp_path / "bin" / "gatepass-hello").exists() or os.name == "nt"


def test_an_sdist_builds_with_its_requirement_from_the_index(
    shared: Sandbox, tmp_path: Path
) -> None:
    before = len(shared.requests)
    status, output = install(shared, shared.packagemanager.token(), tmp_path, "gatepass-built")
    assert status == 0, output
    said = run(tmp_path, "import gatepass_built; print(gatepass_built.GREETING)")
    assert said == "Hello, builder: you came through the gate.\n"
    fetched = [request.path for request in shared.requests[before:]]
    assert any("gatepass_greeting" in path for path in fetched)


def test_a_bad_token_installs_nothing(shared: Sandbox, tmp_path: Path) -> None:
    before = shared.count("index", 401)
    status, _ = install(shared, "no-token", tmp_path, "gatepass-hello")
    assert status != 0
    assert shared.count("index", 401) > before
    assert not list(tmp_path.iterdir())


def fetch(sandbox: Sandbox, filename: str) -> bytes:
    url = f"{sandbox.address}/public/latest/packages/{filename}"
    return requests.get(url, timeout=10).content


def test_the_wheels_record_lists_every_file_with_its_hash(shared: Sandbox) -> None:
    archive = zipfile.ZipFile(io.BytesIO(fetch(shared, FILES[1])))
    record = archive.read("gatepass_hello-1.0.0.dist-info/RECORD").decode()
    rows = {path: (digest, size) for path, digest, size in csv.reader(io.StringIO(record))}
    assert set(rows) == set(archive.namelist())
    assert rows.pop("gatepass_hello-1.0.0.dist-info/RECORD") == ("", "")
    for path, (digest, size) in rows.items():
        data = archive.read(path)
        encoded = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        assert (digest, size) == (f"sha256={encoded}", str(len(data)))


def test_the_files_are_the_same_at_each_start(shared: Sandbox) -> None:
    code = (
        "from gatepass.sandbox.distributions import built_in\n"
        "print(*(file.sha256 for file in built_in()))"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**clean(os.environ), "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    data = [fetch(shared, filename) for filename in FILES]
    assert done.stdout.split() == [hashlib.sha256(file).hexdigest() for file in data]
    # Two starts within a second would agree on a time: gzip's has to be zero (RFC 1952).
    assert data[2][4:8] == bytes(4)
