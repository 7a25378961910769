"""tokens.toml among other programs, on full disks, and through sudden deaths: nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest

from gatepass.realm import realm_of
from gatepass.secret import Secret
from gatepass.store import connections, tokens
from gatepass.store.tokens import TokensFile

A = "https://ppm.example.com"
OTHER = '# mine\n[[connections]]\naddress = "https://other.example.com"\ntoken = "other"\n'

PUT = """
import sys
from gatepass.secret import Secret
from gatepass.store.tokens import TokensFile
for address in sys.argv[2:]:
    print(TokensFile(sys.argv[1]).put(address, Secret("t")))
"""
WRITE = """
import sys
from gatepass.secret import Secret
from gatepass.store.tokens import TokensFile
file = TokensFile(sys.argv[1])
print("ready", flush=True)
for number in range(10_000):
    file.put("https://ppm.example.com", Secret(str(number)))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with another program's login."""
    path = tmp_path / ".ppm" / "tokens.toml"
    path.parent.mkdir(mode=0o700)
    path.write_text(OTHER)
    path.chmod(0o600)
    return path


def put(file: Path) -> bool:
    return TokensFile(str(file)).put(A, Secret("a-token"))


def found(file: Path) -> list[str]:
    return [entry["address"] for entry in tomllib.loads(file.read_text())["connections"]]


def left(file: Path) -> list[str]:
    return [name for name in os.listdir(file.parent) if name != f".{file.name}.lock"]


def start(code: str, *words: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_many_writers_at_once_lose_nothing(file: Path) -> None:
    """Each adds its own entries; at the end all of them are there, and what was there before."""
    addresses = [[f"https://{one}-{n}.example.com" for n in range(5)] for one in range(6)]
    writers = [start(PUT, file, *some) for some in addresses]
    for writer in writers:
        assert writer.communicate(timeout=100) == ("True\n" * 5, "")
    wanted = [address for some in addresses for address in some]
    assert sorted(found(file)) == sorted(["https://other.example.com", *wanted])
    assert left(file) == ["tokens.toml"]


@pytest.mark.parametrize("moment", [0.0, 0.03, 0.1, 0.2])
def test_a_writer_that_is_killed_loses_nothing(file: Path, moment: float) -> None:
    """kill -9 at any moment: the file is the old or the new one, and the next writer writes."""
    writer = start(WRITE, file)
    assert writer.stdout is not None
    assert writer.stderr is not None
    assert writer.stdout.readline() == "ready\n"
    time.sleep(moment)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    writer.stderr.close()
    assert found(file) in ([A.replace("ppm", "other")], [A.replace("ppm", "other"), A])
    assert file.read_text().startswith(OTHER)
    assert put(file)
    assert TokensFile(str(file)).get(realm_of(A)) == Secret("a-token")
    assert file.read_text().startswith(OTHER)


def test_a_power_cut_loses_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new file is on the disk before it takes the old one's place."""
    steps: list[str] = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, n=name, r=real: (steps.append(n), r(*a))[1])
    assert put(file)
    assert steps == ["fsync", "replace"]


def test_what_a_killed_writer_left_is_deleted_in_time(file: Path) -> None:
    """After a day; what others have in that folder is theirs."""
    old = time.time() - 90_000
    for name in (".new-tokens.toml-old", ".new-tokens.toml-young", ".new-other", "x"):
        (file.parent / name).write_text("half")
        if not name.endswith("young"):
            os.utime(file.parent / name, (old, old))
    assert put(file)
    assert sorted(left(file)) == [".new-other", ".new-tokens.toml-young", "tokens.toml", "x"]


def test_a_writer_that_knows_no_lock(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """posit-keyring may write between our look and our replacement: then we begin anew."""
    real, theirs = connections.change, OTHER + '[[connections]]\naddress = "https://c"\n'

    def change(text: str, edit: object) -> str | None:
        file.write_text(theirs)
        return real(text, edit)  # type: ignore[arg-type]

    monkeypatch.setattr(connections, "change", change)
    assert put(file)
    assert found(file) == ["https://other.example.com", "https://c", A]


def test_a_writer_that_never_stops(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """After a few tries the login goes elsewhere: theirs is not overwritten."""
    real, count = connections.change, iter(range(1000))

    def change(text: str, edit: object) -> str | None:
        file.write_text(OTHER + f"# {next(count)}\n")
        return real(text, edit)  # type: ignore[arg-type]

    monkeypatch.setattr(connections, "change", change)
    assert not put(file)
    assert next(count) == 5
    assert found(file) == ["https://other.example.com"]
    assert "another program writes it again and again" in capfd.readouterr().err


def test_a_lock_that_is_never_given_back(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A writer that was stopped may still write what it read: we don't write past it."""
    monkeypatch.setattr(tokens, "_PATIENCE", 0.3)
    with filelock.FileLock(str(file.parent / ".tokens.toml.lock"), is_singleton=False):
        assert not put(file)
    assert file.read_text() == OTHER
    assert "another process has been writing it" in capfd.readouterr().err
    assert put(file)


def test_where_locks_do_not_work(file: Path) -> None:
    """We go on without: the look before the replacement has to do."""
    (file.parent / ".tokens.toml.lock").mkdir()
    assert put(file)
    assert found(file) == ["https://other.example.com", A]


@pytest.mark.parametrize(
    "text", ["[[connections", "connections = 1\n", "[[connections]]\nx = 1\nx = 2\n", "\x00"]
)
def test_what_can_not_be_read_is_not_overwritten(
    file: Path, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Half a file of somebody's logins is worth more than a whole one of ours."""
    file.write_text(text)
    assert not put(file)
    assert not TokensFile(str(file)).remove(realm_of(A))
    assert file.read_text() == text
    assert left(file) == ["tokens.toml"]
    assert capfd.readouterr().err.count(f"gatepass: warning: {file} is left as it is: ") == 2


def test_what_can_not_be_changed_safely_is_not_changed(file: Path) -> None:
    """The text is changed by one library and read by another; where they differ, no file is."""

    def edit(document: object) -> None:
        assert isinstance(document, dict)
        document["x"] = "plain" if type(document) is dict else "tomlkit's"

    with pytest.raises(ValueError, match="can't be changed safely"):
        connections.change(OTHER, edit)

    def fail(document: object) -> None:
        assert isinstance(document, dict)
        document["x"] = "plain" if type(document) is dict else object()

    with pytest.raises(ValueError, match=r"can't be changed safely \(\w+"):
        connections.change(OTHER, fail)


@pytest.mark.parametrize(
    "address", ["", "ppm.example.com", "https://a@b.example.com", "https://\ud800"]
)
def test_an_address_that_is_none(
    file: Path, address: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It would be an entry that nobody finds."""
    assert not TokensFile(str(file)).put(address, Secret("a-token"))
    assert file.read_text() == OTHER
    assert "a-token" not in capfd.readouterr().err


def test_a_token_that_no_file_can_hold(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A warning that doesn't show it."""
    assert not TokensFile(str(file)).put(A, Secret("half-\ud800-token"))
    assert file.read_text() == OTHER
    assert "token-" not in capfd.readouterr().err.replace(str(file), "")


@pytest.mark.parametrize("limit", [0, 40])
def test_files_that_can_not_grow(file: Path, limit: int) -> None:
    """Every write fails in its middle: what was there is there, and nothing else is."""
    env = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE_")}
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))" + PUT
    command = [sys.executable, "-B", "-c", code, str(file), A]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
    assert "File too large" in done.stderr
    assert file.read_text() == OTHER
    assert left(file) == ["tokens.toml"]


def test_a_home_that_takes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """No folder can be made: a warning, no error."""
    assert not put(Path("/proc/self/no/tokens.toml"))
    assert "is left as it is: " in capfd.readouterr().err


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 KiB with a file of logins on it."""
    place = tmp_path / "tiny"
    place.mkdir()
    command = ["/bin/mount", "-t", "tmpfs", "-o", "size=32k,mode=0700", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    (place / "tokens.toml").write_text(OTHER)
    (place / "tokens.toml").chmod(0o600)
    yield place
    subprocess.run(["/bin/umount", "-l", str(place)], check=True)


@pytest.mark.real
def test_a_disk_that_is_really_full(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """ENOSPC from the kernel."""
    with open(tiny / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 1024)
        except OSError:
            pass  # it is full: that is what was wanted
    assert not put(tiny / "tokens.toml")
    assert (tiny / "tokens.toml").read_text() == OTHER
    assert sorted(left(tiny / "tokens.toml")) == ["filler", "tokens.toml"]
    assert "No space left on device" in capfd.readouterr().err


@pytest.mark.real
def test_a_disk_that_is_read_only(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """EROFS from the kernel; what is there can still be read."""
    subprocess.run(["/bin/mount", "-o", "remount,ro", str(tiny)], check=True)
    assert not put(tiny / "tokens.toml")
    assert "Read-only file system" in capfd.readouterr().err
    found = TokensFile(str(tiny / "tokens.toml")).get(realm_of("https://other.example.com"))
    assert found == Secret("other")
