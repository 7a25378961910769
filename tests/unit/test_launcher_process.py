"""The launcher as a program: how it is started, what it loads, how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gatepass.sandbox import Sandbox
from gatepass.setup import command
from launchers import Launcher, stand_in
from support import BIN, run

HOSTILE = "import os, sys; print('HOSTILE', file=sys.stderr); os._exit(66)\n"


@pytest.fixture
def alone(tmp_path: Path, github_env: dict[str, str]) -> Launcher:
    """In the sandbox's job, with nothing behind it."""
    return Launcher(tmp_path, github_env)


def test_nothing_in_the_current_directory_is_imported(
    alone: Launcher, sandbox: Sandbox, tmp_path: Path
) -> None:
    """A keyring.py, gatepass.py or sitecustomize.py in a checkout, or in PYTHONPATH, is not code of
    ours."""
    checkout = tmp_path / "checkout"
    (checkout / "gatepass").mkdir(parents=True)
    for name in ("keyring.py", "gatepass.py", "gatepass/__init__.py", "sitecustomize.py", "os.py"):
        (checkout / name).write_text(HOSTILE)
    alone.env["PYTHONPATH"] = f"{checkout}:."
    alone.env["PYTHONSTARTUP"] = str(checkout / "keyring.py")
    done = alone("get", sandbox.index_url, "__token__", cwd=checkout)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    program = [sys.executable, "-c", "import gatepass"]  # the trap itself works
    assert run(program, alone.env, cwd=checkout).returncode == 66


def test_a_stored_answer_loads_neither_keyring_nor_anything_heavy(
    alone: Launcher, sandbox: Sandbox
) -> None:
    """The warm path of every install."""
    for name in [name for name in alone.env if name.startswith("COVERAGE_")]:
        del alone.env[name]
    alone("get", sandbox.index_url, "__token__")
    program = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])"
    words = ["--mode=creds", "--output=json", "get", sandbox.index_url]
    done = run([sys.executable, "-I", "-X", "importtime", "-c", program, alone.path, *words],
               alone.env)  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert json.loads(done.stdout)["username"] == "__token__"
    assert "gatepass.launcher" in loaded
    heavy = {"keyring", "argparse", "requests", "jwt", "tomllib", "subprocess", "logging"}
    assert not loaded & heavy
    assert sandbox.count("exchange") == 1


@pytest.mark.parametrize("to", [">&-", "> /dev/full"])
def test_an_output_that_goes_nowhere_is_a_failure(
    to: str, alone: Launcher, sandbox: Sandbox
) -> None:
    """Nobody takes silence for an empty password."""
    words = ["sh", "-c", f'exec "$0" get "$1" __token__ {to}', alone.path, sandbox.index_url]
    done = run(words, alone.env)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_a_python_with_a_space_in_its_path_works_too(
    tmp_path: Path, github_env: dict[str, str], sandbox: Sandbox
) -> None:
    """Where a #! line can't hold it, a shell starts it; it still knows itself as `keyring`."""
    real = stand_in(tmp_path)
    odd = tmp_path / "it's a \\ place"
    odd.symlink_to(BIN.parent)
    data = command.script(str(odd / "bin" / "python"), real)
    path = tmp_path / "keyring"
    path.write_bytes(data)
    path.chmod(0o755)
    assert data.startswith(b"#!/bin/sh\n")
    assert command.is_ours(str(path))
    assert command.behind(str(path)) == real
    done = run([path, "get", sandbox.index_url, "__token__"], github_env)
    assert (done.returncode, done.stderr) == (0, "")
    done = run([path, "set", "a b", "c"], github_env)
    assert (done.returncode, done.stdout) == (7, "set\0a b\0c\0")


def test_ctrl_c_ends_it_without_a_traceback(alone: Launcher, sandbox: Sandbox) -> None:
    """pip and uv get the same signal, and the person sees theirs."""
    sandbox.fault("exchange=slow=30")
    child = subprocess.Popen(
        [alone.path, "get", sandbox.index_url, "__token__"],
        env=alone.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 30
    # Not before: while it imports, Python may drop a KeyboardInterrupt. `count` sees what ended.
    while not any(one.party == "exchange" for one in sandbox.requests) and time.monotonic() < end:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=30) == (b"", b"")
    assert child.returncode == 130


def test_ctrl_c_while_the_native_module_is_loaded(alone: Launcher, sandbox: Sandbox) -> None:
    """It waits until that is whole: a class half made would end in a panic's own traceback."""
    program = (
        "import os, runpy, signal, sys\n"
        "native = 'cryptography.hazmat.bindings._rust'\n"
        "class Interrupts:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == native:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupts())\n"
        "sys.argv = sys.argv[1:]\n"
        "try:\n"
        "    runpy.run_path(sys.argv[0])\n"
        "finally:\n"
        "    print('whole' if native in sys.modules else 'half')\n"
    )
    words = ["get", sandbox.index_url, "__token__"]
    done = run([sys.executable, "-I", "-c", program, alone.path, *words], alone.env)
    assert (done.returncode, done.stdout, done.stderr) == (130, "whole\n", "")
    assert sandbox.count("exchange") == 0


def test_the_real_command_is_the_same_process(tmp_path: Path, github_env: dict[str, str]) -> None:
    """It takes the launcher's place: its signals and its death are the caller's to see."""
    real = tmp_path / "real"
    real.write_text("#!/bin/sh\nkill -TERM $$\n")
    real.chmod(0o755)
    assert Launcher(tmp_path, github_env, str(real))("set", "a", "b").returncode == -15


def test_signals_that_python_ignores_are_not_ignored_there(
    tmp_path: Path, github_env: dict[str, str]
) -> None:
    """A shell script whose reader goes away ends, as it would without a launcher before it."""
    real = tmp_path / "real"
    real.write_text("#!/bin/sh\nexec grep SigIgn /proc/self/status\n")
    real.chmod(0o755)
    launcher = Launcher(tmp_path, github_env, str(real))
    assert launcher("diagnose").stdout == run([real], github_env).stdout
