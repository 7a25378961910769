"""What must agree: the template's two files, its page, its inputs, and what a release puts in."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gatepass
from clients.harness import need
from clients.provision import program
from delivery import locked
from delivery.gitlab import parts
from support import ROOT, run

PAGE = ROOT / "docs" / "gitlab.md"
HEADER, BODY = parts.documents(parts.TEMPLATE.read_text(encoding="utf-8"))
INPUTS = HEADER["spec"]["inputs"]
JOB = BODY[".gatepass"]
(PLAIN,) = parts.documents(parts.PLAIN.read_text(encoding="utf-8"))
SCRIPT = parts.script()
RUN = 'gatepass:\n  script: ["true"]'


def table() -> list[list[str]]:
    """The cells of the page's table of inputs."""
    section = PAGE.read_text(encoding="utf-8").partition("## Inputs\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:2] == "| "]
    return rows[1:]


def test_the_page_has_every_input() -> None:
    """In the template's order, with the default that it has."""
    assert [row[0] for row in table()] == [f"`{name}`" for name in INPUTS]
    for name, default, _, _ in table():
        given = INPUTS[name.strip("`")].get("default")
        if given is None:
            assert default == "must be said"
        else:
            assert default == f"`{given}`" if given else "`" not in default


def test_each_input_becomes_the_variable_that_the_page_says() -> None:
    """The plain file takes that variable, since nothing there sets another value."""
    for name, _, variable, _ in table():
        assert JOB["variables"][variable.strip("`")] == f"$[[ inputs.{name.strip('`')} ]]"
    assert len(table()) == len(JOB["variables"])
    assert "variables" not in PLAIN[".gatepass"]


def test_every_variable_of_the_template_is_read_and_said() -> None:
    """By the script or by what it runs; and nothing reads one that the page doesn't have."""
    page = PAGE.read_text(encoding="utf-8")
    source = "".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "src" / "gatepass" / "job").glob("*")
        if file.suffix == ".py"
    )  # fmt: skip
    read = set(re.findall(r"GATEPASS_SETUP_[A-Z_]+", SCRIPT))
    read |= {f"GATEPASS_SETUP_{name}" for name in re.findall(r"\{PREFIX\}([A-Z_]+)", source)}
    assert read == set(re.findall(r"GATEPASS_SETUP_[A-Z_]+", page))


def test_inputs_never_become_a_part_of_the_script() -> None:
    """They are values of variables: none can become a command."""
    assert "$[[" not in "".join(JOB["before_script"])


def test_both_files_are_one_template() -> None:
    """The same job, but for the variables that the inputs become."""
    assert list(BODY) == list(PLAIN) == [".gatepass"]
    assert PLAIN[".gatepass"]["before_script"] == JOB["before_script"]
    assert PLAIN[".gatepass"]["id_tokens"] == JOB["id_tokens"]


def test_the_audience_is_a_variable_that_a_job_may_have_its_own_of() -> None:
    """Not the input's text: what the job's `variables` say holds for the token and for gatepass."""
    assert JOB["id_tokens"] == {"GATEPASS_ID_TOKEN": {"aud": "$GATEPASS_SETUP_AUDIENCE"}}
    assert JOB["variables"]["GATEPASS_SETUP_AUDIENCE"] == "$[[ inputs.audience ]]"


def test_the_template_leaves_caches_and_artifacts_to_the_job() -> None:
    """It has none itself, and sets nothing that would replace the job's own."""
    assert set(JOB) == {"id_tokens", "variables", "before_script"}


def test_the_script_is_what_every_shell_understands() -> None:
    """dash reads it, which knows nothing but POSIX; and no bash is named in it."""
    assert "bash" not in SCRIPT
    assert not re.search(r"\[\[|\blocal\b|\bsource\b|<\(|<<<|[\s=]\$'", SCRIPT)
    assert subprocess.run(["/bin/sh", "-n", "-c", SCRIPT], check=False).returncode == 0


def test_the_lock_in_the_wheel_is_the_one_of_the_action() -> None:
    """`make lock` writes both: the job's packages are held to what was looked at."""
    inside = ROOT / "src" / "gatepass" / "requirements.txt"
    assert inside.read_bytes() == locked.LOCK.read_bytes()


class TestRelease:
    """What gitlab/release.py makes."""

    def wheel(self, folder: Path, version: str) -> Path:
        """Something with a wheel's name."""
        file = folder / f"gatepass-{version}-py3-none-any.whl"
        file.write_bytes(b"a wheel")
        return file

    def test_the_tree_has_no_hash(self) -> None:
        """There is no wheel yet that it could be of; a release's files are another folder."""
        assert 'gatepass_sha256=""' in SCRIPT
        assert f'gatepass_version="{gatepass.__version__}"' in SCRIPT
        for page in (PAGE, parts.GITLAB / "README.md"):
            versions = re.findall(r"/gatepass@([\w.]+)", page.read_text(encoding="utf-8"))
            assert set(versions) == {gatepass.__version__}

    def test_the_wheels_hash_is_put_in(self, tmp_path: Path) -> None:
        """And nothing else is changed; it is a component project as it is."""
        target = tmp_path / "component"
        command = [sys.executable, parts.GITLAB / "release.py"]
        wheel = self.wheel(tmp_path, gatepass.__version__)
        done = run([*command, wheel, target], {})
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        digest = hashlib.sha256(b"a wheel").hexdigest()
        for name in ("templates/gatepass.yml", "gatepass.gitlab-ci.yml"):
            made = (target / name).read_text(encoding="utf-8")
            tree = (parts.GITLAB / name).read_text(encoding="utf-8")
            assert made != tree
            assert made.replace(digest, "") == tree
        files = {str(file.relative_to(target)) for file in target.rglob("*") if file.is_file()}
        assert files == {*parts.releasing().FILES, "LICENSE"}

    def test_another_versions_wheel_is_refused(self, tmp_path: Path) -> None:
        """As is what is no wheel of ours."""
        command = [sys.executable, parts.GITLAB / "release.py"]
        done = run([*command, self.wheel(tmp_path, "9.9"), tmp_path / "component"], {})
        assert done.returncode == 1
        assert f"installs {gatepass.__version__}, not 9.9" in done.stderr
        other = tmp_path / "keyring-25.7.0-py3-none-any.whl"
        other.touch()
        done = run([*command, other, tmp_path / "component"], {})
        assert (done.returncode, "no wheel of gatepass" in done.stderr) == (1, True)
        assert run(command, {}).returncode == 2


@pytest.mark.real
def test_gitlabs_schema_has_nothing_against_it(tmp_path: Path, base_env: dict[str, str]) -> None:
    """Both documents of the component, the plain file, and each quick start of the page."""
    need("check-jsonschema")
    header, body = parts.TEMPLATE.read_text(encoding="utf-8").split("\n---\n")
    plain = parts.PLAIN.read_text(encoding="utf-8")
    # Of a hidden job the schema checks nothing.
    shown = [re.sub(r"^\.gatepass:$", RUN, text, flags=re.MULTILINE) for text in (body, plain)]
    texts = [header, *shown]
    texts += [text for found in parts.snippets(PAGE).values() for text in found]
    files = []
    for number, text in enumerate(texts):
        files.append(tmp_path / f"{number}.yml")
        files[-1].write_text(text, encoding="utf-8")
    check: list[Any] = [program("check-jsonschema", "check-jsonschema"), "--builtin-schema"]
    check += ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    done = run([*check, *files], base_env)
    assert done.returncode == 0, done.stdout
    wrong = ((0, "[fail, skip]", "7"), (1, "aud:", "for:"), (2, "aud:", "for:"))
    for number, old, new in (*wrong, (3, "component:", "part:")):
        assert old in texts[number]
        files[0].write_text(texts[number].replace(old, new), encoding="utf-8")
        assert run([*check, files[0]], base_env).returncode == 1, number
