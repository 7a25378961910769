"""CodeArtifact's addresses: recognised whole or not at all, and what the configuration adds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass import realm
from gatepass.errors import ConfigError
from gatepass.settings import Domain, Registry, Settings, load

HOST = "acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
DUAL = "acme-111122223333.codeartifact.eu-west-1.on.aws"
ENDPOINT = "vpce-0743fe535b883ffff-76ddffff.d.codeartifact.us-west-2.vpce.amazonaws.com"
ACME = Domain("acme", "111122223333", "eu-west-1")


def at(service: str, **env: str) -> Registry | None:
    address = realm.parse(service)
    return load(env).registry_for(address) if address else None


def from_file(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text("version = 1\n" + text, encoding="utf-8")
    return load({"GATEPASS_CONFIG": str(path)})


@pytest.mark.parametrize(
    ("service", "domain"),
    [
        (f"https://{HOST}/pypi/team/simple/", ACME),
        (f"https://{HOST}/npm/team/", ACME),
        (f"https://{HOST}/maven/team/org/x", ACME),
        (f"https://aws@{HOST.upper()}:443/pypi/team/", ACME),
        (f"https://aws:old@{HOST}./pypi/team", ACME),
        (HOST, ACME),
        (f"{HOST}:443", ACME),
        (f"https://{HOST}", ACME),
        (f"https://{DUAL}/pypi/team/simple/", ACME),
        (f"https://{DUAL}", ACME),
        (
            f"https://{ENDPOINT}/pypi/d/acme-111122223333/team/simple/",
            ACME._replace(region="us-west-2"),
        ),
        (
            f"https://{HOST.replace('acme', 'my-own-2')}/pypi/x/",
            ACME._replace(name="my-own-2"),
        ),
        (
            f"https://{HOST.replace('eu-west-1', 'ap-southeast-2')}/pypi/x/",
            ACME._replace(region="ap-southeast-2"),
        ),
    ],
)
def test_each_form_of_a_host_is_known(service: str, domain: Domain) -> None:
    """Classic, dual-stack and VPC endpoint, any format's path: domain, owner and region by URL."""
    found = at(service)
    assert found is not None
    assert (found.kind, found.aws, found.is_insecure) == ("codeartifact", domain, False)
    assert found.name == f"{domain.name}-{domain.owner}"
    assert found.expected_audience == "sts.amazonaws.com"


@pytest.mark.parametrize(
    "service",
    [
        f"https://{HOST}.evil.example/pypi/x/",
        f"https://x.{HOST}/pypi/x/",
        f"https://evil.example/?u={HOST}",
        f"https://evil.example/{HOST}/",
        f"https://evil.example#{HOST}",
        f"https://{HOST}@evil.example/",
        f"https://{HOST}:8443/pypi/x/",
        f"{HOST}:8443",
        f"ftp://{HOST}/pypi/x/",
        f"https://{HOST}\\@evil.example/",
        f"https://{HOST}%2eevil.example/",
        f"https://{HOST.replace('.com', '.com.cn')}/pypi/x/",
        f"https://{HOST.replace('.d.', '.')}/pypi/x/",
        f"https://{DUAL.replace('.code', '.d.code')}/pypi/x/",
        f"https://{HOST.replace('111122223333', '11112222333')}/pypi/x/",
        f"https://{HOST.replace('111122223333', '1111222233334')}/pypi/x/",
        f"https://{HOST.replace('acme', '-acme')}/pypi/x/",
        f"https://{HOST.replace('acme', 'a' * 51)}/pypi/x/",
        f"https://{HOST.replace('eu-west-1', 'evil.example')}/pypi/x/",
        f"https://{HOST.replace('eu-west-1', 'eu')}/pypi/x/",
        f"https://{ENDPOINT}/pypi/acme-111122223333/team/",
        f"https://{ENDPOINT}/pypi/d/acme/team/",
        f"https://{ENDPOINT}/pypi/d/acme-111122223333/../../d/evil-999999999999/x",
        f"https://{ENDPOINT}/pypi/d/acme-111122223333%2f..%2f/x",
        f"https://{ENDPOINT}",
        ENDPOINT,
        "https://codeartifact.eu-west-1.amazonaws.com/",
        "https://x.d.codeartifact.eu-west-1.amazonaws.com/",
    ],
)
def test_what_is_not_wholly_one_is_nobodys(service: str) -> None:
    """No suffix, prefix, search, port or other partition passes; a VPC endpoint needs its path."""
    assert at(service) is None


def test_plain_http_is_refused_and_said() -> None:
    """CodeArtifact has no plain http: whoever asks for it hears so, and gets nothing."""
    found = at(f"http://{HOST}/pypi/x/")
    assert found is not None
    assert found.is_insecure
    assert at(f"http://{HOST}:443/pypi/x/") is None


@given(st.text(alphabet="acme-0123456789.d:/@#?%\\codeartifn tws", max_size=90))
def test_nothing_else_is_ever_taken_for_one(text: str) -> None:
    """Whatever is recognised is exactly one of the hosts, and urllib3 would connect to it."""
    import urllib3

    for service in (text, f"https://{text}", f"https://{HOST}{text}", f"https://{text}{HOST}/"):
        found = at(service)
        if found is not None and found.aws is not None:
            host = urllib3.util.parse_url(
                service if "://" in service else f"https://{service}"
            ).host
            assert host is not None
            assert host.rstrip(".").endswith(found.realm.host)
            assert found.realm.host in (HOST, DUAL) or found.realm.host.endswith(HOST[4:])


def test_variables_speak_for_every_domain() -> None:
    """GATEPASS_IDENTITY, GATEPASS_AUDIENCE and the login need no configured registry."""
    env = {
        "GATEPASS_IDENTITY": "gitlab",
        "GATEPASS_AUDIENCE": "sts.example",
        "GATEPASS_LOGIN_ISSUER": "https://login.corp",
        "GATEPASS_LOGIN_CLIENT_ID": "gatepass",
    }
    found = at(f"https://{HOST}/", **env)
    assert found is not None
    assert (found.identity, found.expected_audience) == ("gitlab", "sts.example")
    assert found.login == ("https://login.corp", "gatepass")


def test_a_table_adds_to_a_known_host(tmp_path: Path) -> None:
    """Role, profile and duration; domain, owner and region still come from the host."""
    text = f'[registries.team]\nurl = "https://{HOST}"\nrole_arn = "arn:aws:iam::1:role/r"\n'
    (found,) = from_file(tmp_path, text + 'profile = "sso"\nduration = 900').registries
    assert (found.kind, found.aws, found.role_arn) == (
        "codeartifact",
        ACME,
        "arn:aws:iam::1:role/r",
    )
    assert (found.profile, found.duration) == ("sso", 900)


def test_a_table_names_one_at_any_address(tmp_path: Path) -> None:
    """Behind a proxy of one's own, say: then domain, owner and region are needed."""
    text = (
        '[registries.x]\nurl = "https://pkgs.corp/pypi"\nkind = "codeartifact"\ndomain = "acme"\n'
    )
    more = 'owner = "111122223333"\nregion = "eu-west-1"'
    (found,) = from_file(tmp_path, text + more).registries
    assert (found.aws, str(found.realm)) == (ACME, "https://pkgs.corp/pypi")
    for missing in more.splitlines():
        with pytest.raises(ConfigError) as caught:
            from_file(tmp_path, text + missing)
        assert caught.value.code == "codeartifact-domain"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (f'url = "https://{HOST}"\nduration = 899', "bad-duration"),
        (f'url = "https://{HOST}"\nduration = 43201', "bad-duration"),
        (f'url = "https://{HOST}"\nduration = -1', "bad-duration"),
        (f'url = "https://{HOST}"\nowner = "12"', "codeartifact-domain"),
        (f'url = "https://{HOST}"\ndomain = "Acme"', "codeartifact-domain"),
        (f'url = "https://{HOST}"\nregion = "mars"', "codeartifact-domain"),
        ('url = "https://acme-1.d.codeartifact.eu-west-1.amazonaws.com"', "codeartifact-domain"),
        ('url = "https://x.codeartifact.cn-north-1.amazonaws.com.cn"', "codeartifact-domain"),
        (f'url = "https://{HOST}"\nkind = "packagemanager"\nrole_arn = "r"', "not-codeartifact"),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, lines: str, code: str) -> None:
    """Durations that AWS refuses, names that it doesn't know, hosts that are nearly its own."""
    with pytest.raises(ConfigError) as caught:
        from_file(tmp_path, f"[registries.x]\n{lines}")
    assert caught.value.code == code


@pytest.mark.parametrize("duration", [0, 900, 43200])
def test_the_durations_that_aws_takes(tmp_path: Path, duration: int) -> None:
    """0 stands for the session's own length."""
    text = f'[registries.x]\nurl = "https://{HOST}"\nduration = {duration}'
    assert from_file(tmp_path, text).registries[0].duration == duration


def test_a_configured_address_comes_before_the_host(tmp_path: Path) -> None:
    """A table for one repository of a domain speaks for that one; the host for the others."""
    settings = from_file(tmp_path, f'[registries.one]\nurl = "https://{HOST}/pypi/one"')
    names = [
        registry.name if registry else None
        for path in ("/pypi/one/simple/", "/pypi/other/simple/", "/pypi/one/../other/")
        for registry in (settings.registry_for(realm.Address("https", HOST, None, path)),)
    ]
    assert names == ["one", "acme-111122223333", "acme-111122223333"]
