"""From keyrings.codeartifact, line by line: both get a token that opens the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.harness import need
from clients.machines import Both, with_codeartifact
from clients.migration import PAGE, Row, Test, parameters

pytestmark = pytest.mark.real

PART = "From keyrings.codeartifact"
USER = "aws"
CREDENTIALS, KEYRINGRC = ".aws/credentials", ".config/python_keyring/keyringrc.cfg"
CONFIG = ".config/gatepass/config.toml"
OURS = "gatepass.keyring_backend.GatepassKeyring"
OCTAVIA = "arn:aws:iam::111122223333:user/octavia"
AUTHORITIES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "AWS_CA_BUNDLE")
CI_READ = "arn:aws:sts::111122223333:assumed-role/ci-read/"


@pytest.fixture(scope="module", autouse=True)
def _provisioned() -> None:
    """A failure, never a skip, where it isn't installed."""
    need("keyrings-codeartifact")


@pytest.fixture
def both(base_env: dict[str, str], tmp_path: Path) -> Iterator[Both]:
    with with_codeartifact(base_env, tmp_path, "keyrings-codeartifact") as found:
        yield found


def index(both: Both) -> str:
    """CodeArtifact's own address of the repository."""
    return both.sandbox.aws.index_url


def given(both: Both) -> list[tuple[int, str]]:
    """The tokens that CodeArtifact has given out: for how many seconds, and to whom."""
    notes = [one.note for one in both.sandbox.requests if one.party == "codeartifact"]
    found = [re.fullmatch(r"acme-111122223333, (\d+) s, to (\S+)", note) for note in notes]
    return [(int(match[1]), match[2]) for match in found if match]


def to_octavia(both: Both, url: str = "") -> None:
    """Both are given tokens, for the user whose keys they have."""
    both.same_answer(url or index(both), USER)
    assert [who for _, who in given(both)] == [OCTAVIA] * 2


def config(lines: list[str]) -> str:
    """gatepass' file, of a row's lines: a registry, and what is said of it."""
    (head,) = [line for line in lines if line.startswith("[registries.")]
    settings = [line for line in lines if re.match(r"\w+ = ", line)]
    if not any(line.startswith("url = ") for line in settings):
        host = "acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
        settings.append(f'url = "https://{host}"')
    return "\n".join(["version = 1", head, *settings, ""])


def sections(lines: list[str], head: str = "") -> str:
    """keyring's file, of a row's lines."""
    settings = [line for line in lines if re.match(r"\w+=", line)]
    heads = [line for line in lines if line.startswith("[codeartifact")]
    return "\n".join([head or heads[0], *settings, ""])


def pip_install(both: Both, row: Row) -> None:
    """pip imports the backend beside it; no user name is in the address."""
    both.set(AWS_PROFILE="team")
    for machine, line in zip(both.machines, (row.old[0], row.new[0]), strict=True):
        site = machine.folder / "site"
        machine.shell(line, PIP_TARGET=str(site), PIP_NO_CACHE_DIR="1").succeeded()
        assert (site / "gatepass_hello.py").exists()


def twine_upload(both: Both, row: Row) -> None:
    """twine does too."""
    both.set(AWS_PROFILE="team")
    for machine, line in zip(both.machines, (row.old[0], row.new[0]), strict=True):
        machine.distribution()
        machine.shell(line).succeeded()
    assert both.count("upload") == 2


def keyring_get(both: Both, row: Row) -> None:
    """The command itself."""
    both.set(AWS_PROFILE="team")
    for machine, line in zip(both.machines, (row.old[0], row.new[0]), strict=True):
        secret = machine.shell(line, prints_secret=True).succeeded().out.strip()
        assert both.opens(index(both), USER, secret)


def keyring_creds(both: Both, row: Row) -> None:
    """User name and password."""
    both.set(AWS_PROFILE="team")
    for machine, line in zip(both.machines, (row.old[0], row.new[0]), strict=True):
        user, secret = machine.shell(line, prints_secret=True).succeeded().out.split()
        assert user == USER
        assert both.opens(index(both), user, secret)


def key_variables(both: Both, row: Row) -> None:
    """Keys in the environment."""
    keys = both.sandbox.aws.keys()
    assert row.old == row.new == list(keys)
    both.set(**keys)
    to_octavia(both)


def default_profile(both: Both, row: Row) -> None:
    """Keys in AWS' file."""
    head, path = row.old
    text = both.old.read(CREDENTIALS).replace("[team]", head)
    both.write(path.removeprefix("~/"), text)
    to_octavia(both)


def profile_variable(both: Both, row: Row) -> None:
    """A profile by its name."""
    both.set(**row.variables(0))
    to_octavia(both)


def web_identity(both: Both, row: Row) -> None:
    """A role for the token in a file, which gatepass looks at before it sends it."""
    role, variable = row.old
    both.set(**row.variables(0), **{variable: str(both.token)})
    assert role.endswith(both.sandbox.aws.role_arn)
    both.same_answer(index(both), USER)
    assert [who.startswith(CI_READ) for _, who in given(both)] == [True, True]
    assert both.count("issuer") == 2


def profile_of_all(both: Both, row: Row) -> None:
    """The section's profile, and the variable's."""
    both.old.write(KEYRINGRC, sections(row.old))
    both.new.env |= row.variables(1)
    to_octavia(both)


def profile_of_a_domain(both: Both, row: Row) -> None:
    """A domain's section, and a registry's table."""
    both.old.write(KEYRINGRC, sections(row.old))
    both.new.write(CONFIG, config(row.new))
    to_octavia(both)


def profile_of_a_repository(both: Both, row: Row) -> None:
    """One repository has another profile than all others."""
    both.set(AWS_DEFAULT_PROFILE="team")
    text = sections(row.old)
    head = text.partition("\n")[0].replace("local", "private")  # else that section's would serve
    both.old.write(KEYRINGRC, f"{text}{head}\n")
    host = "acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
    others = f'[registries.others]\nurl = "https://{host}"\nprofile = "team"\n'
    both.new.write(CONFIG, config(row.new) + others)
    local = index(both).replace("private", "local")
    both.same_answer(local, USER)
    assert [who.startswith(CI_READ) for _, who in given(both)] == [True, True]
    both.same_answer(index(both), USER)
    assert [who for _, who in given(both)][2:] == [OCTAVIA] * 2


def duration(both: Both, row: Row) -> None:
    """Both ask for half an hour."""
    both.set(AWS_PROFILE="team")
    both.old.write(KEYRINGRC, sections(row.old, "[codeartifact]"))
    both.new.write(CONFIG, config(row.new))
    both.same_answer(index(both), USER)
    assert [seconds for seconds, _ in given(both)] == [1800, 1800]


def keys_in_sections(both: Both, row: Row) -> None:
    """They move to the file that AWS has for them."""
    names = both.sandbox.aws.keys()
    text = "\n".join([f"[codeartifact]\n{row.old[0]}", f"{row.old[1]}", ""])
    text = re.sub(r"=\S+", "={}", text).format(*names.values())
    assert re.findall(r"(\w+)=", text) == [name.lower() for name in names]
    both.old.write(KEYRINGRC, text)
    head, path = row.new[-3:-1]
    assert head in text
    both.new.write(path.removeprefix("~/"), text)
    both.new.env |= row.variables(1)
    to_octavia(both)


def authority(both: Both, row: Row) -> None:
    """A certificate authority of one's own, for AWS alone."""
    both.set(AWS_PROFILE="team")
    both.unset(*AUTHORITIES)
    path = str(both.sandbox.ca_file)
    old, new = (text.replace("/etc/ssl/corp.pem", path) for text in (row.old[0], row.new[0]))
    assert [machine.password(index(both), USER) for machine in both.machines] == ["", ""]
    both.old.write(KEYRINGRC, f"[codeartifact]\n{old}\n")
    name, _, value = new.partition("=")
    # A failure is remembered for some seconds.
    both.new.env |= {name: value, "GATEPASS_STORE_DIR": str(both.new.folder / "another")}
    to_octavia(both)


def no_verification(both: Both, row: Row) -> None:
    """The old one takes any certificate; gatepass none that it can't verify."""
    both.set(AWS_PROFILE="team")
    both.unset(*AUTHORITIES)
    both.write(KEYRINGRC, f"[codeartifact]\n{row.old[0]}\n")
    assert both.opens(index(both), USER, both.old.password(index(both), USER))
    assert both.new.keyring("get", index(both), USER).failed().blocks("tls-failed") == 1
    name, _, _ = row.new[0].partition("=")
    env = {name: str(both.sandbox.ca_file), "GATEPASS_STORE": "off"}
    assert both.opens(index(both), USER, both.new.password(index(both), USER, **env))


def list_backends(both: Both, row: Row) -> None:
    """Each says its own name."""
    command, theirs = row.old
    assert theirs in both.old.shell(command).succeeded().out
    assert row.new[0] in both.new.shell(command).succeeded().out


def tool_install(both: Both, row: Row) -> None:
    """The new line, run; the old one is how its environment was made. Then uv's command answers."""
    both.set(AWS_PROFILE="team")
    both.tool_install(row.new[0])
    both.same_answer(index(both), USER)


TESTS: dict[str, Test] = {
    "`pip install --index-url ": pip_install,
    "`twine upload ": twine_upload,
    "`keyring get ": keyring_get,
    "`keyring --mode creds get ": keyring_creds,
    "`AWS_ACCESS_KEY_ID` and": key_variables,
    "`[default]` in `~/.aws/credentials`": default_profile,
    "`AWS_PROFILE=": profile_variable,
    "`AWS_ROLE_ARN=": web_identity,
    "`profile_name=team` below `[codeartifact]`": profile_of_all,
    "`profile_name=team` below `[codeartifact domain=": profile_of_a_domain,
    "`profile_name=staging` below ": profile_of_a_repository,
    "`token_duration=": duration,
    "`aws_access_key_id=": keys_in_sections,
    "`verify=/": authority,
    "`verify=false`": no_verification,
    "`keyring --list-backends`": list_backends,
    "`uv tool install ": tool_install,
}


@pytest.mark.parametrize(("test", "row"), parameters(PART, TESTS))
def test_line(both: Both, test: Test, row: Row) -> None:
    """Each line of the page, with both tools."""
    test(both, row)


def test_the_whole_file(both: Both) -> None:
    """The example of the page: each repository is asked for with its profile, for half an hour."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {PART}")[2]
    old, new = re.findall(r"^```(?:text|toml)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[:2]
    both.old.write(KEYRINGRC, old)
    both.new.write(CONFIG, f"version = 1\n{new}")
    both.same_answer(index(both), USER)
    both.same_answer(index(both).replace("private", "local"), USER)
    assert [seconds for seconds, _ in given(both)] == [1800] * 4
    is_staging = [who.startswith(CI_READ) for _, who in given(both)]
    assert is_staging == [False, False, True, True]


def test_and_back(both: Both) -> None:
    """After gatepass the old one finds all as it left it."""
    both.share_home()
    both.old.write(KEYRINGRC, "[codeartifact]\nprofile_name=team\ntoken_duration=1800\n")
    before = {path: path.read_bytes() for path in both.old.home.rglob("*") if path.is_file()}
    secret = both.new.password(index(both), USER, AWS_PROFILE="team")
    assert both.opens(index(both), USER, secret)
    assert {path: path.read_bytes() for path in before} == before
    assert both.opens(index(both), USER, both.old.password(index(both), USER))
    assert given(both)[-1] == (1800, OCTAVIA)
