"""tokens.toml where it is a link, and where somebody else has a hand in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatepass.realm import realm_of
from gatepass.secret import Secret
from gatepass.store.tokens import TokensFile

A = "https://ppm.example.com"
OLD = f'# mine\n[[connections]]\naddress = "{A}"\ntoken = "old"\nauth_type = "sso"\n'
NEW = OLD.replace("old", "new")
SOMEBODY = 12345

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a folder for the logins and one for dotfiles."""
    for name in (".ppm", "dotfiles"):
        (tmp_path / name).mkdir(mode=0o700)
    return tmp_path


def at(home: Path) -> TokensFile:
    return TokensFile(str(home / ".ppm" / "tokens.toml"))


def link(home: Path, target: str = "../dotfiles/ppm.toml") -> Path:
    """The link in the file's place; returns where it is."""
    (home / ".ppm" / "tokens.toml").symlink_to(target)
    return home / ".ppm" / "tokens.toml"


def target(home: Path, text: str = OLD) -> Path:
    path = home / "dotfiles" / "ppm.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


class TestLinks:
    """A folder of dotfiles."""

    def test_ours_to_ours_is_followed(self, home: Path) -> None:
        """Reading and writing: the link stays one, the file at its end is replaced there."""
        file, where = target(home), link(home)
        assert at(home).get(realm_of(A)) == Secret("old")
        assert at(home).put(A, Secret("new"))
        assert where.is_symlink()
        assert file.read_text().strip() == NEW.strip()
        assert file.stat().st_mode & 0o777 == 0o600
        assert os.listdir(home / ".ppm") == ["tokens.toml"]
        assert at(home).remove(realm_of(A))
        assert file.read_text().strip() == "# mine"

    def test_its_end_is_made(self, home: Path) -> None:
        """A link that leads to nothing yet; its folder too, if need be."""
        link(home, "../dotfiles/new/ppm.toml")
        assert at(home).get(realm_of(A)) is None
        assert at(home).put(A, Secret("new"))
        made = home / "dotfiles" / "new"
        assert (made / "ppm.toml").stat().st_mode & 0o777 == 0o600
        assert made.stat().st_mode & 0o777 == 0o700

    def test_both_names_share_a_lock(self, home: Path) -> None:
        """Whoever comes by the link and whoever comes by the file itself are one queue."""
        file = target(home)
        link(home)
        assert at(home).put(A, Secret("new"))
        assert TokensFile(str(file)).put(A, Secret("newer"))
        assert sorted(os.listdir(home / "dotfiles")) == [".ppm.toml.lock", "ppm.toml"]

    @as_root
    @pytest.mark.parametrize("whose", ["link", "file"])
    def test_with_somebody_elses_part(
        self, home: Path, whose: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A link that another planted, or a file that another fills: neither read nor written."""
        file, where = target(home), link(home)
        os.chown(where if whose == "link" else file, SOMEBODY, -1, follow_symlinks=False)
        assert at(home).get(realm_of(A)) is None
        assert not at(home).put(A, Secret("new"))
        assert not at(home).remove(realm_of(A))
        assert file.read_text() == OLD
        assert capfd.readouterr().err.count("it belongs to somebody else") == 3

    def test_to_another_kind_of_file(self, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
        """A file that is no TOML is not written, whoever made the link."""
        file = target(home, "export PATH=$PATH:/x\n")
        link(home)
        assert not at(home).put(A, Secret("new"))
        assert file.read_text() == "export PATH=$PATH:/x\n"
        assert "is left as it is: " in capfd.readouterr().err

    def test_in_a_circle(self, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
        """It has no end to be followed to: a warning says so."""
        link(home, "tokens.toml")
        assert at(home).get(realm_of(A)) is None
        assert not at(home).put(A, Secret("new"))
        assert capfd.readouterr().err.count("it is a link") == 2


class TestSomebodyElse:
    """What must not be written, or would lock its owner out."""

    @pytest.mark.parametrize("mode", [0o620, 0o602])
    def test_a_file_that_others_can_write(
        self, home: Path, mode: int, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """To keep what is in it would be to vouch for it."""
        file = home / ".ppm" / "tokens.toml"
        file.write_text(OLD)
        file.chmod(mode)
        assert not at(home).put(A, Secret("new"))
        assert (file.read_text(), file.stat().st_mode & 0o777) == (OLD, mode)
        assert "others can write it" in capfd.readouterr().err

    @as_root
    def test_their_file(self, home: Path) -> None:
        """Replaced, it would be ours, and they could read their own logins no more."""
        file = home / ".ppm" / "tokens.toml"
        file.write_text(OLD)
        file.chmod(0o600)
        os.chown(file, SOMEBODY, -1)
        assert not at(home).put(A, Secret("new"))
        assert (file.read_text(), file.stat().st_uid) == (OLD, SOMEBODY)

    @as_root
    @pytest.mark.parametrize("folder", [".ppm", "."])
    def test_their_home(self, home: Path, folder: str, capfd: pytest.CaptureFixture[str]) -> None:
        """sudo pip, with the person's HOME: nothing of root's is left in it."""
        if folder == ".":
            (home / ".ppm").rmdir()
        os.chown(home / folder, SOMEBODY, -1)
        assert not at(home).put(A, Secret("new"))
        assert "belongs to somebody else" in capfd.readouterr().err
        assert not (home / ".ppm").exists() or os.listdir(home / ".ppm") == []

    def test_a_home_that_is_not_ours_and_lets_us(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A container under any user: whoever may make the folder has it. Root always may."""
        (home / ".ppm").rmdir()
        monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)
        assert at(home).put(A, Secret("new"))
