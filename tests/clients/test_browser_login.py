"""A person at a laptop, a real browser on a certified provider's real pages, and the real pip.

What the person is asked is read off their terminal, as pip leaves it to them; the browser does what
they would do with it.
"""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import browser as browsers
import desktop
from browser import Browser
from clients import provision
from clients.harness import HELLO, Job, pip
from clients.places import code_artifact
from gatepass.sandbox import Sandbox
from provider import provision as provider_parts
from provider.running import people
from support import Guard, child_env
from terminal import Terminal

pytestmark = pytest.mark.real

PERSON = "octavia"
_PROMPT = re.compile(r"gatepass: log in to (\S+)\n  open: (\S+)\n  code: (\S+)\n")
Made = Callable[[Sandbox], Job]
GATEPASS = provision.program("keyring", "gatepass")


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory, refusal: Guard) -> dict[str, str]:
    """The environment of what is not the laptop: the provider, and the browser."""
    return child_env(tmp_path_factory.mktemp("outside"), refusal.url, {"PATH": os.defpath})


@pytest.fixture(scope="module")
def issuer(outside: dict[str, str]) -> Iterator[str]:
    """The provider, running; a failure, never a skip, where it isn't installed."""
    missing = provider_parts.stale()
    if missing:
        pytest.fail(f"not built, or out of date: {', '.join(missing)}. run: make real-parts")
    with people(outside) as started:
        yield started


@pytest.fixture(scope="module")
def browser(outside: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for all: each login forgets who was there before."""
    with browsers.running(outside, tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture
def laptop(issuer: str, base_env: dict[str, str], tmp_path: Path) -> Iterator[Made]:
    """Makes the one laptop of a test: its person logs in at the provider, as the registry has no
    login of its own. What is left on it is searched for tokens."""
    made: list[Job] = []

    def make(sandbox: Sandbox) -> Job:
        sandbox.packagemanager.device.enabled = False
        folder = tmp_path / "workspace"
        folder.mkdir()
        env = {**base_env, **sandbox.environment("laptop"), "GATEPASS_LOGIN_ISSUER": issuer}
        made.append(Job(sandbox, env, folder))
        return made[0]

    yield make
    for job in made:
        job.check_leftovers()


@pytest.fixture
def job(issuer: str, laptop: Made) -> Iterator[Job]:
    """A laptop whose registry is a Package Manager that trusts the provider."""
    with Sandbox(trusted={issuer: "gatepass"}) as sandbox:
        yield laptop(sandbox)


def install(version: str, job: Job, *words: str) -> list[str | Path]:
    """pip's command line, with no word of keyring: that stands in the environment."""
    target = ("--target", job.folder / "site", "--index-url", job.index)
    python = provision.program(f"bare-pip-{version}", "python")
    return [python, "-m", "pip", "install", *target, *words, HELLO]


def at_terminal(job: Job, *command: str | Path, streams: str = "whole", **env: str) -> Terminal:
    """Run a command as the person would: in their terminal, `keyring` on PATH."""
    path = os.pathsep.join([str(job._recorded("keyring")), os.defpath])
    asks = {"PATH": path, "PIP_KEYRING_PROVIDER": "subprocess"}
    return Terminal(command, {**job.env, **asks, **env}, streams)


def asked(terminal: Terminal) -> tuple[str, str, str]:
    """What the person reads: the registry, the address to open, the code to type."""
    terminal.wait_for("Ctrl-C ends the login", 60)
    match = _PROMPT.search(terminal.screen)
    assert match, terminal.screen
    return match[1], match[2], match[3]


def log_in(terminal: Terminal, browser: Browser) -> None:
    """The whole of the person's part."""
    _, address, code = asked(terminal)
    browsers.enter(browser, address, code)
    browsers.confirm(browser, code, PERSON)
    browsers.agree(browser)


def ended(job: Job, terminal: Terminal, status: int = 0) -> tuple[str, str]:
    """Wait for the end: standard output and error where they aren't the terminal; no secret is on
    it, and nobody was asked twice."""
    got, out, err = terminal.end(90)
    assert got == status, f"{terminal.screen}\n--- out\n{out}\n--- err\n{err}"
    job.check(terminal.screen + err)
    assert len(_PROMPT.findall(terminal.screen)) == 1
    return out, err


@pytest.mark.parametrize("version", ["26.2", "latest"])
def test_pip_waits_for_the_person_and_installs(job: Job, browser: Browser, version: str) -> None:
    """pip asks keyring, whose words it swallows; the person sees them still, types the code, logs
    in, agrees, and the package is there."""
    with at_terminal(job, *install(version, job)) as terminal:
        log_in(terminal, browser)
        ended(job, terminal)
        assert f"logged in as {PERSON}" in terminal.screen
        assert "Successfully installed" in terminal.screen
    assert job.installed()
    (exchange,) = job.requests("exchange")
    assert f"subject {PERSON}, " in exchange.note


def test_login_first_then_pip_asks_nobody(job: Job, browser: Browser, tmp_path: Path) -> None:
    """`gatepass login` has the browser opened, at an address with the code in it; what it got
    serves every pip after it, without a terminal."""
    opened, script = tmp_path / "opened", tmp_path / "their-browser"
    script.write_text(f'#!/bin/sh\necho "$1" > "{opened}.new" && mv "{opened}.new" "{opened}"\n')
    script.chmod(0o755)
    with at_terminal(job, GATEPASS, "login", streams="visible", BROWSER=str(script)) as terminal:
        _, address, code = asked(terminal)
        assert wait_for(opened) == f"{address}\n"
        browser.forget()
        browser.open(address)
        browsers.confirm(browser, code, PERSON)
        browsers.agree(browser)
        ended(job, terminal)
        assert f"logged in to {job.sandbox.address} as {PERSON}" in terminal.screen
    for version in ("26.2", "latest"):
        pip(job, version, "subprocess").succeeded()
    assert job.installed()
    assert job.exchanges() == 1


@pytest.mark.parametrize("where", ["Abort", "Cancel"])
def test_the_person_says_no(job: Job, browser: Browser, where: str) -> None:
    """When asked about the code, or only when asked to agree: one error, and nothing is kept."""
    with at_terminal(job, GATEPASS, "login", streams="pipe") as terminal:
        _, address, code = asked(terminal)
        browsers.enter(browser, address, code)
        if where == "Cancel":
            browsers.confirm(browser, code, PERSON)
        browser.press(f"[ {where} ]")
        browser.sees("Sign-in")
        out, err = ended(job, terminal, 1)
    assert (out, err.count("error[")) == ("", 1)
    assert err.startswith("error[login-denied]: ")
    assert "Traceback" not in err
    assert job.requests("exchange") == []
    assert not tokens(job).exists()


def test_pip_asks_again_after_a_no_and_the_person_is_not_asked(job: Job, browser: Browser) -> None:
    """pip swallows what keyring says, and asks it once more: the person sees one error, once."""
    with at_terminal(job, *install("latest", job, "--no-input")) as terminal:
        _, address, code = asked(terminal)
        browsers.enter(browser, address, code)
        browser.press("[ Abort ]")
        browser.sees("Sign-in")
        ended(job, terminal, 1)
        assert terminal.screen.count("error[login-denied]") == 1
    assert len(job.asked) == 2
    assert not job.installed()


def test_ctrl_c_ends_pip_and_the_login(job: Job) -> None:
    """Typed while the person is waited for: both say so in a line, and nothing is kept."""
    with at_terminal(job, *install("latest", job)) as terminal:
        asked(terminal)
        terminal.interrupt()
        # pip may be gone before its keyring is, and then the shell is what they read it in.
        terminal.wait_for("gatepass: the login was stopped, nothing is kept\n")
        ended(job, terminal, 1)
        assert "Traceback" not in terminal.screen
    assert not tokens(job).exists()


def test_two_pips_at_once_ask_once(job: Job, browser: Browser) -> None:
    """Both want a credential that only the person can give; one asks, both install."""
    line = shlex.join(str(word) for word in install("latest", job))
    script = f"{line} & one=$!; {line.replace('/site', '/second')} && wait $one"
    with at_terminal(job, "sh", "-c", script) as terminal:
        log_in(terminal, browser)
        ended(job, terminal)
        assert terminal.screen.count("Successfully installed") == 2
    assert len(job.asked) == 2
    assert job.exchanges() == 1


def test_codeartifact_by_the_same_login(issuer: str, laptop: Made, browser: Browser) -> None:
    """AWS trusts the provider for its client: the provider and a role are all that is set."""
    with Sandbox(aws=True, trusted={issuer: "gatepass"}) as sandbox:
        job = laptop(sandbox)
        job.place, job.index = code_artifact(sandbox), sandbox.aws.index_url
        job.env["GATEPASS_ROLE_ARN"] = sandbox.aws.role_arn
        del job.env["PACKAGEMANAGER_ADDRESS"]
        with at_terminal(job, GATEPASS, "get", job.index, streams="pipe") as terminal:
            log_in(terminal, browser)
            out, err = ended(job, terminal)
        assert err == ""
        assert out.strip() in sandbox.aws.secrets()
        pip(job, "latest", "subprocess").succeeded()
        assert job.installed()
        assert job.exchanges() == 1
        (assumed,) = job.requests("sts")
        assert assumed.note.endswith(f"assumed-role/ci-read/{PERSON} for {PERSON} of idp")


def test_a_login_is_renewed_in_silence(job: Job, browser: Browser) -> None:
    """The refresh token rests in GNOME's keyring, and each use of it gives another; when a
    credential has ended, `get` and then pip go on without a terminal and without the person."""
    job.env["GATEPASS_STORE"] = "system"
    session = desktop.prefix(Path(job.env["HOME"]))
    exchange = job.sandbox.packagemanager._exchange
    exchange._lifetime = 1
    with at_terminal(job, *session, GATEPASS, "login", streams="visible") as terminal:
        log_in(terminal, browser)
        ended(job, terminal)
        assert "it rests in the system keyring" in terminal.screen
    time.sleep(1)
    get = job.run(*session, GATEPASS, "get", job.sandbox.address, prints_secret=True)
    assert get.succeeded().err == ""
    time.sleep(1)
    exchange._lifetime = 3600
    words = install("latest", job, "--keyring-provider", "subprocess")
    done = job.run(*session, *words, path=("keyring",)).succeeded()
    assert "gatepass: log in" not in done.text
    assert job.installed()
    assert job.exchanges() == 3
    assert not tokens(job).exists()


def test_package_managers_own_login(
    base_env: dict[str, str], tmp_path: Path, browser: Browser
) -> None:
    """A registry with a login of its own: the code is typed by hand, as people type, at the page
    that it names."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    with Sandbox() as sandbox:
        sandbox.person.never()
        job = Job(sandbox, {**base_env, **sandbox.environment("laptop")}, folder)
        with at_terminal(job, *install("latest", job)) as terminal:
            registry, address, code = asked(terminal)
            assert (registry, [code]) == (sandbox.address, sandbox.person.asked)
            browser.open(address.partition("?")[0])
            browser.sees("Log in on a device")
            browser.type(user_code=code.replace("-", " ").lower())
            browser.press("Continue")
            browser.sees("Is it you?")
            assert code in browser.text
            browser.press("Yes, log in")
            browser.sees("You are logged in")
            ended(job, terminal)
        assert job.installed()
        assert job.exchanges() == 1
    job.check_leftovers()


def tokens(job: Job) -> Path:
    """The file of logins that is shared with other programs."""
    return Path(job.env["HOME"]) / ".ppm" / "tokens.toml"


def wait_for(file: Path, seconds: float = 30) -> str:
    """What stands in a file that another program is about to make."""
    end = time.monotonic() + seconds
    while not file.exists():
        assert time.monotonic() < end, f"{file} never came"
        time.sleep(0.02)
    return file.read_text(encoding="utf-8")
