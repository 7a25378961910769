"""The command line's words: names, addresses, and paths of indexes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepass.errors import ConfigError, GatepassError, UsageError
from gatepass.setup.wish import FROM_CONFIG, Wish, wish, with_user

PPM = "https://ppm.example.com"
AWS = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
CONFIG = f"""\
version = 1
[registries.work]
url = "{PPM}"
index = "pypi/latest"
[registries.lab]
url = "http://lab.corp"
allow_http = true
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A home without any configuration."""
    return {"HOME": str(tmp_path)}


@pytest.fixture
def configured(tmp_path: Path) -> dict[str, str]:
    """A home with two registries."""
    file = tmp_path / ".config" / "gatepass" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(CONFIG)
    return {"HOME": str(tmp_path)}


def named(found: Wish) -> tuple[str, str, bool]:
    return found.registry.name, found.registry.url, found.is_new


@pytest.mark.parametrize(
    ("target", "name", "url"),
    [
        (PPM, "ppm", PPM),
        (f"{PPM}/", "ppm", PPM),
        (f"{PPM}:8443/pkg", "ppm", f"{PPM}:8443/pkg"),
        (f"work={PPM}", "work", PPM),
        (f"my_Work-2={PPM}/a=b", "my_Work-2", f"{PPM}/a=b"),
        ("https://localhost", "localhost", "https://localhost"),
        ("http://127.0.0.1:4000", "127-0-0-1", "http://127.0.0.1:4000"),
        ("https://[2001:db8::1]", "2001-db8-1", "https://[2001:db8::1]"),
        ("https://file.corp", "file-corp", "https://file.corp"),
        ("https://PKGS.Corp", "pkgs", "https://PKGS.Corp"),
    ],
)
def test_a_new_registry(target: str, name: str, url: str, env: dict[str, str]) -> None:
    """Under its own name, or a word of its host."""
    found = wish(env, target)
    assert named(found) == (name, url, True)
    assert (found.username, found.index_path) == ("__token__", None)
    assert (found.index_url, found.extra_url, found.upload_url) == ("", "", "")


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("ppm.example.com/x", "usage"),
        ("", "usage"),
        ("nothing", "usage"),
        ("ftp://ppm.example.com", "bad-address"),
        (f"{PPM}/?x=1", "bad-address"),
        ("https://user:secret@ppm.example.com", "bad-address"),
        ("https://user:secret@ppm.example.com/simple/", "bad-address"),
        ("https://", "bad-address"),
        (f"a b={PPM}", "bad-registry-name"),
        (f"FILE={PPM}", "bad-registry-name"),
        (f"={PPM}", "bad-registry-name"),
        ("a=b", "bad-address"),
        ("http://ppm.corp", "insecure-address"),
        (AWS.replace("https", "http"), "insecure-address"),
        ("lab", "usage"),
    ],
)
def test_what_is_no_address(target: str, code: str, env: dict[str, str]) -> None:
    """Each is the usual error, and shows no password."""
    with pytest.raises(GatepassError) as caught:
        wish(env, target)
    assert caught.value.code == code
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("target", ["work", PPM, f"{PPM}/", f"other={PPM}", f"{PPM}:443"])
def test_a_registry_that_is_configured(target: str, configured: dict[str, str]) -> None:
    """By its name, or as the same realm in any writing: nothing new is made of it."""
    assert named(wish(configured, target)) == ("work", PPM, False)


def test_plain_http_that_was_allowed(configured: dict[str, str]) -> None:
    """As everywhere: by the configuration file alone."""
    assert named(wish(configured, "lab")) == ("lab", "http://lab.corp", False)


def test_a_name_that_is_taken(configured: dict[str, str]) -> None:
    """Said, with who has it; a made-up name gives way to a longer one."""
    with pytest.raises(ConfigError) as caught:
        wish(configured, "work=https://work.corp")
    assert caught.value.code == "setup-name-taken"
    assert PPM in caught.value.why
    assert wish(configured, "https://work.corp").registry.name == "work-corp"
    with pytest.raises(ConfigError) as caught:
        wish(configured, "https://work")
    assert caught.value.code == "setup-name-taken"


def test_variables_do_not_configure_a_laptop(env: dict[str, str]) -> None:
    """They are gone in the next shell: what they name is new to the files."""
    env |= {"PACKAGEMANAGER_ADDRESS": PPM, "GATEPASS_REGISTRIES": f"var={PPM}/x"}
    assert named(wish(env, PPM)) == ("ppm", PPM, True)
    assert named(wish(env, f"{PPM}/x")) == ("ppm", f"{PPM}/x", True)
    assert wish(env, "packagemanager").is_new is False


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("internal/latest", f"{PPM}/internal/latest/simple/"),
        ("/internal/2024-01-31/", f"{PPM}/internal/2024-01-31/simple/"),
        ("internal/latest/simple/", f"{PPM}/internal/latest/simple/"),
        ("cran/__linux__/a~b+c=d:e", f"{PPM}/cran/__linux__/a~b+c=d:e/simple/"),
    ],
)
def test_paths_become_addresses(path: str, url: str, env: dict[str, str]) -> None:
    """Below the registry's own, with the page that pip wants at its end."""
    found = wish(env, PPM, index=path, extra=path, upload=path)
    assert (found.index_url, found.extra_url) == (url, url)
    assert found.upload_url == f"{PPM}/{path.strip('/')}"
    assert found.index_path == path.strip("/")
    assert with_user(url, "u") == url.replace("https://", "https://u@")


@pytest.mark.parametrize(
    "path",
    ["https://evil.test/", "a//b", "../x", "a/./b", "a b", "a%2fb", "a\nb", "/", "a?b", "@e"],
)
@pytest.mark.parametrize("option", ["index", "extra", "upload"])
def test_paths_that_lead_elsewhere(path: str, option: str, env: dict[str, str]) -> None:
    """Nothing but a plain path below the registry's address is written into a file."""
    with pytest.raises(UsageError) as caught:
        wish(env, PPM, **{option: path})
    assert caught.value.code == "setup-path"


def test_the_index_of_the_configuration(configured: dict[str, str], env: dict[str, str]) -> None:
    """--index alone means that one; another path replaces it there; without one it is an error."""
    found = wish(configured, "work", index=FROM_CONFIG)
    assert found.index_url == f"{PPM}/pypi/latest/simple/"
    assert found.index_path is None
    assert wish(configured, "work").index_url == ""
    assert wish(configured, "work", index="other/latest").index_path == "other/latest"
    with pytest.raises(ConfigError) as caught:
        wish(configured, "lab", index=FROM_CONFIG)
    assert caught.value.code == "setup-no-index"


@pytest.mark.parametrize(
    ("target", "do"),
    [
        (f"{PPM}/internal/latest/simple/", f"gatepass setup {PPM} --index internal/latest"),
        (f"w={PPM}/p/i/l/simple", f"gatepass setup w={PPM}/p --index i/l"),
        (f"{PPM}/simple/", "write the address of Package Manager itself"),
        (f"{PPM}/a/simple/", "write the address of Package Manager itself"),
    ],
)
def test_an_indexs_address_is_not_the_registrys(target: str, do: str, env: dict[str, str]) -> None:
    """People copy what pip has; the error has the line that was meant."""
    with pytest.raises(ConfigError) as caught:
        wish(env, target)
    assert (caught.value.code, caught.value.do) == ("setup-index-address", do)


@pytest.mark.parametrize(
    ("target", "name", "url", "path"),
    [
        (AWS, "acme-111122223333", AWS, None),
        (f"{AWS}/pypi/private/simple/", "acme-111122223333", AWS, "pypi/private"),
        (f"team={AWS}/pypi/private", "team", AWS, "pypi/private"),
        (
            "https://vpce-1a-2b.d.codeartifact.eu-west-1.vpce.amazonaws.com"
            "/pypi/d/acme-111122223333/private/simple/",
            "acme-111122223333",
            "https://vpce-1a-2b.d.codeartifact.eu-west-1.vpce.amazonaws.com"
            "/pypi/d/acme-111122223333",
            "private",
        ),
    ],
)
def test_codeartifact_is_known_by_its_host(
    target: str, name: str, url: str, path: str | None, env: dict[str, str]
) -> None:
    """Its address ends with the domain; what follows is the index."""
    found = wish(env, target)
    assert named(found) == (name, url, True)
    assert (found.index_path, found.index_url, found.username) == (path, "", "aws")
    if path:
        asked = wish(env, target, index=FROM_CONFIG, upload=path)
        assert asked.index_url == f"{url}/{path}/simple/"
        assert asked.upload_url == f"{url}/{path}/"
