"""What the network does to the journey: tried again, refused or bounded, never sent twice."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from gatepass import credential_for, transport
from gatepass.errors import GatepassError
from gatepass.sandbox import JOBS, Sandbox
from gatepass.transport import Deadline, Transport

REMINTS = ("github",)
HELD = tuple(name for name in JOBS if name not in REMINTS)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, in seconds; none is really waited for."""
    made: list[float] = []
    monkeypatch.setattr(transport.time, "sleep", made.append)
    return made


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read timeout of one second, five for the whole exchange, and no pauses."""
    monkeypatch.setattr(transport, "_BACKOFF", 0.0)
    monkeypatch.setattr(transport, "READ", 1.0)
    monkeypatch.setattr(Deadline.__init__, "__defaults__", (5.0, time.monotonic))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The subject token of each attempt to exchange, in order."""
    tokens: list[str] = []
    real = Transport._once

    def once(self: Transport, *args: Any) -> Any:
        form = args[4]
        if form:
            tokens.append(form["subject_token"])
        return real(self, *args)

    monkeypatch.setattr(Transport, "_once", once)
    return tokens


def ask(sandbox: Sandbox, platform: str = "github", **env: str) -> str:
    """``ok`` or the error's code; an error shows no token."""
    try:
        found = credential_for(sandbox.index_url, env={**sandbox.environment(platform), **env})
    except GatepassError as error:
        return f"{error.code} with a token in it" if "eyJ" in str(error) else error.code
    assert found is not None
    return "ok"


def exchanges(sandbox: Sandbox) -> list[int]:
    """The status of each attempt to exchange, in order."""
    return [one.status for one in sandbox.requests if one.party == "exchange"]


@pytest.mark.parametrize("platform", JOBS)
def test_a_busy_registry_is_asked_again(
    sandbox: Sandbox, platform: str, sent: list[str], pauses: list[float]
) -> None:
    """Where the platform can mint, with a new token for each attempt; else with the same one."""
    sandbox.packagemanager.refuse_replay = platform in REMINTS
    sandbox.fault("exchange=503x2")
    assert ask(sandbox, platform) == "ok"
    assert exchanges(sandbox) == [503, 503, 200]
    assert len(sent) == 3
    assert len(set(sent)) == (3 if platform in REMINTS else 1)
    assert sandbox.count("github") == (3 if platform == "github" else 0)
    assert len(pauses) == 2


def test_a_registry_that_stays_busy_has_failed(sandbox: Sandbox, pauses: list[float]) -> None:
    """After four attempts; the next question may find it well again."""
    sandbox.fault("exchange=503x4")
    assert ask(sandbox) == "exchange-failed"
    assert exchanges(sandbox) == [503] * 4
    assert ask(sandbox) == "ok"


def test_the_wait_that_a_registry_asks_for_is_kept(
    sandbox: Sandbox, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retry-After is the least that is waited."""
    monkeypatch.setattr(random, "uniform", lambda low, high: 0.0)
    sandbox.fault("exchange=503:retry-after=7")
    sandbox.fault("exchange=429:retry-after=2")
    assert ask(sandbox) == "ok"
    assert pauses == [7, 2]


@pytest.mark.parametrize("platform", ["github", "file"])
def test_a_wait_that_is_too_long_is_not_begun(
    sandbox: Sandbox, platform: str, pauses: list[float]
) -> None:
    """The exchange has 30 s: a longer wish ends it at once, with the registry's answer."""
    sandbox.fault("exchange=503:retry-after=31")
    assert ask(sandbox, platform) == "exchange-failed"
    assert (exchanges(sandbox), pauses) == ([503], [])


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("platform", ["github", "file"])
def test_silence_ends_at_the_read_timeout(sandbox: Sandbox, platform: str, sent: list[str]) -> None:
    """What became of the token nobody knows: a new one is tried, the same one isn't."""
    sandbox.fault("exchange=slow=20")
    began = time.monotonic()
    again = platform in REMINTS
    assert ask(sandbox, platform) == ("ok" if again else "unreachable")
    assert time.monotonic() - began < 10
    assert len(set(sent)) == len(sent) == (2 if again else 1)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("party", ["exchange", "github", "issuer"])
def test_a_drip_ends_at_the_deadline(sandbox: Sandbox, party: str) -> None:
    """Each byte comes in time, so only the whole has an end."""
    sandbox.fault(f"{party}=drip=0.02x*")
    began = time.monotonic()
    code = ask(sandbox)
    assert code == ("issuer-unreachable" if party == "issuer" else "deadline-passed")
    assert time.monotonic() - began < 15
    assert exchanges(sandbox) == ([200] if party == "exchange" else [])


@pytest.mark.parametrize("fault", ["drop", "truncate"])
@pytest.mark.parametrize("platform", JOBS)
def test_a_reply_that_was_lost(
    sandbox: Sandbox, platform: str, fault: str, sent: list[str], pauses: list[float]
) -> None:
    """The registry may have used the token up: it is never sent again, a new one is."""
    sandbox.packagemanager.refuse_replay = True
    sandbox.fault(f"exchange={fault}")
    again = platform in REMINTS
    assert ask(sandbox, platform) == ("ok" if again else "unreachable")
    assert len(set(sent)) == len(sent) == len(exchanges(sandbox)) == (2 if again else 1)


@pytest.mark.parametrize("fault", ["drop", "truncate", "500", "503"])
@pytest.mark.parametrize("party", ["github", "issuer"])
def test_a_question_without_a_token_is_asked_again(
    sandbox: Sandbox, party: str, fault: str, pauses: list[float]
) -> None:
    """To mint, and to fetch keys, may happen twice."""
    sandbox.fault(f"{party}={fault}x3")
    assert ask(sandbox) == "ok"
    assert (len(pauses), sandbox.count("exchange")) == (3, 1)


# What comes back from each party when the answer is of this kind each time.
FINAL = [
    ("exchange", "redirect=https://evil.test/", "redirect-refused"),
    ("exchange", "huge", "answer-too-large"),
    ("exchange", "garbage", "exchange-no-token"),
    ("github", "redirect=https://evil.test/", "redirect-refused"),
    ("github", "huge", "answer-too-large"),
    ("github", "garbage", "github-token-endpoint"),
    ("issuer", "redirect=https://evil.test/", "issuer-unreachable"),
    ("issuer", "huge", "issuer-unreachable"),
    ("issuer", "garbage", "issuer-unreachable"),
]


@pytest.mark.parametrize(("party", "fault", "code"), FINAL)
def test_an_answer_that_is_none_is_refused_at_once(
    sandbox: Sandbox, party: str, fault: str, code: str, pauses: list[float]
) -> None:
    """Redirects aren't followed, floods are cut off, garbage is no answer; it would come again."""
    sandbox.fault(f"{party}={fault}x*")
    assert ask(sandbox) == code
    assert pauses == []
    seen = [one.party for one in sandbox.requests]
    assert seen.count(party) == 1
    assert ("exchange" in seen) == (party == "exchange")


def test_a_redirect_to_another_party_carries_no_secret(sandbox: Sandbox) -> None:
    """The one who is redirected to hears nothing at all."""
    with Sandbox() as other:
        for party in ("github", "exchange", "issuer"):
            sandbox.fault(f"{party}=redirect={other.address}/__api__/token")
            assert ask(sandbox, GATEPASS_STORE="off") != "ok"
        assert other.requests == []


def test_keys_that_changed_between_two_jobs(sandbox: Sandbox) -> None:
    """Without a cache the next job's token is verified by the new keys; the old token is gone."""
    old = sandbox.environment("file")
    assert ask(sandbox, GATEPASS_STORE="off") == "ok"
    sandbox.fault("issuer=rotate")
    with pytest.raises(GatepassError, match="unknown-key"):
        credential_for(sandbox.index_url, env={**old, "GATEPASS_STORE": "off"})
    assert ask(sandbox, GATEPASS_STORE="off") == "ok"


@pytest.mark.parametrize("platform", ["github", "gitlab", "kubernetes"])
def test_one_issuers_rotation_is_no_other_ones_business(sandbox: Sandbox, platform: str) -> None:
    """Keys are kept by issuer."""
    for party in {"github", "gitlab", "kubernetes"} - {platform}:
        sandbox.fault(f"{party}=rotate")
    assert ask(sandbox, platform) == "ok"


# An issuer's clock against ours, in seconds, for a token that is at the edge of its life by the
# issuer's: gatepass' leeway is 60 s. The registry has its own, so it may refuse what we let pass.
CLOCKS = [(-50, True), (-70, False), (-90, False), (50, True), (70, False), (90, False)]


@pytest.mark.parametrize("platform", ["gitlab", "file"])
@pytest.mark.parametrize(("seconds", "passes"), CLOCKS)
def test_an_issuers_clock_may_differ_by_a_minute(
    sandbox: Sandbox, platform: str, seconds: int, passes: bool
) -> None:
    """50 s either way reach the registry; 70 and 90 s are refused before."""
    issuer = sandbox.gitlab.issuer if platform == "gitlab" else sandbox.issuer
    env = sandbox.environment(platform)
    sandbox.fault(f"{'gitlab' if platform == 'gitlab' else 'github'}=skew={seconds}")
    # Ahead: issued in our future. Behind: it ended, by the issuer's clock, this very second.
    token = issuer.mint(sandbox.address, lifetime=300 if seconds > 0 else 0)
    if platform == "file":
        env.pop("PACKAGEMANAGER_IDENTITY_TOKEN_FILE")
    env["GATEPASS_ID_TOKEN"] = token
    try:
        code = "ok" if credential_for(sandbox.index_url, env=env) else ""
    except GatepassError as error:
        code = error.code
    if passes:
        assert len(exchanges(sandbox)) == 1
        assert code == "exchange-refused"  # the sandbox's registry has 30 s of leeway
    else:
        assert code == ("token-not-yet" if seconds > 0 else "token-expired")
        assert exchanges(sandbox) == []


@pytest.mark.parametrize("seconds", [-50, -20, 20])
def test_a_small_difference_is_no_obstacle(sandbox: Sandbox, seconds: int) -> None:
    """GitHub's own tokens, on a server whose clock is a little off."""
    sandbox.fault(f"github=skew={seconds}")
    assert ask(sandbox) == "ok"
