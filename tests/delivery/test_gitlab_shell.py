"""The GitLab template's script by itself, in a shell that knows POSIX and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from clients.harness import leaks
from delivery.gitlab import parts
from gatepass.sandbox import Sandbox
from support import run

PYTHON = Path(sys._base_executable)  # type: ignore[attr-defined]
TOOLS = ("cat", "cp", "env", "find", "grep", "id", "mkdir", "mktemp", "rm", "sed")
# A Python that is new enough and can do nothing; what it was asked to do stands in `asked`.
BROKEN = """\
#!/bin/sh
[ "$2" = -c ] && { echo 3.13.0; exit 0; }
echo "$@" > "$HOME/asked"
echo "ensurepip is not available" >&2
exit 1
"""
# One that makes environments and has nothing to put into them; and a real one without pip.
PIPLESS = """\
#!/bin/sh
[ "$2" = -c ] && { echo 3.13.0; exit 0; }
[ "$3" = venv ] && mkdir -p "$5/bin" && cp "$0" "$5/bin/python"
"""
WITHOUT_PIP = """\
#!/bin/sh
[ "$3" != pip ] || exit 1
exec {python} "$@"
"""
OLD = "#!/bin/sh\necho 3.9.2\nexit 1\n"


class Machine:
    """A job's machine: its project, its programs, its folder for what is temporary."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.home, self.project = folder / "home", folder / "project"
        self.temporary, self.bin = folder / "tmp", folder / "bin"
        for made in (self.project, self.temporary, self.bin):
            made.mkdir()
        for name in TOOLS:
            (self.bin / name).symlink_to(str(shutil.which(name)))
        self.env = {
            **env,
            "CI_PROJECT_DIR": str(self.project),
            "TMPDIR": str(self.temporary),
            "PATH": str(self.bin),
        }

    def program(self, name: str, text: str) -> None:
        """Put a program on PATH."""
        (self.bin / name).write_text(text, encoding="utf-8")
        (self.bin / name).chmod(0o755)

    def sh(
        self, script: str, *shell: str, options: str = "-eu", **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a script as GitLab's runner does: an error ends it."""
        words = [*(shell or ("/bin/sh",)), options, "-c", script]
        return run(words, {**self.env, **env}, cwd=self.project)

    @property
    def left(self) -> list[str]:
        """What the template has left behind."""
        return sorted(path.name for path in self.temporary.iterdir())

    def asked(self) -> str:
        """The words of the last call of BROKEN."""
        return (self.home / "asked").read_text(encoding="utf-8").strip()


@pytest.fixture
def machine(tmp_path: Path, base_env: dict[str, str]) -> Machine:
    """A machine without a Python."""
    return Machine(tmp_path, base_env)


def test_an_image_without_python(machine: Machine) -> None:
    """Says so and what to do, and the job ends."""
    done = machine.sh(parts.script() + "echo went on")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "gatepass: this image has no Python 3.11 or later (found: none), which gatepass needs",
        "gatepass: use an image like python:3.13, or install python3 and its venv before this",
    ]
    assert machine.left == []


def test_a_python_that_is_too_old(machine: Machine) -> None:
    """Is named; one under another name that isn't is taken."""
    machine.program("python3", OLD)
    done = machine.sh(parts.script())
    assert (done.returncode, "found: 3.9.2)" in done.stderr) == (1, True)
    machine.program("python3.13", BROKEN)
    done = machine.sh(parts.script())
    assert "this image has no Python" not in done.stderr
    assert machine.asked().startswith("-I -m venv ")


@pytest.mark.parametrize("first", ["", ".", "bin"])
def test_a_python_of_the_project_is_not_started(machine: Machine, first: str) -> None:
    """Which a relative entry of PATH would find; the next name on PATH is taken."""
    machine.program("python3.12", BROKEN)
    for folder in (machine.project, machine.project / "bin"):
        folder.mkdir(exist_ok=True)
        for name in ("python3", "python"):
            (folder / name).write_text('#!/bin/sh\n: > "$HOME/started"\nexit 1\n')
            (folder / name).chmod(0o755)
    machine.sh(parts.script(), PATH=f"{first}{os.pathsep}{machine.bin}")
    assert not (machine.home / "started").exists()
    assert machine.asked().startswith("-I -m venv ")


def test_a_python_that_can_not_make_environments(machine: Machine) -> None:
    """Debian's without python3-venv: its own words, and what to install."""
    machine.program("python3", BROKEN)
    done = machine.sh(parts.script() + "echo went on")
    assert (done.returncode, done.stdout) == (1, "")
    assert "ensurepip is not available" in done.stderr
    assert "python3-venv" in done.stderr
    assert machine.left == []


def test_a_python_that_has_no_pip_to_give(machine: Machine) -> None:
    """Neither in the image nor in Python's own store: what to install."""
    machine.program("python3", PIPLESS)
    done = machine.sh(parts.script() + "echo went on")
    assert (done.returncode, done.stdout) == (1, "")
    assert "neither pip nor ensurepip" in done.stderr
    assert "python3-pip" in done.stderr
    assert machine.left == []


@pytest.mark.parametrize("inside", ["tmp", "tmp/../tmp", "."])
def test_the_private_folder_is_never_in_the_projects(machine: Machine, inside: str) -> None:
    """Where caches and artifacts come from, whatever TMPDIR says and however it is written."""
    machine.program("python3", BROKEN)
    (machine.project / "tmp").mkdir()
    for temporary in (machine.project / inside, inside):
        machine.sh(parts.script(), TMPDIR=str(temporary))
        folder = Path(machine.asked().rpartition(" ")[2]).parent
        assert folder.name.startswith("gatepass-job.")
        assert not folder.is_relative_to(machine.project)
    assert list(machine.project.rglob("*")) == [machine.project / "tmp"]


def test_no_place_outside_of_the_project(machine: Machine) -> None:
    """Is an error: rather no pass than one that is kept for others."""
    machine.program("python3", BROKEN)
    done = machine.sh(parts.script(), CI_PROJECT_DIR="/")
    assert done.returncode == 1
    assert "no place for a private folder" in done.stderr
    assert machine.left == []


def test_what_killed_jobs_left_is_swept(machine: Machine) -> None:
    """After two days; what a job of today has, and what is somebody else's, stays."""
    machine.program("python3", BROKEN)
    for name in ("gatepass-job.old000", "gatepass-job.new000", "others.old000"):
        (machine.temporary / name).mkdir()
        (machine.temporary / name / "file").touch()
        if "old" in name:
            os.utime(machine.temporary / name, (time.time() - 3 * 86400,) * 2)
    machine.sh(parts.script())
    assert machine.left == ["gatepass-job.new000", "others.old000"]


def test_a_trap_of_the_jobs_own_stays(machine: Machine) -> None:
    """Then the folder waits for the sweep, since a shell has one trap for its end."""
    machine.program("python3", BROKEN)
    done = machine.sh("trap 'echo mine' EXIT\n" + parts.script())
    assert done.stdout == "mine\n"
    assert len(machine.left) == 1


USE = """
pip download --quiet --no-deps gatepass-hello
keyring --mode creds get "$PIP_INDEX_URL" | { read name; read secret; echo "$name ${#secret}"; }
ls -ld "$gatepass_folder" "$GATEPASS_STORE_DIR"
"""


@pytest.fixture
def job(machine: Machine, sandbox: Sandbox, tmp_path: Path) -> Machine:
    """A job of the sandbox's GitLab with a Python, whose every setting leads pip astray, and with a
    checkout that wants to run."""
    given = sandbox.environment("gitlab")
    del given["CI_PROJECT_DIR"], given["GATEPASS_STORE_DIR"], given["PACKAGEMANAGER_ADDRESS"]
    machine.env |= given
    nobody = "https://nobody.example/simple/"
    machine.env |= {
        "GATEPASS_REGISTRIES": f"work={sandbox.address}",
        "GATEPASS_SETUP_AUDIENCE": sandbox.address,
        "GATEPASS_SETUP_INDEX": "private/latest",
        "GATEPASS_SETUP_WHEELHOUSE": str(parts.wheelhouse(tmp_path / "wheels")),
        "PATH": os.pathsep.join([str(PYTHON.parent), "/usr/bin", "/bin"]),
        "PIP_EXTRA_INDEX_URL": nobody,
        "PIP_TARGET": str(machine.project / "elsewhere"),
        "PIP_NO_BINARY": ":all:",
        "PIP_CONSTRAINT": "none.txt",
        "UV_INDEX_URL": nobody,
        "PYTHONPATH": str(machine.project),
    }
    for name in ("gatepass", "keyring", "pip", "venv", "sitecustomize", "encodings"):
        text = f"raise SystemExit('{name} of the checkout ran')\n"
        (machine.project / f"{name}.py").write_text(text, encoding="utf-8")
    return machine


def released(folder: Path) -> str:
    """The script as a release has it."""
    parts.releasing().release(parts.wheel(), folder)
    return parts.script(folder / "gatepass.gitlab-ci.yml")


def prepared(job: Machine) -> str:
    """What the job does about its own settings, before it uses what the template has set up."""
    gone = ("PIP_EXTRA_INDEX_URL", "PIP_TARGET", "PIP_NO_BINARY", "PIP_CONSTRAINT", "PYTHONPATH")
    return f"unset {' '.join(gone)}; rm *.py\n"


def works(job: Machine, script: str, *shell: str) -> None:
    """A release's script gives a job what it needs; and a trace of it, which `CI_DEBUG_TRACE` or
    `set -x` shows, has no token in it: no secret is a part of a command or in a variable."""
    shown = "env | grep -v ID_TOKEN= >&2\n"
    done = job.sh(script + prepared(job) + USE + shown, *shell, options="-eux")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("__token__ ")
    assert [line.split()[0] for line in lines[1:]] == ["drwx------", "drwx------"]
    assert list(job.project.glob("gatepass_hello-*.whl"))
    assert job.left == []
    assert "-m gatepass.job" in done.stderr
    assert "\nPIP_INDEX_URL=" in done.stderr
    assert leaks(done.stderr) == []


def test_a_release_works_in_a_posix_shell(job: Machine, tmp_path: Path, sandbox: Sandbox) -> None:
    """Whatever the job's settings; nothing of its checkout runs. A folder of wheels is one of the
    project's, wherever the job stands by then."""
    Path(job.env["GATEPASS_SETUP_WHEELHOUSE"]).rename(job.project / "wheels")
    job.env["GATEPASS_SETUP_WHEELHOUSE"] = "wheels"
    script = released(tmp_path / "component")
    works(job, f"mkdir below; cd below\n{script}cd ..; rm -r below wheels\n")
    assert sandbox.count("exchange") == 1


@pytest.mark.real
def test_a_release_works_in_busybox(job: Machine, tmp_path: Path) -> None:
    """The shell and the commands of Alpine's images; and a Python whose image has no pip for it."""
    for name in run(["/bin/busybox", "--list"], {}).stdout.split():
        place = job.bin / name
        place.unlink(missing_ok=True)
        place.symlink_to("/bin/busybox")
    job.program("python3", WITHOUT_PIP.format(python=PYTHON))
    job.env["PATH"] = os.pathsep.join([str(job.bin), str(PYTHON.parent)])
    works(job, released(tmp_path / "component"), "/bin/busybox", "sh")


def test_a_wheel_that_was_not_released_is_refused(job: Machine, tmp_path: Path) -> None:
    """By its hash, before anything of it runs; and so is one that it needs."""
    script = released(tmp_path / "component")
    wheels = Path(job.env["GATEPASS_SETUP_WHEELHOUSE"])
    for name in ("gatepass", "requests"):
        (wheel,) = wheels.glob(f"{name}-*.whl")
        real = wheel.rename(tmp_path / wheel.name)
        wheel.write_bytes(real.read_bytes() + b"\0")
        done = job.sh(script + "echo went on")
        real.rename(wheel)
        assert (done.returncode, done.stdout) == (1, ""), name
        assert "DO NOT MATCH THE HASHES" in done.stderr
        assert f"{name}=={wheel.name.split('-')[1]} from " in done.stderr
        assert "can't be installed (see above)" in done.stderr
    assert job.left == []


def test_an_index_without_us(job: Machine, sandbox: Sandbox) -> None:
    """pip's own reason, then the two inputs that help."""
    del job.env["GATEPASS_SETUP_WHEELHOUSE"]
    done = job.sh(parts.script(), GATEPASS_SETUP_INDEX_URL=sandbox.public_index_url)
    assert done.returncode == 1
    assert "No matching distribution found for gatepass==" in done.stderr
    assert "The input index-url names another one, wheelhouse a folder" in done.stderr
    assert sandbox.count("exchange") == 0
