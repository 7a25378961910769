"""A config.toml that somebody else can write says nothing: they could redirect credentials."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gatepass.errors import ConfigError
from gatepass.settings import file, load

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")

US, OURS, STRANGER = 1000, 1000, 2000


def load_as(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    owner: tuple[int, int],
    *,
    us: tuple[int, int] = (US, OURS),
    read_only: bool = False,
    **env: str,
) -> str:
    """The code that a file of this mode and owner gives to this user; empty where it is read."""
    path = tmp_path / "config.toml"
    path.write_text("version = 1\n")
    status = SimpleNamespace(st_mode=0o100000 | mode, st_uid=owner[0], st_gid=owner[1])
    real = os.stat

    def stat(one: object, **options: bool) -> object:
        return status if one == str(path) else real(one, **options)  # type: ignore[call-overload]

    mount = SimpleNamespace(f_flag=os.ST_RDONLY if read_only else 0)
    with monkeypatch.context() as patch:
        patch.setattr(file.os, "stat", stat)
        patch.setattr(file.os, "statvfs", lambda one: mount)
        patch.setattr(file.os, "geteuid", lambda: us[0])
        patch.setattr(file.os, "getgid", lambda: us[1])
        if not env:
            patch.setattr(file, "paths", lambda env: (str(path),))
        try:
            load(env)
        except ConfigError as error:
            return error.code if str(path) in error.what else "of another file"
    return ""


@pytest.mark.parametrize(
    ("mode", "owner", "us"),
    [
        (0o600, (US, OURS), (US, OURS)),
        (0o644, (0, 0), (US, OURS)),  # a container's, or the machine's
        (0o444, (0, 3000), (US, OURS)),  # a Kubernetes volume with fsGroup
        (0o664, (US, OURS), (US, OURS)),  # umask 002, a group of one's own
        (0o664, (US, 121), (US, 121)),  # likewise, of another number
        (0o664, (0, 0), (US, OURS)),  # COPY in a Dockerfile, from such a checkout
        (0o664, (5000, 0), (5000, 0)),  # OpenShift's users
    ],
)
def test_files_that_only_we_and_root_can_write(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    owner: tuple[int, int],
    us: tuple[int, int],
) -> None:
    """As they come from umask 022 and 002, images and volumes."""
    assert load_as(tmp_path, monkeypatch, mode, owner, us=us) == ""


@pytest.mark.parametrize(
    ("mode", "owner"),
    [
        (0o646, (US, OURS)),
        (0o666, (0, 0)),
        (0o664, (US, 50)),
        (0o664, (0, OURS)),
        (0o600, (STRANGER, STRANGER)),
        (0o644, (STRANGER, OURS)),
    ],
)
def test_files_that_others_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, owner: tuple[int, int]
) -> None:
    """By their mode, by their group, or as their owner."""
    assert load_as(tmp_path, monkeypatch, mode, owner) == "config-writable"


def test_a_read_only_mount_has_no_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`docker run -v ./config.toml:...:ro`: its number is somebody's outside. Its mode counts."""
    owner = (STRANGER, STRANGER)
    for mode, code in ((0o644, ""), (0o664, ""), (0o666, "config-writable")):
        assert load_as(tmp_path, monkeypatch, mode, owner, read_only=True) == code


@pytest.mark.parametrize("variable", ["CI_PROJECT_DIR", "GITHUB_WORKSPACE"])
def test_a_file_in_the_jobs_own_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """GitLab's runner clones with umask 0, as another user than the job's. Nowhere else."""
    env = {"GATEPASS_CONFIG": str(tmp_path / "config.toml")}
    for mode, owner in ((0o666, (0, 0)), (0o644, (STRANGER, STRANGER))):
        for folder, code in ((tmp_path, ""), (tmp_path / "config", "config-writable")):
            more = {variable: str(folder)}
            assert load_as(tmp_path, monkeypatch, mode, owner, **env, **more) == code
        assert load_as(tmp_path, monkeypatch, mode, owner, **env) == "config-writable"
        # The machine's and the user's own file are no job's.
        monkeypatch.setattr(file, "paths", lambda env: (str(tmp_path / "config.toml"),))
        job = {variable: str(tmp_path)}
        assert load_as(tmp_path, monkeypatch, mode, owner, **job) == "config-writable"
        monkeypatch.undo()


def test_what_to_type_next(tmp_path: Path) -> None:
    """A real file, a real mode; what the message says mends it."""
    path = tmp_path / "config.toml"
    path.write_text("version = 1\n")
    path.chmod(0o666)
    with pytest.raises(ConfigError) as caught:
        load({"GATEPASS_CONFIG": str(path)})
    assert caught.value.what == f"{path} is not used: everybody can write it"
    assert caught.value.do.endswith(f"chmod go-w {path}")
    path.chmod(0o644)
    assert load({"GATEPASS_CONFIG": str(path)}).registries == ()
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        with pytest.raises(ConfigError) as caught:
            load({"GATEPASS_CONFIG": str(path)})
        assert caught.value.what == f"{path} is not used: it belongs to somebody else (uid 12345)"
        assert caught.value.do.endswith(f"chown 0 {path}")
