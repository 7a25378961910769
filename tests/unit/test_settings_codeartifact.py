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
        HOST,
        f"{HOST}:443",
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


ONE, TWO = f"https://{HOST}/pypi/one", f"https://{DUAL}/pypi/two"
OTHERS = (
    f"https://{HOST}",
    f"https://{HOST}/pypi/other/simple/",
    f"https://{HOST}/pypi/one/../other/",
    f"https://{HOST}/npm/one/",
    f"https://{DUAL}/pypi/one/simple/",
    f"https://{ENDPOINT.replace('us-west-2', 'eu-west-1')}/pypi/d/acme-111122223333/one/simple/",
)
RULES = """claims = { repository = "acme/app", ref = "x" }
identity = "github"
audience = "aud"
role_arn = "r"
profile = "p"
duration = 900
"""


def found(settings: Settings, service: str) -> Registry:
    address = realm.parse(service)
    assert address is not None
    registry = settings.registry_for(address)
    assert registry is not None
    return registry


@pytest.mark.parametrize("url", [ONE, f"http://{HOST}/pypi/one", "https://pkgs.corp/pypi"])
@pytest.mark.parametrize("service", OTHERS)
def test_a_table_speaks_for_its_whole_domain(tmp_path: Path, service: str, url: str) -> None:
    """All addresses of a domain give one token: no other spelling of one gets past its rules."""
    if url.startswith("http:") and HOST in service:
        return  # that host is refused as a whole
    said = 'kind = "codeartifact"\ndomain = "acme"\nowner = "111122223333"\nregion = "eu-west-1"\n'
    text = f'[registries.one]\nurl = "{url}"\nindex = "sub"\n{said}{RULES}'
    registry = found(from_file(tmp_path, text), service)
    address = realm.parse(service)
    assert address is not None
    assert registry.realm.covers(address) or ".." in service
    assert registry.url == str(registry.realm)
    assert (registry.is_insecure, registry.index_path) == (False, "")
    assert {claim.name for claim in registry.claims} == {"repository", "ref"}
    assert (registry.name, registry.identity, registry.audience) == ("one", "github", "aud")
    assert (registry.role_arn, registry.profile, registry.duration) == ("r", "p", 900)


@pytest.mark.parametrize(
    "service",
    [
        f"https://{HOST.replace('acme', 'tools')}/pypi/one/",
        f"https://{HOST.replace('111122223333', '444455556666')}/pypi/one/",
        f"https://{HOST.replace('eu-west-1', 'us-east-1')}/pypi/one/",
    ],
)
def test_a_table_speaks_for_no_other_domain(tmp_path: Path, service: str) -> None:
    """Name, account and region: all three make a domain."""
    registry = found(from_file(tmp_path, f'[registries.one]\nurl = "{ONE}"\n{RULES}'), service)
    assert registry.source == "its host"
    assert (registry.claims, registry.role_arn, registry.identity) == ((), "", "auto")


def test_plain_http_takes_nothing_over(tmp_path: Path) -> None:
    """It is refused as it was, whatever is configured for https."""
    settings = from_file(tmp_path, f'[registries.one]\nurl = "{ONE}"\n{RULES}')
    registry = found(settings, f"http://{HOST}/pypi/one/")
    assert (registry.is_insecure, registry.source) == (True, "its host")


def test_tables_that_agree_are_one(tmp_path: Path) -> None:
    """They may differ in name, address and index; the first is taken, each at its own address."""
    swapped = RULES.replace(
        'repository = "acme/app", ref = "x"', 'ref = "x", repository = "acme/app"'
    )
    text = f'[registries.one]\nurl = "{ONE}"\nindex = "i"\n{RULES}[registries.two]\nurl = "{TWO}"\n'
    settings = from_file(tmp_path, text + swapped)
    assert {found(settings, service).name for service in OTHERS} == {"one"}
    assert found(settings, f"{TWO}/simple/").name == "two"


@pytest.mark.parametrize("line", [*RULES.splitlines(), ""])
def test_tables_that_differ_are_asked_for_by_their_own_addresses(tmp_path: Path, line: str) -> None:
    """Which one's rules hold for another address, nobody said: an error names both."""
    rules = RULES.replace(line + "\n", "") if line else 'role_arn = "other"'
    text = f'[registries.one]\nurl = "{ONE}"\n{RULES}[registries.two]\nurl = "{TWO}"\n{rules}'
    settings = from_file(tmp_path, text)
    assert (found(settings, ONE).name, found(settings, f"{TWO}/simple/").name) == ("one", "two")
    for service in (f"https://{HOST}", f"https://{HOST}/pypi/two/simple/"):
        with pytest.raises(ConfigError) as caught:
            found(settings, service)
        assert caught.value.code == "codeartifact-tables"
        assert ONE in caught.value.why
        assert TWO in caught.value.why


@pytest.mark.parametrize("region", ["xx-evil-9", "us-gov-west-1", "cn-north-1", "eu-west-0"])
def test_a_region_of_no_shape_that_aws_has(tmp_path: Path, region: str) -> None:
    """It would be a part of the host that a token goes to; a table may say one all the same."""
    host = HOST.replace("eu-west-1", region)
    assert at(f"https://{host}/pypi/x/") is None
    said = 'kind = "codeartifact"\ndomain = "acme"\nowner = "111122223333"\n'
    text = f'[registries.x]\nurl = "https://{host}"\n{said}region = "{region}"'
    assert found(from_file(tmp_path, text), f"https://{host}/").aws == ACME._replace(region=region)
