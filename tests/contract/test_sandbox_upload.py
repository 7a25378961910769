"""An upload appears in the local repository only if it is authenticated, whole and consistent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
import requests

from gatepass.sandbox import Sandbox

TIMEOUT = 10
# Every byte there is, and line ends of every kind: multipart itself is full of them.
DATA = bytes(range(256)) + b"\r\n\r\n\n\r--\r\n" + b"\r"
FILENAME = "my_thing-1.0-py3-none-any.whl"


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def fields(**changes: str | None) -> dict[str, str]:
    right = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": "My.Thing",
        "version": "1.0",
        "filetype": "bdist_wheel",
        "requires_python": ">=3.9",
        "sha256_digest": hashlib.sha256(DATA).hexdigest(),
    }
    return {name: value for name, value in {**right, **changes}.items() if value is not None}


def upload(
    sandbox: Sandbox,
    form: dict[str, str] | None = None,
    *,
    filename: str = FILENAME,
    data: bytes = DATA,
    credential: str | None = None,
) -> requests.Response:
    auth = ("__token__", sandbox.packagemanager.token() if credential is None else credential)
    files = {"content": (filename, data, "application/octet-stream")}
    form = fields() if form is None else form
    return requests.post(sandbox.upload_url, form, files=files, auth=auth, timeout=TIMEOUT)


def local(sandbox: Sandbox, path: str) -> requests.Response:
    auth = ("__token__", sandbox.packagemanager.token())
    url = f"{sandbox.address}/local/latest/{path}"
    return requests.get(url, auth=auth, timeout=TIMEOUT)


def test_an_uploaded_file_comes_back_byte_for_byte(sandbox: Sandbox) -> None:
    assert upload(sandbox).status_code == 200
    assert "my-thing" in local(sandbox, "simple/").text
    page = local(sandbox, "simple/my-thing/").text
    assert f"{FILENAME}#sha256={hashlib.sha256(DATA).hexdigest()}" in page
    assert 'data-requires-python="&gt;=3.9"' in page
    assert local(sandbox, f"packages/{FILENAME}").content == DATA


def test_the_local_repository_is_not_open(sandbox: Sandbox) -> None:
    upload(sandbox)
    url = sandbox.address + f"/local/latest/packages/{FILENAME}"
    assert requests.get(url, timeout=TIMEOUT).status_code == 401


def test_a_bad_token_uploads_nothing(shared: Sandbox) -> None:
    answer = upload(shared, credential="no-good")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert local(shared, f"packages/{FILENAME}").status_code == 404


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sha256_digest": "0" * 64}, "the sha256_digest is not the file's"),
        ({"sha256_digest": None}, "the field sha256_digest is missing"),
        ({"name": None}, "the field name is missing"),
        ({"version": None}, "the field version is missing"),
        ({"name": "other"}, "the file name is not one of the project's"),
        ({":action": "submit"}, "the :action is not file_upload"),
        ({"protocol_version": None}, "the protocol_version is not 1"),
    ],
)
def test_a_form_that_is_wrong_uploads_nothing(
    shared: Sandbox, change: dict[str, str | None], why: str
) -> None:
    answer = upload(shared, fields(**change))
    assert answer.status_code == 400
    assert why in answer.text
    assert local(shared, f"packages/{FILENAME}").status_code == 404


@pytest.mark.parametrize(
    "filename", ["my_thing-1.0.exe", "../my_thing-1.0.zip", "my_thing.whl", "my_thing-1.0/x.whl"]
)
def test_file_names_that_are_none_are_refused(shared: Sandbox, filename: str) -> None:
    assert upload(shared, filename=filename).status_code == 400


def test_a_file_cannot_be_replaced_but_may_come_twice(sandbox: Sandbox) -> None:
    assert upload(sandbox).status_code == 200
    assert upload(sandbox).status_code == 200
    other = hashlib.sha256(b"other").hexdigest()
    answer = upload(sandbox, fields(sha256_digest=other), data=b"other")
    assert (answer.status_code, answer.text) == (400, "File already exists\n")
    assert local(sandbox, f"packages/{FILENAME}").content == DATA


def test_a_body_that_is_cut_is_refused(shared: Sandbox) -> None:
    files = {"content": (FILENAME, DATA)}
    whole = requests.Request("POST", shared.upload_url, data=fields(), files=files).prepare()
    assert isinstance(whole.body, bytes)
    auth = ("__token__", shared.packagemanager.token())
    answer = requests.post(
        shared.upload_url,
        whole.body[:-30],
        headers={"Content-Type": whole.headers["Content-Type"]},
        auth=auth,
        timeout=TIMEOUT,
    )
    assert answer.status_code == 400
    assert "not a complete multipart form" in answer.text


def test_a_plain_form_is_no_upload(shared: Sandbox) -> None:
    auth = ("__token__", shared.packagemanager.token())
    answer = requests.post(shared.upload_url, fields(), auth=auth, timeout=TIMEOUT)
    assert (answer.status_code, "multipart" in answer.text) == (400, True)


def test_other_sources_do_not_exist(shared: Sandbox) -> None:
    url = shared.upload_url.replace("/local", "/other")
    assert requests.post(url, fields(), timeout=TIMEOUT).status_code == 404
