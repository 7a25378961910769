"""`gatepass exec` where it needs more than Python: R and curl, as a container's first process, on
a file system that starts no programs, with a root that nobody can write to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gatepass.sandbox import Sandbox
from support import BIN, run

pytestmark = pytest.mark.real

CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
ASK = 'keyring get "$PACKAGEMANAGER_ADDRESS" __token__ | tr -cd . | wc -c'
"""Prints 2: the dots of a token."""

# All of the machine, read-only; what alone can be written to starts no programs.
READ_ONLY = """
set -e
mount --rbind / "$1" && mount -o remount,bind,ro "$1"
mount -t tmpfs -o noexec,mode=1777 tmpfs "$1/dev/shm"
root=$1; shift
exec chroot "$root" "$@"
"""


def execute(env: dict[str, str], *words: str | Path, before: tuple[str, ...] = ()) -> str:
    """`gatepass exec WORDS...` to its good end; what it printed."""
    done = run([*before, BIN / "gatepass", "exec", *words], env, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_r_installs_a_package(sandbox: Sandbox, github_env: dict[str, str], tmp_path: Path) -> None:
    """R's own downloads read no netrc; with --for netrc a plain install.packages works, after the
    user's own profile, and prints no token."""
    (tmp_path / ".Rprofile").write_text('cat("the project\\n")\n')
    library = tmp_path / "library"
    library.mkdir()
    env = {**github_env, "R_LIBS_USER": str(library)}
    code = (
        f'install.packages("gatepassHello", repos = "{sandbox.address}/cran/latest", quiet = TRUE)'
    )
    words = ("--for", "netrc", "--", "Rscript", "-e", f"{code}; gatepassHello::hello()")
    done = run([BIN / "gatepass", "exec", *words], env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the project\n")
    assert done.stdout.endswith("Hello: you came through the gate.\n")
    token = run([BIN / "gatepass", "get", sandbox.address], github_env).stdout.strip()
    assert token not in done.stdout + done.stderr
    plain = run([BIN / "gatepass", "exec", "--", "Rscript", "-e", code], env, cwd=tmp_path)
    assert "unable to access index" in plain.stderr


def test_a_choice_of_the_users_profile_stays(github_env: dict[str, str], tmp_path: Path) -> None:
    """A method that it sets is R's method, and a profile that a variable names is the one."""
    (tmp_path / "mine.R").write_text('options(download.file.method = "wget")\n')
    (tmp_path / ".Rprofile").write_text("stop('not this one')\n")
    env = {**github_env, "R_PROFILE_USER": str(tmp_path / "mine.R")}
    code = 'cat(getOption("download.file.method"))'
    done = run(
        [BIN / "gatepass", "exec", "--for", "netrc", "--", "Rscript", "-e", code],
        env,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "wget")


def test_curl_finds_the_netrc(sandbox: Sandbox, github_env: dict[str, str]) -> None:
    """By CURL_HOME, also where it is too old to read NETRC; a user on its command line wins."""
    asks = 'curl -s -o /dev/null -w "%{http_code} " "$0"'
    script = f"{asks}; {asks} -u a:b"
    done = execute(github_env, "--for", "netrc", "--", "sh", "-c", script, sandbox.index_url)
    assert done == "200 401 "


def test_as_first_process_the_command_takes_our_place(github_env: dict[str, str]) -> None:
    """It is process 1 itself, with its passes; another exec in the container leaves them alone."""
    script = f'echo $$; {ASK}; gatepass exec -- true; ls "$GATEPASS_PASS"; {ASK}; exit 6'
    words = [*CONTAINER, BIN / "gatepass", "exec", "--", "sh", "-c", script]
    done = run(words, github_env)
    assert (done.returncode, done.stderr) == (6, "")
    assert done.stdout.split() == ["1", "2", "bin", "lock", "packagemanager.json", "2"]


def test_as_first_process_it_hears_its_signals(github_env: dict[str, str]) -> None:
    """SIGTERM reaches the command at once, and its status is the container's."""
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    words = [*CONTAINER, str(BIN / "gatepass"), "exec", "--", sys.executable, "-c", code]
    with subprocess.Popen(words, env=github_env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        os.kill(int(children), signal.SIGTERM)
        assert process.wait(20) == 5


def test_what_it_leaves_is_removed_by_the_next(github_env: dict[str, str]) -> None:
    """A first process can't clean up after itself: the folder stays, private, until then."""
    folder = Path(execute(github_env, "--", "printenv", "GATEPASS_PASS", before=CONTAINER).strip())
    assert folder.stat().st_mode & 0o777 == 0o700
    execute(github_env, "--", "true")
    assert not folder.exists()


def test_a_read_only_root_without_programs_elsewhere(
    sandbox: Sandbox, file_env: dict[str, str], tmp_path: Path
) -> None:
    """Only /dev/shm can be written to, and starts nothing: a link to the keyring beside gatepass
    serves. Package Manager's old set-up, a pod's."""
    root = tmp_path / "root"
    root.mkdir()
    env = {name: value for name, value in file_env.items() if name != "GATEPASS_STORE_DIR"}
    env |= {"HOME": "/nonexistent"}
    before = ("unshare", "--mount", "sh", "-c", READ_ONLY, "sh", str(root))
    script = f'{ASK}; readlink "$GATEPASS_PASS/bin/keyring"; ! touch /tmp/x 2>/dev/null'
    begun = time.time()
    out = execute(env, "--", "sh", "-c", script, before=before)
    assert out.split() == ["2", str(BIN / "keyring")]
    assert sandbox.count("exchange") == 1
    assert not [
        path for path in Path("/dev/shm").glob("gatepass-*/exec-*") if path.stat().st_mtime > begun
    ]
