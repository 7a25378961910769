"""Who speaks to menda cloud: the three variables, a profile, a login, or nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepass import errors
from gatepass.errors import ConfigError, GatepassError, IdentityError
from gatepass.identity import choose, find, menda
from gatepass.identity.base import Unable
from gatepass.identity.menda import Client, Menda
from gatepass.realm import realm_of
from gatepass.secret import Secret
from gatepass.settings import Registry
from mendahome import HOST, MACHINE, PERSON, SECRET, TRIO, cached, config, detected, registry

MESSAGES = {
    "menda-config-missing": "Menda config file not found at {home}/.menda/mendacfg",
    "menda-no-profile": "No profile 'other' in {home}/.menda/mendacfg",
    "menda-no-host": "Profile 'other' has no host; set host = https://... in ~/.menda/mendacfg",
    "menda-no-client": "Profile 'other' has auth_type=m2m but is missing client_id or "
    "client_secret in mendacfg",
    "menda-no-login": "No valid cached token for profile 'other'",
}


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    """Of a user with an empty home."""
    return {"HOME": str(home)}


def refused(env: dict[str, str]) -> GatepassError:
    with pytest.raises(GatepassError) as caught:
        menda.detect(env, registry())
    assert SECRET not in str(caught.value)
    return caught.value


def unable(env: dict[str, str]) -> GatepassError:
    found = menda.detect_configured(env, registry())
    assert isinstance(found, Unable)
    assert (found.name, ".menda/mendacfg" in found.label) == ("menda", True)
    return found.error


def test_the_three_variables_are_a_client(env: dict[str, str]) -> None:
    """They win over a profile, as in menda-keyring; white space around them is nobody's."""
    who = detected({**env, **TRIO, "MENDA_CLIENT_ID": " ci\n", "MENDA_PROFILE_ID": "none"})
    assert (who.host, who.client) == (HOST, Client("ci", Secret(SECRET)))
    assert (who.name, who.origin, who.source) == (
        "menda",
        "MENDA_CLIENT_ID",
        "MENDA_HOST, MENDA_CLIENT_ID, MENDA_CLIENT_SECRET",
    )
    assert who.label == "menda cloud's client ci"
    assert SECRET not in repr(vars(who))


def test_it_presents_no_token(env: dict[str, str]) -> None:
    """It is exchanged by its own way; nothing of it is verified, minted or paired with a role."""
    who = detected({**env, **TRIO})
    assert not who.presents_token
    assert not who.can_remint
    assert who.audience_is_unsaid
    assert (who.issuers, who.role_arn) == ((), "")


@pytest.mark.parametrize("missing", list(TRIO))
@pytest.mark.parametrize("how", ["unset", "empty"])
def test_a_part_of_the_three_is_an_error(env: dict[str, str], missing: str, how: str) -> None:
    """It names what is missing; no profile stands in."""
    said = {**env, **TRIO, "MENDA_PROFILE_ID": "default", missing: ""}
    if how == "unset":
        del said[missing]
    error = refused(said)
    assert (type(error), error.code) == (ConfigError, "menda-incomplete")
    assert error.what.endswith(f": it lacks {missing}")
    assert all(name in error.why for name in TRIO if name != missing)
    assert missing in error.do


def test_two_that_are_missing_are_both_named(env: dict[str, str]) -> None:
    """One variable alone is the same error."""
    error = refused({**env, "MENDA_HOST": HOST})
    assert error.what.endswith(": it lacks MENDA_CLIENT_ID and MENDA_CLIENT_SECRET")


def test_nothing_said_is_nobody(env: dict[str, str]) -> None:
    """Neither without variables, nor with empty ones, nor without a file."""
    assert (
        menda.detect({**env, **dict.fromkeys([*TRIO, "MENDA_PROFILE_ID"], "")}, registry()) is None
    )
    assert menda.detect_configured(env, registry()) is None


def test_it_speaks_for_codeartifact_alone(env: dict[str, str], home: Path) -> None:
    """Any other registry has nothing to do with it."""
    config(home, PERSON)
    other = Registry("p", "https://ppm.test", realm_of("https://ppm.test"), "packagemanager", "x")
    assert menda.detect({**env, **TRIO}, other) is None
    assert menda.detect_configured(env, other) is None


def test_a_reference_that_nothing_replaced(env: dict[str, str]) -> None:
    """`$SECRET` is no secret."""
    assert refused({**env, **TRIO, "MENDA_CLIENT_SECRET": "$SECRET"}).code == "unexpanded-variable"


def test_a_machines_profile(env: dict[str, str], home: Path) -> None:
    """A client's id and secret from mendacfg."""
    path = config(home, MACHINE)
    who = detected({**env, "MENDA_PROFILE_ID": "ci"})
    assert (who.host, who.profile, who.login) == (HOST, "ci", None)
    assert who.client == Client("robot", Secret(SECRET))
    assert (who.origin, who.source) == ("MENDA_PROFILE_ID", f"[ci] in {path}")


def test_a_persons_login(env: dict[str, str], home: Path) -> None:
    """What `menda auth login` left for the profile; a profile without auth_type is a person's."""
    config(home, f"[me]\nhost = {HOST}/\n")
    cached(home, "me")
    who = detected({**env, "MENDA_PROFILE_ID": "me"})
    assert (who.client, who.login) == (None, Secret("their-login"))
    assert who.label == "the menda login of the profile 'me'"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (None, "menda-config-missing"),
        (PERSON, "menda-no-profile"),
        ("", "menda-no-profile"),
        ("[other]\n", "menda-no-host"),
        ("[other]\nhost =\n", "menda-no-host"),
        (f"[other]\nhost = {HOST}\nauth_type = m2m\nclient_id = x\n", "menda-no-client"),
        (f"[other]\nhost = {HOST}\nauth_type = m2m\nclient_secret = x\n", "menda-no-client"),
        (f"[other]\nhost = {HOST}\n", "menda-no-login"),
    ],
)
def test_what_keeps_a_named_profile_from_acting(
    env: dict[str, str], home: Path, written: str | None, code: str
) -> None:
    """An error at once, in menda-keyring's words, with what to do; found only, it is remembered."""
    if written is not None:
        config(home, written)
    error = refused({**env, "MENDA_PROFILE_ID": "other"})
    assert error.code == code
    assert error.what == MESSAGES[code].format(home=home)
    assert error.do
    if written is not None:
        config(home, written.replace("other", "default"))
        if code != "menda-no-profile":
            assert unable(env).code == code


def test_the_messages_say_what_is_there(env: dict[str, str], home: Path) -> None:
    """The profiles that the file has; that an unknown auth_type counts as a person's."""
    config(home, PERSON.replace("u2m", "M2M") + MACHINE)
    error = refused({**env, "MENDA_PROFILE_ID": "other"})
    assert (error.why, error.do) == (
        "it has: default, ci",
        "set MENDA_PROFILE_ID or add a [other] section",
    )
    assert unable(env).why.endswith("; its auth_type is 'M2M', which counts as u2m")
    assert isinstance(unable(env), IdentityError)


def test_the_profile_that_nobody_named(env: dict[str, str], home: Path) -> None:
    """`default` is found; where more was said, it isn't a second candidate."""
    path = config(home, PERSON + MACHINE)
    cached(home)
    found = menda.detect_configured(env, registry())
    assert isinstance(found, Menda)
    assert (found.origin, found.profile) == (str(path), "default")
    for said in ({"MENDA_PROFILE_ID": "ci"}, TRIO, {"MENDA_HOST": HOST}):
        assert menda.detect_configured({**env, **said}, registry()) is None


def test_a_chosen_menda_that_is_not_there(env: dict[str, str], home: Path) -> None:
    """GATEPASS_IDENTITY=menda without a file is told what menda-keyring's users are told."""
    chosen = registry()._replace(identity="menda")
    with pytest.raises(errors.ConfigError) as caught:
        choose(env, chosen)
    assert caught.value.what == MESSAGES["menda-config-missing"].format(home=home)
    config(home, MACHINE.replace("[ci]", "[default]"))
    assert choose(env, chosen).name == "menda"


def test_it_is_found_once(env: dict[str, str], home: Path) -> None:
    """Whoever lists all candidates sees one of this name, whichever place it takes."""
    config(home, PERSON)
    cached(home)
    for said in ({}, TRIO, {"MENDA_PROFILE_ID": "default"}):
        found = find({**env, **said}, registry()).candidates
        assert [one.name for one in found if one.name == "menda"] == ["menda"]


@pytest.mark.parametrize(
    "place", [{"CI": "true"}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, {"CI": "false"}]
)
def test_a_persons_login_in_a_job(env: dict[str, str], home: Path, place: dict[str, str]) -> None:
    """It speaks if it, or menda, was named; a client's profile speaks anyway."""
    config(home, PERSON)
    cached(home)
    if place != {"CI": "false"}:
        error = unable({**env, **place})
        assert (error.code, next(iter(place)) in error.what) == ("menda-not-asked", True)
        assert "MENDA_PROFILE_ID=default" in error.do
    else:
        assert isinstance(menda.detect_configured({**env, **place}, registry()), Menda)
    chosen = registry()._replace(identity="menda")
    assert isinstance(menda.detect_configured({**env, **place}, chosen), Menda)
    assert detected({**env, **place, "MENDA_PROFILE_ID": "default"}).login
    config(home, MACHINE.replace("[ci]", "[default]"))
    assert isinstance(menda.detect_configured({**env, **place}, registry()), Menda)


def test_whose_it_is(env: dict[str, str], home: Path) -> None:
    """Another host, client, secret, profile or login is another identity; another day isn't."""
    config(home, PERSON + PERSON.replace("default", "two") + MACHINE)
    prints = [
        detected({**env, **TRIO, **other}).fingerprint()
        for other in (
            {},
            {"MENDA_HOST": HOST + "/x"},
            {"MENDA_CLIENT_ID": "x"},
            {"MENDA_CLIENT_SECRET": "x"},
        )
    ]
    for profile, login in (("default", "a"), ("default", "b"), ("two", "a")):
        cached(home, profile, token=login)
        prints.append(detected({**env, "MENDA_PROFILE_ID": profile}).fingerprint())
    prints.append(detected({**env, "MENDA_PROFILE_ID": "ci"}).fingerprint())
    assert len(set(prints)) == len(prints)
    assert detected({**env, **TRIO}).fingerprint() == prints[0]
