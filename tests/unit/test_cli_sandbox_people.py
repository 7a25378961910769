"""`gatepass sandbox --as laptop` and `--as menda`: who answers a login, and what is said of it."""

from __future__ import annotations

import json
import sys

import pytest

from support import ROOT, gatepass

# A login at the provider that the environment names: the code, one poll, the answer.
_LOG_IN = """
import json, os
from devices import DEVICE_GRANT, post
client = {"client_id": os.environ["GATEPASS_LOGIN_CLIENT_ID"]}
url = os.environ["GATEPASS_LOGIN_ISSUER"]
told = post(url + "/device_authorization", {**client, "scope": "openid"}).json()
code = {"grant_type": DEVICE_GRANT, "device_code": told["device_code"]}
answer = post(url + "/token", {**client, **code})
print(json.dumps([answer.status_code, answer.json().get("error"), told["verification_uri"]]))
"""
# What menda-keyring does, and then a request for what its token opens.
_MENDA = """
import json, os, requests
url = os.environ["MENDA_HOST"] + "/api/v1/auth/"
query = {"grant_type": "client_credentials"}
query |= {name: os.environ["MENDA_" + name.upper()] for name in ("client_id", "client_secret")}
token = requests.post(url + "oauth2/token", params=query, timeout=9).json()["access_token"]
header = {"authorizationToken": "Bearer " + token}
token = requests.post(url + "registry/token", headers=header, timeout=9).json()["token"]
index = os.environ["CODEARTIFACT_INDEX_URL"]
print(json.dumps([requests.get(index, auth=("aws", token), timeout=9).status_code, index]))
"""


@pytest.fixture
def env(base_env: dict[str, str]) -> dict[str, str]:
    return {**base_env, "PYTHONPATH": str(ROOT / "tests")}


@pytest.mark.parametrize(
    ("words", "status", "error", "said"),
    [
        (["--person", "approve"], 200, None, "the sandbox plays the person, who will approve"),
        (["--person", "deny"], 400, "access_denied", "the sandbox plays the person, who will deny"),
        (["--person", "never"], 400, "authorization_pending", "a login waits for you: open the pa"),
        ([], 400, "authorization_pending", "a login waits for you: open the page that it names, "),
    ],
)
def test_who_answers_a_login(
    env: dict[str, str], words: list[str], status: int, error: str | None, said: str
) -> None:
    """The sandbox's person does as the option says; without it the page waits, and is named."""
    command = [sys.executable, "-c", _LOG_IN]
    done = gatepass("sandbox", "--as", "laptop", *words, "--", *command, env=env)
    assert done.returncode == 0, done.stderr
    found, why, page = json.loads(done.stdout)
    assert (found, why) == (status, error)
    assert done.stderr.startswith(f"gatepass sandbox: {said}")
    assert done.stderr.count("\n") == 1
    assert (page in done.stderr) == said.startswith("a login waits")


def test_an_unknown_answer_is_wrong_usage(env: dict[str, str]) -> None:
    """A person says yes, no, or nothing."""
    done = gatepass("sandbox", "--as", "laptop", "--person", "maybe", "--", "true", env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'maybe'" in done.stderr


def test_others_are_told_nothing_of_a_person(env: dict[str, str]) -> None:
    """A job has nobody to wait for."""
    done = gatepass("sandbox", "--as", "github", "--person", "deny", "--", "true", env=env)
    assert (done.returncode, done.stderr) == (0, "")


def test_menda_opens_codeartifact_under_its_own_name(env: dict[str, str]) -> None:
    """The environment leads there through the sandbox's proxy, without another option."""
    command = [sys.executable, "-c", _MENDA]
    done = gatepass("sandbox", "--as", "menda", "--", *command, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    status, index = json.loads(done.stdout)
    assert status == 200
    assert index.startswith("https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com/")
