"""CodeArtifact's repositories: at AWS' own names, for a token of the right domain only."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import pytest
import requests

from awsclient import TIMEOUT, browse
from gatepass.sandbox import Sandbox

WHEEL = "my_thing-1.0-py3-none-any.whl"
DATA = bytes(range(256))
ACME, TOOLS = "acme-111122223333", "tools-444455556666"
HOSTS = (
    f"{ACME}.d.codeartifact.eu-west-1.amazonaws.com",
    f"{ACME}.codeartifact.eu-west-1.on.aws",
    f"{TOOLS}.d.codeartifact.eu-west-1.amazonaws.com",
    f"{TOOLS}.codeartifact.eu-west-1.on.aws",
)
VPC = "vpce-0a1b2c3d4e5f6-abcdefgh.d.codeartifact.eu-west-1.vpce.amazonaws.com"


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """One for all tests that change nothing."""
    with Sandbox(aws=True) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def web(shared: Sandbox) -> Iterator[requests.Session]:
    """Through the proxy of that one."""
    with browse(shared) as session:
        yield session


@pytest.fixture
def loopback() -> Iterator[Sandbox]:
    """One without names, which a test may change."""
    with Sandbox() as sandbox:
        yield sandbox


def status(web: requests.Session, url: str, *auth: str) -> int:
    """What somebody with this user name and token gets."""
    given = (auth[0], auth[1]) if auth else None
    return web.get(url, auth=given, timeout=TIMEOUT).status_code


def test_the_names_are_those_of_aws(shared: Sandbox) -> None:
    """As everybody may rely on them."""
    aws = shared.aws
    assert (aws.domain, aws.owner, aws.region) == ("acme", "111122223333", "eu-west-1")
    assert (aws.other_domain, aws.other_owner) == ("tools", "444455556666")
    assert (aws.host, aws.dual_stack_host, aws.other_host) == HOSTS[:3]
    assert aws.vpc_host == VPC
    assert aws.index_url == f"https://{HOSTS[0]}/pypi/private/simple/"
    assert aws.upload_url == f"https://{HOSTS[0]}/pypi/local/"
    assert aws.other_index_url == f"https://{HOSTS[2]}/pypi/private/simple/"


@pytest.mark.parametrize(
    "base",
    [
        *(f"https://{host}/pypi/private" for host in HOSTS),
        f"https://{VPC}/pypi/d/{ACME}/private",
        f"https://{VPC}/pypi/d/{TOOLS}/private",
    ],
)
def test_every_form_serves_the_three_projects(
    shared: Sandbox, web: requests.Session, base: str
) -> None:
    """The list, a project's page, and a file by the link on that page."""
    token = shared.aws.token("acme" if "acme" in base else "tools")
    auth = ("aws", token)
    projects = web.get(f"{base}/simple/", auth=auth, timeout=TIMEOUT)
    assert "gatepass-built" in projects.text
    page = web.get(f"{base}/simple/gatepass-hello/", auth=auth, timeout=TIMEOUT)
    path, digest = page.text.partition('href="')[2].partition('"')[0].split("#sha256=")
    assert path.startswith("/" + base.split("/", 3)[3])
    origin = "/".join(base.split("/")[:3])
    wheel = web.get(origin + path, auth=auth, timeout=TIMEOUT)
    assert hashlib.sha256(wheel.content).hexdigest() == digest
    assert {r.party for r in shared.requests[-3:]} == {"index"}
    other = shared.aws.token("tools" if "acme" in base else "acme")
    assert status(web, f"{base}/simple/", "aws", other) == 401


def test_who_may_not_enter_is_told_to_log_in(shared: Sandbox, web: requests.Session) -> None:
    """No credential, another user name, no token of ours, no Basic; each with a challenge."""
    url = shared.aws.index_url
    answer = web.get(url, timeout=TIMEOUT)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    token = shared.aws.token()
    assert status(web, url, "aws", token) == 200
    for auth in (("__token__", token), ("", token), ("aws", "x" + token), ("aws", "")):
        assert status(web, url, *auth) == 401
    for header in (f"Bearer {token}", "Basic !", token):
        answer = web.get(url, headers={"Authorization": header}, timeout=TIMEOUT)
        assert answer.status_code == 401


def test_package_managers_tokens_open_nothing_here(shared: Sandbox, web: requests.Session) -> None:
    """Nor the other way round."""
    mine, theirs = shared.aws.token(), shared.packagemanager.token()
    assert status(web, shared.aws.index_url, "aws", theirs) == 401
    with requests.Session() as near:
        near.verify = str(shared.ca_file)
        assert status(near, shared.index_url, "__token__", mine) == 401


@pytest.mark.parametrize(
    "url",
    [
        f"https://{HOSTS[0]}/",
        f"https://{HOSTS[0]}/pypi/other/simple/",
        f"https://{HOSTS[0]}/pypi/private/simple/no-such-project/",
        f"https://{HOSTS[0]}/pypi/d/{ACME}/private/simple/",
        f"https://{HOSTS[0]}/maven/private/x",
        f"https://{HOSTS[0]}/npm/private/other",
        f"https://{HOSTS[0]}/npm/local/hello",
        f"https://{VPC}/pypi/private/simple/",
        f"https://{VPC}/pypi/d/acme-999999999999/private/simple/",
    ],
)
def test_what_is_not_there_is_not_found(shared: Sandbox, web: requests.Session, url: str) -> None:
    """Other repositories, formats and domains; the two layouts of paths do not mix."""
    assert status(web, url, "aws", shared.aws.token()) == 404


def test_another_format_takes_a_bearer_token_too(shared: Sandbox, web: requests.Session) -> None:
    """npm's clients send either."""
    url = f"https://{HOSTS[0]}/npm/private/hello"
    token = shared.aws.token()
    bearer = {"Authorization": f"Bearer {token}"}
    assert web.get(url, headers=bearer, timeout=TIMEOUT).json()["name"] == "hello"
    assert status(web, url, "aws", token) == 200
    bearer = {"Authorization": f"Bearer {shared.aws.token('tools')}"}
    assert web.get(url, headers=bearer, timeout=TIMEOUT).status_code == 401
    assert web.post(url, auth=("aws", token), timeout=TIMEOUT).status_code == 405


def form() -> dict[str, str]:
    """What twine sends beside the file."""
    return {
        ":action": "file_upload",
        "protocol_version": "1",
        "name": "my-thing",
        "version": "1.0",
        "sha256_digest": hashlib.sha256(DATA).hexdigest(),
    }


def test_an_upload_appears_in_its_domain_at_every_host(
    shared: Sandbox, web: requests.Session
) -> None:
    """Also at the VPC endpoint; and not in the other domain."""
    auth = ("aws", shared.aws.token())
    files = {"content": (WHEEL, DATA)}
    url = shared.aws.upload_url
    assert web.post(url, form(), files=files, auth=("aws", "x"), timeout=TIMEOUT).status_code == 401
    assert web.post(url, form(), files=files, auth=auth, timeout=TIMEOUT).status_code == 200
    assert shared.requests[-1].party == "upload"
    for base in (f"https://{HOSTS[1]}/pypi/local", f"https://{VPC}/pypi/d/{ACME}/local"):
        page = web.get(f"{base}/simple/my-thing/", auth=auth, timeout=TIMEOUT)
        assert WHEEL in page.text
        assert web.get(f"{base}/packages/{WHEEL}", auth=auth, timeout=TIMEOUT).content == DATA
    other = f"https://{HOSTS[2]}/pypi/local/simple/my-thing/"
    assert status(web, other, "aws", shared.aws.token("tools")) == 404


def test_what_is_read_takes_no_upload(shared: Sandbox, web: requests.Session) -> None:
    """Neither the other repository nor the pages of this one; where files go, nobody reads."""
    auth = ("aws", shared.aws.token())
    for path in ("private/", "private/simple/", "local/simple/"):
        url = f"https://{HOSTS[0]}/pypi/{path}"
        answer = web.post(url, form(), files={"content": (WHEEL, DATA)}, auth=auth, timeout=TIMEOUT)
        assert answer.status_code == 405
    assert status(web, shared.aws.upload_url, *auth) == 405


def test_a_token_ends_or_is_revoked(loopback: Sandbox) -> None:
    """The journal says which, and whose it was."""
    url = loopback.aws.loopback_index_url
    token = loopback.aws.token(lifetime=0.3)
    with requests.Session() as web:
        assert status(web, url, "aws", token) == 200
        time.sleep(0.4)
        assert status(web, url, "aws", token) == 401
        assert loopback.requests[-1].note == "token has expired"
        token = loopback.aws.token()
        loopback.aws.revoke_all()
        assert status(web, url, "aws", token) == 401
        assert loopback.requests[-1].note == "token was revoked"
        assert status(web, url, "aws", loopback.aws.token("tools")) == 401
        assert loopback.requests[-1].note == "token is for the domain tools"
        assert status(web, url, "aws", loopback.aws.token()) == 200
    with pytest.raises(ValueError, match="no domain 'evil'; there are acme, tools"):
        loopback.aws.token("evil")


def test_a_bad_token_may_look_like_a_missing_package(loopback: Sandbox) -> None:
    """As clients were seen to get it; who sends none is asked for one all the same."""
    loopback.aws.repositories.refused_status = 404
    url = loopback.aws.loopback_index_url
    with requests.Session() as web:
        answer = web.get(url, auth=("aws", "x"), timeout=TIMEOUT)
        assert (answer.status_code, "WWW-Authenticate" in answer.headers) == (404, False)
        assert status(web, url) == 401
        assert status(web, url, "aws", loopback.aws.token()) == 200


def test_any_user_name_will_do_where_that_is_wanted(loopback: Sandbox) -> None:
    """The token still has to be right."""
    loopback.aws.repositories.any_user = True
    url, token = loopback.aws.loopback_index_url, loopback.aws.token()
    with requests.Session() as web:
        assert status(web, url, "octavia", token) == 200
        assert status(web, url, "octavia", "x") == 401
