"""What is loaded, and when: the warm path and every tool's `import keyring` pay next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gatepass.sandbox import Sandbox
from support import BIN, run

HEAVY = {
    "requests", "urllib3", "jwt", "cryptography", "boto3", "botocore", "rich", "tomlkit",
    "tomllib", "filelock", "truststore", "logging", "argparse", "idna", "hypothesis",
    "http.client", "urllib.request", "ssl", "asyncio", "email", "concurrent.futures",
}  # fmt: skip
"""Nothing of this is loaded by us for nothing; some of it keyring loads by itself."""

NEEDED = {
    "gatepass",
    "gatepass.answer",
    "gatepass.errors",
    "gatepass.files",
    "gatepass.keyring_backend",
    "gatepass.log",
    "gatepass.realm",
}

FRESH = """
import json, sys
import keyring, keyring.backend, keyring.credentials, threading, typing
before = set(sys.modules)
import gatepass.keyring_backend
loaded = set(sys.modules) - before
answer = gatepass.keyring_backend.GatepassKeyring().get_credential(sys.argv[1], None)
assert answer is None, answer
print(json.dumps([sorted(loaded), sorted(set(sys.modules) - before - loaded)]))
"""


@pytest.fixture
def bare_job(github_env: dict[str, str]) -> dict[str, str]:
    """The job's environment, without coverage, which loads much of its own in every child."""
    return without_coverage(github_env)


@pytest.fixture
def bare_env(base_env: dict[str, str]) -> dict[str, str]:
    """The plain environment, without coverage."""
    return without_coverage(base_env)


def without_coverage(env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if not name.startswith("COVERAGE_")}


def loaded_by(service: str, env: dict[str, str]) -> tuple[set[str], set[str]]:
    """What importing the backend loads beyond keyring itself, and what a question then adds."""
    result = run([sys.executable, "-I", "-c", FRESH, service], env)
    assert result.stderr == ""
    first, second = json.loads(result.stdout)
    return set(first), set(second)


def test_the_backend_loads_next_to_nothing(bare_env: dict[str, str]) -> None:
    """Importing it beside keyring loads seven small modules of ours and nothing else at all."""
    assert loaded_by("poetry-repository-x", bare_env) == (NEEDED, set())


def test_a_question_for_another_registry_loads_nothing_heavy(bare_env: dict[str, str]) -> None:
    """Saying None to a foreign URL reads the settings, and loads nothing that is not ours."""
    env = {**bare_env, "PACKAGEMANAGER_ADDRESS": "https://ppm.example.com"}
    _, added = loaded_by("https://pypi.org/simple/", env)
    assert not added & HEAVY
    assert {name for name in added if not name.startswith("gatepass")} <= {"__future__", "fnmatch"}


def imported_by(words: list[str], env: dict[str, str]) -> tuple[str, set[str]]:
    """A command's stdout, and every module that it imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(BIN / "gatepass"), *words],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return done.stdout, {line.rpartition("|")[2].strip() for line in lines}


def test_a_warm_get_asks_nobody_and_loads_nothing_heavy(
    sandbox: Sandbox, bare_job: dict[str, str]
) -> None:
    """The second `gatepass get` makes no request, and imports none of what the first needed."""
    cold, first = imported_by(["get", sandbox.address], bare_job)
    assert {"requests", "urllib3", "jwt", "cryptography", "filelock"} <= first
    before = len(sandbox.requests)
    warm, second = imported_by(["get", sandbox.address], bare_job)
    assert warm == cold
    assert len(sandbox.requests) == before
    assert "gatepass.resolve" in second
    assert not second & (HEAVY - {"argparse"})
    assert not {name for name in second if name.startswith(("gatepass.sandbox", "gatepass.trust"))}


def test_a_warm_keyring_answer_loads_nothing_heavy(
    sandbox: Sandbox, bare_job: dict[str, str]
) -> None:
    """The same through the backend: what keyring didn't load by itself, a stored pass doesn't."""
    code = FRESH.replace("assert answer is None, answer", "assert answer is not None").replace(
        "before = set(sys.modules)", "import json, hashlib\nbefore = set(sys.modules)"
    )
    for _ in range(2):
        result = run([sys.executable, "-I", "-c", code, sandbox.address], bare_job)
        assert result.stderr == ""
    added = set(json.loads(result.stdout)[1])
    assert not added & HEAVY
    assert sandbox.count("exchange") == 1


def test_help_loads_no_network(bare_env: dict[str, str]) -> None:
    """`--help` of any command waits for nothing heavy."""
    for words in (["--help"], ["get", "--help"], ["sandbox", "--help"], ["status", "--help"]):
        out, names = imported_by(words, bare_env)
        assert out.startswith(("gatepass", "usage: gatepass"))
        assert not names & (HEAVY - {"argparse", "concurrent.futures"}), words
