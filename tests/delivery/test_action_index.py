"""The action's `index`: the only one there is, and the right one. What a second step may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients import provision
from delivery.action.jobs import installed_already, job, use
from delivery.action.runner import Job
from gatepass.sandbox import Sandbox

PIP = provision.program("bare-pip-latest", "python")
UV = provision.program("uv", "uv")


@pytest.fixture
def made(sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path) -> Job:
    """A job whose action doesn't have to be installed first."""
    return job(sandbox, base_env, tmp_path, action=installed_already(tmp_path))


def warning(made: Job) -> str:
    """The text of the one annotation, which is a warning."""
    (one,) = made.reader.annotations
    assert one.level == "warning", one
    return one.text


def test_a_strangers_package_is_not_installed(
    made: Job, sandbox: Sandbox, stranger: str, tmp_path: Path
) -> None:
    """Whatever further index the job's variables name: each is told to later steps as empty, which
    pip and uv take for unset, and one line says so."""
    links = f"{stranger}gatepass-hello/"
    indexes = ("PIP_EXTRA_INDEX_URL", "PIP_PYPI_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
    further = dict.fromkeys((*indexes, "UV_INDEX_URL"), stranger)
    further |= {"PIP_FIND_LINKS": links, "UV_FIND_LINKS": links}
    made.env |= {**further, "UV_CACHE_DIR": str(tmp_path / "cache"), "PIP_NO_CACHE_DIR": "1"}
    assert use(made, registries=f"work={sandbox.address}", index="private/latest").worked
    assert {name: made.variables[name] for name in further} == dict.fromkeys(further, "")
    text = warning(made)
    assert text.startswith("set aside: ")
    assert all(name in text for name in further)
    assert "to keep them, ask for none" in text
    assert stranger not in text
    assert made.script(f"{PIP} -m pip install -q --no-deps --target p gatepass-hello").worked
    assert made.script(f"{UV} pip install -q --no-deps --target u gatepass-hello").worked, made.log
    for folder in ("p", "u"):
        names = [path.name for path in (made.workspace / folder).glob("*.py")]
        assert names == ["gatepass_hello.py"]


def test_only_the_tools_that_are_set_up_lose_theirs(made: Job, sandbox: Sandbox) -> None:
    """And nothing is lost where no index was asked for."""
    made.env |= {"PIP_EXTRA_INDEX_URL": "https://x", "UV_INDEX": "https://x"}
    registries = f"work={sandbox.address}"
    assert use(made, registries=registries, check=False).worked
    assert made.reader.annotations == []
    assert use(made, registries=registries, tools="uv", index="a/b", check=False).worked
    assert "PIP_EXTRA_INDEX_URL" not in made.variables
    assert made.variables["UV_INDEX"] == ""
    assert "PIP_" not in warning(made)


def test_a_pip_conf_that_names_a_further_index_is_said(made: Job, sandbox: Sandbox) -> None:
    """Nothing that a later step is told could take that back."""
    file = Path(made.env["HOME"]) / ".config" / "pip" / "pip.conf"
    file.parent.mkdir(parents=True)
    file.write_text("[global]\nextra-index-url = https://x\n", encoding="utf-8")
    del made.env["PIP_CONFIG_FILE"]
    inputs = {"registries": f"work={sandbox.address}", "index": "a/b", "check": False}
    assert use(made, **inputs, tools="uv").worked
    assert made.reader.annotations == []
    assert use(made, **inputs).worked
    assert f"{file} has extra-index-url" in warning(made)


CONFIGURED = """\
version = 1
[registries.b]
url = "https://b.example"
audience = "api://b"
[registries.c]
url = "https://c.example"
index = "pypi/latest"
"""


@pytest.mark.parametrize(
    ("index", "url", "names"),
    [
        ("internal/latest", "https://a.example/internal/latest/simple/", "a b"),
        ("https://b.example/x/simple/", "https://b.example/x/simple/", "a b"),
        ("c", "https://c.example/pypi/latest/simple/", "a b c"),
    ],
)
def test_a_path_is_below_the_inputs_first_registry(
    made: Job, index: str, url: str, names: str
) -> None:
    """Whatever the configuration's order; a registry that only the configuration has is meant by
    its name, and gets its pass too."""
    (made.workspace / "g.toml").write_text(CONFIGURED, encoding="utf-8")
    registries = "a=https://a.example other-name=https://b.example"
    step = use(made, config="g.toml", registries=registries, index=index, check=False)
    assert step.worked, made.log
    assert made.variables["UV_DEFAULT_INDEX"].partition("=")[2] == url
    assert step.outputs["registries"] == names


def test_the_order_stays_where_an_audience_is_said(made: Job) -> None:
    """Which makes the settings be read once more."""
    aws = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
    text = f'version = 1\n[registries.team]\nurl = "{aws}"\n'
    (made.workspace / "g.toml").write_text(text, encoding="utf-8")
    registries = f"a=https://a.example team={aws}"
    step = use(made, config="g.toml", registries=registries, audience="api://a", check=False)
    assert step.outputs["registries"] == "a team"


AWS = "https://{}-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
ROLE = "arn:aws:iam::111122223333:role/{}"


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        (
            "role-arn",
            {"registries": f"a={AWS.format('acme')}", "role_arn": ROLE.format("a")},
            {"registries": f"b={AWS.format('beta')}", "role_arn": ROLE.format("b")},
        ),
        ("config", {"config": "a.toml"}, {"config": "b.toml"}),
        (
            "audience",
            {"registries": f"a={AWS.format('acme')}", "audience": "one"},
            {"registries": "b=https://b.example", "audience": "two"},
        ),
        (
            "audience",
            {"registries": f"a={AWS.format('acme')}", "audience": "one"},
            {"registries": "b=https://b.example", "audience": "one"},
        ),
    ],
    ids=["role-arn", "config", "audience", "whose-audience"],
)
def test_a_second_step_does_not_change_what_the_first_said(
    made: Job, name: str, first: dict[str, object], second: dict[str, object]
) -> None:
    """It is an error that says where both belong; the same once more is none."""
    for one in "ab":
        text = f'version = 1\n[registries.{one}]\nurl = "https://{one}.example"\n'
        (made.workspace / f"{one}.toml").write_text(text, encoding="utf-8")
    for _ in range(2):
        assert use(made, **first, check=False).worked, made.log
    before = dict(made.variables)
    assert not use(made, **second, check=False).worked
    (error,) = made.reader.annotations
    assert f"the input {name} is not what an earlier step of this action said" in error.text
    assert "put both into one step; or into a config.toml" in error.text
    assert made.variables == before


def test_a_step_may_say_what_the_job_said_otherwise(made: Job, sandbox: Sandbox) -> None:
    """What the workflow sets itself is no earlier step's; and each step may say what none did."""
    made.env |= {"GATEPASS_AUDIENCE": "mine", "GATEPASS_CONFIG": "/gone"}
    (made.workspace / "g.toml").write_text("version = 1\n", encoding="utf-8")
    registries = f"work={sandbox.address}"
    assert use(made, registries=registries, config="g.toml", check=False).worked, made.log
    assert use(made, registries=registries, audience="one", check=False).worked, made.log
    assert not use(made, registries=registries, audience="two", check=False).worked
