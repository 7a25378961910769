"""AWS keys in the environment: read as botocore reads them, without botocore."""

from __future__ import annotations

import sys
import time

import pytest
from botocore.credentials import EnvProvider
from botocore.exceptions import PartialCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from awswire import PASS, SECRET_KEY, SESSION, Who, granted, request
from gatepass.errors import IdentityError
from gatepass.exchange import ambient, chain
from gatepass.exchange.environmentkeys import keys_in
from gatepass.exchange.sigv4 import Keys
from gatepass.secret import Secret
from wire import wire

ME = Who(name="aws", label="this machine's AWS credentials", role_arn="", can_remint=False)
USER = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE12", "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
NAMES = [*USER, "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION"]
FAR = "2099-01-01T00:00:00Z"


@given(st.dictionaries(st.sampled_from(NAMES[:4]), st.sampled_from(["", "a", "b+/=", "c" * 40])))
def test_the_environments_keys_are_botocores(env: dict[str, str]) -> None:
    """For any of the variables, set, empty or unset: the same keys, none, or the same complaint."""
    try:
        theirs = EnvProvider(env).load()
    except PartialCredentialsError:
        with pytest.raises(IdentityError) as caught:
            keys_in(env)
        assert caught.value.code == "aws-keys-incomplete"
        return
    ours = keys_in(env)
    if theirs is None:
        assert ours is None
        return
    assert ours is not None
    frozen = theirs.get_frozen_credentials()
    assert ours.access_key_id == frozen.access_key
    assert ours.secret_access_key.reveal() == frozen.secret_key
    assert (ours.session_token.reveal() if ours.session_token else None) == frozen.token


@pytest.mark.parametrize("text", [FAR, "2099-01-01T02:00:00+02:00", "in a while", ""])
def test_keys_whose_time_has_not_passed_serve(text: str) -> None:
    """AWS_CREDENTIAL_EXPIRATION, as `aws configure export-credentials` writes it; or unreadable."""
    assert keys_in({**USER, "AWS_CREDENTIAL_EXPIRATION": text}) == keys_in(USER)


def test_keys_whose_time_has_passed_are_not_sent() -> None:
    """The error says so at once, without asking AWS."""
    with wire(granted()) as server:
        env = {**USER, "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"}
        with pytest.raises(IdentityError) as caught:
            ambient.exchange(request(server.url, ME, env=env))
        assert server.heard == []
    assert caught.value.code == "aws-keys-expired"
    assert "2020-01-01" in caught.value.why


def test_a_variable_that_nothing_replaced() -> None:
    """`$SECRET` is no key: the error names the variable, not its value."""
    from gatepass.errors import ConfigError

    with pytest.raises(ConfigError, match="AWS_SECRET_ACCESS_KEY") as caught:
        keys_in({**USER, "AWS_SECRET_ACCESS_KEY": "$MY_SECRET"})
    assert "MY_SECRET" not in str(caught.value)


@pytest.mark.parametrize(("session", "duration"), [({}, 3600), ({NAMES[2]: SESSION}, 0)])
def test_keys_in_the_environment_sign(
    session: dict[str, str], duration: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request, to CodeArtifact; the chain isn't asked, not even where AWS_PROFILE is set."""
    monkeypatch.setattr(chain, "keys", lambda request: pytest.fail("the chain was asked"))
    env = {**USER, **session, "AWS_PROFILE": "other"}
    with wire(granted()) as server:
        found = ambient.exchange(request(server.url, ME, env=env))
        assert len(server.heard) == 1
    assert (found.username, found.secret) == ("aws", Secret(PASS))
    assert f"&duration={duration} ".encode() in server.heard[0]
    assert b"Credential=AKIAEXAMPLEEXAMPLE12/" in server.heard[0]


@pytest.mark.parametrize("env", [{}, USER])
def test_otherwise_the_chain_is_asked(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keys; and for a profile that the registry names, keys or not, as in all AWS SDKs."""
    others = Keys("ASIACHAINCHAINCHAIN1", Secret("s"), Secret("t"))
    monkeypatch.setattr(chain, "keys", lambda request: others)
    profile = "team" if env else ""
    with wire(granted()) as server:
        ambient.exchange(request(server.url, ME, env=env, profile=profile))
    assert b"Credential=ASIACHAINCHAINCHAIN1/" in server.heard[0]


def test_the_token_lives_as_aws_says() -> None:
    """Not as the keys do: with duration 0 AWS has seen to that."""
    env = {**USER, NAMES[2]: SESSION, NAMES[4]: FAR}
    with wire(granted(left=700)) as server:
        found = ambient.exchange(request(server.url, ME, env=env))
    assert found.expires_at is not None
    assert 690 < found.expires_at - time.time() <= 700


def test_botocore_is_not_needed_for_them(base_env: dict[str, str]) -> None:
    """In a fresh interpreter nothing of AWS' SDK is loaded, for keys and for a web identity."""
    from support import run

    code = (
        "import sys, gatepass.exchange.environmentkeys as a, gatepass.exchange.sts\n"
        "import gatepass.exchange.chain, gatepass.exchange.authorization\n"
        f"assert a.keys_in({USER!r})\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('boto3', 'botocore', 'requests')])"
    )
    done = run([sys.executable, "-c", code], base_env)
    assert (done.stdout, done.stderr) == ("[]\n", "")
