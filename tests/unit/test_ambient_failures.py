"""What the chain can't give: one error for each cause, with what to type, and in silence."""

from __future__ import annotations

import logging
from pathlib import Path

import botocore.exceptions
import pytest

from awsfiles import STATIC, configure, failed, keys
from awswire import KEY_ID, SECRET_KEY, SESSION, sts_error
from gatepass import ec2
from gatepass.exchange import chainfailure
from wire import answer, wire

ROLE = "arn:aws:iam::111122223333:role/Team-Reads-2024"
SSO = """\
[profile corp]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Reader
[sso-session corp]
sso_start_url = https://corp.awsapps.example/start
sso_region = eu-west-1
"""


@pytest.fixture(autouse=True)
def _no_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ec2, "on_ec2", lambda env: False)


def test_nothing_at_all() -> None:
    """Said at once, with the ways in."""
    error = failed()
    assert error.code == "aws-no-credentials"
    assert "aws sso login" in error.do


@pytest.mark.parametrize("name", ["missing", ""])
def test_a_profile_that_isnt_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the empty one, which a CI variable without a value makes."""
    configure(credentials=f"[team]\n{STATIC}")
    monkeypatch.setenv("AWS_PROFILE", name)
    error = failed()
    assert error.code == "aws-profile-missing"
    assert f"({name})" in error.why
    assert "list-profiles" in error.do


def test_a_profile_of_the_registry_that_isnt_there() -> None:
    """As the config names it, made plain."""
    error = failed("no\x1bsuch")
    assert error.code == "aws-profile-missing"
    assert "no?such" in error.what


@pytest.mark.parametrize(
    ("config", "code", "said"),
    [
        ("[default]\naws_access_key_id = x\n", "aws-keys-incomplete", "aws_secret_access_key"),
        ("[default]\naws_access_key_id =\naws_secret_access_key =\n", "aws-keys-incomplete", ""),
        ("[default]\nrole_arn = x\n", "aws-keys-incomplete", "source_profile"),
        ("[default]\nrole_arn = x\nsource_profile = gone\n", "aws-config", "gone"),
        ("[default]\nrole_arn = x\nsource_profile = default\n", "aws-config", "Infinite loop"),
        ("[default]\nrole_arn = x\ncredential_source = Nothing\n", "aws-config", "Nothing"),
        ("[default]\nsso_account_id = 1\n", "aws-config", "missing required"),
        ("[default]\nsso_session = gone\nsso_account_id = 1\n", "aws-config", "gone"),
        ("[default\n", "aws-config", "Unable to parse config file"),
        ("[default]\nweb_identity_token_file = /nowhere\n", "aws-config", "role ARN"),
    ],
)
def test_a_configuration_that_cant_be_used(config: str, code: str, said: str) -> None:
    """In botocore's words, which name the profile, the setting or the file."""
    configure(config)
    error = failed()
    assert error.code == code
    assert said in error.why


@pytest.mark.parametrize(
    "config",
    [
        "[default]\nrole_arn = x\nmfa_serial = m\nsource_profile = base\n",
        "[default]\nrole_arn = x\nsource_profile = two\n"
        "[profile two]\nrole_arn = y\nmfa_serial = m\nsource_profile = base\n",
    ],
)
def test_a_code_is_never_asked_for(
    config: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """botocore would read it from the terminal, in the middle of somebody's `pip install`."""
    monkeypatch.setattr("getpass.getpass", lambda prompt: pytest.fail("a prompt"))
    configure(config, f"[base]\n{STATIC}")
    error = failed()
    assert error.code == "aws-mfa"
    assert "export-credentials" in error.do
    assert capfd.readouterr() == ("", "")


def test_profiles_in_a_ring_end() -> None:
    """Whoever refers to whom: it is botocore's error, not our loop."""
    configure(
        "[default]\nrole_arn = x\nsource_profile = two\n"
        "[profile two]\nrole_arn = y\nsource_profile = default\n"
    )
    assert failed().code == "aws-config"


def test_a_role_that_needs_no_code_for_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mfa_serial` of a profile with keys of its own means nothing to the chain, nor to us."""
    configure(credentials=f"[default]\nmfa_serial = m\n{STATIC}")
    assert keys().access_key_id == "AKIAEXAMPLEEXAMPLE12"


def test_a_single_sign_on_that_ended() -> None:
    """The command to type, with the profile."""
    configure(SSO)
    error = failed("corp")
    assert error.code == "aws-login-needed"
    assert error.do == "aws sso login --profile corp"


@pytest.mark.parametrize("name", ["LoginRefreshRequired", "LoginTokenLoadError", "LoginError"])
def test_an_aws_login_that_ended(name: str) -> None:
    """`aws login`, which newer versions have beside the single sign-on."""
    kind = getattr(botocore.exceptions, name, None)
    if kind is None:
        pytest.skip(f"this botocore has no {name}")
    error = chainfailure.failure(kind(error_msg="gone"), "corp")
    assert (error.code, error.do) == ("aws-login-needed", "aws login --profile corp")


def test_sts_that_refuses_the_profiles_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS' own words, and who was refused; its keys are not in them."""
    configure(f"[default]\nrole_arn = {ROLE}\nsource_profile = base\n", f"[base]\n{STATIC}")
    words = f"User: arn:aws:iam::111122223333:user/Jane-Doe-of-Team-4 may not assume {ROLE}"
    with wire(sts_error("AccessDenied", f"{words} {SESSION}", 403)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        error = failed()
    assert error.code == "aws-chain-refused"
    assert words in error.why
    assert SESSION[:40] not in error.why


def test_a_service_that_cant_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is named, not the profile's settings."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    configure(f"[default]\nrole_arn = {ROLE}\nsource_profile = base\n", f"[base]\n{STATIC}")
    error = failed()
    assert error.code == "aws-chain-failed"
    assert "network" in error.do


def test_keys_that_have_expired_where_they_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's agent that hands out old ones."""
    import json

    old = {"AccessKeyId": KEY_ID, "SecretAccessKey": SECRET_KEY, "Token": SESSION}
    with wire(answer(200, json.dumps({**old, "Expiration": "2020-01-01T00:00:00Z"}))) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url)
        assert failed().code == "aws-keys-expired"


@pytest.mark.parametrize("error", [KeyError(SECRET_KEY), ValueError(SESSION), RuntimeError("x")])
def test_a_fault_inside_botocore_shows_its_kind_alone(error: Exception) -> None:
    """Texts that botocore didn't write may quote what they failed on."""
    told = chainfailure.failure(error, "corp")
    assert told.code == "aws-chain-failed"
    assert told.why == f"botocore failed: {type(error).__name__}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"key {SECRET_KEY} end", "key **** end"),
        (f"id {KEY_ID} end", "id **** end"),
        (f"t={SESSION}", "****"),
        ("/usr/local/lib/credential/helpers/vault", "/usr/local/lib/credential/helpers/vault"),
        ("assumed-role/Team-Reads-2024/jane", "assumed-role/Team-Reads-2024/jane"),
        ("two\nlines\x1b[2J", "two lines?[2J"),
    ],
)
def test_what_looks_like_a_key_is_hidden(text: str, shown: str) -> None:
    """Words, paths and ARNs stay readable."""
    assert chainfailure.harmless(text) == shown


def test_botocores_log_stays_out_of_the_hosts(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A host (pip) may log everything at debug level: answers with keys would be in it."""
    logger = logging.getLogger("botocore")
    assert logger.propagate
    configure(credentials=f"[default]\n{STATIC}")
    with caplog.at_level(logging.DEBUG):
        keys()
        logging.getLogger("botocore.credentials").warning("afterwards")
    assert [r.message for r in caplog.records if r.name.startswith("botocore")] == ["afterwards"]
    assert capfd.readouterr() == ("", "")
    assert logger.propagate
