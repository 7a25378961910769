"""A secret shows itself to nobody who doesn't ask for it by name."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from gatepass.secret import Secret

SECRET = Secret("hunter2-very-secret")


@pytest.mark.parametrize(
    "shown",
    [
        str(SECRET),
        repr(SECRET),
        f"{SECRET}",
        f"{SECRET!r}",
        f"{SECRET:>20}",
        "%s" % SECRET,  # noqa: UP031 - one of the ways
        "{}".format(SECRET),  # noqa: UP032 - one of the ways
        str([SECRET]),
        str({"secret": SECRET}),
        ascii(SECRET),
    ],
)
def test_every_way_of_printing_shows_stars(shown: str) -> None:
    """No conversion to text shows a part of the secret."""
    assert "****" in shown
    assert "hunter2" not in shown


def test_formatting_pads_the_stars() -> None:
    """A format's width applies to the stars, whatever the secret's length."""
    assert f"{SECRET:>6}" == "  ****"


def test_reveal_is_the_way_out() -> None:
    """What went in comes out of reveal(), unchanged."""
    assert Secret(" a\u00e9\n").reveal() == " a\u00e9\n"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_is_refused(protocol: int) -> None:
    """No pickle protocol writes the secret down."""
    with pytest.raises(TypeError, match="not pickled") as caught:
        pickle.dumps(SECRET, protocol)
    assert "hunter2" not in str(caught.value)


def test_copying_is_refused_like_pickling() -> None:
    """copy goes through the same door, which is shut."""
    with pytest.raises(TypeError):
        copy.copy(SECRET)


def test_two_secrets_are_equal_by_their_text() -> None:
    """Equality and hash go by the text, and a secret equals no plain text."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert {Secret("a"), Secret("a")} == {Secret("a")}
    assert hash(Secret("a")) != hash("a")


def test_there_is_no_dict_to_look_into() -> None:
    """vars() and plain attribute names lead nowhere."""
    with pytest.raises(TypeError):
        vars(SECRET)
    with pytest.raises(AttributeError):
        _ = SECRET.text  # type: ignore[attr-defined]


def test_a_traceback_with_variables_shows_stars() -> None:
    """A traceback that prints local variables prints stars."""
    try:
        secret = Secret("hunter2")
        raise ValueError(secret)
    except ValueError as error:
        shown = "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )
    assert "secret = ****" in shown
    assert "hunter2" not in shown
