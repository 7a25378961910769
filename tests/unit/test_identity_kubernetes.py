"""A pod's projected tokens: a file, or a folder to choose from by audience, read anew each time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import forge
from gatepass.errors import GatepassError, IdentityError
from gatepass.identity import choose, find, kubernetes
from gatepass.identity.base import Unable
from gatepass.identity.kubernetes import Pod
from gatepass.sandbox.projected import Projected
from gatepass.settings import Registry, load
from gatepass.transport import Deadline, Transport
from unit.test_identity_file import unprivileged

AUDIENCE, OTHER = "https://ppm.example.com", "https://other.example.com"
ADDRESS = {"PACKAGEMANAGER_ADDRESS": AUDIENCE}
VARIABLE = "GATEPASS_KUBERNETES_TOKEN_FILE"
IN_A_POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "GATEPASS_KUBERNETES_API_DIR": "/none"}


def registry(**env: str) -> Registry:
    (found,) = load({**ADDRESS, **env}).registries
    return found


def for_audience(audience: object, **claims: object) -> str:
    """A token as a kubelet writes it: a list of audiences. Its signature is nobody's."""
    body = forge.claims(aud=audience if isinstance(audience, list) else [audience], **claims)
    return forge.token(body, sign=lambda data: b"x", header={"typ": None})


def pod(path: Path, **env: str) -> Pod:
    found = kubernetes.detect({**IN_A_POD, VARIABLE: str(path), **env}, registry())
    assert isinstance(found, Pod)
    return found


def token_of(found: Pod) -> str:
    return found.subject_token("any", Transport(), Deadline(0)).reveal()


def error_of(found: Pod) -> IdentityError:
    with pytest.raises(IdentityError) as caught:
        token_of(found)
    return caught.value


@pytest.fixture
def default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that stands for /var/run/secrets/gatepass; it isn't there yet."""
    folder = tmp_path / "default"
    monkeypatch.setattr(kubernetes, "_FOLDER", str(folder))
    return folder


def test_the_default_folder() -> None:
    """Where the documentation has the volume mounted."""
    assert kubernetes._FOLDER == "/var/run/secrets/gatepass"


def test_a_named_file_is_presented(tmp_path: Path) -> None:
    """The file that the variable names, whatever its audience: verifying looks at that later."""
    path = tmp_path / "token"
    path.write_text(for_audience(OTHER) + "\n")
    found = pod(path)
    assert (found.name, found.label) == ("kubernetes", "the pod's service account")
    assert found.origin == VARIABLE
    assert token_of(found) == found.fingerprint() == path.read_text().strip()
    assert (found.can_remint, found.audience_is_unsaid) == (False, False)


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda path: None, "token-file-missing"),
        (lambda path: path.symlink_to("nowhere"), "token-file-missing"),
        (lambda path: path.write_text(""), "token-file-empty"),
        (lambda path: path.write_text(" \n"), "token-file-empty"),
        (lambda path: path.write_text("hunter2" * 3000), "token-file-too-large"),
        (lambda path: os.mkfifo(path), "token-file-unreadable"),
    ],
)
def test_a_named_file_that_is_broken_is_an_error(
    tmp_path: Path, prepare: object, code: str
) -> None:
    """It is a candidate all the same, so nobody else is asked; the error shows no token."""
    path = tmp_path / "token"
    prepare(path)  # type: ignore[operator]
    env = {**IN_A_POD, VARIABLE: str(path)}
    found = choose(env, registry())
    assert isinstance(found, Pod)
    error = error_of(found)
    assert error.code == code
    assert VARIABLE in error.what
    assert str(path) in error.what
    assert "hunter2" not in str(error)


def test_a_file_that_only_others_may_read(tmp_path: Path) -> None:
    """The usual mistake in a pod is a missing fsGroup: the error says so, for a folder too."""
    path = tmp_path / "token"
    path.write_text(for_audience(AUDIENCE))
    path.chmod(0)
    for folder in (tmp_path, *tmp_path.parents):
        if "pytest-of-" in str(folder):
            folder.chmod(0o755)
    with unprivileged():
        error = error_of(pod(path))
        assert (error.code, "fsGroup" in error.do) == ("token-file-unreadable", True)
        error = error_of(pod(tmp_path))
        assert error.code == "kubernetes-no-audience"
        assert "can't be read: Permission denied" in error.why
    tmp_path.chmod(0)
    with unprivileged():
        # The folder itself can't be looked into, so its kind is not known either.
        error = error_of(pod(tmp_path))
    tmp_path.chmod(0o755)
    assert error.code == "token-file-unreadable"


def test_a_token_that_is_no_text_is_refused_later(tmp_path: Path) -> None:
    """Bytes that are no ASCII come out as no JWT, and don't end us."""
    path = tmp_path / "token"
    path.write_bytes(b"\xff\xfe.a.b")
    assert "\ufffd" in token_of(pod(path))


def test_of_a_folder_the_token_for_the_audience_is_taken(tmp_path: Path) -> None:
    """As a kubelet lays it out: links through ..data, beside tokens for others."""
    volume = Projected(tmp_path / "tokens")
    tokens = {"a-sts": for_audience("sts.amazonaws.com"), "ppm": for_audience(AUDIENCE)}
    other = for_audience(OTHER)
    volume.swap({**tokens, "z-other": other})
    assert token_of(pod(volume.folder)) == tokens["ppm"]
    at = registry(GATEPASS_AUDIENCE=OTHER)
    found = kubernetes.detect({**IN_A_POD, VARIABLE: str(volume.folder)}, at)
    assert isinstance(found, Pod)
    assert token_of(found) == other


def test_other_things_in_the_folder_are_passed_over(tmp_path: Path) -> None:
    """Certificates, folders, pipes, empty and hidden files are no tokens, and no obstacle."""
    (tmp_path / "a-ca.crt").write_text("-----BEGIN CERTIFICATE-----\n" * 2000)
    (tmp_path / "b-folder").mkdir()
    os.mkfifo(tmp_path / "c-pipe")
    (tmp_path / "d-empty").write_text("")
    (tmp_path / "e-text").write_text("namespace")
    (tmp_path / "f-gone").symlink_to("nowhere")
    (tmp_path / ".hidden").write_text(for_audience(AUDIENCE, sub="hidden"))
    (tmp_path / "..2026_01_01").mkdir()
    (tmp_path / "..2026_01_01" / "old").write_text(for_audience(AUDIENCE, sub="old"))
    assert error_of(pod(tmp_path)).code == "kubernetes-no-audience"
    good = for_audience(AUDIENCE)
    (tmp_path / "z-token").write_text(good)
    assert token_of(pod(tmp_path)) == good


@pytest.mark.parametrize(
    "audience",
    [[AUDIENCE, OTHER], [AUDIENCE, AUDIENCE], [], [AUDIENCE + "/"], [AUDIENCE.upper()], [None]],
)
def test_of_a_folder_only_a_token_for_exactly_this_audience_fits(
    tmp_path: Path, audience: list[object]
) -> None:
    """One for several parties, or for nearly this one, is not chosen."""
    (tmp_path / "token").write_text(for_audience(audience))
    error = error_of(pod(tmp_path))
    assert error.code == "kubernetes-no-audience"
    assert "token for [" in error.why


def test_where_none_fits_the_message_says_what_is_there(tmp_path: Path) -> None:
    """The names with their audiences, and the volume to add with the right one."""
    (tmp_path / "one").write_text(for_audience(OTHER))
    (tmp_path / "two").write_text(for_audience("sts.amazonaws.com"))
    error = error_of(pod(tmp_path))
    assert AUDIENCE in error.what
    assert f"one for ['{OTHER}'], two for ['sts.amazonaws.com']" in error.why
    assert f"            audience: {AUDIENCE}" in error.do
    assert "eyJ" not in str(error)


def test_an_empty_folder(tmp_path: Path) -> None:
    """The message says that it is empty."""
    error = error_of(pod(tmp_path))
    assert (error.code, error.why) == ("kubernetes-no-audience", "the folder is empty")


def test_a_token_is_read_anew_each_time(tmp_path: Path) -> None:
    """The kubelet swaps a link under the same path: no content and no descriptor is kept."""
    volume = Projected(tmp_path / "tokens")
    for name, path in (("token", volume.folder / "token"), ("folder", volume.folder)):
        found = None
        for number in range(3):
            token = for_audience(AUDIENCE, sub=f"{name}-{number}")
            volume.swap({"token": token})
            found = found or pod(path)
            assert token_of(found) == found.fingerprint() == token


def test_the_default_folder_is_used_where_it_exists(default: Path) -> None:
    """Nothing has to be set; a file of that name is no folder."""
    default.mkdir()
    (default / "token").write_text(for_audience(AUDIENCE))
    found = kubernetes.detect({}, registry())
    assert isinstance(found, Pod)
    assert (found.origin, token_of(found)) == (str(default), (default / "token").read_text())
    (default / "token").unlink()
    default.rmdir()
    default.write_text(for_audience(AUDIENCE))
    assert kubernetes.detect({}, registry()) is None


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_variable_means_the_default_folder(default: Path, value: str) -> None:
    """As if it were unset."""
    default.mkdir()
    (default / "token").write_text(for_audience(AUDIENCE))
    found = kubernetes.detect({VARIABLE: value}, registry())
    assert isinstance(found, Pod)
    assert found.origin == str(default)


def test_a_default_folder_without_a_fitting_token_is_remembered(default: Path) -> None:
    """Nobody named it, so it stands in nobody's way, and its message is shown if nobody can act."""
    default.mkdir()
    (default / "token").write_text(for_audience(OTHER))
    found = kubernetes.detect({}, registry())
    assert isinstance(found, Unable)
    assert found.error.code == "kubernetes-no-audience"
    with pytest.raises(GatepassError, match="kubernetes-no-audience"):
        choose({}, registry())
    assert choose({"PACKAGEMANAGER_TOKEN": "t"}, registry()).name == "token"


def test_a_named_file_comes_before_the_default_folder(default: Path, tmp_path: Path) -> None:
    """... also where only the default folder has a token."""
    default.mkdir()
    (default / "token").write_text(for_audience(AUDIENCE))
    found = pod(tmp_path / "none")
    assert error_of(found).code == "token-file-missing"


def test_a_pod_without_a_projected_token_is_remembered(default: Path) -> None:
    """Its own token is no substitute: the message has the volume to add."""
    found = kubernetes.detect(IN_A_POD, registry())
    assert isinstance(found, Unable)
    assert (found.name, found.label) == ("kubernetes", "the pod")
    assert found.error.code == "kubernetes-no-token"
    assert AUDIENCE in found.error.what
    assert "its own token is for the API server" in found.error.why
    assert f"            audience: {AUDIENCE}" in found.error.do
    assert [one.name for one in find(IN_A_POD, registry()).unable] == ["kubernetes"]


def test_outside_of_a_pod_there_is_nothing(default: Path) -> None:
    """Neither folder nor variable nor cluster: no candidate, and nothing to say."""
    assert kubernetes.detect({}, registry()) is None
    assert kubernetes.detect({"KUBERNETES_SERVICE_PORT": "443"}, registry()) is None


def test_a_variable_that_nothing_replaced_is_an_error(default: Path) -> None:
    """As everywhere."""
    with pytest.raises(GatepassError, match="unexpanded-variable"):
        kubernetes.detect({VARIABLE: "$TOKEN"}, registry())
