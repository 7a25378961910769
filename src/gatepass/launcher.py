"""The `keyring` command that `gatepass setup` writes: it answers for our registries, and passes
every other call on to the real command.

pip and uv start it for every index that wants a password, so it loads neither keyring nor argparse.
What it prints is what keyring 25.7 prints (``keyring/cli.py``); a call that it doesn't know word
for word passes on, and so does one for a user name that our registry leaves to others. A failure of
ours ends with status 1: it was told, and the real command could only hide it.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from gatepass import log
from gatepass.answer import Failed, answer

PASSED = "GATEPASS_KEYRING_PASSED"
"""Which commands a call has been passed on to already, as PATH separates them: one that calls
`keyring` by its name again (a version manager's shim, say) must not go round in circles."""

_MODES, _FORMATS = ("password", "creds"), ("plain", "json")


class Question(NamedTuple):
    """``keyring [--mode MODE] [--output FORMAT] get SERVICE [USERNAME]``."""

    service: str
    username: str | None
    mode: str = "password"
    format: str = "plain"


def main(real: str) -> int:
    """Answer the call in ``sys.argv``, or become ``real``, the absolute path of the real command
    (empty: there was none). The exit status is keyring's: 0, 1 for no password, 2 wrong usage."""
    words = sys.argv[1:]
    question = read(words)
    try:
        found = answer(question.service, question.username) if question else None
    except Failed:
        return 1
    except KeyboardInterrupt:
        return 130
    if question and found:
        return _print(question, *found)
    return _pass_on(real, words)


def read(words: list[str]) -> Question | None:
    """A question for a password; None for every other call, and where a word is unknown here."""
    options, rest = {"--mode": "password", "--output": "plain"}, []
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if name in options:
            options[name] = value if equals else next(left, "")
        elif word.startswith("-"):
            return None
        else:
            rest.append(word)
    mode, layout = options.values()
    if mode not in _MODES or layout not in _FORMATS:
        return None
    if rest[:1] != ["get"] or not 2 <= len(rest) <= 3 or (len(rest) == 2 and mode == "password"):
        return None
    return Question(rest[1], rest[2] if len(rest) == 3 else None, mode, layout)


def _print(question: Question, username: str, password: str) -> int:
    shown = {"username": username} if question.mode == "creds" else {}
    shown["password"] = password
    text = "\n".join(shown.values())
    if question.format == "json":
        import json

        text = json.dumps(shown)
    try:
        if sys.stdout is None:
            return 1
        print(text, flush=True)
    except OSError:
        # Whoever read us has gone; Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _pass_on(real: str, words: list[str]) -> int:
    """Become the real command: its input, output and status are then the caller's own."""
    before = os.environ.get(PASSED, "").split(os.pathsep)
    if not real or real in before:
        return _nobody(words)
    env = {**os.environ, PASSED: os.pathsep.join(filter(None, [*before, real]))}
    try:
        if sys.platform != "win32":
            import signal

            # Python ignores these, and what is ignored stays so for the next program.
            for number in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            os.execve(real, [real, *words], env)  # noqa: S606 - no shell, an absolute path
        import subprocess  # Windows can't replace a process

        return subprocess.call([real, *words], env=env)  # pragma: no cover - Windows only
    except OSError as error:
        log.say(f"gatepass: {real} can't be started: {error.strerror}; run `gatepass setup` again")
    return 1


def _nobody(words: list[str]) -> int:
    """As keyring does where no backend has a password: status 1 without a word."""
    if "get" in words and not {"-h", "--help"} & set(words):
        return 1
    log.say(
        "keyring: this is gatepass' own, which answers `get` for its registries alone;\n"
        "there was no other keyring command when `gatepass setup` wrote it"
    )
    return 1
