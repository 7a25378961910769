"""keyring itself finds the backend, chains it, and pays next to nothing for it."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import pytest

from gatepass.sandbox import Sandbox
from support import keyring, run

OTHER = textwrap.dedent("""
    from keyring.backend import KeyringBackend

    class Other(KeyringBackend):
        priority = 5

        def get_password(self, service, username):
            return "others" if service == "https://other.example" else None

        def set_password(self, service, username, password):
            print("other set", service)

        def delete_password(self, service, username):
            print("other deleted", service)
""")

ASK = textwrap.dedent("""
    import json, sys, keyring
    ring = keyring.get_keyring()
    keyring.set_password(sys.argv[1], "__token__", "p")
    keyring.delete_password("https://other.example", "u")
    print(json.dumps([
        type(ring).__module__,
        [type(backend).__name__ for backend in getattr(ring, "backends", [])],
        keyring.get_password("https://other.example", "u"),
        keyring.get_credential(sys.argv[1], None).username,
        keyring.get_password("poetry-repository-x", "u"),
    ]))
""")


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH that holds another installed backend."""
    folder = tmp_path / "site"
    about = folder / "other_backend-1.dist-info"
    about.mkdir(parents=True)
    (folder / "other_backend.py").write_text(OTHER)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: other-backend\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[keyring.backends]\nother = other_backend\n")
    return folder


def test_keyrings_chainer_asks_us_first_and_the_other_then(
    sandbox: Sandbox, github_env: dict[str, str], beside: Path
) -> None:
    """With a second backend installed both serve: ours what is ours, the other what isn't."""
    env = {**github_env, "PYTHONPATH": str(beside)}
    result = run([sys.executable, "-c", ASK, sandbox.index_url], env)
    assert result.stderr == ""
    *said, answer = result.stdout.splitlines()
    assert said == [f"other set {sandbox.index_url}", "other deleted https://other.example"]
    module, backends, password, username, nobody = json.loads(answer)
    assert module == "keyring.backends.chainer"
    assert backends[:2] == ["GatepassKeyring", "Other"]
    assert (password, username, nobody) == ("others", "__token__", None)


def test_the_keyring_command_prints_the_password_alone(
    sandbox: Sandbox, github_env: dict[str, str]
) -> None:
    """`keyring get URL __token__` prints one line, and a second one costs no request."""
    first = keyring("get", sandbox.index_url, "__token__", env=github_env)
    assert (first.returncode, first.stderr) == (0, "")
    assert len(first.stdout.split()) == 1
    before = len(sandbox.requests)
    again = keyring("get", sandbox.index_url, "__token__", env=github_env)
    assert again.stdout == first.stdout
    assert len(sandbox.requests) == before


def test_creds_mode_gives_user_and_password(sandbox: Sandbox, github_env: dict[str, str]) -> None:
    """`--mode creds` as pip, uv and pdm call it, also with an empty user."""
    for words in ([], [""], ["__token__"]):
        result = keyring("--mode", "creds", "get", sandbox.index_url, *words, env=github_env)
        username, password = result.stdout.splitlines()
        assert username == "__token__"
        assert password
    assert sandbox.count("exchange") == 1


def test_a_home_that_is_read_only_costs_the_store_only(
    sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path
) -> None:
    """Without any place to store, each call exchanges, and answers."""
    for name in ("RUNNER_TEMP", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"):
        github_env.pop(name, None)
    github_env |= {"HOME": "/proc/nowhere", "GATEPASS_STORE": "auto"}
    github_env["GATEPASS_STORE_DIR"] = "/proc/nowhere/store"
    result = keyring("get", sandbox.index_url, "__token__", env=github_env)
    assert result.returncode == 0
    assert len(result.stdout.split()) == 1
    assert "nothing is stored in /proc/nowhere/store" in result.stderr


def test_an_error_is_said_on_stderr_and_the_status_is_keyrings(
    sandbox: Sandbox, github_env: dict[str, str]
) -> None:
    """On a failure the command ends as if nobody had a password: status 1, stdout empty."""
    sandbox.packagemanager.fail_next(400)
    result = keyring("get", sandbox.index_url, "__token__", env=github_env)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error[exchange-refused]")
    assert "Traceback" not in result.stderr
