"""Small projects for poetry, pdm and hatch, and how each of these runs in its job.

poetry and hatch ask keyring in their own process; pdm does where it can import keyring, else it
calls the `keyring` on PATH. None of the projects needs anything but the private index: they are
no packages themselves, so that no build backend is looked for, and each has an environment
already, so that neither tool looks for a Python.
"""

from __future__ import annotations

import os
import venv
from pathlib import Path
from typing import Any

from clients import provision
from clients.harness import HELLO, Done, Job

POETRIES = ("2", "1.8")
PDM_MODES = ("import", "command")

# The old style of poetry's file, which both versions read.
_POETRY = f"""\
[tool.poetry]
package-mode = false

[tool.poetry.dependencies]
python = ">=3.11"
{HELLO} = "*"

[[tool.poetry.source]]
name = "private"
url = "{{index}}"
priority = "primary"
"""
_POETRY_PACKAGE = """\
[tool.poetry]
name = "gatepass-upload"
version = "1.0"
description = "Goes up"
authors = ["A <a@example.com>"]
"""
# pdm's default source is the one named pypi.
_PDM = f"""\
[project]
name = "demo"
version = "0"
requires-python = ">=3.11"
dependencies = ["{HELLO}"]

[tool.pdm]
distribution = false

[[tool.pdm.source]]
name = "pypi"
url = "{{index}}"
"""
_PDM_PACKAGE = '[project]\nname = "gatepass-upload"\nversion = "1.0"\n'

# What a client's own process asks our backend is written down, one line a question, and then
# asked. keyring loads it by its name, past the plug-ins and the chainer.
_OVERHEARING = """\
from gatepass.keyring_backend import GatepassKeyring


def note(method, service, username, answer):
    with open({log!r}, "a", encoding="utf-8") as log:
        log.write(f"{{method}} {{service}} {{username}} {{'answered' if answer else 'nothing'}}\\n")
    return answer


class Overhearing(GatepassKeyring):
    def get_credential(self, service, username):
        answer = super().get_credential(service, username)
        return note("credential", service, username, answer)

    def get_password(self, service, username):
        return note("password", service, username, super().get_password(service, username))
"""

# As a line of /etc/hosts, and one that knows ports.
_HOSTS = """\
import socket

resolve = socket.getaddrinfo


def getaddrinfo(host, port, *more, **named):
    if host == {host!r}:
        host, port = "127.0.0.1", {port}
    return resolve(host, port, *more, **named)


socket.getaddrinfo = getaddrinfo
"""


def overhear(job: Job) -> None:
    """From now on `job.asked` also has what a client asks our backend in its own process.

    As lines like "password SERVICE USER answered", or "... nothing".
    """
    folder = job.folder.parent / "overhearing"
    folder.mkdir()
    text = _OVERHEARING.format(log=str(job.log))
    (folder / "overhearing.py").write_text(text, encoding="utf-8")
    job.env |= {
        "PYTHONPATH": str(folder),
        "PYTHON_KEYRING_BACKEND": "overhearing.Overhearing",
    }


def project_installed(job: Job) -> bool:
    """Whether poetry or pdm installed the project's requirement in the project's environment."""
    return bool(list((job.folder / ".venv").rglob("gatepass_hello.py")))


def forget_the_token(job: Job) -> None:
    """From now on the job's store is another, empty folder."""
    job.env["GATEPASS_STORE_DIR"] = str(job.folder.parent / "another-store")


def _project(job: Job, text: str) -> None:
    (job.folder / "pyproject.toml").write_text(text, encoding="utf-8")
    venv.create(job.folder / ".venv", symlinks=os.name != "nt", with_pip=False)


def poetry_project(job: Job, index: str = "") -> None:
    """A project whose only source is the private index, or another one."""
    _project(job, _POETRY.format(index=index or job.index))


def poetry(job: Job, version: str, *words: str, **options: Any) -> Done:
    """Run `poetry WORDS...` of one of POETRIES."""
    program = provision.program(f"poetry-{version}", "poetry")
    return job.run(program, *words, **{"POETRY_VIRTUALENVS_IN_PROJECT": "true", **options})


def poetry_publish(job: Job, version: str, *words: str, **options: Any) -> Done:
    """Publish what lies in dist/."""
    _project(job, _POETRY_PACKAGE)
    where = {"POETRY_REPOSITORIES_PRIVATE_URL": job.place.upload, **options}
    return poetry(job, version, "publish", "--repository", "private", *words, **where)


def pdm_project(job: Job, index: str = "") -> None:
    """A project whose only source is the private index, or another one."""
    _project(job, _PDM.format(index=index or job.index))


def pdm(job: Job, mode: str, *words: str, **options: Any) -> Done:
    """Run `pdm WORDS...`, asking keyring in one of PDM_MODES."""
    program = provision.program("pdm" if mode == "import" else "bare-pdm", "pdm")
    path = () if mode == "import" else ("keyring",)
    return job.run(program, *words, path=path, **{"PDM_CHECK_UPDATE": "false", **options})


def pdm_publish(job: Job, mode: str, *words: str, **options: Any) -> Done:
    """Publish what lies in dist/."""
    _project(job, _PDM_PACKAGE)
    where = ("--no-build", "--repository", job.place.upload)
    return pdm(job, mode, "publish", *where, *words, **options)


def hatch_publish(job: Job, wheel: Path, *words: str, **options: Any) -> Done:
    """Publish a wheel. hatch takes no proxy, so it is told where the registry's name leads."""
    place = job.place
    if place.port:
        folder = job.folder.parent / "hosts"
        folder.mkdir()
        text = _HOSTS.format(host=place.host, port=place.port)
        (folder / "sitecustomize.py").write_text(text, encoding="utf-8")
        options["PYTHONPATH"] = str(folder)
    program = provision.program("hatch", "hatch")
    return job.run(program, "publish", "--repo", place.upload, *words, wheel, **options)
