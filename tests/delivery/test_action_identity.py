"""What the action says where there is no identity, no pass, or another keyring in between."""

from __future__ import annotations

import http.server
import json
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from delivery.action.jobs import (
    IDENTITY,
    check_nothing_secret,
    from_fork,
    installed_already,
    job,
    step_module,
    use,
)
from delivery.action.runner import Job
from gatepass.sandbox import Sandbox

page = step_module("page")


@pytest.fixture
def made(sandbox: Sandbox, base_env: dict[str, str], tmp_path: Path) -> Job:
    """A job whose action doesn't have to be installed first."""
    return job(sandbox, base_env, tmp_path, action=installed_already(tmp_path))


def nothing_was_told(made: Job) -> None:
    """Later steps are as they would be without the action."""
    assert (made.variables, made.path, made.reader.masks) == ({}, [], [])


def test_a_forks_pull_request_fails(made: Job, sandbox: Sandbox) -> None:
    """Unless it was said otherwise; with the reason, and without a request."""
    step = use(from_fork(made), registries=f"work={sandbox.address}")
    assert not step.worked
    (error,) = made.reader.annotations
    assert (error.level, error.title) == ("error", "gatepass: github-fork")
    assert error.text.startswith("error[github-fork]: ")
    assert "\n  do: " in error.text
    assert error.text in made.summary
    assert sandbox.requests == []
    nothing_was_told(made)


def test_a_forks_pull_request_is_skipped(made: Job, sandbox: Sandbox) -> None:
    """With `on-no-identity: skip`: a notice, and an output for later steps."""
    step = use(from_fork(made), registries=f"work={sandbox.address}", on_no_identity="skip")
    assert step.worked
    assert step.outputs == {"bin": "", "skipped": "true", "registries": ""}
    (notice,) = made.reader.annotations
    assert notice.level == "notice"
    assert "pull request from a fork" in notice.text
    assert "### gatepass: skipped" in made.summary
    nothing_was_told(made)


def test_a_missing_permission_is_skipped_with_a_warning(made: Job, sandbox: Sandbox) -> None:
    """It may be a mistake in the workflow: more than a notice, less than a failure."""
    for name in IDENTITY:
        del made.env[name]
    step = use(made, registries=f"work={sandbox.address}", on_no_identity="skip")
    assert step.outputs["skipped"] == "true"
    (warning,) = made.reader.annotations
    assert warning.level == "warning"
    assert "id-token: write" in warning.text


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        (IDENTITY[1], "spent", "github-token-endpoint"),
        (IDENTITY[0], "http://elsewhere.example/token", "github-unsafe-url"),
    ],
)
def test_an_identity_that_is_broken_is_never_skipped(
    made: Job, sandbox: Sandbox, variable: str, value: str, code: str
) -> None:
    """`skip` is for jobs that have none: a refused or unsafe one is a failure."""
    made.env[variable] = value
    step = use(made, registries=f"work={sandbox.address}", on_no_identity="skip")
    assert not step.worked
    (error,) = made.reader.annotations
    assert error.title == f"gatepass: {code}"
    nothing_was_told(made)


@pytest.fixture
def role_of_the_machine() -> Iterator[tuple[Sandbox, str]]:
    """AWS, and an address at which a runner's machine gets keys of its own role."""
    with Sandbox(aws=True) as sandbox:
        keys = sandbox.environment("aws")
        body = {
            "AccessKeyId": keys["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": keys["AWS_SECRET_ACCESS_KEY"],
            "Token": keys.get("AWS_SESSION_TOKEN", ""),
            "Expiration": "2099-01-01T00:00:00Z",
        }

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *parts: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield sandbox, f"http://127.0.0.1:{server.server_address[1]}/role"
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("is_named", [True, False])
def test_a_fork_has_the_runners_role_only_where_none_was_named(
    role_of_the_machine: tuple[Sandbox, str],
    base_env: dict[str, str],
    tmp_path: Path,
    is_named: bool,
) -> None:
    """With `role-arn` the step is skipped; without it the machine's credentials serve, as the page
    says to whoever runs it."""
    sandbox, address = role_of_the_machine
    copy = installed_already(tmp_path)
    env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": address}
    without = ("GATEPASS_ROLE_ARN",)
    made = from_fork(job(sandbox, base_env, tmp_path, action=copy, without=without, **env))
    role = {"role_arn": sandbox.aws.role_arn} if is_named else {}
    inputs = {"registries": f"team=https://{sandbox.aws.host}", "on_no_identity": "skip", **role}
    step = use(made, **inputs)
    assert step.outputs["skipped"] == ("true" if is_named else "false"), made.log
    assert sandbox.count("codeartifact") == (0 if is_named else 1)


def test_a_refused_exchange_fails_with_what_the_registry_saw(made: Job, sandbox: Sandbox) -> None:
    """The error as an annotation of several lines; in the summary the token's claims, too."""
    reason = "::set-output name=x::no role%0Afits\n::error::this token"
    body = {"error": "invalid_request", "error_description": reason}
    sandbox.packagemanager.fail_next(400, times=9, body=body)
    step = use(made, registries=f"work={sandbox.address}")
    assert not step.worked
    (error,) = made.reader.annotations
    assert error.title == "gatepass: exchange-refused"
    assert len(error.text.splitlines()) >= 3
    assert "no role%0Afits" in error.text
    assert error.text in made.summary
    assert "| sub | repo&#58;acme&#47;widgets&#58;ref" in made.summary
    assert "| repository&#95;owner&#95;id | 4021 |" in made.summary
    nothing_was_told(made)
    check_nothing_secret(made, sandbox, step)


def test_each_registry_that_fails_is_said(made: Job, sandbox: Sandbox) -> None:
    """One that works doesn't hide one that doesn't; and the step has failed."""
    sandbox.packagemanager.fail_next(400, times=9, body={"error": "invalid_request"})
    gone = "http://127.0.0.1:9/gone"
    step = use(made, registries=f"work={sandbox.address}\ngone={gone}")
    assert not step.worked
    errors = [one for one in made.reader.annotations if one.level == "error"]
    assert len(errors) == 2
    assert "127.0.0.1:9" in errors[1].text
    nothing_was_told(made)


def test_a_failure_is_kept_for_status(made: Job, sandbox: Sandbox) -> None:
    """A step that runs all the same can ask what happened."""
    sandbox.packagemanager.fail_next(400, times=9, body={"error": "invalid_request"})
    use(made, registries=f"work={sandbox.address}")
    program = Path(sys.executable).parent / "gatepass"
    (told,) = made.run([{"if": "always()", "run": f"{program} status"}]).values()
    assert "error[exchange-refused]" in told.output


def test_a_fault_of_our_own_is_an_error_too(made: Job, tmp_path: Path) -> None:
    """Not a traceback, whose lines nobody can read on a run's page."""
    made.env["GITHUB_STEP_SUMMARY"] = ""
    file = tmp_path / "action" / "steps" / "inputs.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("def read(", "def gone("), encoding="utf-8")
    assert not use(made, registries="a=https://h").worked
    (error,) = made.reader.annotations
    assert error.title == "gatepass: internal"
    assert "Traceback" not in made.log


def another_keyring(folder: Path, priority: str) -> str:
    """A `keyring` command that has a backend of this priority; the folder for PATH."""
    folder.mkdir()
    script = folder / "keyring"
    line = f"posit_keyring.backend.PositKeyring (priority: {priority})"
    script.write_text(f'#!/bin/sh\n[ "$1" = --list-backends ] && echo "{line}" || echo other\n')
    script.chmod(0o755)
    return str(folder)


def test_who_would_answer_instead_is_said(made: Job, sandbox: Sandbox, tmp_path: Path) -> None:
    """A backend before ours behind the launcher, a chosen backend, a password in a netrc."""
    made.env["PATH"] += f":{another_keyring(tmp_path / 'other', '10')}"
    made.env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    netrc = Path(made.env["HOME"]) / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n", encoding="utf-8")
    netrc.chmod(0o600)
    made.variables["PIP_KEYRING_PROVIDER"] = "import"  # which the action sets, so it doesn't count
    step = use(made, registries=f"work={sandbox.address}")
    assert step.worked, made.log
    texts = [one.text for one in made.reader.annotations]
    assert {one.level for one in made.reader.annotations} == {"warning"}
    assert len(texts) == 3, texts
    for word in ("PositKeyring", "PYTHON_KEYRING_BACKEND", ".netrc"):
        assert [text for text in texts if word in text], word
    assert made.variables["PIP_KEYRING_PROVIDER"] == "subprocess"
    assert "mine" not in made.log


def test_a_keyring_behind_is_still_asked_for_the_rest(
    made: Job, sandbox: Sandbox, tmp_path: Path
) -> None:
    """And one that stands before everything on PATH is behind us afterwards."""
    made.env["PATH"] = f"{another_keyring(tmp_path / 'other', '5')}:{made.env['PATH']}"
    assert use(made, registries=f"work={sandbox.address}").worked
    assert made.reader.annotations == []
    assert made.script("keyring get https://elsewhere.example me").output == "other\n"
    assert made.script(f"keyring get {sandbox.index_url} __token__").output.startswith("eyJ")


@pytest.mark.parametrize(
    "text",
    ["a|b", "[x](https://e)", "<img src=x>", "*b* _i_ `c`", "@octocat #1", "www.e.example", "a\nb"],
)
def test_nothing_in_a_cell_means_anything(text: str) -> None:
    """A branch's name is whatever its author likes; the summary is read by others."""
    shown = page.cell(text)
    assert re.fullmatch(r"(?:[A-Za-z0-9 ]|&#[0-9]+;)+", shown)
    lines = page.table(("a",), [(text,)]).splitlines()
    assert len(lines) == 3


def test_claims_that_were_not_verified_are_not_shown() -> None:
    """AWS' own keys, say, have none."""
    assert page.claims({}) == ""
    assert "unknown" not in page.claims({"sub": "me", "unknown": "x"})
