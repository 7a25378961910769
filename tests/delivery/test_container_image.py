"""The image: what is in it, who runs in it, how much it adds to its base."""

from __future__ import annotations

import gzip
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from clients import harness, provision
from delivery import base, containers
from delivery.containers import BASE, SOURCE, Engine, good, options
from delivery.pages import text
from gatepass import __version__
from gatepass.sandbox import Sandbox
from gatepass.sandbox.aws import account

pytestmark = pytest.mark.real

# Everything installed, and everything that gatepass needs, by their metadata alone.
_INSTALLED = """
import importlib.metadata as metadata, re
def normal(name): return re.sub("[-_.]+", "-", name).lower()
there = {normal(one.name): one for one in metadata.distributions()}
needed, ask = set(), ["gatepass"]
while ask:
    name = ask.pop()
    if name in there and name not in needed:
        needed.add(name)
        lines = [line for line in there[name].requires or () if "extra ==" not in line]
        ask += [normal(re.match("[A-Za-z0-9._-]+", line)[0]) for line in lines]
print(*sorted(set(there) - needed))
"""
_CLIENTS = """
import re, pathlib, botocore
text = "".join(file.read_text() for file in pathlib.Path(botocore.__file__).parent.glob("*.py"))
call = r"client(?:_creator)?\\(\\s*(?:self._session, )?['\\"]([a-z0-9-]+)['\\"]"
asked = set(re.findall(call, text)) - {"s3"}  # which is in examples
there = (pathlib.Path(botocore.__file__).parent / "data").iterdir()
print(",".join(sorted(asked)), ",".join(sorted(one.name for one in there if one.is_dir())))
"""
_PYTHON = "--entrypoint=/opt/gatepass/bin/python"


@pytest.fixture(scope="module")
def layers(engine: Engine, image: str) -> list[Path]:
    """What the image adds to its base."""
    return engine.layers(image, beyond=BASE)


def test_it_is_small(layers: list[Path]) -> None:
    """As small as the page says, beside the base and beside what does the same without us."""
    harness.need("awscli")
    whole = sum(file.stat().st_size for file in layers)
    packed = sum(len(gzip.compress(file.read_bytes(), 6)) for file in layers)
    files = (provision.CLIENTS / "awscli" / "lib").rglob("*")
    aws = sum(file.stat().st_size for file in files if file.is_file() and "/pip" not in str(file))
    found = [round(size / 1_000_000) for size in (whole, packed, aws)]
    print(f"\nMB more than the base, the same packed, the AWS CLI by pip: {found}")
    [row] = re.findall(r"^\| size \|(.*)$", text("docs/container.md"), re.MULTILINE)
    said = [int(number) for number in re.findall(r"(\d+) MB", row)]
    assert said == pytest.approx(found, rel=0.15)


def test_only_what_runs_is_in_it(engine: Engine, image: str) -> None:
    """Nothing that gatepass doesn't need is installed: no pip, nothing that built it."""
    assert good(engine.run(_PYTHON, image, "-I", "-c", _INSTALLED)).strip() == ""


def test_what_botocore_logs_in_with_is_in_it(engine: Engine, image: str) -> None:
    """Of all services that botocore's chain asks, the descriptions are there."""
    asked, there = good(engine.run(_PYTHON, image, "-I", "-c", _CLIENTS)).split()
    assert asked == there
    assert "sts" in asked


def test_its_files_are_roots_and_nobody_elses_to_change(layers: list[Path]) -> None:
    """But for the home; no compiler, no cache, no source of a build, nothing that becomes root."""
    for layer in layers:
        with tarfile.open(layer) as files:
            for file in files:
                name = f"/{file.name.removeprefix('./').strip('/')}"
                if name == "/wheels":  # where this build's own were
                    assert file.isdir()
                    continue
                if name == "/home/gatepass":
                    assert (file.uid, file.gid, file.mode & 0o7777) == (10001, 0, 0o770)
                    continue
                assert (file.uid, file.gid) == (0, 0), name
                assert file.issym() or not file.mode & 0o6022, name
                assert not re.search(r"/(src|root|tmp|\.cache|var/cache)(/|$)", name), name


def test_its_configuration(engine: Engine, image: str) -> None:
    """Not root, the entrypoint, the signal, and labels that say what it is and where it is from."""
    found = engine.inspect(image)["Config"]
    assert found["User"] == "10001:10001"
    assert found["Entrypoint"] == ["gatepass", "exec", "--"]
    assert found["StopSignal"] == "SIGTERM"
    labels = {name.rpartition(".")[2]: text for name, text in found["Labels"].items()}
    assert labels["title"] == "gatepass"
    assert labels["licenses"] == "MIT"
    assert labels["source"] == SOURCE
    assert labels["revision"] == "0" * 40
    assert labels["name"].startswith("localhost/base@sha256:")
    assert labels["version"] == __version__
    assert good(engine.run(image, "gatepass", "--version")).split() == ["gatepass", __version__]


def test_without_a_command_it_tells_what_there_is(engine: Engine, image: str) -> None:
    """Nobody has to know a registry for that."""
    assert "usage: gatepass COMMAND" in good(engine.run(image))


def test_a_wheel_that_isnt_the_locked_one_is_refused(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    """The build ends where a package's hash isn't the lock file's."""
    shutil.copytree(base.WHEELS, tmp_path / "wheels")
    [wheel] = (tmp_path / "wheels").glob("idna-*.whl")
    with wheel.open("ab") as file:
        file.write(b"\n")
    done = containers.build_ours(engine, tmp_path / "wheels", "--no-cache")
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stdout + done.stderr


def test_a_profile_that_assumes_a_role_works(engine: Engine, image: str, tmp_path: Path) -> None:
    """With what is left of botocore: its own STS client asks for the role's keys."""
    with Sandbox() as sandbox:
        aws = sandbox.aws
        (tmp_path / "token").write_text(sandbox.issuer.mint(account.AUDIENCE))
        (tmp_path / "config").write_text(
            f"[default]\nrole_arn = {aws.role_arn}\nweb_identity_token_file = /aws/token\n"
        )
        env = {
            "AWS_CONFIG_FILE": "/aws/config",
            "AWS_REGION": aws.region,
            "AWS_ENDPOINT_URL_STS": aws.sts_url,
            "AWS_ENDPOINT_URL_CODEARTIFACT": aws.codeartifact_url,
        }
        mount = f"--volume={tmp_path}:/aws:ro"
        url = f"https://{aws.host}"
        tmp_path.chmod(0o755)
        done = engine.run(*options(env), mount, image, "gatepass", "get", url)
        assert good(done).strip() in aws.secrets()
        assert sandbox.count("sts") == 1


def test_a_release_says_all_that_can_be_said() -> None:
    """Its workflow gives each of the Dockerfile's arguments, the base by its digest."""
    wanted = set(re.findall(r"^ARG (\w+)", text("Dockerfile"), re.MULTILINE))
    given = dict(re.findall(r'--build-arg "(\w+)=([^"]*)"', text(".github/workflows/release.yml")))
    assert set(given) == wanted
    assert "@$digest" in given["BASE"]
