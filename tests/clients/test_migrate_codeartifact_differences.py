"""From keyrings.codeartifact, what is different on purpose: what it does, what gatepass does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from awsclient import browse, content, web_identity
from clients.harness import need
from clients.machines import Both, with_codeartifact
from clients.migration import PAGE, Row, Test, parameters
from clients.test_migrate_codeartifact import (
    CI_READ,
    CONFIG,
    KEYRINGRC,
    OCTAVIA,
    OURS,
    PART,
    USER,
    given,
    index,
)

pytestmark = pytest.mark.real


@pytest.fixture(scope="module", autouse=True)
def _provisioned() -> None:
    """A failure, never a skip, where it isn't installed."""
    need("keyrings-codeartifact")


@pytest.fixture
def both(base_env: dict[str, str], tmp_path: Path) -> Iterator[Both]:
    with with_codeartifact(base_env, tmp_path, "keyrings-codeartifact") as found:
        found.set(AWS_PROFILE="team")
        yield found


def plain_http(both: Both, row: Row) -> None:
    """CodeArtifact's own host, by plain http."""
    (url,) = row.old
    assert both.opens(index(both), USER, both.old.password(url, USER))
    assert both.new.keyring("get", url, USER).failed().blocks("insecure-address") == 1


def another_port(both: Both, row: Row) -> None:
    """CodeArtifact's own host, at a port where it isn't."""
    (url,) = row.old
    assert both.opens(index(both), USER, both.old.password(url, USER))
    assert both.new.keyring("get", url, USER).failed().text == ""


def section_of_others(both: Both, row: Row) -> None:
    """Another account's profile, and the one that the variable names."""
    (head,) = row.old
    host = index(both).replace("111122223333", "000000000000").partition("/pypi/")[0]
    both.old.write(KEYRINGRC, f"{head}\nprofile_name=staging\n")
    text = f'version = 1\n[registries.other]\nurl = "{host}"\nprofile = "staging"\n'
    both.new.write(CONFIG, text)
    both.same_answer(index(both), USER)
    (_, theirs), (_, ours) = given(both)
    assert theirs.startswith(CI_READ)
    assert ours == OCTAVIA


def second_time(both: Both, row: Row) -> None:
    """What the second call asks of AWS, with keys and with a web identity."""
    for profile, expected in (("team", 1), ("staging", 2)):
        both.set(AWS_PROFILE=profile)
        both.same_answer(index(both), USER)
        counts = []
        for machine in both.machines:
            before = len(both.sandbox.requests)
            machine.password(index(both), USER)
            counts.append(len(both.sandbox.requests) - before)
        assert counts == [expected, 0]


def lifetime(both: Both, row: Row) -> None:
    """A session of a quarter of an hour, and its token."""
    form = web_identity(both.sandbox, DurationSeconds="900")
    url = "https://sts.eu-west-1.amazonaws.com/"
    session = content(browse(both.sandbox).post(url, form, timeout=10), "Credentials")
    both.unset("AWS_PROFILE")
    both.set(
        AWS_ACCESS_KEY_ID=session["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=session["SecretAccessKey"],
        AWS_SESSION_TOKEN=session["SessionToken"],
    )
    both.same_answer(index(both), USER)
    (theirs, _), (ours, _) = given(both)
    assert theirs == 3600
    assert 880 < ours <= 900
    host, line = index(both).partition("/pypi/")[0], row.lines(2)[0]
    both.new.write(CONFIG, f'version = 1\n[registries.acme]\nurl = "{host}"\n{line}\n')
    assert both.new.password(index(both), USER)
    assert given(both)[-1][0] == 3600


def no_keys(both: Both, row: Row) -> None:
    """The issuer answers nobody."""
    both.unset("AWS_PROFILE")
    both.set(AWS_ROLE_ARN=both.sandbox.aws.role_arn, AWS_WEB_IDENTITY_TOKEN_FILE=str(both.token))
    both.sandbox.fault("issuer=404x*")
    assert both.opens(index(both), USER, both.old.password(index(both), USER))
    with both.requests("sts") as asked:
        done = both.new.keyring("get", index(both), USER).failed()
    assert done.blocks("issuer-unreachable") == 1
    assert asked == []
    secret = both.new.password(index(both), USER, GATEPASS_VERIFY="off", GATEPASS_STORE="off")
    assert both.opens(index(both), USER, secret)


def nobody(both: Both, row: Row) -> None:
    """Both say that there are no credentials; the one at length."""
    both.unset("AWS_PROFILE")
    done = both.old.keyring("get", index(both), USER).failed()
    assert "NoCredentialsError" in done.err
    assert len(done.err.splitlines()) > 40
    done = both.new.keyring("get", index(both), USER).failed()
    assert done.blocks("no-identity") == 1
    assert len(done.err.splitlines()) < 10


def no_file(both: Both, row: Row) -> None:
    """Neither has one."""
    assert row.old[0] in both.old.keyring("get", index(both), USER).succeeded().err
    assert both.new.keyring("get", index(both), USER).succeeded().err == ""


def dual_stack(both: Both, row: Row) -> None:
    """The form of host without `.d.`"""
    (url,) = row.old
    assert both.old.keyring("get", url, USER).failed().out == ""
    assert both.opens(url, USER, both.new.password(url, USER))


def another_format(both: Both, row: Row) -> None:
    """npm's address; npm sends the token as a bearer."""
    (url,) = row.old
    assert both.old.keyring("get", url, USER).failed().out == ""
    bearer = {"Authorization": f"Bearer {both.new.password(url, USER)}"}
    answer = browse(both.sandbox).get(f"{url}hello", headers=bearer, timeout=10)
    assert answer.status_code == 200


def together(both: Both, row: Row) -> None:
    """Both are listed, and one of them has kept its answer: gatepass."""
    both.new.env["PYTHONPATH"] = str(both.old.packages)
    listed = both.new.keyring("--list-backends").out
    assert "keyrings.codeartifact.CodeArtifactBackend (priority: 9.9)" in listed
    assert f"{OURS} (priority: 9.95)" in listed
    first, second = (both.new.password(index(both), USER) for _ in range(2))
    assert both.opens(index(both), USER, first)
    assert first == second
    assert both.old.password(index(both), USER) != both.old.password(index(both), USER)


TESTS: dict[str, Test] = {
    "`http://acme-111122223333.": plain_http,
    "`https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com:8443/": another_port,
    '`[codeartifact account="000000000000"]`': section_of_others,
    "a second install": second_time,
    "nothing is said of a duration": lifetime,
    "a web identity token by an issuer": no_keys,
    "there are no AWS credentials": nobody,
    "there is no `keyringrc.cfg`": no_file,
    "`https://acme-111122223333.codeartifact.eu-west-1.on.aws/": dual_stack,
    "`https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com/npm/": another_format,
    "both are installed": together,
}


@pytest.mark.parametrize(("test", "row"), parameters(PART, TESTS))
def test_difference(both: Both, test: Test, row: Row) -> None:
    """Each row of what is different, with both tools."""
    test(both, row)


def test_a_token_in_a_variable_is_read_by_neither(both: Both) -> None:
    """CODEARTIFACT_AUTH_TOKEN, of which the page says so."""
    assert "`CODEARTIFACT_AUTH_TOKEN` is read by neither" in PAGE.read_text(encoding="utf-8")
    token = both.sandbox.aws.token()
    both.set(CODEARTIFACT_AUTH_TOKEN=token)
    assert token not in both.same_answer(index(both), USER)
