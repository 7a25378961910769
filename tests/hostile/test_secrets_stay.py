"""No secret in what is logged, said or kept beside the credential, at the most talkative level."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gatepass.sandbox import Sandbox
from support import gatepass, keyring

JWT = re.compile(r"eyJ[\w-]{8,}\.eyJ")
"""A token: `eyJ` alone also stands in a public key now and then."""


def journal(env: dict[str, str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(env["GATEPASS_LOG_FILE"]).read_text().splitlines()]


def everything(env: dict[str, str], *outputs: str) -> str:
    """All that was written anywhere but the credential's own record and standard output."""
    files = [path for path in Path(env["HOME"]).rglob("*") if path.is_file()]
    files += Path(env["GATEPASS_STORE_DIR"]).iterdir()
    texts = [path.read_text() for path in files if not path.name.startswith("credential-")]
    return "\n".join([*texts, *outputs])


@pytest.fixture
def talkative(tmp_path: Path) -> dict[str, str]:
    return {
        "GATEPASS_LOG": "debug",
        "GATEPASS_LOG_FORMAT": "json",
        "GATEPASS_LOG_FILE": str(tmp_path / "home" / "log"),
        "GATEPASS_STORE_DIR": str(tmp_path / "store"),
    }


@pytest.mark.parametrize("platform", ["github", "file"])
def test_a_whole_run_at_debug_level(
    sandbox: Sandbox, base_env: dict[str, str], talkative: dict[str, str], platform: str
) -> None:
    """A miss with a retry, a hit, a failure, keyring, whoami, status: no token, in no place."""
    env = {**base_env, **sandbox.environment(platform), **talkative}
    sandbox.packagemanager.fail_next(503)
    got = gatepass("get", sandbox.index_url, env=env)
    again = keyring("get", sandbox.index_url, "__token__", env=env)
    assert (got.returncode, again.stdout) == (0, got.stdout)
    outputs = [got.stderr, again.stderr]
    for words in (["whoami"], ["status"]):
        done = gatepass(*words, env=env)
        assert done.returncode == 0
        outputs += [done.stdout, done.stderr]
    text = everything(env, *outputs)
    events = {str(line["event"]) for line in journal(env)}
    assert events >= {"identity", "verified", "retry", "exchanged", "stored", "from-store"}
    assert not JWT.search(text)
    assert sandbox.github.request_token not in text
    assert got.stdout.strip() not in text
    file = env.get("PACKAGEMANAGER_IDENTITY_TOKEN_FILE")
    if file:
        assert not any(part in text for part in Path(file).read_text().strip().split("."))


@pytest.mark.parametrize("platform", ["github", "file"])
def test_a_registry_that_echoes_the_token(
    sandbox: Sandbox, base_env: dict[str, str], talkative: dict[str, str], platform: str
) -> None:
    """Its words are shown without it, in the error, the log, the summary and what is kept."""
    env = {**base_env, **sandbox.environment(platform), **talkative}
    # The sandbox can't echo; a plan made from the very token can, for a file's.
    token = sandbox.issuer.mint(sandbox.packagemanager.audience)
    if platform == "file":
        token = Path(env["PACKAGEMANAGER_IDENTITY_TOKEN_FILE"]).read_text().strip()
        sandbox.packagemanager.fail_next(
            400, times=9, body={"error": "bad", "error_description": f"token '{token}' is bad"}
        )
    else:
        request_token = sandbox.github.request_token
        sandbox.github.fail_next(403, times=9, body=f"bearer {request_token} is bad")
        token = request_token
    got = gatepass("get", sandbox.index_url, env=env)
    asked = keyring("get", sandbox.index_url, "__token__", env=env)
    status = gatepass("status", env=env)
    assert got.returncode == 1
    assert "is bad" in got.stderr
    assert "is bad" in asked.stderr
    summary = env.get("GITHUB_STEP_SUMMARY")
    text = everything(env, got.stdout, got.stderr, asked.stdout, asked.stderr, status.stdout)
    text += Path(summary).read_text() if summary else ""
    assert not any(part in text for part in token.split("."))
    assert not JWT.search(text)
