"""`gatepass watch` as a process, with tokens that live seconds: what others see of its files."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gatepass import netrc, peek
from gatepass.sandbox import Sandbox
from support import gatepass, run
from watching import ended, until, watching


@pytest.fixture
def lifetime() -> int:
    """Seconds that the registry's tokens live."""
    return 3


@pytest.fixture
def brief(lifetime: int) -> Iterator[Sandbox]:
    """A sandbox whose registry gives tokens for so many seconds."""
    with Sandbox(lifetime=lifetime) as running:
        yield running


@pytest.fixture
def pod(brief: Sandbox, base_env: dict[str, str]) -> dict[str, str]:
    """A pod's environment, as a container has it."""
    address = {"PACKAGEMANAGER_ADDRESS": brief.address}
    return {**base_env, **brief.environment("kubernetes"), **address}


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """The folder that a pod's containers share."""
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


def is_taken(sandbox: Sandbox, token: str) -> bool:
    """Whether the index takes a token now."""
    import urllib.request

    basic = base64.b64encode(f"__token__:{token}".encode()).decode()
    request = urllib.request.Request(sandbox.index_url, headers={"Authorization": f"Basic {basic}"})  # noqa: S310
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


@pytest.mark.parametrize("lifetime", [6])
def test_whoever_reads_gets_a_token_that_works(
    brief: Sandbox, pod: dict[str, str], shared: Path
) -> None:
    """For two lives of a token a reader never finds a file missing, in part, or stale."""
    path, seen, reads = shared / "token", set(), 0
    with watching("--token", path, "--mode", "0640", env=pod) as process:
        until(path.exists)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            assert stat.S_IMODE(path.stat().st_mode) == 0o640
            token = path.read_text()
            assert token.count(".") == 2
            assert is_taken(brief, token)
            seen.add(token)
            reads += 1
            time.sleep(0.01)
        status, said = ended(process, signal.SIGTERM)
    assert len(seen) >= 3
    assert reads > 50
    assert (status, os.listdir(shared)) == (0, [])
    lines = said.splitlines()
    assert len(lines) == 2
    assert "a credential that is good for" in lines[0]
    assert lines[1] == "gatepass: info: SIGTERM: the files are removed"


def test_an_outage_and_its_end(brief: Sandbox, pod: dict[str, str], shared: Path) -> None:
    """The file serves to its credential's end and then goes, the sign with it; both are back when
    the registry is, and the log says it all."""
    path, up = shared / "token", shared / "up"
    with watching("--token", path, "--ready", up, env=pod) as process:
        until(up.exists)
        brief.fault("exchange=503:retry-after=99x6")
        began, last = time.time(), path.read_text()
        with suppress(FileNotFoundError):  # its end, which may be between two looks
            while True:
                last = path.read_text()
                time.sleep(0.005)
        ends = peek.claims(last)["exp"]
        assert ends <= time.time() <= ends + 4
        assert time.time() - began > 0.5
        until(lambda: not up.exists(), 1)
        until(up.exists)
        assert is_taken(brief, path.read_text())
        status, said = ended(process, signal.SIGINT)
    assert (status, os.listdir(shared)) == (0, [])
    assert "no new credential, the present one is good for " in said
    assert "error[exchange-failed]" in said
    assert said.count("exchange-failed") == 1
    assert said.count("the credential has ended; it is taken out of the files") == 1
    assert said.count("it had failed for") == 1


def test_a_try_that_hangs_keeps_nobody(brief: Sandbox, pod: dict[str, str], shared: Path) -> None:
    """While a registry holds its answer back, what has ended goes in time, and SIGTERM is heard."""
    path = shared / "token"
    with watching("--token", path, env=pod) as process:
        until(path.exists)
        brief.fault("exchange=slow=20x9")
        until(lambda: not path.exists(), 6)
        began = time.monotonic()
        status, _ = ended(process, signal.SIGTERM)
        assert time.monotonic() - began < 6
    assert (status, os.listdir(shared)) == (0, [])


def test_the_pods_token_is_read_anew(brief: Sandbox, pod: dict[str, str], shared: Path) -> None:
    """The kubelet swaps the link: the next exchange presents what is behind it then."""
    path = shared / "netrc"

    def subject() -> str:
        text = netrc.read(str(path))
        return str(peek.claims(text.split()[5])["sub"]) if text else ""

    with watching("--netrc", path, env=pod) as process:
        until(lambda: subject().endswith(":acme:build"))
        other = "system:serviceaccount:acme:next"
        brief.kubernetes.project("ppm", brief.packagemanager.audience, sub=other)
        until(lambda: subject() == other)
        brief.kubernetes.rotate_tokens()
        count = brief.count("exchange")
        until(lambda: brief.count("exchange") > count + 1)
        assert ended(process, signal.SIGTERM)[0] == 0


def test_a_token_file_that_comes_late(
    brief: Sandbox, base_env: dict[str, str], shared: Path
) -> None:
    """Another container writes it some seconds after the start: that is waited for, and said."""
    env = {**base_env, **brief.environment("file"), "PACKAGEMANAGER_ADDRESS": brief.address}
    token = Path(env["PACKAGEMANAGER_IDENTITY_TOKEN_FILE"])
    text = token.read_text()
    token.unlink()
    with watching("--token", shared / "token", env=env) as process:
        time.sleep(2)
        assert process.poll() is None
        token.write_text(text)
        until((shared / "token").exists)
        _, said = ended(process, signal.SIGTERM)
    assert "error[token-file-missing]" in said
    assert "and there is none yet" in said


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({"PACKAGEMANAGER_ADDRESS": "http://ppm.example.com"}, "insecure-address"),
        ({"GATEPASS_IDENTITY": "menda"}, "identity-of-others"),
        ({"GATEPASS_AUDIENCE": "https://other.example.com"}, "kubernetes-no-audience"),
    ],
)
def test_what_can_never_work(
    pod: dict[str, str], shared: Path, env: dict[str, str], code: str
) -> None:
    """It ends at once with 1 and its reason; a folder of tokens may still get the right one."""
    with watching("--token", shared / "token", env={**pod, **env}) as process:
        if code == "kubernetes-no-audience":
            time.sleep(3)
            assert process.poll() is None
            status, said = ended(process, signal.SIGTERM)
            assert status == 0
        else:
            said = process.communicate(timeout=20)[1]
            assert process.returncode == 1
    assert f"error[{code}]" in said
    assert os.listdir(shared) == []


def test_once_for_an_init_container(
    sandbox: Sandbox, base_env: dict[str, str], shared: Path
) -> None:
    """Everything is written and stays; pip and curl get in with it."""
    env = {**base_env, **sandbox.environment("kubernetes")}
    env["PACKAGEMANAGER_ADDRESS"] = sandbox.address
    files = [
        "--netrc",
        shared / "netrc",
        "--pip-conf",
        shared / "pip.conf",
        "--ready",
        shared / "up",
    ]
    words = [*map(str, files), "--index", "private/latest", "--once", "--mode", "0644"]
    done = gatepass("watch", *words, env=env)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert sorted(os.listdir(shared)) == ["netrc", "pip.conf", "up"]
    assert sandbox.count("exchange") == 1
    curl = ["curl", "--silent", "--fail", "--netrc-file", shared / "netrc", sandbox.index_url]
    if shutil.which("curl"):
        assert "gatepass-hello" in run(curl, base_env).stdout
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", shared / "wheels"]
    alone = {**base_env, "PIP_CONFIG_FILE": str(shared / "pip.conf")}
    got = run([*pip, "--no-cache-dir", "gatepass-hello"], alone)
    assert got.returncode == 0, got.stderr
    assert os.listdir(shared / "wheels")[0].startswith("gatepass_hello")


def test_keep_leaves_the_files(pod: dict[str, str], shared: Path) -> None:
    """With --keep they are there after SIGTERM, the sign too."""
    with watching(
        "--token", shared / "token", "--ready", shared / "up", "--keep", env=pod
    ) as process:
        until((shared / "up").exists)
        status, said = ended(process, signal.SIGTERM)
    assert status == 0
    assert sorted(os.listdir(shared)) == ["token", "up"]
    assert "SIGTERM: the files stay" in said


def test_once_that_is_stopped_is_no_success(
    pod: dict[str, str], brief: Sandbox, shared: Path
) -> None:
    """SIGTERM before anything was written: status 1, or the pod would go on."""
    brief.fault("exchange=slow=20x9")
    with watching("--token", shared / "token", "--once", env=pod) as process:
        until(lambda: any(request.party == "exchange" for request in brief.requests))
        assert ended(process, signal.SIGTERM)[0] == 1
    assert os.listdir(shared) == []


def test_a_folder_that_goes_and_comes(brief: Sandbox, pod: dict[str, str], shared: Path) -> None:
    """What can't be written is said once, and written when it can be."""
    path = shared / "token"
    aside = shared.with_name("aside")
    env = {**pod, "GATEPASS_LOG_FORMAT": "json"}
    with watching("--token", path, env=env) as process:
        until(path.exists)
        shared.rename(aside)
        time.sleep(2.5)
        shared.mkdir()
        until(path.exists)
        assert is_taken(brief, path.read_text())
        _, said = ended(process, signal.SIGTERM)
    lines = [json.loads(line) for line in said.splitlines()]
    [unwritten] = [line for line in lines if line["event"] == "not-written"]
    assert "No such file or directory" in unwritten["message"]
    assert [line["path"] for line in lines if line["event"] == "written"] == [str(path)]


def test_a_hang_up_is_an_end_unless_it_is_ignored(pod: dict[str, str], shared: Path) -> None:
    """SIGHUP ends it like SIGTERM; under nohup it stays."""
    path = shared / "token"
    with watching("--token", path, env=pod) as process:
        until(path.exists)
        assert ended(process, signal.SIGHUP)[0] == 0
    with watching("--token", path, env=pod, program=("nohup",)) as process:
        until(path.exists)
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        assert ended(process, signal.SIGTERM)[0] == 0
