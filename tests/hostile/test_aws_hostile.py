"""Index addresses, servers and folders that want more of AWS than they may have."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gatepass import credential_for
from gatepass.errors import GatepassError
from gatepass.exchange import awsreply, chain
from gatepass.identity import aws
from gatepass.realm import parse
from gatepass.sandbox import Sandbox
from gatepass.secret import Secret
from gatepass.settings import Registry
from gatepass.settings.codeartifact import registry_at
from gatepass.transport import Response
from wire import Script, answer, wire

HOST = "acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com"
INDEX = f"https://{HOST}/pypi/private/simple/"
ENDPOINT = "https://vpce-0a1b2c3d4e5f6-abcdefgh.d.codeartifact.eu-west-1.vpce.amazonaws.com"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAABCDEFGHIJKLMNOP", "AWS_SECRET_ACCESS_KEY": "s" * 40}


def registry(url: str = INDEX) -> Registry | None:
    address = parse(url)
    return registry_at(address) if address else None


def code(url: str, env: dict[str, str] | None = None) -> str:
    """The error that asking ends in; empty where a credential is given."""
    try:
        assert credential_for(url, env=env)
    except GatepassError as error:
        return error.code
    return ""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Sandbox]:
    with Sandbox(aws=True) as running:
        yield running


@pytest.fixture
def job(cloud: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """This process is the sandbox's GitHub job, with a store of its own."""
    given = {**cloud.environment("github"), "GATEPASS_STORE_DIR": str(tmp_path / "store")}
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    return cloud


POLICY = 'version = 1\n[registries.team]\nurl = "{}"\nclaims = {{ repository = "acme/other" }}\n'


@pytest.mark.parametrize("form", ["origin", "format", "dual-stack", "endpoint"])
def test_a_policy_holds_for_every_address_of_its_domain(
    job: Sandbox, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All forms give one token; a bare host, which may be meant for plain http, gets none."""
    config = tmp_path / "config.toml"
    config.write_text(POLICY.format(f"https://{HOST}/pypi/private"))
    monkeypatch.setenv("GATEPASS_CONFIG", str(config))
    forms = {
        "origin": f"https://{HOST}",
        "format": f"https://{HOST}/npm/private/",
        "dual-stack": job.aws.dual_stack_index_url,
        "endpoint": job.aws.vpc_index_url,
    }
    assert code(INDEX) == "claims-policy"
    assert code(forms[form]) == "claims-policy"
    assert credential_for(HOST) is None


def test_a_domain_that_is_not_ours_gets_nothing_of_ours(job: Sandbox) -> None:
    """A stranger's domain in a requirements file is asked for by its own name, never served."""
    assert code(INDEX) == ""
    before = len(job.requests)
    assert code(job.aws.other_index_url) == "codeartifact-access-denied"
    assert code(INDEX.replace("acme-111122223333", "evil-999988887777")) == "codeartifact-not-found"
    seen = [(one.party, one.status) for one in job.requests[before:] if one.party != "github"]
    assert seen == [("sts", 200), ("codeartifact", 403), ("sts", 200), ("codeartifact", 404)]
    assert not job.proxy.refused


@pytest.mark.parametrize(
    "path",
    ["acme-111122223333/../tools-444455556666/", "acme-111122223333%2f../", "acme-111122223333//x"],
)
def test_an_endpoints_path_is_read_in_one_way(path: str) -> None:
    """Whose domain it is, no server may see otherwise than we do."""
    assert registry(f"{ENDPOINT}/pypi/d/acme-111122223333/r/") is not None
    assert registry(f"{ENDPOINT}/pypi/d/{path}") is None


@pytest.mark.parametrize("name", ["vp", "vpc", "vpce"])
def test_an_endpoints_realm_has_its_domains_path(name: str) -> None:
    """A domain whose name begins like the endpoint's own is no other domain's registry."""
    found = registry(f"{ENDPOINT}/pypi/d/{name}-111122223333/r/")
    other = parse(f"{ENDPOINT}/pypi/d/tools-444455556666/r/")
    assert found
    assert other
    assert not found.realm.covers(other)


def test_no_address_chooses_a_host_that_aws_does_not_have() -> None:
    """Where AWS_REGION isn't set, the job's token for STS goes to the region of the URL."""
    assert registry(INDEX.replace("eu-west-1", "xx-evil-9")) is None


def at(script: Script, **more: str) -> str:
    """What a hostile AWS at this address comes to, for keys in the environment."""
    with wire(script) as server:
        env = {**KEYS, "AWS_ENDPOINT_URL": server.url, "GATEPASS_STORE": "off", **more}
        return code(INDEX, env)


@pytest.mark.parametrize(
    "expiration",
    [
        *("NaN", "1e400", "-5", "true", "[]", '"soon"'),
        "9" * 400,
    ],
)
def test_an_expiration_that_is_no_date(expiration: str) -> None:
    """The token then lives for a few minutes; no number ends in a traceback that shows keys."""
    assert at(answer(200, f'{{"authorizationToken": "abc", "expiration": {expiration}}}')) == ""


def test_a_secret_that_is_no_text() -> None:
    """A byte that isn't UTF-8 in a variable is an error like others."""
    env = {"AWS_SECRET_ACCESS_KEY": "s" * 40 + "\udcff"}
    assert at(answer(200, "{}"), **env) == "aws-keys-malformed"


def test_no_signature_follows_a_redirect() -> None:
    """Whoever is redirected to hears nothing."""
    with wire(answer(200, '{"authorizationToken": "abc"}')) as other:
        assert at(answer(307, "", f"Location: {other.url}/")) == "redirect-refused"
        assert other.heard == []


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><R>&b;</R>'


@pytest.mark.parametrize(
    "body",
    [
        BOMB.encode(),
        BOMB.encode("utf-16"),
        BOMB.encode("utf-16-be"),
        b'<?xml version="1.0" encoding="utf-7"?>+ADw-!DOCTYPE x+AD4-<R/>',
        b"<a>" * 80_000,
    ],
)
def test_xml_that_is_not_aws(body: bytes) -> None:
    """Entities in any encoding, and what never ends, are no document."""
    assert awsreply.document(body) is None


TOKEN = "eyJhbGciOiJSUzI1NiJ9.c3ViamVjdC10b2tlbg.c2lnbmF0dXJlLXNpZ25hdHVyZQ"


@pytest.mark.parametrize("form", ['{"__type": "%s"}', "<E><Error><Code>%s</Code></Error></E>"])
def test_a_code_that_repeats_the_token(form: str) -> None:
    """What was sent is not shown by being called a code."""
    response = Response(400, {}, (form % TOKEN[-40:]).encode())
    assert TOKEN[-30:] not in str(awsreply.problem(response, [Secret(TOKEN)]))


def ours() -> Registry:
    found = registry()
    assert found
    return found


def aws_home() -> Path:
    folder = Path(os.environ["HOME"], ".aws")
    folder.mkdir()
    return folder


def whose(env: dict[str, str]) -> str:
    who = aws.detect({"AWS_PROFILE": "p", **env}, ours())
    assert who
    return who.fingerprint()


def test_the_current_directory_is_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout's `.aws` makes nobody a candidate, HOME or not."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nsso_start_url = https://evil.test\n")
    monkeypatch.chdir(tmp_path)
    assert aws.detect_configured({"AWS_EC2_METADATA_DISABLED": "true"}, ours()) is None


@pytest.mark.parametrize(
    ("file", "has_home"),
    [
        ("credentials", True),
        ("credentials", False),
        ("sso/cache/a.json", True),
    ],
)
def test_other_keys_are_another_identity(file: str, has_home: bool) -> None:
    """Whoever changes or switches the keys of a profile isn't given what the last one got."""
    env = {"HOME": os.environ["HOME"]} if has_home else {}
    path = aws_home() / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[p]\naws_access_key_id = A\n")
    before = whose(env)
    path.write_text("[p]\naws_access_key_id = B\n")
    assert whose(env) != before


def test_a_process_that_hangs_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that waits at the terminal would go on taking what the person types."""
    script = tmp_path / "hangs"
    script.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 20\n")
    script.chmod(0o755)
    (aws_home() / "config").write_text(f"[default]\ncredential_process = {script}\n")
    monkeypatch.setattr(chain, "LONGEST", 1.0)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert code(INDEX) == "aws-chain-slow"
    number = json.loads((tmp_path / "pid").read_text())
    with suppress(ProcessLookupError):
        os.kill(number, 0)
        os.kill(number, 9)
        raise AssertionError("it is still there")
