"""A token that is passed by value, in a variable."""

from __future__ import annotations

from gatepass.errors import IdentityError
from gatepass.secret import Secret
from gatepass.settings.environment import Environment, read

LARGEST = 16 * 1024
"""Bytes of a subject token: real ones have two thousand or so."""


def in_variable(env: Environment, name: str) -> Secret | None:
    """The variable's token; None where it is unset or empty. IdentityError (token-too-large)."""
    value = read(env, name)
    if len(value) > LARGEST:
        raise IdentityError(
            "token-too-large",
            f"{name} has more than {LARGEST} characters",
            do=f"set {name} to one identity token",
        )
    return Secret(value) if value else None
