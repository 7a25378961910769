"""What is written into each tool's own file, new or not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gatepass.errors import ConfigError
from gatepass.settings import load
from gatepass.setup import config, pip, r, twine, uv
from gatepass.setup.change import Change
from gatepass.setup.snapshot import put
from gatepass.setup.wish import Wish, wish

PPM = "https://ppm.example.com"
AWS = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
INDEX = f"{PPM}/internal/latest/simple/"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


def written(changes: list[Change], file: Path) -> str:
    """The file after the changes."""
    for change in changes:
        put(change.path, change.after)
    return file.read_bytes().decode()


@pytest.fixture
def plain(env: dict[str, str]) -> Wish:
    """Nothing but the registry."""
    return wish(env, PPM)


@pytest.fixture
def full(env: dict[str, str]) -> Wish:
    """With everything that can be asked for."""
    return wish(env, PPM, index="internal/latest", extra="other/latest", upload="upload/pypi/local")


def test_pip_gets_its_provider_alone(plain: Wish, file: Path) -> None:
    """No index is touched that nobody asked for."""
    assert written(pip.changes(str(file), plain), file) == (
        "[global]\nkeyring-provider = subprocess\n"
    )
    assert pip.changes(str(file), plain) == []


def test_pip_gets_the_index_with_a_user_name(full: Wish, file: Path) -> None:
    """pips before 26.2 ask for no password without one; an index that was there is replaced."""
    file.write_text("[global]\nindex-url = https://old/simple\ntimeout = 9\n")
    assert written(pip.changes(str(file), full), file) == (
        "[global]\n"
        "extra-index-url = https://__token__@ppm.example.com/other/latest/simple/\n"
        "keyring-provider = subprocess\n"
        "index-url = https://__token__@ppm.example.com/internal/latest/simple/\n"
        "timeout = 9\n"
    )
    assert pip.changes(str(file), full) == []


def test_pip_gets_awss_user_name(env: dict[str, str], file: Path) -> None:
    """CodeArtifact calls it `aws`."""
    made = wish(env, f"{AWS}/pypi/private/simple/", index="")
    index = f"index-url = {AWS}/pypi/private/simple/\n".replace("https://", "https://aws@")
    assert index in written(pip.changes(str(file), made), file)


def test_uv_gets_its_provider_alone(plain: Wish, file: Path) -> None:
    """At the top of its file."""
    assert written(uv.changes(str(file), plain), file) == 'keyring-provider = "subprocess"\n'
    assert uv.changes(str(file), plain) == []


def test_uv_gets_the_index_without_a_user_name(full: Wish, file: Path) -> None:
    """It is asked for always; ours stands before another default, which uv would take."""
    file.write_text('native-tls = true\n\n[[index]]\nurl = "https://old"\ndefault = true\n')
    assert written(uv.changes(str(file), full), file) == (
        'native-tls = true\nkeyring-provider = "subprocess"\n\n'
        f'[[index]]\nname = "ppm"\nurl = "{INDEX}"\ndefault = true\nauthenticate = "always"\n\n'
        '[[index]]\nurl = "https://old"\ndefault = true\n\n'
        f'[[index]]\nname = "ppm-extra"\nurl = "{PPM}/other/latest/simple/"\n'
        'authenticate = "always"\n'
    )
    assert uv.changes(str(file), full) == []


def test_uvs_index_is_changed_where_it_stands(env: dict[str, str], file: Path) -> None:
    """The one of our name takes another address, and what else it says stays."""
    file.write_text('[[index]]\nname = "ppm"\nurl = "https://old"\nexplicit = true # mine\n')
    made = wish(env, PPM, extra="other/latest")
    text = written(uv.changes(str(file), made), file)
    assert tomllib.loads(text)["index"] == [
        {
            "name": "ppm",
            "url": f"{PPM}/other/latest/simple/",
            "explicit": True,
            "authenticate": "always",
        }
    ]
    assert "explicit = true # mine\n" in text
    assert uv.changes(str(file), made) == []


@pytest.mark.parametrize(
    "text",
    [
        'index = [{ name = "a", url = "https://old" }]\n',
        "index = 3\n",
        "[index]\n",
        "no toml",
        '[[index]]\nname = "a"\ndefault = true\n[[index]]\nname = "ppm"\n',
    ],
)
def test_what_uv_has_in_another_form_is_left_for_a_person(
    text: str, full: Wish, file: Path
) -> None:
    """With every line to write."""
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        uv.changes(str(file), full)
    assert caught.value.code == "setup-file"
    assert f'url = "{INDEX}"' in caught.value.do
    assert file.read_text() == text


def test_twine_gets_a_repository_without_a_password(full: Wish, file: Path) -> None:
    """The two that twine knows without a list stay known."""
    text = (
        "[distutils]\nindex-servers = pypi\n    testpypi\n    ppm\n\n"
        f"[ppm]\nrepository = {PPM}/upload/pypi/local\nusername = __token__\n"
    )
    assert written(twine.changes(str(file), full), file) == text
    assert twine.changes(str(file), full) == []


def test_twines_own_list_is_kept(full: Wish, file: Path) -> None:
    """Only ours is added; a section that was there is corrected."""
    file.write_text(
        "[distutils]\nindex-servers =\n  mine\n[mine]\npassword = x\n[ppm]\nusername = old\n"
    )
    assert written(twine.changes(str(file), full), file) == (
        "[distutils]\nindex-servers =\n  mine\n  ppm\n[mine]\npassword = x\n"
        f"[ppm]\nrepository = {PPM}/upload/pypi/local\nusername = __token__\n"
    )


def test_twine_with_a_password_asks_nobody(full: Wish, plain: Wish, file: Path) -> None:
    """So that is for a person to remove; and without an address there is nothing to write."""
    file.write_text("[ppm]\npassword = hunter2\n")
    with pytest.raises(ConfigError) as caught:
        twine.changes(str(file), full)
    assert "has a password" in caught.value.why
    assert "hunter2" not in str(caught.value)
    assert twine.changes(str(file), plain) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"PACKAGEMANAGER_ADDRESS={PPM}\n"),
        ("A=1", f"A=1\nPACKAGEMANAGER_ADDRESS={PPM}\n"),
        ("A=1\r\n", f"A=1\r\nPACKAGEMANAGER_ADDRESS={PPM}\r\n"),
        (
            "PACKAGEMANAGER_ADDRESS=a\n PACKAGEMANAGER_ADDRESS = b\r\nPACKAGEMANAGER_ADDRESS_2=c",
            f"PACKAGEMANAGER_ADDRESS=a\nPACKAGEMANAGER_ADDRESS={PPM}\r\nPACKAGEMANAGER_ADDRESS_2=c",
        ),
        ("#PACKAGEMANAGER_ADDRESS=a", f"#PACKAGEMANAGER_ADDRESS=a\nPACKAGEMANAGER_ADDRESS={PPM}\n"),
    ],
)
def test_r_gets_the_address(before: str, after: str, plain: Wish, file: Path) -> None:
    """The last line that names it counts."""
    file.write_bytes(before.encode())
    assert written(r.changes(str(file), plain), file) == after
    assert r.changes(str(file), plain) == []


def test_r_knows_package_manager_alone(env: dict[str, str], file: Path) -> None:
    """Nothing is written for another kind of registry."""
    assert r.changes(str(file), wish(env, AWS)) == []


def config_file(env: dict[str, str]) -> Path:
    file = Path(env["HOME"]) / ".config" / "gatepass" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def test_our_own_file_is_one_that_we_accept(env: dict[str, str], full: Wish) -> None:
    """The registry is found by its name afterwards, with its index."""
    file = config_file(env)
    text = written(config.changes(str(file), full), file)
    assert text == f'version = 1\n\n[registries.ppm]\nurl = "{PPM}"\nindex = "internal/latest"\n'
    registry = load(env).named("ppm")
    assert registry is not None
    assert (registry.url, registry.index_path) == (PPM, "internal/latest")
    again = wish(env, PPM, index="internal/latest")
    assert config.changes(str(file), again) == []


def test_our_own_file_keeps_what_it_says(env: dict[str, str]) -> None:
    """A registry is added behind it; another index is set where the registry stands."""
    file = config_file(env)
    before = 'version = 1 # one\nverify = "required"\n[registries.a]\nurl = "https://a.corp" # x\n'
    file.write_text(before)
    text = written(config.changes(str(file), wish(env, f"b={PPM}")), file)
    assert text == f'{before}\n[registries.b]\nurl = "{PPM}"\n'
    text = written(config.changes(str(file), wish(env, "a", index="x/y")), file)
    assert text.startswith(before + 'index = "x/y"\n\n[registries.b]')
    assert load(env).named("a") is not None


def test_a_registry_of_another_file_is_left_there(env: dict[str, str], tmp_path: Path) -> None:
    """The user's file would replace the machine's table as a whole."""
    other = tmp_path / "machine.toml"
    other.write_text(f'version = 1\n[registries.work]\nurl = "{PPM}"\n')
    made = wish({**env, "GATEPASS_CONFIG": str(other)}, "work", index="x/y")
    assert config.changes(str(config_file(env)), made) == []
    assert config.changes(str(other), made) != []


def test_our_own_file_in_an_odd_form(env: dict[str, str]) -> None:
    """An inline table takes no further one: a person is told what to write."""
    file = config_file(env)
    file.write_text('version = 1\nregistries = { a = { url = "https://a.corp" } }\n')
    with pytest.raises(ConfigError) as caught:
        config.changes(str(file), wish(env, f"b={PPM}"))
    assert caught.value.do.endswith(f'[registries.b]\nurl = "{PPM}"')
