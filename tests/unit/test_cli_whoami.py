"""`gatepass whoami`: who is here, who wins and why, and what the token says."""

from __future__ import annotations

import pytest

from gatepass.cli import main
from gatepass.sandbox import Sandbox


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Status and stdout; nothing is said on stderr."""
    status = main(["whoami", *words])
    seen = capsys.readouterr()
    assert seen.err == ""
    return status, seen.out


def into(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, platform: str) -> None:
    for name, value in sandbox.environment(platform).items():
        monkeypatch.setenv(name, value)


def test_a_job(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a job: the platform wins, its token's claims are shown verified, nothing is exchanged."""
    into(monkeypatch, sandbox, "github")
    status, out = ask(capsys)
    lines = out.splitlines()
    assert status == 0
    assert lines[:4] == [
        f"for packagemanager ({sandbox.address}):",
        "  wins:      github, GitHub Actions (ACTIONS_ID_TOKEN_REQUEST_URL)",
        "  because:   it is the only one here that can act",
        "  claims, verified:",
    ]
    claims = [line.removeprefix("    - ").partition(":")[0] for line in lines[4:]]
    assert claims == sorted(claims)
    assert {"iss", "sub", "aud", "exp", "repository"} <= set(claims)
    assert f"    - aud: {sandbox.address}" in lines
    assert "eyJ" not in out
    assert sandbox.github.request_token not in out
    assert sandbox.count("exchange") == 0


def test_a_file_beside_a_job(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two candidates: the first wins, the other is present, and the rule is told."""
    into(monkeypatch, sandbox, "github")
    into(monkeypatch, sandbox, "file")
    status, out = ask(capsys)
    assert status == 0
    assert "  wins:      file, the token in PACKAGEMANAGER_IDENTITY_TOKEN_FILE" in out
    assert "  present:   github, GitHub Actions" in out
    assert "  because:   what was said outranks what was found" in out
    assert "self-named" not in out
    assert sandbox.count("github") == 0


def test_a_choice_is_the_reason(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With GATEPASS_IDENTITY the chosen one wins, because it was chosen."""
    into(monkeypatch, sandbox, "file")
    into(monkeypatch, sandbox, "github")
    monkeypatch.setenv("GATEPASS_IDENTITY", "github")
    status, out = ask(capsys)
    assert status == 0
    assert "  present:   file, " in out
    assert "  wins:      github, " in out
    assert "  because:   it was chosen (GATEPASS_IDENTITY" in out


def test_an_unverified_token_is_said_to_be(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With GATEPASS_VERIFY=off the claims are marked as not verified."""
    into(monkeypatch, sandbox, "file")
    monkeypatch.setenv("GATEPASS_VERIFY", "off")
    assert main(["whoami"]) == 0
    seen = capsys.readouterr()
    assert "  claims, NOT verified (GATEPASS_VERIFY=off):" in seen.out
    assert sandbox.count("issuer") == 0


def test_a_ready_token(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """PACKAGEMANAGER_TOKEN has no claims to show, and isn't shown itself."""
    monkeypatch.setenv("PACKAGEMANAGER_ADDRESS", sandbox.address)
    monkeypatch.setenv("PACKAGEMANAGER_TOKEN", "hunter2")
    status, out = ask(capsys)
    assert status == 0
    assert "  wins:      token, PACKAGEMANAGER_TOKEN (PACKAGEMANAGER_TOKEN)" in out
    assert "none to verify: it is used as it is" in out
    assert "hunter2" not in out
    assert sandbox.requests == []


def test_nobody(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an identity the error stands under the registry, status 1."""
    monkeypatch.setenv("PACKAGEMANAGER_ADDRESS", "https://ppm.example.com")
    monkeypatch.setenv("CI", "true")
    status, out = ask(capsys)
    assert status == 1
    assert out.startswith(
        "for packagemanager (https://ppm.example.com):\n  error[no-identity]: nothing here says"
    )
    assert "\n    do:  " in out


def test_two_problems_are_both_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each platform that can't act is listed; the first one's error follows in full."""
    monkeypatch.setenv("PACKAGEMANAGER_ADDRESS", "https://ppm.example.com")
    monkeypatch.setenv("GATEPASS_ID_TOKEN", "")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    status, out = ask(capsys)
    assert status == 1
    assert out.splitlines()[1:4] == [
        "  can't act: file, GATEPASS_ID_TOKEN: GATEPASS_ID_TOKEN is set, and empty",
        "  can't act: github, GitHub Actions: this job may not ask GitHub for an identity token",
        "  error[token-variable-empty]: GATEPASS_ID_TOKEN is set, and empty",
    ]


def test_a_broken_variable_that_does_not_matter_is_listed(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `get` would pass over, whoami names, and ends as well as `get` would."""
    into(monkeypatch, sandbox, "file")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "$URL")
    status, out = ask(capsys)
    assert status == 0
    assert "  can't act: github, what it reads is broken: ACTIONS_ID_TOKEN_REQUEST_URL" in out
    assert "  wins:      file, " in out


def test_a_self_named_issuer_is_said_to_prove_no_origin(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A token that alone names its issuer is marked so, with the variable that changes it."""
    token = sandbox.issuer.mint(sandbox.address, iss="https://issuer.example", sub="a\x1b[1m\nb")
    monkeypatch.setenv("PACKAGEMANAGER_ADDRESS", sandbox.address)
    monkeypatch.setenv("GATEPASS_ID_TOKEN", token)
    monkeypatch.setenv("GATEPASS_VERIFY", "off")
    assert main(["whoami"]) == 0
    out = capsys.readouterr().out
    assert "  self-named: only the token says who issued it" in out
    assert "GATEPASS_TRUSTED_ISSUERS" in out
    assert "    - sub: a?[1m b\n" in out


def test_a_token_that_fails_is_told_under_its_registry(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each registry gets its own section, and one that fails makes the status 1."""
    into(monkeypatch, sandbox, "github")
    monkeypatch.setenv("GATEPASS_REGISTRIES", "bad=http://ppm.corp")
    status, out = ask(capsys)
    assert status == 1
    first, second = out.split("\n\n")
    assert first.startswith("for bad (http://ppm.corp):\n  error[insecure-address]: ")
    assert second.startswith(f"for packagemanager ({sandbox.address}):\n  wins: ")


def test_one_registry_by_name_or_url(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a target only that registry is asked about."""
    into(monkeypatch, sandbox, "github")
    monkeypatch.setenv("GATEPASS_REGISTRIES", "other=https://other.example")
    for target in ("packagemanager", sandbox.index_url):
        status, out = ask(capsys, target)
        assert status == 0
        assert "other" not in out


def test_no_registry(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing configured is wrong usage, said on stderr; an unknown target has no credential."""
    assert main(["whoami"]) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith("error[no-registry]: ")
    assert main(["whoami", "https://h"]) == 1
    assert capsys.readouterr().err.startswith("error[not-ours]: ")
