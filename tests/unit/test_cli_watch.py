"""The command line of `gatepass watch`: what it takes, what it refuses, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from gatepass import netrc
from gatepass.cli import main
from gatepass.cli.watch import mode_of, registries
from gatepass.cli.watched import Outage
from gatepass.errors import UsageError
from gatepass.renewal.loop import Watch
from gatepass.renewal.place import Place
from gatepass.sandbox import Sandbox
from gatepass.settings import load


@pytest.fixture
def pod(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """This process is in a pod, in an empty folder."""
    for name, value in sandbox.environment("kubernetes").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PACKAGEMANAGER_ADDRESS", sandbox.address)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def two(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, host: str = "localhost") -> None:
    """A second registry: the same server by another name, or at the same host."""
    other = sandbox.address.replace("127.0.0.1", host)
    monkeypatch.setenv("GATEPASS_REGISTRIES", f"lab={other}/lab")


@pytest.mark.parametrize("text", ["0600", "600", "640", "0644", "0444"])
def test_modes(text: str) -> None:
    """Readable for whom it is meant, writable for nobody else."""
    assert mode_of(text) == int(text, 8)


@pytest.mark.parametrize(
    "text", ["0666", "0660", "0700", "0755", "4600", "0200", "rw", "", "0o600"]
)
def test_modes_that_make_no_sense(text: str) -> None:
    """What others could write, what nobody could read, and what is no mode."""
    with pytest.raises(UsageError, match="usage"):
        mode_of(text)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "no file was named"),
        (["--ready", "up"], "no file was named"),
        (["--netrc", "n", "--mode", "0777"], "--mode '0777' is none of 0600"),
        (["--pip-conf", "p"], "--pip-conf needs --index"),
        (["--token", "t", "--index", "a"], "--index is for --pip-conf"),
        (["--pip-conf", "p", "--index", "../x"], "--index '../x' is neither a URL nor a path"),
        (["--token", "t", "--netrc", "./t"], "/t is named twice"),
        (["--token", "t", "--ready", "t"], "/t is named twice"),
        (["--token", "t", "--tokn", "x"], "unrecognized arguments: --tokn"),
    ],
)
def test_wrong_usage(
    pod: Path, words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2 and the reason; nothing is written, and nothing asked for."""
    assert main(["watch", *words]) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert what in seen.err
    assert os.listdir(pod) == []


def test_no_registry_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is configured: there is nothing to watch."""
    monkeypatch.chdir(tmp_path)
    assert main(["watch", "--netrc", "n"]) == 2
    assert "error[no-registry]" in capsys.readouterr().err


def test_an_unknown_registry(pod: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It can't become known: status 1."""
    assert main(["watch", "--netrc", "n", "--registry", "https://evil.test"]) == 1
    assert "error[not-ours]" in capsys.readouterr().err


def test_two_registries_and_one_token(
    pod: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whose token is meant has to be said, by name or by choosing one registry."""
    two(sandbox, monkeypatch)
    assert main(["watch", "--once", "--token", "t"]) == 2
    assert "is for which registry?" in capsys.readouterr().err
    assert main(["watch", "--once", "--token", "t", "--registry", sandbox.address]) == 0
    assert main(["watch", "--once", "--token", "a=b", "--registry", sandbox.address]) == 0
    assert os.path.exists("a=b")


def test_two_registries_at_one_host_have_no_netrc(
    pod: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A netrc knows hosts alone, so one of the two would get the other's token."""
    two(sandbox, monkeypatch, "127.0.0.1")
    assert main(["watch", "--once", "--netrc", "n"]) == 2
    assert "a netrc has one entry for 127.0.0.1" in capsys.readouterr().err


def test_named_tokens_and_a_netrc_for_two(
    pod: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each registry's own token in its own file, both in one netrc."""
    config = tmp_path / "config.toml"
    config.write_text(
        "version = 1\n"
        f'[registries.one]\nurl = "{sandbox.address}"\nindex = "private/latest"\n'
        f'[registries.two]\nurl = "{sandbox.address.replace("127.0.0.1", "localhost")}"\n'
        f'audience = "{sandbox.address}"\n'
    )
    monkeypatch.delenv("PACKAGEMANAGER_ADDRESS")
    monkeypatch.setenv("GATEPASS_CONFIG", str(config))
    words = ["--netrc", "n", "--token", "one=1", "--token", "two=2", "--pip-conf", "p"]
    assert main(["watch", "--once", *words]) == 0
    first, second = Path("1").read_text(), Path("2").read_text()
    assert first != second
    text = Path("n").read_text()
    assert sorted(netrc.machines(text)) == ["127.0.0.1", "localhost"]
    assert first in text
    assert second in text
    pip = Path("p").read_text()  # the index that the configuration knows
    assert f"{first}@127.0.0.1" in pip
    assert pip.endswith("/private/latest/simple/\n")
    assert stat.S_IMODE(os.stat("p").st_mode) == 0o600


def test_one_name_for_two_regions_is_refused(
    pod: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A CodeArtifact registry that nobody named is called as its domain: entries, files and passes
    go by the name, so that one would hold the other's token. Two hosts of one domain are one."""
    host = "acme-111122223333.d.codeartifact.{}.amazonaws.com"
    here, there = (f"https://{host.format(one)}" for one in ("eu-west-1", "us-east-1"))
    dual = "https://acme-111122223333.codeartifact.eu-west-1.on.aws"
    settings = load(dict(os.environ))
    assert len(registries([here, here, dual], settings)) == 2
    asked = ["--registry", here, "--registry", there]
    for words in (["watch", "--once", "--netrc", "n"], ["env", "--format", "sh"]):
        assert main([*words, *asked]) == 2
        said = capsys.readouterr().err
        assert "two registries are called acme-111122223333: " in said
        assert "give them names in config.toml" in said
    assert os.listdir(pod) == []
    config = pod / "config.toml"
    tables = "".join(f'[registries.r{n}]\nurl = "{url}"\n' for n, url in enumerate((here, there)))
    config.write_text("version = 1\n" + tables)
    settings = load({"GATEPASS_CONFIG": str(config)})
    assert [one.name for one in registries([here, there], settings)] == ["r0", "r1"]


@pytest.mark.parametrize("fault", ["usage", "settings", "file"])
def test_the_sign_of_a_run_that_was_killed_goes_first(
    pod: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the next one, however early: nobody is to find the pod ready."""
    (pod / "up").touch()
    words = ["--token", "t"]
    if fault == "usage":
        words += ["--mode", "0777"]
    if fault == "settings":
        monkeypatch.setenv("GATEPASS_VERIFY", "nonsense")
    if fault == "file":
        (pod / "t").mkdir()
    assert main(["watch", *words, "--ready", "up"]) != 0
    assert not (pod / "up").exists()


def test_what_is_no_sign_is_left_alone(pod: Path) -> None:
    """A file with something in it, a link, a folder: the run ends over it, and it stays."""
    (pod / "up").write_text("since noon")
    (pod / "link").symlink_to("empty")
    (pod / "empty").touch()
    (pod / "folder").mkdir()
    for name in ("up", "link", "folder"):
        assert main(["watch", "--once", "--token", "t", "--ready", name]) == 1
    assert sorted(os.listdir(pod)) == ["empty", "folder", "link", "up"]


def test_what_can_not_be_taken_out_is_named(
    pod: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line doesn't say that all is gone where it isn't."""

    def stopped(watch: Watch) -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return False

    monkeypatch.setattr(Watch, "run", stopped)
    monkeypatch.setattr(Place, "remove", lambda self: os.unlink("/none/f"))
    assert main(["watch", "--token", "t", "--netrc", "n"]) == 0
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith(f"SIGTERM: the files are removed, but for {pod}/n, {pod}/t")


def test_a_mode_on_windows_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would do nothing there; without one nothing is refused."""
    monkeypatch.setattr(sys, "platform", "win32")
    assert mode_of(None) == 0o600
    with pytest.raises(UsageError, match="--mode does nothing on Windows"):
        mode_of("0600")


def test_another_ones_file_ends_it(pod: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1, and the file is as it was: it is not removed at the end either."""
    Path("p").write_text("[global]\nno-index = true\n")
    assert main(["watch", "--pip-conf", "p", "--index", "a"]) == 1
    assert "error[watch-file]" in capsys.readouterr().err
    assert Path("p").read_text() == "[global]\nno-index = true\n"


def test_errors_as_json(
    pod: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the log is JSON, what ends the command is a line of it too."""
    monkeypatch.setenv("GATEPASS_LOG_FORMAT", "json")
    Path("t").write_text("two words")
    assert main(["watch", "--token", "t"]) == 1
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["event"]) == ("error", "watch-file")
    assert "it holds something else than a token" in line["message"]
    assert line["do"]


def test_no_secret_is_said(
    pod: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not at the most talkative level, and not when a write fails."""
    monkeypatch.setenv("GATEPASS_LOG", "debug")
    assert main(["watch", "--once", "--netrc", "n", "--token", "t"]) == 0
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "n: written, mode 0600" in seen.err
    assert "eyJ" not in seen.err


def test_what_lasts_is_said_ever_less_often() -> None:
    """A day of one failure every minute is about thirty lines; another kind of it is news."""
    outage = Outage(0.0)
    said = [minute for minute in range(24 * 60) if outage.is_news("a", minute * 60.0)]
    assert said[:5] == [0, 5, 15, 35, 75]
    assert 24 <= len(said) <= 32
    assert outage.is_news("b", 24 * 3600.0)
    assert not outage.is_news("a", 24 * 3600.0 + 60)
    assert outage.is_news("a", -1e6)  # a clock that was set back silences nobody
