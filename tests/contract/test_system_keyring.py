"""The system's keyring as it is on a desktop: GNOME's own, on a D-Bus of its own."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest

import desktop

pytestmark = pytest.mark.real

LONG = "x" * 3000
ADDRESS = "https://ppm.example.com"

DO = """
import json, os, sys, time
from gatepass.secret import Secret
from gatepass.store import system

found = system.open_system(os.environ)
if found is None:
    sys.exit("none")
if len(sys.argv) > 2:
    found.patience = float(sys.argv[2])
answers = []
for step in json.loads(sys.argv[1]):
    verb, *words = step
    if verb == "put":
        answers.append(found.put(words[0], Secret(words[1])))
    elif verb == "get":
        secret = found.get(words[0])
        answers.append(secret and secret.reveal())
    elif verb == "remove":
        answers.append(found.remove(words[0]))
    elif verb == "direct":
        import keyring.backends.SecretService as service
        answers.append(service.Keyring().get_password(*words))
    else:
        raise ValueError(verb)
print(json.dumps(answers))
"""


def do(
    env: dict[str, str], *steps: list[str], keyring: str = "unlocked", patience: float = 30
) -> tuple[list[Any], str]:
    """What each step answered, and what was said on standard error."""
    words = [sys.executable, "-c", DO, json.dumps(steps), str(patience)]
    done = desktop.inside(words, env, keyring)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_three_thousand_characters_come_back(base_env: dict[str, str]) -> None:
    """Kept, found, replaced, and found again in the next session; another name is another."""
    steps = (
        ["get", ADDRESS],
        ["put", ADDRESS, "short"],
        ["put", ADDRESS, LONG],
        ["put", "other", "o"],
        ["get", ADDRESS],
        ["get", "other"],
    )
    assert do(base_env, *steps) == ([None, True, True, True, LONG, "o"], "")
    assert do(base_env, ["get", ADDRESS]) == ([LONG], "")


def test_people_find_it_under_our_name(base_env: dict[str, str]) -> None:
    """Service and user name are what keyring's own programs show, and can be asked for."""
    steps = (["put", ADDRESS, LONG], ["direct", "gatepass", ADDRESS])
    assert do(base_env, *steps) == ([True, LONG], "")


def test_what_is_removed_is_gone(base_env: dict[str, str]) -> None:
    """The second time there is nothing to remove, which is nothing to warn of."""
    steps = (["put", ADDRESS, "s"], ["remove", ADDRESS], ["get", ADDRESS], ["remove", ADDRESS])
    assert do(base_env, *steps) == ([True, True, None, False], "")


def test_a_locked_keyring_answers_at_once(base_env: dict[str, str]) -> None:
    """Without a display nobody can be asked: one warning, and nothing waits or asks again."""
    do(base_env, ["put", ADDRESS, LONG])
    began = time.monotonic()
    steps = (["get", ADDRESS], ["put", ADDRESS, "new"], ["remove", ADDRESS])
    answers, said = do(base_env, *steps, keyring="locked")
    assert answers == [None, False, False]
    assert said.count("gatepass: warning: ") == 1
    assert "Failed to unlock" in said
    assert time.monotonic() - began < 10
    assert do(base_env, ["get", ADDRESS]) == ([LONG], "")


def test_a_home_without_a_keyring_yet(base_env: dict[str, str]) -> None:
    """To make one, a person would have to choose a password: the login goes elsewhere."""
    answers, said = do(base_env, ["put", ADDRESS, "s"], ["get", ADDRESS], keyring="locked")
    assert answers == [False, None]
    assert said.count("gatepass: warning: ") == 1


def test_a_question_that_nobody_answers(base_env: dict[str, str]) -> None:
    """The prompt of a locked keyring stays open: we go on after the bound, and wait only once."""
    do(base_env, ["put", ADDRESS, LONG])
    began = time.monotonic()
    steps = (["get", ADDRESS], ["get", ADDRESS], ["put", ADDRESS, "n"], ["remove", ADDRESS])
    answers, said = do(base_env, *steps, keyring="asking", patience=2)
    assert answers == [None, None, False, False]
    assert said.count("gatepass: warning: ") == 1
    assert "no answer within 2 s" in said
    assert 2 <= time.monotonic() - began < 20


@pytest.mark.parametrize("bus", ["empty", "none"])
def test_no_keyring_at_all(base_env: dict[str, str], bus: str) -> None:
    """A bus that has none, or no bus (a container, ssh): None and one warning."""
    words = [sys.executable, "-c", DO, "[]"]
    if bus == "empty":
        done = desktop.inside(words, base_env, "none")
    else:
        done = desktop.run(words, base_env)
    assert done.returncode == 1
    first, last = done.stderr.splitlines()
    assert first.startswith("gatepass: warning: there is no system keyring: ")
    assert last == "none"
