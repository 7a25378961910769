"""The image as it is run: by any user, on a read-only root, as the first process or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from delivery.containers import Engine, good, options
from gatepass.sandbox import Sandbox

pytestmark = pytest.mark.real

READ_ONLY = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL")
READ_ONLY += ("--security-opt=no-new-privileges",)
WAIT = "while :; do sleep 0.1; done"


@pytest.fixture
def job(sandbox: Sandbox, tmp_path: Path) -> list[str]:
    """What a container is given: an identity token's file, and Package Manager's address."""
    token = tmp_path / "token"
    token.write_text(sandbox.issuer.mint(sandbox.packagemanager.audience))
    token.chmod(0o644)
    env = {
        "PACKAGEMANAGER_ADDRESS": sandbox.address,
        "PACKAGEMANAGER_IDENTITY_TOKEN_FILE": "/run/secrets/token",
        "GATEPASS_TRUSTED_ISSUERS": sandbox.issuer.url,
    }
    return [*options(env), f"--volume={token}:/run/secrets/token:ro"]


@pytest.mark.parametrize("user", ["10001:10001", "1000680000:0", "0:0"])
def test_any_user_installs_with_only_dev_shm_to_write_to(
    user: str, engine: Engine, image: str, sandbox: Sandbox, job: list[str]
) -> None:
    """Ours, one that OpenShift gives, and root; on a root that nobody can write to."""
    index = sandbox.index_url.replace("://", "://__token__@")
    script = f"""
    id -u
    for folder in / /tmp /home/gatepass; do
        if touch $folder/x 2>/dev/null; then exit 1; fi
    done
    TMPDIR=/dev/shm pip install --no-cache-dir --target /dev/shm/site --index-url {index} \
        gatepass-hello
    PYTHONPATH=/dev/shm/site python3 -c 'import gatepass_hello; gatepass_hello.main()'
    """
    out = good(engine.run(*READ_ONLY, *job, f"--user={user}", image, "sh", "-ec", script))
    assert out.split()[0] == user.partition(":")[0]
    assert "you came through the gate" in out
    assert sandbox.count("exchange") == 1


def test_a_volume_serves_where_dev_shm_can_not_be_written_to(
    engine: Engine, image: str, sandbox: Sandbox, job: list[str], tmp_path: Path
) -> None:
    """GATEPASS_STORE_DIR names a folder in it; without, the error says so, and nothing is run."""
    for name in ("shm", "volume"):
        (tmp_path / name).mkdir()
    (tmp_path / "volume").chmod(0o1777)
    words = [*READ_ONLY, *job, f"--volume={tmp_path}/shm:/dev/shm:ro"]
    script = f"keyring get {sandbox.address} __token__"
    refused = engine.run(*words, image, "sh", "-c", script)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "error[no-pass-folder]" in refused.stderr
    assert "GATEPASS_STORE_DIR" in refused.stderr
    words += [f"--volume={tmp_path}/volume:/volume", "--env=GATEPASS_STORE_DIR=/volume/own"]
    assert good(engine.run(*words, image, "sh", "-c", script)).count(".") == 2


def test_no_file_of_the_workspace_runs(
    engine: Engine, image: str, job: list[str], tmp_path: Path
) -> None:
    """Not in gatepass, nor in the `keyring` that pip calls, whatever Python's variables say."""
    work = tmp_path / "work"
    work.mkdir()
    work.chmod(0o755)
    for name in ("gatepass", "keyring", "requests", "sitecustomize", "encodings"):
        (work / f"{name}.py").write_text("raise SystemExit('of the workspace')\n")
    where = [f"--volume={work}:/work:ro", "--workdir=/work", "--env=PYTHONPATH=/work"]
    script = """
    gatepass whoami >/dev/null
    gatepass exec -- keyring get "$PACKAGEMANAGER_ADDRESS" __token__ >/dev/null
    keyring --list-backends
    """
    done = engine.run(*where, *job, "--entrypoint=sh", image, "-ec", script)
    assert "gatepass" in good(done)
    assert "of the workspace" not in done.stdout + done.stderr


def test_keyring_answers_without_gatepass_exec(
    engine: Engine, image: str, sandbox: Sandbox, job: list[str]
) -> None:
    """For tools that are started in another way, the command is on PATH."""
    words = ("--entrypoint=keyring", image, "get", sandbox.address, "__token__")
    assert good(engine.run(*READ_ONLY, *job, *words)).count(".") == 2


def test_the_first_process_is_the_command(engine: Engine, image: str, job: list[str]) -> None:
    """Its own handler gets the signal, and its exit status is the container's."""
    script = f"echo first: $$; trap 'exit 7' TERM; {WAIT}"
    container = engine.start(*READ_ONLY, *job, image, "sh", "-c", script)
    engine.wait_for(container, "first: 1")
    assert engine.stop(container) == 7


def test_beside_its_command_it_passes_signals_on(
    engine: Engine, image: str, job: list[str]
) -> None:
    """Under an init, or in a pod whose processes are shared: 143, and no pass is left."""
    script = f"""
    gatepass exec -- sh -c 'echo passes: $GATEPASS_PASS; {WAIT}' & inside=$!
    trap 'kill -TERM $inside' TERM
    wait $inside; wait $inside; status=$?
    ls -d /dev/shm/gatepass-10001/exec-* 2>/dev/null && exit 1
    exit $status
    """
    container = engine.start(*READ_ONLY, *job, "--entrypoint=sh", image, "-c", script)
    engine.wait_for(container, "passes: /dev/shm/gatepass-10001/exec-")
    assert engine.stop(container) == 143


def test_the_commands_status_is_the_containers(engine: Engine, image: str, job: list[str]) -> None:
    """And 127 where there is no such command; 2 where there is no registry."""
    assert engine.run(*job, image, "sh", "-c", "exit 9").returncode == 9
    assert engine.run(*job, image, "no-such-command").returncode == 127
    assert engine.run(image, "true").returncode == 2
