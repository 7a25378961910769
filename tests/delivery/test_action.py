"""The GitHub Action as a runner executes it: installed from the checkout, then used by tools."""

from __future__ import annotations

import http.server
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from clients import provision
from clients.harness import leaks
from delivery.action.jobs import IDENTITY, check_nothing_secret, job, use, wheels
from delivery.action.runner import Job
from gatepass.sandbox import Sandbox, wheel

PIP = provision.program("bare-pip-latest", "python")
UV = provision.program("uv", "uv")
TWINE = provision.program("twine", "twine")
PYTHON = sys.executable


def hostile(workspace: Path, home: Path) -> dict[str, str]:
    """Variables and pip.conf of a job whose every setting leads pip astray, and a checkout that
    wants to run."""
    configuration = home / ".config" / "pip" / "pip.conf"
    configuration.parent.mkdir(parents=True)
    text = f"[global]\nno-binary = :all:\ntarget = {workspace / 'elsewhere'}\n"
    configuration.write_text(text, encoding="utf-8")
    trap = "raise SystemExit('{} of the checkout ran')\n"
    for name in ("gatepass", "keyring", "pip", "venv", "runner", "sitecustomize", "encodings"):
        (workspace / f"{name}.py").write_text(trap.format(name), encoding="utf-8")
    return {
        "PIP_CONFIG_FILE": "",
        "PIP_INDEX_URL": "https://nobody.example/simple/",
        "PIP_EXTRA_INDEX_URL": "https://nobody.example/simple/",
        "PIP_TARGET": str(workspace / "elsewhere"),
        "PIP_REQUIRE_VIRTUALENV": "0",
        "PIP_NO_BINARY": ":all:",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_CONSTRAINT": str(workspace / "none.txt"),
        "UV_INDEX_URL": "https://nobody.example/simple/",
        "PYTHONPATH": str(workspace),
        "PYTHONSTARTUP": str(workspace / "sitecustomize.py"),
    }


def test_pip_uv_and_twine_work_after_it(
    sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path
) -> None:
    """Whatever the job's settings; one exchange serves all three; nothing secret is left."""
    (tmp_path / "work").mkdir()
    settings = hostile(tmp_path / "work", Path(base_env["HOME"]))
    made = job(sandbox, base_env, tmp_path, **settings)
    step = use(
        made,
        registries=f"work={sandbox.address}",
        index="private/latest",
        wheelhouse=wheels(),
    )
    assert step.worked, made.log
    assert "of the checkout ran" not in made.log
    assert step.outputs["registries"] == "work"
    # Later steps run pip as it is started in a workspace, which is no business of the action's.
    made.env = {name: value for name, value in made.env.items() if name not in settings}
    made.env["PIP_CONFIG_FILE"] = os.devnull
    for name in ("pip", "encodings"):
        (made.workspace / f"{name}.py").unlink()
    by_pip = made.script(f"{PIP} -P -m pip install --target by-pip gatepass-built gatepass-hello")
    assert by_pip.worked, made.log
    by_uv = made.script(
        f"{UV} pip install --no-cache --python {PYTHON} --target by-uv gatepass-hello"
    )
    assert by_uv.worked, made.log
    name, data = wheel.build("gatepass-upload", "1.0", "Goes up", {"gatepass_upload.py": "X = 1\n"})
    (made.workspace / name).write_bytes(data)
    upload = f"{TWINE} upload --non-interactive --repository-url {sandbox.upload_url} {name}"
    assert made.script(upload).worked, made.log
    assert (made.workspace / "by-pip" / "gatepass_built.py").exists()
    assert (made.workspace / "by-uv" / "gatepass_hello.py").exists()
    assert sandbox.count("upload") == 1
    assert sandbox.count("exchange") == 1
    check_nothing_secret(made, sandbox, step, by_pip, by_uv)
    own = made.script("gatepass whoami work && gatepass status")
    assert own.worked, made.log
    assert "wins:      github" in own.output
    assert "repo:acme/widgets" in own.output


@pytest.mark.real
def test_everything_lies_in_a_private_folder(
    sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path
) -> None:
    """RUNNER_TEMP has the environment and the stored pass, for the owner alone; nothing else has:
    not the home, not the workspace, not the checkout of the action."""
    made = job(sandbox, base_env, tmp_path)
    step = use(made, registries=f"work={sandbox.address}", wheelhouse=wheels())
    assert step.worked, made.log
    ours = [path for path in made.temp.iterdir() if path.name.startswith("gatepass-")]
    assert len(ours) == 2
    assert {path.stat().st_mode & 0o777 for path in ours} == {0o700}
    assert Path(step.outputs["bin"]).parent in ours
    assert sorted(path.name for path in Path(step.outputs["bin"]).iterdir()) == [
        "gatepass",
        "keyring",
    ]
    assert list(made.workspace.iterdir()) == []
    kept = [path for path in Path(base_env["HOME"]).rglob("*") if ".cache/pip" not in str(path)]
    assert {path.name for path in kept} <= {".cache"}


@pytest.mark.real
def test_a_later_job_gets_nothing_of_an_earlier_one(
    sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path
) -> None:
    """Not even on a runner that didn't empty RUNNER_TEMP, with the first one's own command."""
    first = job(sandbox, base_env, tmp_path)
    step = use(first, registries=f"work={sandbox.address}", wheelhouse=wheels())
    assert step.worked, first.log
    ask = f"{step.outputs['bin']}/keyring get {sandbox.index_url} __token__"
    mine = first.script(ask)
    assert mine.worked
    assert leaks(mine.output) != []
    exchanged = sandbox.count("exchange")
    without = job(sandbox, base_env, tmp_path, without=IDENTITY, **first.variables)
    theirs = without.script(ask)
    assert not theirs.worked
    assert "error[github-permission]" in theirs.output
    with_another = job(sandbox, base_env, tmp_path, **first.variables)
    with_another.env[IDENTITY[1]] = "another-job's"
    theirs = with_another.script(ask)
    assert not theirs.worked
    assert "error[github-token-endpoint]" in theirs.output
    assert leaks(without.log + with_another.log) == []
    assert sandbox.count("exchange") == exchanged


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """An index of the locked wheels at plain http, for a user with a password."""
    root = tmp_path / "index"
    for file in Path(wheels()).glob("*.whl"):
        project = root / file.name.partition("-")[0].replace("_", "-").replace(".", "-").lower()
        project.mkdir(parents=True, exist_ok=True)
        (project / file.name).symlink_to(file)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != "Basic dXNlcjpwYXNzd29yZC1vZi1pbmRleA==":
                self.send_error(401)
                return
            super().do_GET()

        def log_message(self, *parts: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=root))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://user:password-of-index@127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.mark.real
def test_the_dependencies_may_come_from_another_index(
    sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path, index: str
) -> None:
    """`index-url`, whose password is masked and shown nowhere."""
    made = job(sandbox, base_env, tmp_path)
    step = use(made, registries=f"work={sandbox.address}", index_url=index, check="false")
    assert step.worked, made.log
    assert made.reader.masks == ["password-of-index"]
    assert "password-of-index" not in step.output.replace("::add-mask::password-of-index", "")


def failing(made: Job, **inputs: str) -> str:
    """Use the action, which fails with one error and leaves nothing; that error's text."""
    assert not use(made, **inputs).worked
    assert (made.variables, made.path) == ({}, [])
    (error,) = (one for one in made.reader.annotations if one.level == "error")
    return error.text


@pytest.mark.real
def test_a_wheel_with_another_hash_is_refused(
    sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path
) -> None:
    """Where packages come from doesn't matter: they are the locked ones, or none is installed."""
    folder = tmp_path / "wheels"
    shutil.copytree(wheels(), folder)
    (file,) = folder.glob("truststore-*.whl")
    with open(file, "ab") as wheel_file:
        wheel_file.write(b"\0")
    text = failing(
        job(sandbox, base_env, tmp_path), registries="a=https://b", wheelhouse=str(folder)
    )
    assert "DO NOT MATCH THE HASHES" in text


@pytest.mark.real
def test_a_wheel_that_is_missing_is_said(
    sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path
) -> None:
    """A folder that isn't what the lock file wants, with what to do; pip's lines are in the log."""
    empty = tmp_path / "work" / "wheels"
    empty.mkdir(parents=True)
    made = job(sandbox, base_env, tmp_path)
    text = failing(made, registries="a=https://b", wheelhouse="wheels")
    assert "what gatepass needs can't be installed" in text
    assert "`wheelhouse`" in text
    assert "gatepass: | ERROR" in made.log


def test_inputs_for_the_installation_are_checked_first(
    sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path
) -> None:
    """Both sources, no folder, no address: said at once, before anything is made."""
    for inputs, said in (
        ({"wheelhouse": "gone"}, "wheelhouse names no folder"),
        ({"wheelhouse": str(tmp_path), "index_url": "https://b/"}, "both set"),
        ({"index_url": "--help"}, "index-url is no address"),
        ({"index_url": "https://b/ --pre"}, "index-url is no address"),
    ):
        made = job(sandbox, base_env, tmp_path)
        assert said in failing(made, **inputs)
        assert not list(made.temp.glob("gatepass-*"))


def test_without_a_python_that_is_new_enough_it_says_so(
    sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path
) -> None:
    """Too old, broken, a shim that runs nothing, one of the workspace, or the wrong one named."""
    folder = tmp_path / "path"
    folder.mkdir()
    for name, text in (("python3", "exit 1"), ("python", "exit 127"), ("sh", 'exec /bin/sh "$@"')):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    old = f'exec {PYTHON} -I -c "import sys; sys.version_info = (3, 10, 4); exec(sys.argv[1])" "$3"'
    (folder / "python3.12").write_text(f"#!/bin/sh\n{old}\n", encoding="utf-8")
    (folder / "python3.12").chmod(0o755)
    made = job(sandbox, base_env, tmp_path, PATH=str(folder))
    assert "No Python 3.11 or later" in failing(made)
    here = tmp_path / "work" / "python3"
    here.write_text("#!/bin/sh\necho of the checkout ran\n", encoding="utf-8")
    here.chmod(0o755)
    for named in ("gone", "./python3", "-c", "$(touch made)", "python3; touch made"):
        made = job(sandbox, base_env, tmp_path)
        assert "No Python 3.11 or later" in failing(made, python=named)
        assert "of the checkout ran" not in made.log
    made = job(sandbox, base_env, tmp_path, PATH=f"{os.pathsep}.{os.pathsep}{folder}")
    assert "No Python 3.11 or later" in failing(made)
    assert not (made.workspace / "made").exists()
