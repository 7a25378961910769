"""What a job asks for: which registry the one audience is for, and every input's limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatepass.errors import ConfigError, UsageError
from gatepass.job.wanted import Wanted, wanted

PPM = "https://ppm.example.com"
AWS = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
STS = "sts.amazonaws.com"


def want(registries: str = f"work={PPM}", **variables: str) -> Wanted:
    """With these variables, `GATEPASS_SETUP_` before those in lower case."""
    env = {"GATEPASS_REGISTRIES": registries, "HOME": "/nonexistent"}
    for name, value in variables.items():
        env[name if name.isupper() else f"GATEPASS_SETUP_{name.upper()}"] = value
    return wanted(env, "/private")


def audiences(asked: Wanted) -> dict[str, str]:
    """What each registry expects, by its name."""
    return {registry.name: registry.expected_audience for registry in asked.registries}


@pytest.mark.parametrize("audience", [PPM, ""])
def test_the_registrys_own_audience_needs_no_variable(audience: str) -> None:
    """Which could only speak for another registry too."""
    asked = want(f"work={PPM} team={AWS}", audience=audience)
    assert asked.variables == {"GATEPASS_STORE_DIR": "/private/store"}
    assert audiences(asked) == {"work": PPM, "team": STS}


@pytest.mark.parametrize("audience", ["posit", f"{PPM}/"])
def test_another_audience_is_the_first_registrys(audience: str) -> None:
    """Byte for byte, and no other's."""
    asked = want(f"work={PPM} team={AWS}", audience=audience)
    assert asked.variables["PACKAGEMANAGER_ADDRESS"] == PPM
    assert audiences(asked) == {"work": audience, "team": STS}
    assert [registry.name for registry in asked.registries] == ["work", "team"]


def test_another_audience_for_codeartifact() -> None:
    """Where it is the first, it is its."""
    assert audiences(want(f"team={AWS}", audience="aws")) == {"team": "aws"}
    asked = want(f"team={AWS} work={PPM}", audience="aws")
    assert audiences(asked) == {"team": "aws", "work": PPM}


def test_an_audience_that_could_be_anothers_is_refused() -> None:
    """PACKAGEMANAGER_ADDRESS takes GATEPASS_AUDIENCE for itself."""
    for first in (f"team={AWS}", "lab=https://lab.example.com"):
        with pytest.raises(UsageError, match="two registries that it could be for"):
            want(first, audience="other", PACKAGEMANAGER_ADDRESS=PPM)


def test_the_vendors_variable_alone_is_enough() -> None:
    """The audience is then for that one."""
    asked = want("", audience="posit", PACKAGEMANAGER_ADDRESS=PPM)
    assert audiences(asked) == {"packagemanager": "posit"}


def test_a_configuration_says_more_than_the_input(tmp_path: Path) -> None:
    """Its audience stands, its registries come after the one that the job names first."""
    config = tmp_path / "config.toml"
    config.write_text(
        "version = 1\n"
        '[registries.lab]\nurl = "https://lab.example.com"\nindex = "pypi/latest"\n'
        f'[registries.main]\nurl = "{PPM}"\naudience = "said"\n',
        encoding="utf-8",
    )
    asked = want(f"first={PPM}", audience="input", index="lab", GATEPASS_CONFIG=str(config))
    assert list(audiences(asked).items()) == [("main", "said"), ("lab", "https://lab.example.com")]
    assert "GATEPASS_AUDIENCE" not in asked.variables
    assert asked.install
    assert asked.install.url == "https://lab.example.com/pypi/latest/simple/"
    alone = want("", audience="input", GATEPASS_CONFIG=str(config))
    assert [registry.name for registry in alone.registries] == ["lab", "main"]


def test_what_the_variable_names_is_all_that_is_asked_for(tmp_path: Path) -> None:
    """In its order and by its addresses, whatever they are called elsewhere; what a group's
    variable or the configuration has besides is known, and asked for only where an input leads."""
    config = tmp_path / "config.toml"
    text = '[registries.{}]\nurl = "{}"\n'
    both = text.format("old", "https://old.example.com") + text.format("prod", PPM)
    config.write_text(f"version = 1\n{both}", encoding="utf-8")
    known = {"GATEPASS_CONFIG": str(config), "PACKAGEMANAGER_ADDRESS": "https://group.example.com"}
    asked = want(f"team={AWS} mine={PPM} again={PPM}", index="pypi/private", **known)
    assert list(audiences(asked)) == ["team", "prod"]
    assert {one.name for one in asked.settings.registries} == {
        *("old", "prod", "team", "packagemanager")
    }
    asked = want(f"mine={PPM}", index="internal/latest", audience=PPM, **known)
    assert list(audiences(asked)) == ["prod"]
    assert asked.install
    assert asked.install.url == f"{PPM}/internal/latest/simple/"
    asked = want(f"mine={PPM}", publish="https://old.example.com/upload", **known)
    assert list(audiences(asked)) == ["prod", "old"]
    assert list(audiences(want("", **known))) == ["packagemanager", "old", "prod"]


def test_a_configuration_in_the_project_is_named_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tools that ask later may have been started in another folder."""
    (tmp_path / "gatepass.toml").write_text("version = 1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    asked = want(GATEPASS_CONFIG="gatepass.toml")
    assert asked.variables["GATEPASS_CONFIG"] == os.path.join(tmp_path, "gatepass.toml")
    with pytest.raises(ConfigError, match="there is no such file"):
        want(GATEPASS_CONFIG="missing.toml")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")  # a job that has gone on already
    asked = want(GATEPASS_CONFIG="gatepass.toml", CI_PROJECT_DIR=str(tmp_path))
    assert asked.variables["GATEPASS_CONFIG"] == os.path.join(tmp_path, "gatepass.toml")


def test_the_jobs_own_store_stays() -> None:
    """Somebody chose it."""
    assert want(GATEPASS_STORE_DIR="/dev/shm/own").variables == {}


def test_the_index_is_the_first_registrys() -> None:
    """A path is below the one that was named first; an upload's address says whose it is."""
    asked = want(
        f"team={AWS} work={PPM}", index="pypi/private", publish=f"up={PPM}/upload/pypi/local"
    )
    assert asked.install
    assert asked.install.url == f"{AWS}/pypi/private/simple/"
    assert asked.upload
    assert (asked.upload.name, asked.upload.registry.name) == ("up", "work")


def test_what_is_not_said() -> None:
    """Passwords alone; checked; and a failure where there is no identity."""
    asked = want()
    assert (asked.install, asked.upload, asked.checks, asked.skips) == (None, None, True, False)
    asked = want(check="false", on_no_identity="skip")
    assert (asked.checks, asked.skips) == (False, True)


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"check": "no"}, "GATEPASS_SETUP_CHECK is 'no'"),
        ({"on_no_identity": "ignore"}, "GATEPASS_SETUP_ON_NO_IDENTITY is 'ignore'"),
        ({"audience": "$AUDIENCE"}, "GATEPASS_SETUP_AUDIENCE starts with a"),
        ({"registries": ""}, "no registry is configured"),
    ],
)
def test_a_bad_value_names_its_variable(variables: dict[str, str], text: str) -> None:
    """As the settings of gatepass itself do."""
    with pytest.raises((ConfigError, UsageError), match=text):
        want(**variables)


@pytest.mark.parametrize("name", ["index", "publish"])
def test_a_bad_address_names_its_input(name: str) -> None:
    """And no option of a command that nobody ran."""
    with pytest.raises(UsageError) as caught:
        want(**{name: "https://elsewhere.example.com/simple/"})
    assert str(caught.value).startswith(f"error[usage]: the input {name} ")
    assert "--" not in str(caught.value)
    assert "docs/gitlab.md" in caught.value.do
