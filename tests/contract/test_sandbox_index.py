"""The private index opens to good Package Manager tokens alone, and the public one to everybody."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from urllib.parse import urljoin

import jwt
import pytest
import requests

from gatepass.sandbox import Sandbox

TIMEOUT = 10
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
PROJECTS = ["gatepass-built", "gatepass-greeting", "gatepass-hello"]


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(prefix="/pkg") as sandbox:
        yield sandbox


def get(url: str, password: str, user: str = "__token__", **headers: str) -> requests.Response:
    return requests.get(url, auth=(user, password), headers=headers, timeout=TIMEOUT)


def test_a_good_token_opens_the_private_index(shared: Sandbox) -> None:
    answer = get(shared.index_url, shared.packagemanager.token())
    assert answer.status_code == 200
    assert re.findall(r">(gatepass-\w+)</a>", answer.text) == PROJECTS


def test_the_public_index_has_the_same_content_for_everybody(shared: Sandbox) -> None:
    public = requests.get(shared.public_index_url, timeout=TIMEOUT).text
    private = get(shared.index_url, shared.packagemanager.token()).text
    assert public == private.replace("/private/", "/public/")


def refused(shared: Sandbox, answer: requests.Response) -> str:
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Posit Package Manager"'
    assert "gatepass-hello" not in answer.text
    return shared.requests[-1].note


def test_without_a_token_every_private_path_is_closed(shared: Sandbox) -> None:
    for path in ("", "gatepass-hello/", "../packages/gatepass_hello-1.0.0-py3-none-any.whl"):
        answer = requests.get(urljoin(shared.index_url, path), timeout=TIMEOUT)
        assert refused(shared, answer) == "no credential"


def test_a_forged_token_is_refused(shared: Sandbox) -> None:
    claims = jwt.decode(shared.packagemanager.token(), options={"verify_signature": False})
    forged = jwt.encode(claims, "k" * 32, "HS256")
    assert refused(shared, get(shared.index_url, forged)) == "signature is wrong"
    unsigned = jwt.encode(claims, "", "none")
    assert refused(shared, get(shared.index_url, unsigned)) == "not a token of Package Manager"


def test_an_identity_token_is_refused(shared: Sandbox) -> None:
    answer = get(shared.index_url, shared.issuer.mint(shared.address))
    assert refused(shared, answer) == "not a token of Package Manager"


def test_an_expired_token_is_refused(shared: Sandbox) -> None:
    answer = get(shared.index_url, shared.packagemanager.token(lifetime=-1))
    assert refused(shared, answer) == "token has expired"


def test_a_token_without_expiry_is_good(shared: Sandbox) -> None:
    assert get(shared.index_url, shared.packagemanager.token(lifetime=None)).status_code == 200


def test_revoked_tokens_are_refused_and_later_ones_are_not() -> None:
    with Sandbox() as sandbox:
        before = sandbox.packagemanager.token()
        assert get(sandbox.index_url, before).status_code == 200
        sandbox.packagemanager.revoke_all()
        assert refused(sandbox, get(sandbox.index_url, before)) == "token was revoked"
        assert get(sandbox.index_url, sandbox.packagemanager.token()).status_code == 200


def test_another_starts_tokens_are_refused(shared: Sandbox) -> None:
    with Sandbox() as other:
        answer = get(shared.index_url, other.packagemanager.token())
    assert refused(shared, answer) == "signature is wrong"


@pytest.mark.parametrize("user", ["", "aws", "__Token__", "token"])
def test_the_user_must_be_token(shared: Sandbox, user: str) -> None:
    answer = get(shared.index_url, shared.packagemanager.token(), user)
    assert refused(shared, answer) == "user is not __token__"


@pytest.mark.parametrize("scheme", ["Bearer", "Basic"])
def test_the_index_takes_a_token_in_no_other_form(shared: Sandbox, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {shared.packagemanager.token()}"}
    answer = requests.get(shared.index_url, headers=headers, timeout=TIMEOUT)
    assert refused(shared, answer) == "not a Basic credential"


def test_the_api_takes_bearer_and_basic(shared: Sandbox) -> None:
    url, token = shared.address + "/__api__/repos", shared.packagemanager.token()
    bearer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT)
    auth = {repository["name"]: repository["auth"] for repository in bearer.json()}
    assert auth == {"public": False, "private": True, "local": True, "cran": True}
    assert get(url, token).json() == bearer.json()
    wrong = requests.get(url, headers={"Authorization": "Bearer x"}, timeout=TIMEOUT)
    assert refused(shared, wrong) == "not a token of Package Manager"


def test_status_and_the_page_need_no_token(shared: Sandbox) -> None:
    status = requests.get(shared.address + "/__api__/status", timeout=TIMEOUT).json()
    assert {"version", "distros", "r_versions", "bioc_versions"} == set(status)
    for url in (shared.address, shared.address + "/"):
        page = requests.get(url, timeout=TIMEOUT)
        assert (page.status_code, page.headers["Content-Type"][:9]) == (200, "text/html")


def test_files_have_the_hash_that_the_page_says(shared: Sandbox) -> None:
    page_url = shared.public_index_url + "gatepass-hello/"
    page = requests.get(page_url, timeout=TIMEOUT)
    ((url, digest),) = re.findall(r'href="([^"#]+)#sha256=(\w+)"', page.text)
    data = requests.get(urljoin(page_url, url), timeout=TIMEOUT).content
    assert hashlib.sha256(data).hexdigest() == digest
    assert 'data-requires-python="&gt;=3.9"' in page.text


def test_json_says_the_same_as_html(shared: Sandbox) -> None:
    url, headers = shared.public_index_url, {"Accept": JSON_TYPE}
    index = requests.get(url, headers=headers, timeout=TIMEOUT)
    assert index.headers["Content-Type"] == JSON_TYPE
    assert [project["name"] for project in index.json()["projects"]] == PROJECTS
    project = requests.get(url + "gatepass-hello/", headers=headers, timeout=TIMEOUT).json()
    html = requests.get(url + "gatepass-hello/", timeout=TIMEOUT).text
    (file,) = project["files"]
    assert f'{file["url"]}#sha256={file["hashes"]["sha256"]}"' in html


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", "text/html"),
        ("text/html, application/vnd.pypi.simple.v1+json;q=0.5", "text/html"),
        ("application/vnd.pypi.simple.v1+json, text/html; q=0.01", JSON_TYPE),
        ("application/vnd.pypi.simple.latest+json", JSON_TYPE),
        ("application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.v1+html"),
        ("application/vnd.pypi.simple.v1+json;q=0", "text/html"),
    ],
)
def test_the_accept_header_chooses(shared: Sandbox, accept: str, expected: str) -> None:
    url = shared.public_index_url
    answer = requests.get(url, headers={"Accept": accept}, timeout=TIMEOUT)
    assert answer.headers["Content-Type"] == expected


@pytest.mark.parametrize("spelling", ["gatepass-hello", "Gatepass_Hello/", "gatepass.hello/"])
def test_names_are_normalised_and_the_slash_is_optional(shared: Sandbox, spelling: str) -> None:
    assert requests.get(shared.public_index_url + spelling, timeout=TIMEOUT).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/pkg/public/latest/simple/nothing/",
        "/pkg/public/latest/packages/nothing.whl",
        "/pkg/nothing/latest/simple/",
        "/public/latest/simple/",
        "/pkgs/public/latest/simple/",
        "/pkgspublic/latest/simple/",
        "/__api__/status",
    ],
)
def test_what_is_not_there_is_not_found(shared: Sandbox, path: str) -> None:
    origin = shared.address.removesuffix("/pkg")
    assert requests.get(origin + path, timeout=TIMEOUT).status_code == 404


def test_head_is_get_without_a_body(shared: Sandbox) -> None:
    url = shared.public_index_url + "gatepass-hello/"
    head, full = requests.head(url, timeout=TIMEOUT), requests.get(url, timeout=TIMEOUT)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(full.content))


def test_the_journal_holds_no_token(shared: Sandbox) -> None:
    token = shared.packagemanager.token()
    get(shared.index_url + "?token=" + token, token)
    get(shared.index_url + token, token)
    assert shared.requests[-1].path == "/pkg/private/latest/simple/****"
    everything = json.dumps(shared.requests)
    basic = base64.b64encode(f"__token__:{token}".encode()).decode()
    assert token not in everything
    assert basic not in everything
