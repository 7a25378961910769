"""`gatepass exec`: a real command in the sandbox's job, with passes and without the identity."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from gatepass.sandbox import Sandbox
from support import BIN, gatepass, run

SECRETS = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL")


def execute(
    env: dict[str, str], *words: str, **options: object
) -> subprocess.CompletedProcess[str]:
    return run([BIN / "gatepass", "exec", *words], env, **options)  # type: ignore[arg-type]


def seen_by_the_command(env: dict[str, str], *words: str) -> dict[str, str]:
    """The environment that a command is given."""
    done = execute(env, *words, "--", "env", "-0")
    assert (done.returncode, done.stderr) == (0, "")
    pairs = (line.partition("=") for line in done.stdout.split("\0") if line)
    return {name: value for name, _, value in pairs}


def store(env: dict[str, str]) -> list[str]:
    """What is left of the folders of passes."""
    return [str(path) for path in Path(env["RUNNER_TEMP"]).rglob("exec-*")]


def test_the_command_has_a_pass_and_no_identity(
    sandbox: Sandbox, github_env: dict[str, str]
) -> None:
    """One exchange before it starts; then `keyring` and our API answer without any request."""
    code = (
        "import gatepass, os; print(gatepass.credential_for(os.environ['INDEX']).secret.reveal())"
    )
    script = 'keyring get "$INDEX" __token__; gatepass get "$INDEX"; python -c "$0"'
    done = execute({**github_env, "INDEX": sandbox.index_url}, "--", "sh", "-ec", script, code)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 3
    assert len(set(done.stdout.splitlines())) == 1
    assert sandbox.count("exchange") == 1
    assert [r.party for r in sandbox.requests][-1] == "exchange"
    assert store(github_env) == []


def test_no_secret_is_in_its_environment(sandbox: Sandbox, github_env: dict[str, str]) -> None:
    """What it is given leads to the pass; the variables that could be exchanged are gone."""
    env = {**github_env, "KEPT": "yes", "GONE": "x"}
    seen = seen_by_the_command(env, "--index", "private/latest", "--drop", "GONE")
    token = gatepass("get", sandbox.address, env=github_env).stdout.strip()
    assert token
    assert not any(token in value for value in seen.values())
    assert not any(sandbox.github.request_token in value for value in seen.values())
    assert not {*SECRETS, "GONE"} & set(seen)
    assert seen["KEPT"] == "yes"
    assert seen["PIP_INDEX_URL"] == sandbox.index_url.replace("://", "://__token__@")
    assert seen["PIP_KEYRING_PROVIDER"] == seen["UV_KEYRING_PROVIDER"] == "subprocess"
    assert seen["PATH"].startswith(f"{seen['GATEPASS_PASS']}/bin:")


def test_what_is_to_be_kept_goes_through(github_env: dict[str, str]) -> None:
    """By its exact name, for a build that signs with the job's identity."""
    seen = seen_by_the_command(github_env, *(f"--keep={name}" for name in SECRETS))
    assert set(SECRETS) <= set(seen)


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["sh", "-c", "exit 0"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
        (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL),
        (["no-such-command-at-all"], 127),
        (["./no-such-command"], 127),
        (["/"], 126),
    ],
)
def test_the_status_is_the_commands(
    github_env: dict[str, str], command: list[str], status: int
) -> None:
    """It ends as its command did; 127 where there is none, 126 where it can't be run."""
    done = execute(github_env, "--", *command)
    assert (done.returncode, done.stdout) == (status, "")
    said = {126: "gatepass exec: /: it can't be run: it is a folder, or not executable\n"}
    said[127] = f"gatepass exec: {command[0]}: there is no such command\n"
    assert done.stderr == said.get(status, "")
    assert store(github_env) == []


def test_a_program_that_does_not_start_is_126(
    sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path
) -> None:
    """An executable file that the system can't run: said, and everything is cleaned up."""
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF and nothing more")
    broken.chmod(0o755)
    done = execute(github_env, "--", str(broken))
    assert done.returncode == 126
    assert done.stderr == f"gatepass exec: {broken}: Exec format error\n"
    assert store(github_env) == []


def test_a_command_that_is_not_there_costs_no_exchange(
    sandbox: Sandbox, github_env: dict[str, str]
) -> None:
    """It is looked for first."""
    execute(github_env, "--", "no-such-command-at-all")
    assert sandbox.requests == []


def test_a_failure_starts_nothing(
    sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path
) -> None:
    """Of several registries one fails: the error, status 1, and `gatepass status` has it."""
    env = {**github_env, "GATEPASS_REGISTRIES": "other=http://127.0.0.1:1"}
    done = execute(env, "--", "touch", str(tmp_path / "started"))
    assert done.returncode == 1
    assert done.stderr.startswith("error[")
    assert not (tmp_path / "started").exists()
    assert done.stderr.splitlines()[0] in gatepass("status", env=env).stdout
    assert store(env) == []


def test_only_what_was_asked_for_is_served(sandbox: Sandbox, github_env: dict[str, str]) -> None:
    """By name or by URL; for the others there is an error, not an exchange."""
    env = {**github_env, "GATEPASS_REGISTRIES": "other=http://127.0.0.1:1"}
    for target in ("packagemanager", sandbox.index_url):
        done = execute(
            env, "--registry", target, "--", "sh", "-c", 'gatepass get other; ls "$GATEPASS_PASS"'
        )
        assert done.stdout == "bin\nlock\npackagemanager.json\n"
        assert done.stderr.startswith("error[no-pass]: this command has no pass for http://127.0")
    assert sandbox.count("exchange") == 1


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "no command"),
        (["--"], 2, "no command"),
        (["--registry", "nobody", "--", "true"], 1, "error[not-ours]"),
        (["--publish", "a", "--publish", "b", "--", "true"], 2, "--publish is there twice"),
        (["--publish", "https://evil.test/x", "--", "true"], 2, "--publish"),
        (["--keep", "A", "--drop", "A", "--", "true"], 2, "to be kept and to be dropped"),
        (["--for", "npm", "--", "true"], 2, "invalid choice"),
        (["--registri", "x", "--", "true"], 2, "did you mean '--registry'?"),
    ],
)
def test_wrong_words(
    github_env: dict[str, str], sandbox: Sandbox, words: list[str], status: int, said: str
) -> None:
    """They are refused before anything happens."""
    done = execute(github_env, *words)
    assert done.returncode == status
    assert said in done.stderr
    assert sandbox.requests == []


def test_nothing_configured_is_wrong_usage(base_env: dict[str, str]) -> None:
    """Status 2: nobody can have meant that."""
    done = execute(base_env, "--", "true")
    assert done.returncode == 2
    assert done.stderr.startswith("error[no-registry]")


def test_the_commands_words_are_its_own(github_env: dict[str, str]) -> None:
    """Options, another --, empty words: they pass as they are, with or without our own --."""
    words = ["printf", "%s|", "--help", "--", "", "-x", "a b"]
    for before in ([], ["--"], ["--registry", "packagemanager", "--"]):
        assert execute(github_env, *before, *words).stdout == "--help|--||-x|a b|"


def test_our_own_commands_are_not_fenced_from_themselves(
    sandbox: Sandbox, github_env: dict[str, str], base_env: dict[str, str]
) -> None:
    """`exec -- gatepass` is gatepass in its place, with the whole environment; a script that is
    called so, in the current directory, is not."""
    for word in ("gatepass", str(BIN / "gatepass")):
        done = execute(github_env, "--", word, "whoami")
        assert (done.returncode, done.stderr) == (0, "")
        assert "wins:      github" in done.stdout
    assert execute(base_env, "--", "gatepass", "--version").returncode == 0
    assert execute(base_env, "--", "gatepass", "get", "x").stderr.startswith("error[not-ours]")
    folder = Path(base_env["HOME"])
    (folder / "gatepass").write_text('#!/bin/sh\necho "[$ACTIONS_ID_TOKEN_REQUEST_TOKEN]"\n')
    (folder / "gatepass").chmod(0o755)
    for word in ("./gatepass", str(folder / "gatepass")):
        assert execute(github_env, "--", word, cwd=folder).stdout == "[]\n"


def test_inside_of_another_exec_its_passes_serve(
    sandbox: Sandbox, github_env: dict[str, str]
) -> None:
    """The inner one has neither identity nor network, and gives on what it was given."""
    asks = 'keyring get "$A" __token__; echo $POETRY_HTTP_BASIC_PACKAGEMANAGER_PASSWORD'
    inner = f"gatepass exec --for poetry -- sh -c '{asks}'"
    script = f'keyring get "$A" __token__; {inner}; gatepass whoami'
    done = execute({**github_env, "A": sandbox.address}, "--", "sh", "-ec", script)
    assert (done.returncode, done.stderr) == (0, "")
    first, second, third, *rest = done.stdout.splitlines()
    assert first == second == third
    assert "wins:      the pass of `gatepass exec` (GATEPASS_PASS)" in "\n".join(rest)
    assert sandbox.count("exchange") == 1


def test_whoami_inside_says_what_is_missing(github_env: dict[str, str]) -> None:
    """A registry without a pass is an error there too."""
    env = {**github_env, "GATEPASS_REGISTRIES": "other=http://127.0.0.1:1"}
    done = execute(env, "--registry", "packagemanager", "--", "sh", "-c", "gatepass whoami")
    assert done.returncode == 1
    assert "for other (http://127.0.0.1:1):\n  error[no-pass]" in done.stdout


@pytest.mark.parametrize("option", ["--publish", "--index", "--registry"])
def test_an_address_of_codeartifact_is_enough(base_env: dict[str, str], option: str) -> None:
    """It needs no configuration: here it has no identity either."""
    url = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com/pypi/local/"
    done = execute(base_env, option, url, "--", "true")
    assert done.returncode == 1
    assert done.stderr.startswith("error[no-identity]")


def test_an_unreadable_place_for_passes_is_an_error(
    github_env: dict[str, str], tmp_path: Path
) -> None:
    """The command isn't started without them."""
    place = tmp_path / "open"
    place.mkdir(mode=0o755)
    done = execute({**github_env, "GATEPASS_STORE_DIR": str(place)}, "--", "true")
    assert done.returncode == 1
    assert "error[no-pass-folder]" in done.stderr


def test_descriptors_are_the_commands_as_they_were_ours(github_env: dict[str, str]) -> None:
    """What a shell opened for it (`<(...)`, a make's job server) is still open."""
    read, write = os.pipe()
    os.write(write, b"through\n")
    os.close(write)
    try:
        done = execute(github_env, "--", "sh", "-c", f"cat /dev/fd/{read}", pass_fds=(read,))
    finally:
        os.close(read)
    assert done.stdout == "through\n"


def test_a_store_that_is_off_is_no_hindrance(sandbox: Sandbox, github_env: dict[str, str]) -> None:
    """The passes need a place all the same; nothing else is kept there."""
    env = {**github_env, "GATEPASS_STORE": "off", "A": sandbox.address}
    done = execute(env, "--", "keyring", "--mode", "creds", "--output", "json", "get", env["A"])
    assert json.loads(done.stdout)["username"] == "__token__"
    assert list(Path(env["RUNNER_TEMP"]).rglob("*.json")) == []
