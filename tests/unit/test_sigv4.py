"""Our signatures are botocore's, byte for byte; and AWS' own published example holds."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest import mock

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from awswire import SECRET_KEY, SESSION
from gatepass.errors import IdentityError
from gatepass.exchange.sigv4 import Keys, query_string, signed
from gatepass.secret import Secret

TEXT = st.text(max_size=30)
KEY = st.text("abcdefXYZ0123456789/+=", min_size=1, max_size=60)
PATHS = st.lists(st.text("abcXYZ019-._~+=@ äß", min_size=1, max_size=8), max_size=4).map(
    lambda parts: "/" + "/".join(part.replace(".", "x") for part in parts)
)
HOSTS = st.sampled_from(
    ["codeartifact.eu-west-1.amazonaws.com", "127.0.0.1:4566", "localhost:80", "[::1]:8443"]
)


def by_botocore(
    keys: Keys, host: str, path: str, query: str, region: str, service: str, now: float
) -> dict[str, str]:
    """What botocore's signer adds to the same request at the same moment."""
    token = keys.session_token.reveal() if keys.session_token else None
    credentials = Credentials(keys.access_key_id, keys.secret_access_key.reveal(), token)
    made = AWSRequest("POST", f"https://{host}{path}?{query}", data=b"")
    moment = datetime.fromtimestamp(now, UTC)
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=moment):
        botocore.auth.SigV4Auth(credentials, service, region).add_auth(made)
    return dict(made.headers.items())


@given(
    host=HOSTS,
    path=PATHS,
    query=st.lists(st.tuples(TEXT, TEXT), max_size=5),
    secret=KEY,
    token=st.none() | KEY,
    region=st.sampled_from(["eu-west-1", "us-gov-west-1", "ap-southeast-2"]),
    service=st.sampled_from(["codeartifact", "sts"]),
    now=st.integers(0, 4102444800),
)
def test_a_signature_is_botocores(
    host: str,
    path: str,
    query: list[tuple[str, str]],
    secret: str,
    token: str | None,
    region: str,
    service: str,
    now: int,
) -> None:
    """For any query, path, key, token and moment: every header, byte for byte."""
    keys = Keys("AKIDEXAMPLE", Secret(secret), Secret(token) if token else None)
    ours = signed(keys, "POST", host, path, query, region=region, service=service, now=now)
    assert ours == by_botocore(keys, host, path, query_string(query), region, service, now)


def test_the_query_is_what_botocore_makes_of_parameters() -> None:
    """Sorted after quoting, with nothing left that a URL could read in another way."""
    query = [("b", "2 +&="), ("a", "ä/~"), ("b", "1"), ("a-b", "")]
    made = AWSRequest("POST", "https://x/", params=dict(query[1:]) | {"b": "2 +&="})
    signer = botocore.auth.SigV4Auth(Credentials("a", "b"), "s", "r")
    assert query_string({**dict(query), "b": "2 +&="}.items()) == signer.canonical_query_string(
        made
    )
    assert query_string(query) == "a=%C3%A4%2F~&a-b=&b=1&b=2%20%2B%26%3D"


def test_awss_own_example() -> None:
    """From the suite that AWS publishes for signers: post-vanilla-query, of 30 August 2015."""
    keys = Keys("AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), None)
    now = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
    query = [("Param1", "value1")]
    made = signed(
        keys, "POST", "example.amazonaws.com", "/", query, region="us-east-1", service="service",
        now=now,
    )  # fmt: skip
    assert made == {
        "X-Amz-Date": "20150830T123600Z",
        "Authorization": "AWS4-HMAC-SHA256 "
        "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
    }


@pytest.mark.parametrize("change", ["path", "query", "region", "secret", "token", "now", "host"])
def test_everything_that_matters_is_signed(change: str) -> None:
    """Another path, query, region, key, token, time or host gives another signature."""

    def of(changed: str = "") -> str:
        keys = Keys("A", Secret("k" + changed * (change == "secret")), Secret(SESSION))
        if change == "token" and changed:
            keys = keys._replace(session_token=Secret(SESSION + "A"))
        return signed(
            keys,
            "POST",
            "h" + changed * (change == "host"),
            "/p" + changed * (change == "path"),
            [("q", "v" + changed * (change == "query"))],
            region="r" + changed * (change == "region"),
            service="s",
            now=1e9 + 60 * bool(changed) * (change == "now"),
        )["Authorization"].rpartition("=")[2]

    assert of() == of()
    assert of("x") != of()


def test_keys_show_no_secret() -> None:
    """Whoever prints keys, in a log or a traceback, shows stars."""
    shown = repr(Keys("AKIDEXAMPLE", Secret(SECRET_KEY), Secret(SESSION)))
    assert SECRET_KEY not in shown
    assert SESSION not in shown
    assert "****" in shown


@pytest.mark.parametrize("wrong", ["a b", "a\n", "\udcff", "ä", ""])
@pytest.mark.parametrize("part", ["access_key_id", "secret_access_key", "session_token"])
def test_a_key_that_can_not_be_one(part: str, wrong: str) -> None:
    """Nothing is signed with it; the error says which of the three, and shows none."""
    value = wrong if part == "access_key_id" else Secret(wrong)
    keys = Keys("AKIAABCDEFGHIJKLMNOP", Secret("s" * 40), Secret("t" * 40))
    keys.check()
    keys._replace(session_token=None).check()
    with pytest.raises(IdentityError) as caught:
        keys._replace(**{part: value}).check()
    assert caught.value.code == "aws-keys-malformed"
    assert part.replace("_", " ") in caught.value.what
